/*
 * pack: frames one behind the other in one object, and the index beside it.
 *
 * Writing: one thread has one pack at a time; when it has grown to PACK_BYTES it
 * is finished and the next number is taken.  free without finish leaves neither
 * pack nor index.  Reading: an index entry for entry, and frames by offset.
 */
#ifndef REPO_PACK_H
#define REPO_PACK_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/err.h"
#include "model/frame.h"
#include "model/manifest.h"
#include "repo/repo.h"

#define PACK_BYTES (1ull << 30)

struct pack_set { /* shared by the writers of one backup */
	struct repo *repo;
	const char *instance, *id;
	atomic_uint next_number;
};

struct pack_writer;

struct pack_writer *pack_writer_new(struct pack_set *set);
/* Append; sets f->pack and f->at.  Opens and rolls over packs as needed. */
int pack_writer_add(struct pack_writer *w, struct frame *f, const void *stored, struct err *err);
/* Everything durable.  The facts of each pack written are appended to *out. */
int pack_writer_finish(struct pack_writer *w, struct manifest *out, struct err *err);
void pack_writer_free(struct pack_writer *w);

/* Read and check a whole index (size and hash from the manifest); each entry goes
 * to `each` (f and its extents are borrowed).  Every number is checked: frames
 * adjoin and fill the pack, extents name known files and end below INT64_MAX.  They
 * may reach beyond the size of their file: whoever writes them cuts them off there. */
typedef int pack_each(void *arg, const struct frame *f, struct err *err);
int pack_read_index(struct repo *r, const struct manifest *m, const struct manifest_pack *p,
                    pack_each *each, void *arg, struct err *err);

#endif
