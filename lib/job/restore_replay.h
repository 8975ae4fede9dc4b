/*
 * restore_replay: a private server recovers the restored directory, applies the binlogs
 * of a plan, and is shut down cleanly.
 */
#ifndef JOB_RESTORE_REPLAY_H
#define JOB_RESTORE_REPLAY_H

#include "base/err.h"
#include "job/pitr.h"
#include "job/restore_recover.h"

/* With a plan that has no pieces it is recover_run.  *ret_seconds: what the replay
 * alone took.  Adds to the plan's note. */
int restore_replay(const struct recover_plan *recover, const struct pitr_request *request,
                   struct pitr_plan *plan, const struct replay_tools *tools,
                   struct progress *progress, double *ret_seconds, struct err *err);

#endif
