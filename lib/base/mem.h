/*
 * mem: memory that is there or the program stops.
 *
 * Small allocations cannot usefully fail on a system that overcommits: these
 * print what was asked for and abort, so no caller has a path that no test can
 * reach.  Buffers of a megabyte and more come from mem_pages, which reports.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>
#include <stdlib.h>

#include "base/err.h"

void *mem_alloc(size_t size);                       /* never NULL; uninitialised */
void *mem_zalloc(size_t size);                      /* never NULL; zeroed */
void *mem_resize(void *old, size_t n, size_t size); /* n items of size; overflow checked */
char *mem_strdup(const char *s);                    /* NULL stays NULL */
char *mem_strndup(const char *s, size_t n);
void *mem_dup(const void *p, size_t size);
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A page-aligned buffer for I/O; free with free().  NULL with a reason. */
void *mem_pages(size_t size, struct err *err);

/*
 * A growing array: VEC(struct x) list = {0}; *vec_push(&list) = item;
 * list.v[i], list.n; vec_done(&list) frees the array, not what items point to.
 */
#define VEC(type)              \
	struct {               \
		type *v;       \
		size_t n, cap; \
	}
#define vec_push(vec)                                                                            \
	((vec)->n < (vec)->cap ? &(vec)->v[(vec)->n++]                                           \
	                       : ((vec)->cap = (vec)->cap ? (vec)->cap * 2 : 8,                  \
	                          (vec)->v = mem_resize((vec)->v, (vec)->cap, sizeof *(vec)->v), \
	                          &(vec)->v[(vec)->n++]))
#define vec_done(vec)                      \
	do {                               \
		free((vec)->v);            \
		(vec)->v = NULL;           \
		(vec)->n = (vec)->cap = 0; \
	} while (0)

#endif
