/*
 * pitr_walk: from a backup to the point, event by event.
 */
#ifndef JOB_PITR_WALK_H
#define JOB_PITR_WALK_H

#include "job/pitr.h"

/* Fills the plan, whose backup is chosen and stands at `place`, with all between it and
 * the point, or the end of the run.  ERR_NOT_FOUND, and `unreachable` set, where wanted
 * GTIDs are not there. */
int pitr_walk(const struct pitr_request *req, const struct archive_catalog *a,
              const struct pitr_place *place, struct pitr_plan *plan, struct err *err);

#endif
