/*
 * index: the byte layout of index.NNN, which says what the frames of pack.NNN
 * hold.  Little-endian.
 *
 *   head    0 "MYBAKIDX"   8 u32 version   12 u32 number of the pack
 *   frame   0 u32 stored   4 u32 raw   8 u32 extent_n   12 u32 zero
 *           16 stored_hash[16]   32 raw_hash[16]
 *   extent  0 u32 file   4 u32 flags (bit 0: zero extent)   8 u64 off   16 u64 len
 *
 * Behind the head follow the frames in pack order, each with its extents behind
 * it.  Frames adjoin: the first begins at offset 0 of the pack, and the last ends
 * where the pack ends.  Hashes are XXH3-128 in canonical (big-endian) form; a frame
 * of zero extents only has stored 0, raw 0 and hashes of zeros.
 */
#ifndef REPO_INDEX_H
#define REPO_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "model/frame.h"

#define INDEX_MAGIC "MYBAKIDX"
#define INDEX_VERSION 1u
#define INDEX_HEAD_SIZE 16u
#define INDEX_FRAME_SIZE 48u
#define INDEX_EXTENT_SIZE 24u
/* What cannot be compressed grows a little; by more than this no frame does. */
#define INDEX_STORED_OVER (1u << 16)

void index_put_head(struct str *out, uint32_t pack);
void index_put_frame(struct str *out, const struct frame *f);

/* Where to read on in an index held in memory, and what must hold of it. */
struct index_reader {
	const unsigned char *bytes;
	size_t n, next; /* next: offset of the next frame's entry */
	uint32_t pack;
	uint64_t pack_bytes; /* size of the pack: frames fill it exactly */
	uint64_t at;         /* where in the pack the next frame begins */
	uint32_t file_n;     /* extents name files below this; 0: not known, not checked */
	struct extent extents[FRAME_EXTENTS_MAX]; /* of the frame read last */
};

/* Any bytes are safe to give: what contradicts the layout is ERR_DAMAGED, a newer
 * version ERR_REFUSED.  next: 1 with a frame (its extents are in r->extents), 0 at
 * the end with everything accounted for, -1. */
int index_reader_init(struct index_reader *r, const void *bytes, size_t n, uint32_t pack,
                      uint64_t pack_bytes, uint32_t file_n, struct err *err);
int index_reader_next(struct index_reader *r, struct frame *ret, struct err *err);

#endif
