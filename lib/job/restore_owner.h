/*
 * restore_owner: root restores, but recovery runs as the owner of the data
 * directory.
 */
#ifndef JOB_RESTORE_OWNER_H
#define JOB_RESTORE_OWNER_H

#include <stdbool.h>

#include "base/err.h"
#include "job/restore_place.h"
#include "model/manifest.h"
#include "server/replay.h"

/* Will that user get at the server program and at every directory of the restore,
 * and could he write the system tablespace where it comes from?  ERR_REFUSED names
 * what is in the way.  Nothing to ask unless we are root and he is not.  `m` has
 * its files. */
int restore_owner_check(const struct manifest *m, const struct places *p, const char *binary,
                        struct err *err);
/* The same for the programs that apply binlogs.  They do what stands there, and that comes
 * from a repository: where all would run as root (a data directory that is root's), only
 * if somebody said so. */
int restore_owner_check_tools(const struct manifest *m, const struct replay_tools *tools,
                              bool as_root, struct err *err);

#endif
