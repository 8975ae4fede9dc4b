/*
 * What the files of restore_place share.
 */
#ifndef JOB_RESTORE_PLACE_PARTS_H
#define JOB_RESTORE_PLACE_PARTS_H

#include "job/restore_place.h"

/* Is `path` `dir` or below it?  *ret_rest: what follows ("" or "/…"). */
bool place_is_under(const char *path, const char *dir, const char **ret_rest);

#endif
