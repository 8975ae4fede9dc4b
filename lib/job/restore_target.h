/*
 * restore_target: the directories a restore writes into: what may be written to
 * at all, how it is emptied, and how it is left when the restore does not succeed.
 *
 * From the first write to the end each of them holds a file RESTORE_MARK, so that
 * nobody takes half a data directory for a whole one.
 */
#ifndef JOB_RESTORE_TARGET_H
#define JOB_RESTORE_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"

#define RESTORE_MARK "mybak-restore.incomplete"

struct target {
	char *path;          /* absolute */
	char *made_from;     /* topmost directory we made on the way, NULL: none */
	bool empty;          /* when it was looked at */
	bool prepared;       /* we wrote to it: undo may empty it */
	uint64_t would_free; /* bytes on disk that emptying it frees */
};

/* Changes nothing.  `repo_url`: the target must not hold, or lie in, the
 * repository.  ERR_REFUSED for a link, a file, a system directory, a directory in
 * use by a running server (force or not), and a non-empty one without force. */
int target_check(const char *path, bool force, const char *repo_url, struct target *ret,
                 struct err *err);
void target_done(struct target *t);

/* Make it, or empty it; put the mark into it. */
int target_prepare(struct target *t, const char *mark_text, const struct cancel *cancel,
                   struct err *err);
/* Take away all that was written, and the directories made for it. */
void target_undo(struct target *t);
/* The restore is whole: remove the mark, durably. */
int target_finish(struct target *t, struct err *err);

/* A file in `dir` that a running server holds a lock on; new string or NULL. */
char *target_find_locked(const char *dir);

/* The file system a path is, or will be, on, and what is free there. */
int target_space(const char *path, uint64_t *ret_dev, uint64_t *ret_free, struct err *err);

#endif
