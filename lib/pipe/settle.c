#include "pipe/settle.h"

#include <fcntl.h>

#include "base/clock.h"
#include "base/fsio.h"

#define PAUSE_MAX_MS 1024u /* 1, 2, 4 … 1024: 2 s in all */
/* The cache forgets only what lies in the range as a whole, and it keeps files in pieces of up
 * to so much. */
#define CACHE_PIECE (2u << 20)

int settle_pause(unsigned ms, const struct cancel *cancel, struct err *err)
{
	while (ms > 0) {
		unsigned part = ms < 50 ? ms : 50;

		if (cancel_check(cancel, err) != 0)
			return -1;
		clock_sleep_ms(part);
		ms -= part;
	}
	return cancel_check(cancel, err);
}

void settle_forget(int fd, uint64_t off, uint64_t n)
{
	uint64_t from = off / CACHE_PIECE * CACHE_PIECE;
	uint64_t to = (off + n + CACHE_PIECE - 1) / CACHE_PIECE * CACHE_PIECE;

	posix_fadvise(fd, (off_t)from, (off_t)(to - from), POSIX_FADV_DONTNEED);
}

/* 0, 1 when the file ends before, -1. */
static int read_again(struct settle *s, unsigned char *to, uint64_t off, struct err *err)
{
	uint32_t size = s->space->page_size;
	size_t n;

	if (fsio_pread(s->item->fd, to, size, off, &n, s->item->name, err) != 0)
		return -1;
	s->read_bytes += n;
	return n < size;
}

enum page_state settle_check(const struct item *item, const struct page_space *space,
                             const unsigned char *page, uint64_t off)
{
	uint64_t no = item_page_number(item, off);

	return page_check(space, page, no < UINT32_MAX ? (uint32_t)no : UINT32_MAX);
}

int settle_page(struct settle *s, unsigned char *page, uint64_t off, enum page_state *state,
                struct err *err)
{
	for (unsigned pause = 1; *state == PAGE_BAD && pause <= PAUSE_MAX_MS; pause *= 2) {
		int rc;

		if (settle_pause(pause, s->cancel, err) != 0)
			return -1;
		rc = read_again(s, page, off, err);
		if (rc != 0)
			return rc;
		*state = settle_check(s->item, s->space, page, off);
	}
	return 0;
}
