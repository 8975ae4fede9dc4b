/*
 * restore_recover_mysql: what the recovery of a MySQL needs beyond a start and a stop.
 *
 * What was prepared in InnoDB at the backup's point is decided by the binlog, so a backup
 * holds the last one up to there, in a directory of its own.  Recovery has it as its
 * binlog, which also completes the set of GTIDs; then it is no longer needed.
 */
#ifndef JOB_RESTORE_RECOVER_MYSQL_H
#define JOB_RESTORE_RECOVER_MYSQL_H

#include "base/err.h"
#include "job/restore_first.h"
#include "job/restore_recover.h"

/* The index that a server wants beside the binlog; nothing without one. */
int recover_mysql_index(const struct manifest *m, const struct places *places, struct err *err);

/* MySQL finds a tablespace by its number, wherever it is among the places it looks at: what
 * innodb_directories must name for those that were mapped, as a new string; NULL: none
 * were. */
char *recover_mysql_directories(const struct places *places);

/* What the first start of a server takes that is to do the recovery itself. */
void recover_mysql_first(const struct manifest *m, const struct places *places,
                         struct first_start *ret);
/* The same in words, and why, as a new string; NULL: just start it. */
char *recover_mysql_advice(const struct manifest *m, const struct places *places);

/* recover_run for MySQL. */
int recover_mysql_run(const struct recover_plan *plan, struct err *err);

#endif
