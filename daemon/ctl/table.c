#include "daemon/ctl/table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

void table_init(struct table *t, const struct term *term, const char *const *titles)
{
	*t = (struct table){.term = term, .titles = titles};
	while (titles[t->columns])
		t->columns++;
}

void table_text(struct table *t, const char *fmt, ...)
{
	struct str safe = {0};
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = mem_strdup("?");
	va_end(ap);
	text_safe(&safe, *text ? text : "-");
	*vec_push(&t->cells) = (struct table_cell){.text = str_take(&safe)};
	free(text);
}

void table_size(struct table *t, uint64_t bytes)
{
	char buf[STR_HUMAN_MAX];

	if (t->term->tty)
		table_text(t, "%s", str_size(buf, bytes));
	else
		table_text(t, "%llu", (unsigned long long)bytes);
}

void table_seconds(struct table *t, double seconds)
{
	char buf[STR_HUMAN_MAX];

	if (t->term->tty)
		table_text(t, "%s", str_duration(buf, seconds));
	else
		table_text(t, "%.3f", seconds);
}

void table_time(struct table *t, const char *rfc3339)
{
	char buf[64];
	int64_t us;

	if (t->term->tty && rfc3339 && clock_parse(rfc3339, &us) == 0)
		table_text(t, "%s", clock_format_local(buf, sizeof buf, us));
	else
		table_text(t, "%s", rfc3339 ? rfc3339 : "");
}

void table_style(struct table *t, enum style style)
{
	t->cells.v[t->cells.n - 1].style = style;
}

static void print_plain(const struct table *t)
{
	for (size_t i = 0; i < t->cells.n; i++) {
		if (t->lead && i % t->columns == 0)
			fprintf(t->term->to, "%s\t", t->lead);
		fprintf(t->term->to, "%s%c", t->cells.v[i].text,
		        (i + 1) % t->columns == 0 ? '\n' : '\t');
	}
}

static const char *title_text(const char *title)
{
	return title + (title[0] == '>');
}

static void print_aligned(const struct table *t, size_t column, size_t width, const char *text,
                          enum style style)
{
	bool right = t->titles[column][0] == '>', last = column + 1 == t->columns;
	int pad = (int)(width - text_width(text));

	fprintf(t->term->to, "%s%*s%s%s%s%*s%s", column ? "  " : "", right ? pad : 0, "",
	        term_on(t->term, style), text, term_off(t->term, style), right || last ? 0 : pad,
	        "", last ? "\n" : "");
}

static size_t column_width(const struct table *t, size_t column)
{
	size_t width = text_width(title_text(t->titles[column]));

	for (size_t i = column; i < t->cells.n; i += t->columns) {
		size_t w = text_width(t->cells.v[i].text);

		width = w > width ? w : width;
	}
	return width;
}

void table_print(const struct table *t)
{
	if (t->columns == 0)
		return;
	if (!t->term->tty) {
		print_plain(t);
		return;
	}
	size_t *width = mem_resize(NULL, t->columns, sizeof *width);

	for (size_t c = 0; c < t->columns; c++)
		width[c] = column_width(t, c);
	for (size_t c = 0; c < t->columns; c++)
		print_aligned(t, c, width[c], title_text(t->titles[c]), STYLE_BOLD);
	for (size_t i = 0; i < t->cells.n; i++)
		print_aligned(t, i % t->columns, width[i % t->columns], t->cells.v[i].text,
		              t->cells.v[i].style);
	free(width);
}

void table_done(struct table *t)
{
	for (size_t i = 0; i < t->cells.n; i++)
		free(t->cells.v[i].text);
	vec_done(&t->cells);
}
