/*
 * bar: how far, how fast, how long still: one line on a terminal.
 */
#ifndef CTL_BAR_H
#define CTL_BAR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "daemon/ctl/term.h"

/* Bytes a second, smoothed over the last seconds. */
struct bar_rate {
	uint64_t bytes, at_ns;
	double per_second;
	bool started;
};
void bar_rate_feed(struct bar_rate *r, uint64_t bytes, uint64_t mono_ns);

/* "LABEL [=====>    ]  43%  1.2 GiB of 2.8 GiB  120 MiB/s  13s left", cut to
 * `width` columns; without a total only what is done.  Appended to out, safe. */
void bar_text(struct str *out, const char *label, uint64_t done, uint64_t total, double per_second,
              unsigned width);

/* One bar on `term`, drawn over itself; nothing at all where that is no terminal. */
struct bar {
	const struct term *term;
	struct bar_rate rate;
	bool drawn;
};
void bar_draw(struct bar *b, const char *label, uint64_t done, uint64_t total);
void bar_clear(struct bar *b);

#endif
