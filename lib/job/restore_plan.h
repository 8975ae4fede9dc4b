/*
 * restore_plan: which frame of which backup feeds which bytes of which file.
 *
 * Goes down the chain newest first.  What a file still needs after a backup is
 * asked of its base in the parent, clipped to every size on the way; what nobody
 * has is zero.  Only one parent's file list is in memory at a time, and frames
 * that nothing needs are not kept.
 */
#ifndef JOB_RESTORE_PLAN_H
#define JOB_RESTORE_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/mem.h"
#include "job/frames.h"
#include "model/frame.h"
#include "model/manifest.h"
#include "repo/repo.h"

/* Bytes of a decoded frame that go to a file of the newest manifest. */
struct restore_piece {
	uint64_t off; /* in the file */
	uint32_t file, raw_off, len;
};

/* A part of the captured redo. */
struct restore_redo_piece {
	uint64_t off; /* from the checkpoint */
	uint32_t raw_off, len;
	struct frame_ref frame;
};

struct restore_plan {
	VEC(char *) packs;        /* object names; frame_ref.pack is an index */
	struct frame_refs frames; /* by backup (newest first), pack, offset */
	VEC(size_t) first_piece;  /* of each frame; its pieces end where the next one's begin */
	VEC(struct restore_piece) pieces;
	VEC(struct restore_redo_piece) redo; /* sorted by offset, without gap or overlap */
	uint64_t bytes;                      /* sum of all pieces */
	uint64_t redo_bytes;
	uint64_t *stored; /* about how many stored bytes feed each file */
};

/* `chain`: heads, newest first, down to the full; `newest`: the first of them with
 * its files.  ERR_DAMAGED for anything that contradicts itself. */
int restore_plan_make(struct repo *r, const struct manifest *const *chain, size_t n,
                      const struct manifest *newest, const struct cancel *cancel,
                      struct restore_plan *ret, struct err *err);
void restore_plan_done(struct restore_plan *p);

/* The pieces of frame i: [first, end). */
static inline size_t restore_plan_end(const struct restore_plan *p, size_t i)
{
	return i + 1 < p->first_piece.n ? p->first_piece.v[i + 1] : p->pieces.n;
}

#endif
