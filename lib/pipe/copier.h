/*
 * copier: one copy thread's way: read -> check pages (re-read torn ones) ->
 * choose (all | changed since parent) -> frame -> hash -> zstd -> out.
 *
 * Bytes are read straight into the frame's buffer and chosen pages move up in
 * it: no other copy is made before compression.  Memory of a copier is fixed
 * (about 4 MiB), whatever it copies.  Used by one thread.
 */
#ifndef PIPE_COPIER_H
#define PIPE_COPIER_H

#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/sink.h"
#include "model/frame.h"
#include "model/item.h"
#include "model/progress.h"

struct throttle; /* pipe/throttle.h */

struct copier_counts {
	uint64_t read_bytes; /* from the source */
	uint64_t pages, pages_stored, pages_reread, pages_unverified, pages_corrupt;
	uint64_t max_lsn; /* highest page LSN seen (good pages) */
};

struct copier_corrupt {
	uint32_t file;
	uint64_t page;
};

struct copier_plan {
	/* Takes a finished frame and its stored bytes; sets nothing.  -1 stops all. */
	int (*out)(void *arg, struct frame *f, const void *stored, struct err *err);
	void *arg;
	int level; /* starting level; see copier_set_level */
	const struct cancel *cancel;
	struct progress *progress;
	struct throttle *throttle; /* shared, may be NULL */
	bool list_corrupt;         /* go on after a corrupt page and list it */
};

struct copier;

int copier_new(const struct copier_plan *plan, struct copier **ret, struct err *err);
void copier_free(struct copier *c); /* frames not flushed are lost */

/* Level for the frames that are filled from now on. */
void copier_set_level(struct copier *c, int level);

/* Carry one item all the way (its last bytes may wait in an unfinished frame for
 * the next item).  *ret_end is how far the file really reached, at most
 * item->off + item->len.  Closes nothing.  A page that stays bad after re-reading
 * is ERR_DAMAGED with file, page number and what to do, unless list_corrupt: then it
 * is stored as it was last read.  A page whose format keeps no sum is read until two
 * readings agree.  So is an unstable file, in pieces of FRAME_RAW_MAX: one that is
 * larger is not of one moment.  ERR_BUSY if either never holds still. */
int copier_item(struct copier *c, const struct item *item, uint64_t *ret_end, struct err *err);

/* Bytes that are in memory already: extent (file, off, n). */
int copier_bytes(struct copier *c, uint32_t file, uint64_t off, const void *bytes, size_t n,
                 struct err *err);

int copier_flush(struct copier *c, struct err *err); /* close the frame being filled */

const struct copier_counts *copier_counts(const struct copier *c);
const struct copier_corrupt *copier_corrupt(const struct copier *c, size_t *ret_n);

#endif
