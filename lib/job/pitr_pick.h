/*
 * pitr_pick: what the files that choose a backup share.
 */
#ifndef JOB_PITR_PICK_H
#define JOB_PITR_PICK_H

#include "job/pitr.h"

/* Of the backups that would do, the newest that can be restored. */
struct pitr_pick {
	const struct manifest *m;       /* NULL: none yet */
	const struct manifest *skipped; /* would do, but misses what it stands on */
	struct pitr_place place;
};
/* One more that would do; true: go on looking. */
bool pitr_pick_add(const struct pitr_request *req, struct pitr_pick *pick, const struct manifest *m,
                   const struct pitr_place *place);
/* That one it is; the plan tells what is unusual about it.  Returns 0. */
int pitr_take(const struct archive_catalog *a, const struct pitr_pick *pick, struct pitr_plan *plan,
              struct pitr_place *ret_place);

/* The two reasons for which there is none. */
int pitr_no_way_from_named(const struct pitr_request *req, const struct archive_catalog *a,
                           struct pitr_plan *plan, struct err *err);
int pitr_no_backup_before(const struct pitr_request *req, const struct archive_catalog *a,
                          struct pitr_plan *plan, struct err *err);

/* A GTID or a position as the point: in the history of the backup that is named, or
 * in the one it can only be of. */
int pitr_choose_from_named(const struct pitr_request *req, const struct archive_catalog *a,
                           struct pitr_plan *plan, struct pitr_place *ret_place, struct err *err);
int pitr_choose_by_place(const struct pitr_request *req, const struct archive_catalog *a,
                         struct pitr_plan *plan, struct pitr_place *ret_place, struct err *err);

#endif
