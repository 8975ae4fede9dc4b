#include "pipe/fill.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

int fill_init(struct fill *f, struct err *err)
{
	f->buf = mem_pages(FRAME_RAW_MAX + FILL_SLACK, err);
	return f->buf ? 0 : -1;
}

void fill_done(struct fill *f)
{
	free(f->buf);
	f->buf = NULL;
}

static bool continues(const struct fill *f, const struct extent *e)
{
	const struct extent *last = f->extent_n ? &f->extents[f->extent_n - 1] : NULL;

	return last && last->file == e->file && last->zero == e->zero &&
	       last->off + last->len == e->off;
}

bool fill_fits(const struct fill *f, const struct extent *e)
{
	if (!e->zero && e->len > fill_room(f))
		return false;
	return f->extent_n < FRAME_EXTENTS_MAX || continues(f, e);
}

void fill_add(struct fill *f, const struct extent *e, const void *bytes)
{
	if (continues(f, e))
		f->extents[f->extent_n - 1].len += e->len;
	else
		f->extents[f->extent_n++] = *e;
	if (e->zero)
		return;
	if (bytes != f->buf + f->used)
		memmove(f->buf + f->used, bytes, e->len);
	f->used += (uint32_t)e->len;
}
