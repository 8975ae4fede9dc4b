/*
 * restore_unlocked: tables that no lock held still while they were backed up (MySQL, all
 * but InnoDB), and what that means for whoever restores them.
 */
#ifndef JOB_RESTORE_UNLOCKED_H
#define JOB_RESTORE_UNLOCKED_H

#include <stdbool.h>

#include "base/err.h"
#include "model/manifest.h"

/* A sentence as a new string, or NULL: the backup has none. */
char *unlocked_note(const struct manifest *m, bool replayed);

/* `err` is of a replay that failed: if it is about a row of such a table, which is not there
 * or is in the way, the hint says why. */
void unlocked_explain(const struct manifest *m, struct err *err);

#endif
