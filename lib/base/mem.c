#include "base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *or_die(void *p, size_t size)
{
	if (!p) {
		fprintf(stderr, "mybak: out of memory (%zu bytes asked for)\n", size);
		abort();
	}
	return p;
}

void *mem_alloc(size_t size)
{
	return or_die(malloc(size ? size : 1), size);
}

void *mem_zalloc(size_t size)
{
	return or_die(calloc(1, size ? size : 1), size);
}

void *mem_resize(void *old, size_t n, size_t size)
{
	/* reallocarray(p, 0) frees p: keep "never NULL" true for nothing as well. */
	if (n == 0 || size == 0)
		n = size = 1;
	void *p = reallocarray(old, n, size);
	return or_die(p, n > SIZE_MAX / size ? SIZE_MAX : n * size);
}

char *mem_strdup(const char *s)
{
	return s ? or_die(strdup(s), strlen(s) + 1) : NULL;
}

char *mem_strndup(const char *s, size_t n)
{
	return s ? or_die(strndup(s, n), n + 1) : NULL;
}

void *mem_dup(const void *p, size_t size)
{
	void *copy = mem_alloc(size);
	if (size)
		memcpy(copy, p, size);
	return copy;
}

char *mem_printf(const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	va_start(ap, fmt);
	int n = vasprintf(&text, fmt, ap);
	va_end(ap);
	return or_die(n < 0 ? NULL : text, strlen(fmt));
}

void *mem_pages(size_t size, struct err *err)
{
	void *p = NULL;
	int rc = posix_memalign(&p, (size_t)sysconf(_SC_PAGESIZE), size ? size : 1);
	if (rc != 0) {
		err_set(err, ERR_FAILED, "no memory for a buffer of %zu bytes", size);
		err_hint(err, "lower limits.workers or give the process more memory");
		return NULL;
	}
	return p;
}
