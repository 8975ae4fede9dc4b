#include "pipe/copier.h"

#include <fcntl.h>
#include <stdlib.h>

#include "base/mem.h"
#include "pipe/copier_parts.h"
#include "pipe/throttle.h"

int copier_new(const struct copier_plan *plan, struct copier **ret, struct err *err)
{
	struct copier *c = mem_zalloc(sizeof *c);

	c->plan = *plan;
	c->level = plan->level;
	if (codec_new(&c->codec, err) != 0 || fill_init(&c->fill, err) != 0)
		goto fail;
	c->spare = mem_pages(FRAME_RAW_MAX, err);
	if (!c->spare)
		goto fail;
	*ret = c;
	return 0;
fail:
	copier_free(c);
	return -1;
}

void copier_free(struct copier *c)
{
	if (!c)
		return;
	codec_free(c->codec);
	fill_done(&c->fill);
	free(c->spare);
	glimpse_done(&c->glimpse);
	vec_done(&c->corrupt);
	free(c);
}

void copier_set_level(struct copier *c, int level)
{
	c->level = level;
}

const struct copier_counts *copier_counts(const struct copier *c)
{
	return &c->counts;
}

const struct copier_corrupt *copier_corrupt(const struct copier *c, size_t *ret_n)
{
	*ret_n = c->corrupt.n;
	return c->corrupt.v;
}

int copier_flush(struct copier *c, struct err *err)
{
	struct fill *fill = &c->fill;
	struct frame f = {
	    .raw = fill->used,
	    .extents = fill->extents,
	    .extent_n = fill->extent_n,
	};
	const void *stored;

	if (fill_is_empty(fill))
		return 0;
	if (codec_encode(c->codec, fill->level, fill->buf, &f, &stored, err) != 0 ||
	    c->plan.out(c->plan.arg, &f, stored, err) != 0)
		return -1;
	fill->used = fill->extent_n = 0;
	return 0;
}

int copier_add(struct copier *c, const struct extent *e, const void *bytes, struct err *err)
{
	if (!fill_fits(&c->fill, e) && copier_flush(c, err) != 0)
		return -1;
	if (fill_is_empty(&c->fill))
		c->fill.level = c->level;
	fill_add(&c->fill, e, bytes);
	return 0;
}

int copier_before_read(struct copier *c, uint64_t bytes, struct err *err)
{
	if (!c->hurry)
		throttle_take(c->plan.throttle, bytes, c->plan.cancel);
	return cancel_check(c->plan.cancel, err);
}

void copier_was_read(struct copier *c, uint64_t bytes)
{
	c->counts.read_bytes += bytes;
	if (c->plan.progress)
		progress_add(c->plan.progress, bytes);
}

int copier_bytes(struct copier *c, uint32_t file, uint64_t off, const void *bytes, size_t n,
                 struct err *err)
{
	const unsigned char *p = bytes;

	while (n > 0) {
		uint32_t room = fill_room(&c->fill);
		struct extent e = {.file = file, .off = off, .len = n < room ? n : room};

		if (room == 0) {
			if (copier_flush(c, err) != 0)
				return -1;
			continue;
		}
		if (copier_add(c, &e, p, err) != 0)
			return -1;
		p += e.len;
		off += e.len;
		n -= e.len;
	}
	return 0;
}

static int from_memory(struct copier *c, const struct item *item, uint64_t *ret_end,
                       struct err *err)
{
	if (copier_before_read(c, 0, err) != 0 ||
	    copier_bytes(c, item->file, item->off, item->mem, item->len, err) != 0)
		return -1;
	copier_was_read(c, item->len);
	*ret_end = item->off + item->len;
	return 0;
}

int copier_item(struct copier *c, const struct item *item, uint64_t *ret_end, struct err *err)
{
	c->hurry = item->hurry;
	if (item->fd < 0)
		return from_memory(c, item, ret_end, err);
	/* Only advice: what it answers does not matter. */
	if (item->len > FRAME_RAW_MAX)
		posix_fadvise(item->fd, (off_t)item->off, (off_t)item->len, POSIX_FADV_SEQUENTIAL);
	return item->page_size ? copier_pages(c, item, ret_end, err)
	                       : copier_plain(c, item, ret_end, err);
}
