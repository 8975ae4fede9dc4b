#include <string.h>

#include "base/fsio.h"
#include "pipe/copier_parts.h"
#include "pipe/settle.h"

#define TRIES 100

/* Read [off, off + want) until two readings one after the other agree. */
static int read_stable(struct copier *c, const struct item *item, unsigned char *to, size_t want,
                       uint64_t off, size_t *ret_n, struct err *err)
{
	size_t n, again;

	if (fsio_pread(item->fd, to, want, off, &n, item->name, err) != 0)
		return -1;
	for (int i = 0; i < TRIES; i++) {
		if (fsio_pread(item->fd, c->spare, want, off, &again, item->name, err) != 0)
			return -1;
		if (again == n && memcmp(c->spare, to, n) == 0) {
			*ret_n = n;
			return 0;
		}
		memcpy(to, c->spare, again);
		n = again;
		if (settle_pause(1 + (unsigned)i / 5, c->plan.cancel, err) != 0)
			return -1;
	}
	err_set(err, ERR_BUSY, "%s: no two of %d readings were the same", item->name, TRIES);
	return err_hint(err, "Something writes this file all the time: find out what, or move the "
	                     "backup to a quieter hour.");
}

/* How much to read next; an unstable file in whole frames, so that what fits one
 * is read at one moment. */
static int next_piece(struct copier *c, const struct item *item, uint64_t left, size_t *ret,
                      struct err *err)
{
	uint64_t want = left < FRAME_RAW_MAX ? left : FRAME_RAW_MAX;

	if (!item->unstable && want > COPIER_READ)
		want = COPIER_READ;
	if (fill_room(&c->fill) == 0 || (item->unstable && want > fill_room(&c->fill)))
		if (copier_flush(c, err) != 0)
			return -1;
	*ret = want < fill_room(&c->fill) ? (size_t)want : fill_room(&c->fill);
	return 0;
}

int copier_plain(struct copier *c, const struct item *item, uint64_t *ret_end, struct err *err)
{
	uint64_t off = item->off, end = item->off + item->len;

	while (off < end) {
		struct extent e = {.file = item->file, .off = off};
		unsigned char *read;
		size_t want, n;
		int rc;

		if (next_piece(c, item, end - off, &want, err) != 0 ||
		    copier_before_read(c, want, err) != 0)
			return -1;
		read = c->fill.buf + c->fill.used;
		rc = item->unstable ? read_stable(c, item, read, want, off, &n, err)
		                    : fsio_pread(item->fd, read, want, off, &n, item->name, err);
		if (rc != 0)
			return -1;
		copier_was_read(c, n);
		e.len = n;
		off += n;
		if (n > 0 && copier_add(c, &e, read, err) != 0)
			return -1;
		if (n < want)
			break; /* it ends here */
	}
	*ret_end = off;
	return 0;
}
