/*
 * backup_copy: the threads that carry what a source hands out into packs.
 *
 * Workers share nothing but the source: each has its own copier and its own pack.
 * They keep them from stage to stage, so that frames stay full.
 */
#ifndef JOB_BACKUP_COPY_H
#define JOB_BACKUP_COPY_H

#include "base/cancel.h"
#include "base/err.h"
#include "base/sink.h"
#include "model/manifest.h"
#include "model/policy.h"
#include "model/progress.h"
#include "repo/pack.h"
#include "source/source.h"

struct backup_copy;

struct backup_copy_plan {
	const struct policy *policy;
	bool list_corrupt;
	struct pack_set *packs;
	struct manifest *out;
	const struct cancel *cancel;
	struct progress *progress;
};

int backup_copy_new(const struct backup_copy_plan *plan, struct backup_copy **ret, struct err *err);
/* What was not finished leaves nothing in the repository. */
void backup_copy_free(struct backup_copy *c);

/* Where the source's redo goes: bytes of file 0.  Owned by c. */
struct sink *backup_copy_redo(struct backup_copy *c);

/* Carry everything of the present stage; returns when all threads have ended. */
int backup_copy_stage(struct backup_copy *c, struct source *source, struct err *err);

/* Flush and make durable; packs and counts go into the manifest. */
int backup_copy_finish(struct backup_copy *c, struct err *err);

#endif
