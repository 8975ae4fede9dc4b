#include "pipe/settle.h"

#include <fcntl.h>
#include <string.h>

#include "base/clock.h"
#include "base/fsio.h"

#define PAUSE_MAX_MS 1024u /* 1, 2, 4 … 1024: 2 s in all */
/* Two readings of a torn page agree, too, while its writer waits for the CPU: so not too
 * short; and a page that is written again and again must have time to agree: not growing. */
#define PAUSE_UNVERIFIED_MS 10u
#define TRIES_UNVERIFIED 200

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
	posix_fadvise(fd, (off_t)off, (off_t)n, POSIX_FADV_DONTNEED);
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

static enum page_state check(const struct settle *s, const unsigned char *page, uint64_t off)
{
	uint64_t no = s->item->first_page + off / s->space->page_size;

	return page_check(s->space, page, no < UINT32_MAX ? (uint32_t)no : UINT32_MAX);
}

/* Unverified pages: until two readings agree. */
static int agree(struct settle *s, unsigned char *page, uint64_t off, enum page_state *state,
                 struct err *err)
{
	for (int i = 0; i < TRIES_UNVERIFIED; i++) {
		int rc = settle_pause(PAUSE_UNVERIFIED_MS, s->cancel, err);

		settle_forget(s->item->fd, off, s->space->page_size);
		if (rc == 0)
			rc = read_again(s, s->spare, off, err);
		if (rc != 0)
			return rc;
		if (*state == PAGE_UNVERIFIED && memcmp(s->spare, page, s->space->page_size) == 0)
			return 0;
		memcpy(page, s->spare, s->space->page_size);
		*state = check(s, page, off);
		if (*state == PAGE_GOOD || *state == PAGE_ZERO)
			return 0;
	}
	*state = PAGE_BAD;
	return 0;
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
		*state = check(s, page, off);
	}
	return *state == PAGE_UNVERIFIED ? agree(s, page, off, state, err) : 0;
}
