/*
 * fill: the frame that is being filled.
 *
 * `buf` is longer than a frame by FILL_SLACK, so that a whole read fits behind what
 * is in the frame already.
 */
#ifndef PIPE_FILL_H
#define PIPE_FILL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/frame.h"

#define FILL_SLACK (256u << 10)

struct fill {
	unsigned char *buf;
	uint32_t used; /* bytes of the frame */
	uint32_t extent_n;
	int level; /* the level when its first extent came */
	struct extent extents[FRAME_EXTENTS_MAX];
};

int fill_init(struct fill *f, struct err *err);
void fill_done(struct fill *f);

static inline uint32_t fill_room(const struct fill *f)
{
	return FRAME_RAW_MAX - f->used;
}
static inline bool fill_is_empty(const struct fill *f)
{
	return f->extent_n == 0;
}

/* Can this extent be added, or must the frame be closed first? */
bool fill_fits(const struct fill *f, const struct extent *e);

/* Adds it; it fits.  `bytes` (NULL for a zero extent) may lie in `buf` itself, at or
 * behind its place. */
void fill_add(struct fill *f, const struct extent *e, const void *bytes);

#endif
