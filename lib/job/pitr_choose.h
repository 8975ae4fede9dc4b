/*
 * pitr_choose: the best backup for a point: the newest one that stands before it in
 * the same unbroken run of binlogs.
 */
#ifndef JOB_PITR_CHOOSE_H
#define JOB_PITR_CHOOSE_H

#include "job/pitr.h"

/* Fills plan->backup and plan->note; *ret_place.lineage NULL: the backup itself is
 * the point (no binlogs follow it). */
int pitr_choose(const struct pitr_request *req, const struct archive_catalog *a,
                struct pitr_plan *plan, struct pitr_place *ret_place, struct err *err);
/* The one asked for, or the newest; "latest" must not quietly become an older one. */
int pitr_choose_backup(const struct pitr_request *req, struct pitr_plan *plan, struct err *err);

bool pitr_is_wanted(const struct restore_point *p, const char *gtid);
/* ERR_NOT_FOUND with the windows there are. */
int pitr_unreachable(const struct pitr_request *req, const struct archive_catalog *a,
                     const char *why, struct err *err);

/* Up to when it is known that nothing but what is archived happened, on the run that
 * `place` stands in. */
int64_t pitr_known_until(const struct pitr_request *req, const struct archive_catalog *a,
                         const struct pitr_place *place);

#endif
