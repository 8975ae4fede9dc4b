#include "repo/index.h"

#include <string.h>

#include "base/bytes.h"

enum { EXTENT_ZERO = 1 };

void index_put_head(struct str *out, uint32_t pack)
{
	unsigned char b[INDEX_HEAD_SIZE];
	memcpy(b, INDEX_MAGIC, 8);
	le32_put(b + 8, INDEX_VERSION);
	le32_put(b + 12, pack);
	str_addn(out, b, sizeof b);
}

void index_put_frame(struct str *out, const struct frame *f)
{
	unsigned char b[INDEX_FRAME_SIZE], x[INDEX_EXTENT_SIZE];
	le32_put(b, f->stored);
	le32_put(b + 4, f->raw);
	le32_put(b + 8, f->extent_n);
	le32_put(b + 12, 0);
	memcpy(b + 16, f->stored_hash, FRAME_HASH_SIZE);
	memcpy(b + 32, f->raw_hash, FRAME_HASH_SIZE);
	str_addn(out, b, sizeof b);
	for (uint32_t i = 0; i < f->extent_n; i++) {
		const struct extent *e = &f->extents[i];
		le32_put(x, e->file);
		le32_put(x + 4, e->zero ? EXTENT_ZERO : 0);
		le64_put(x + 8, e->off);
		le64_put(x + 16, e->len);
		str_addn(out, x, sizeof x);
	}
}

int index_reader_init(struct index_reader *r, const void *bytes, size_t n, uint32_t pack,
                      uint64_t pack_bytes, uint32_t file_n, struct err *err)
{
	const unsigned char *b = bytes;
	if (n < INDEX_HEAD_SIZE || memcmp(b, INDEX_MAGIC, 8) != 0)
		return err_set(err, ERR_DAMAGED, "it does not begin as an index does");
	if (le32_get(b + 8) > INDEX_VERSION)
		return err_set(err, ERR_REFUSED,
		               "it has version %u, and this program knows up to %u",
		               le32_get(b + 8), INDEX_VERSION);
	if (le32_get(b + 8) != INDEX_VERSION)
		return err_set(err, ERR_DAMAGED, "it has version 0");
	if (le32_get(b + 12) != pack)
		return err_set(err, ERR_DAMAGED, "it belongs to pack %u", le32_get(b + 12));
	r->bytes = b;
	r->n = n;
	r->next = INDEX_HEAD_SIZE;
	r->pack = pack;
	r->pack_bytes = pack_bytes;
	r->at = 0;
	r->file_n = file_n;
	return 0;
}

static int bad(const struct index_reader *r, const char *why, struct err *err)
{
	return err_set(err, ERR_DAMAGED, "entry at byte %zu: %s", r->next, why);
}

static int read_extent(const struct index_reader *r, const unsigned char *b, struct extent *e,
                       struct err *err)
{
	uint32_t flags = le32_get(b + 4);
	*e = (struct extent){
	    .file = le32_get(b),
	    .zero = flags & EXTENT_ZERO,
	    .off = le64_get(b + 8),
	    .len = le64_get(b + 16),
	};
	if (flags & ~(uint32_t)EXTENT_ZERO)
		return bad(r, "an extent has flags that mean nothing", err);
	if (r->file_n && e->file >= r->file_n)
		return bad(r, "an extent belongs to a file that is not in the manifest", err);
	/* Offsets go to pread and pwrite, which take them signed. */
	if (e->len == 0 || e->off > INT64_MAX || e->len > INT64_MAX - e->off)
		return bad(r, "an extent has no length, or ends beyond any file", err);
	if (!e->zero && e->len > FRAME_RAW_MAX)
		return bad(r, "an extent is longer than a frame can be", err);
	return 0;
}

static int check_frame(const struct index_reader *r, const struct frame *f, struct err *err)
{
	if (f->extent_n == 0 || f->extent_n > FRAME_EXTENTS_MAX)
		return bad(r, "a frame has no extents or too many", err);
	if (f->extent_n > (r->n - r->next - INDEX_FRAME_SIZE) / INDEX_EXTENT_SIZE)
		return bad(r, "it ends within a frame's extents", err);
	if (f->raw > FRAME_RAW_MAX || f->stored > f->raw + INDEX_STORED_OVER ||
	    (f->raw == 0) != (f->stored == 0))
		return bad(r, "a frame has impossible sizes", err);
	if (f->stored > r->pack_bytes - r->at)
		return bad(r, "a frame ends beyond its pack", err);
	return 0;
}

int index_reader_next(struct index_reader *r, struct frame *ret, struct err *err)
{
	if (r->next == r->n)
		return r->at == r->pack_bytes
		           ? 0
		           : bad(r, "it ends before its pack is accounted for", err);
	if (r->n - r->next < INDEX_FRAME_SIZE)
		return bad(r, "it ends within a frame", err);
	const unsigned char *b = r->bytes + r->next;
	struct frame f = {
	    .pack = r->pack,
	    .stored = le32_get(b),
	    .at = r->at,
	    .raw = le32_get(b + 4),
	    .extent_n = le32_get(b + 8),
	    .extents = r->extents,
	};
	memcpy(f.stored_hash, b + 16, FRAME_HASH_SIZE);
	memcpy(f.raw_hash, b + 32, FRAME_HASH_SIZE);
	if (le32_get(b + 12) != 0)
		return bad(r, "a field that must be zero is not", err);
	if (check_frame(r, &f, err) < 0)
		return -1;
	uint64_t data = 0; /* cannot overflow: a thousand extents of at most a megabyte */
	b += INDEX_FRAME_SIZE;
	for (uint32_t i = 0; i < f.extent_n; i++, b += INDEX_EXTENT_SIZE) {
		if (read_extent(r, b, &r->extents[i], err) < 0)
			return -1;
		data += r->extents[i].zero ? 0 : r->extents[i].len;
	}
	if (data != f.raw)
		return bad(r, "the extents of a frame do not add up to its bytes", err);
	r->next = (size_t)(b - r->bytes);
	r->at += f.stored;
	*ret = f;
	return 1;
}
