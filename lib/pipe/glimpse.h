/*
 * glimpse: a first look at pages that no sum tells from torn ones.
 *
 * Such a page is believed when two readings agree.  Between them whoever was writing it
 * must have had time to go on, even on a busy machine: that is GLIMPSE_PAUSE_NS.  So
 * that not every page waits, a window of the file is read ahead of the copy, and only
 * the hash of each page is kept; the copy's own reading is the second one.  What has no
 * such pages is read once and waits for nothing.
 */
#ifndef PIPE_GLIMPSE_H
#define PIPE_GLIMPSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"

#define GLIMPSE_WINDOW (64u << 20)
#define GLIMPSE_PAUSE_NS 10000000u

struct glimpse {
	uint64_t from, to; /* the part of the file that was looked at */
	uint32_t page_size;
	uint64_t *hash; /* of its pages */
};

void glimpse_done(struct glimpse *g);
/* Nothing was looked at in the file that comes now. */
void glimpse_forget(struct glimpse *g);

static inline bool glimpse_has(const struct glimpse *g, uint64_t off)
{
	return off >= g->from && off < g->to;
}

/* Look at what [from, end) begins with and wait until it is time for the second
 * reading.  `buf` has n bytes, many pages; *ret_read is what was read.  At the end of
 * the file the window ends, too: it may be empty. */
int glimpse_look(struct glimpse *g, int fd, const char *name, uint32_t page_size, uint64_t from,
                 uint64_t end, unsigned char *buf, size_t n, const struct cancel *cancel,
                 uint64_t *ret_read, struct err *err);

/* Is the page at `off`, which glimpse_has, still what it was? */
bool glimpse_agrees(const struct glimpse *g, const unsigned char *page, uint64_t off);

#endif
