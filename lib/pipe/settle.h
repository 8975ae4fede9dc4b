/*
 * settle: reading a page again that was caught in the middle of a write.
 */
#ifndef PIPE_SETTLE_H
#define PIPE_SETTLE_H

#include "base/cancel.h"
#include "innodb/page.h"
#include "model/item.h"

struct settle {
	const struct item *item;
	const struct page_space *space;
	const struct cancel *cancel;
	uint64_t read_bytes; /* added to */
};

/* What a page at `off` of the file is. */
enum page_state settle_check(const struct item *item, const struct page_space *space,
                             const unsigned char *page, uint64_t off);

/* `page` (at `off` of the file) was read and is PAGE_BAD: it is read again with growing
 * pauses, some 2 s in all.  *state is the outcome; PAGE_BAD if it never settled.
 * 0, 1 when the file now ends before the page, -1. */
int settle_page(struct settle *s, unsigned char *page, uint64_t off, enum page_state *state,
                struct err *err);

/* The next reading comes from the disk: a page that was read while it was being written
 * past the cache stays in the cache as it was read until that write has ended. */
void settle_forget(int fd, uint64_t off, uint64_t n);

/* Sleep, but not when cancelled. */
int settle_pause(unsigned ms, const struct cancel *cancel, struct err *err);

#endif
