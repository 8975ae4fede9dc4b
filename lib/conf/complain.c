#include "conf/complain.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* A file that is something else altogether should not fill the journal. */
#define LINES_MAX 50

void complain(struct complaints *c, const yaml_mark_t *at, const char *where, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	struct err line;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	/* err_set makes bytes printable that would break the line. */
	err_set(&line, ERR_USAGE, "%s:%zu:%zu: %s%s%s", c->name, at->line + 1, at->column + 1,
	        where, *where ? ": " : "", text);
	*vec_push(&c->list) =
	    (struct complaint){at->line, at->column, c->list.n, mem_strdup(line.text)};
}

static int by_place(const void *a, const void *b)
{
	const struct complaint *x = a, *y = b;

	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	if (x->column != y->column)
		return x->column < y->column ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

int complaints_report(struct complaints *c, struct str *report, struct err *err)
{
	size_t n = c->list.n;

	qsort(c->list.v, n, sizeof *c->list.v, by_place);
	for (size_t i = 0; report && i < n && i < LINES_MAX; i++)
		str_addf(report, "%s\n", c->list.v[i].text);
	if (report && n > LINES_MAX)
		str_addf(report, "%s: %zu more errors\n", c->name, n - LINES_MAX);
	err_set(err, ERR_USAGE, "%s", c->list.v[0].text);
	if (n > 1)
		err_hint(err, "%zu more error%s in this file; mybakd --check shows all.", n - 1,
		         n == 2 ? "" : "s");
	return -1;
}

void complaints_done(struct complaints *c)
{
	for (size_t i = 0; i < c->list.n; i++)
		free(c->list.v[i].text);
	vec_done(&c->list);
}
