/*
 * glimpse: a first look at pages that no sum tells from torn ones.
 *
 * Such a page is believed when two readings agree.  Between them whoever was writing it
 * must have had time to go on, even on a slow disk that got half of it: that is
 * GLIMPSE_PAUSE_MS.  So that not every page waits, a window of the file is read ahead of
 * the copy, and only the hash of each page is kept; the copy's own reading is the second
 * one.  Pages it finds changed are late: they are looked at again, all of them after one
 * pause, when the window is done.  What has no such pages is read once and waits for
 * nothing; what was not written for long waits for nothing either.
 */
#ifndef PIPE_GLIMPSE_H
#define PIPE_GLIMPSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "model/item.h"

#define GLIMPSE_WINDOW (64u << 20)
#define GLIMPSE_READ_NS 1000000000u /* no longer at one window: what is late is old then */
#define GLIMPSE_PAUSE_MS 200u

struct copier;

struct glimpse {
	uint64_t from, to; /* the part of the file that was looked at */
	uint32_t page_size;
	uint64_t *hash;     /* of its pages */
	VEC(uint64_t) late; /* where pages lie that are to be looked at again */
};

void glimpse_done(struct glimpse *g);
/* Nothing was looked at in the file that comes now. */
void glimpse_forget(struct glimpse *g);

static inline bool glimpse_has(const struct glimpse *g, uint64_t off)
{
	return off >= g->from && off < g->to;
}

/* Look at what [from, end) of the item's file begins with and wait until it is time for
 * the second reading; with the copier's spare buffer, at the copier's rate.  At the end
 * of the file the window ends, too: it may be empty. */
int glimpse_look(struct copier *c, const struct item *item, uint32_t page_size, uint64_t from,
                 uint64_t end, struct err *err);

/* Is the page at `off`, which glimpse_has, still what it was?  If not it is remembered as
 * it is now. */
bool glimpse_agrees(struct glimpse *g, const unsigned char *page, uint64_t off);

#endif
