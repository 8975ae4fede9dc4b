#include "daemon/ctl/bar.h"

#include <string.h>

#include "base/clock.h"

#define CELLS_MAX 40u
#define CELLS_MIN 8u
#define SMOOTH_NS 3e9 /* a change of speed is believed after this long */

void bar_rate_feed(struct bar_rate *r, uint64_t bytes, uint64_t mono_ns)
{
	if (!r->started || bytes < r->bytes) { /* a new step counts from its own zero */
		*r = (struct bar_rate){.bytes = bytes, .at_ns = mono_ns, .started = true};
		return;
	}
	double passed = (double)(mono_ns - r->at_ns);

	if (passed < 1e8)
		return;
	double now = (double)(bytes - r->bytes) * 1e9 / passed;
	double weight = passed / (passed + SMOOTH_NS);

	r->per_second = r->per_second > 0 ? r->per_second + (now - r->per_second) * weight : now;
	r->bytes = bytes;
	r->at_ns = mono_ns;
}

static void add_cells(struct str *out, unsigned cells, double part)
{
	unsigned full = (unsigned)(part * cells);

	str_add(out, "[");
	for (unsigned i = 0; i < cells; i++)
		str_add(out, i < full ? "=" : i == full ? ">" : " ");
	str_add(out, "]");
}

/* Cut to `width` columns, never inside a character. */
static void add_cut(struct str *out, const char *text, unsigned width)
{
	size_t n = 0;

	for (unsigned columns = 0; text[n]; n++) {
		if (((unsigned char)text[n] & 0xc0) != 0x80 && columns++ == width)
			break;
	}
	str_addn(out, text, n);
}

void bar_text(struct str *out, const char *label, uint64_t done, uint64_t total, double per_second,
              unsigned width)
{
	char a[STR_HUMAN_MAX], b[STR_HUMAN_MAX];
	struct str head = {0}, tail = {0};
	double part = 0;

	text_safe(&head, label);
	str_add(&head, " ");
	done = total && done > total ? total : done;
	if (total) {
		part = (double)done / (double)total;
		str_addf(&tail, " %3.0f%%  %s of %s",
		         part * 100 - (done < total && part > 0.995 ? 1 : 0), str_size(a, done),
		         str_size(b, total));
	} else if (done) {
		str_addf(&tail, " %s", str_size(a, done));
	}
	if (per_second >= 1)
		str_addf(&tail, "  %s/s", str_size(a, (uint64_t)per_second));
	if (per_second >= 1 && total > done)
		str_addf(&tail, "  %s left",
		         text_age(a, (int64_t)((double)(total - done) / per_second)));
	size_t text = text_width(str_text(&head)) + text_width(str_text(&tail));

	if (total && text + CELLS_MIN + 2 <= width) {
		size_t room = width - text - 2;

		add_cells(&head, room > CELLS_MAX ? CELLS_MAX : (unsigned)room, part);
	}
	str_add(&head, str_text(&tail));
	add_cut(out, str_text(&head), width);
	str_done(&head);
	str_done(&tail);
}

void bar_draw(struct bar *b, const char *label, uint64_t done, uint64_t total)
{
	struct str line = {0};

	if (!b->term->tty)
		return;
	bar_rate_feed(&b->rate, done, clock_mono_ns());
	bar_text(&line, label, done, total, b->rate.per_second, term_width(b->term) - 1);
	fprintf(b->term->to, "\r%s\033[K", str_text(&line));
	fflush(b->term->to);
	b->drawn = true;
	str_done(&line);
}

void bar_clear(struct bar *b)
{
	if (!b->drawn)
		return;
	fputs("\r\033[K", b->term->to);
	fflush(b->term->to);
	b->drawn = false;
}
