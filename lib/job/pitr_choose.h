/*
 * pitr_choose: the best backup for a point: the newest one that can be restored and
 * stands before it in the same unbroken run of binlogs.
 *
 * Names and numbers of binlogs begin again with each history.  A GTID or position is
 * looked for in the history of the backup that was named; without one it is of the
 * newest history that has it, or ought to, and refused if an older one could be meant.
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
/* ERR_NOT_FOUND with the windows there are; the plan is marked so. */
int pitr_unreachable(const struct pitr_request *req, const struct archive_catalog *a,
                     struct pitr_plan *plan, const char *why, struct err *err);
/* One thing more that people should know of the plan. */
void pitr_note(struct pitr_plan *plan, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* What was committed then or later is left out, by the clock of that binlog: MariaDB's
 * has whole seconds, and of a second that has begun nothing is taken. */
int64_t pitr_time_limit(const struct pitr_request *req, const struct segment *s);

#endif
