/*
 * table: rows and columns: aligned, with titles, on a terminal; tab-separated,
 * without titles, in a pipe.  There sizes are bytes and times RFC 3339, so that
 * nothing has to be parsed back.  An empty cell is "-" in both.
 */
#ifndef CTL_TABLE_H
#define CTL_TABLE_H

#include <jansson.h>

#include "base/mem.h"
#include "daemon/ctl/term.h"

struct table_cell {
	char *text;
	enum style style;
};

struct table {
	const struct term *term;
	const char *const *titles; /* NULL-terminated; ">TITLE" is aligned to the right */
	size_t columns;
	VEC(struct table_cell) cells;
	const char *lead; /* plain form: a first column that tells tables apart, or NULL */
};

void table_init(struct table *t, const struct term *term, const char *const *titles);
/* Cells from left to right, row after row. */
void table_text(struct table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void table_size(struct table *t, uint64_t bytes);
void table_seconds(struct table *t, double seconds);
void table_time(struct table *t, const char *rfc3339); /* NULL: empty */
void table_style(struct table *t, enum style style);   /* of the last cell */
void table_print(const struct table *t);
void table_done(struct table *t);

#endif
