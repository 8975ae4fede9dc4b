/*
 * pitr_errors: statements that failed on the source and are in its binlog all the same,
 * because they had done something by then: their replay fails in the same way.
 */
#ifndef JOB_PITR_ERRORS_H
#define JOB_PITR_ERRORS_H

#include "job/pitr.h"

/* An event of the walk, in order, of the transaction `gtid`. */
int pitr_errors_note(struct pitr_plan *plan, const char *file, uint64_t pos,
                     const struct binlog_event *e, const char *gtid, struct err *err);
/* The replay of that file ends at `pos` after all. */
void pitr_errors_forget(struct pitr_plan *plan, const char *file, uint64_t pos);
/* Into the plan's note: what cannot come out as it was on the source. */
void pitr_errors_say(struct pitr_plan *plan);
void pitr_errors_done(struct pitr_plan *plan);

#endif
