/*
 * restore_target_parts: pieces of restore_target that nobody else needs.
 */
#ifndef JOB_RESTORE_TARGET_PARTS_H
#define JOB_RESTORE_TARGET_PARTS_H

#include "job/restore_target.h"

/* Both absolute; a directory is within itself. */
bool target_is_within(const char *path, const char *dir);
/* ERR_REFUSED: a server runs on it. */
int target_check_use(const char *path, struct err *err);
/* ERR_REFUSED: a server runs on a directory that it lies in. */
int target_check_above(const char *path, struct err *err);

#endif
