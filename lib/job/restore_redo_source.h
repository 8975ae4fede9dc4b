/*
 * restore_redo_source: the captured redo of a plan, frame by frame in order.
 */
#ifndef JOB_RESTORE_REDO_SOURCE_H
#define JOB_RESTORE_REDO_SOURCE_H

#include <stddef.h>

#include "base/err.h"
#include "job/restore_plan.h"
#include "model/progress.h"
#include "repo/repo.h"

struct redo_frames;

/* `plan` and `repo` outlive it; `progress` may be NULL. */
int redo_frames_new(struct repo *repo, const struct restore_plan *plan, struct progress *progress,
                    struct redo_frames **ret, struct err *err);
void redo_frames_free(struct redo_frames *f); /* NULL is fine */

/* A redo_source's next; arg is a struct redo_frames *. */
int redo_frames_next(void *arg, const unsigned char **ret, size_t *ret_n, struct err *err);

#endif
