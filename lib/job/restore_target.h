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

enum target_state {
	TARGET_UNTOUCHED,
	TARGET_MARKED,   /* what it held is all there */
	TARGET_EMPTYING, /* some of what it held is gone; the rest is not ours to remove */
	TARGET_OURS,     /* all that is in it we wrote */
};

struct target {
	char *path;      /* absolute */
	char *made_from; /* topmost directory we made on the way, NULL: none */
	bool empty;      /* when it was looked at */
	enum target_state state;
	uint64_t would_free; /* bytes on disk that emptying it frees */
};

enum target_role {
	TARGET_DATADIR, /* force empties it */
	TARGET_MAPPED,  /* force empties it only if it holds an incomplete restore */
};

/* Changes nothing.  `repo_url`: the target must not hold, or lie in, the
 * repository.  ERR_REFUSED for a link, a file, a system directory, a directory in
 * use by a running server or within the data directory of one (force or not), one
 * with another file system mounted in it, and a non-empty one without force.
 *
 * A directory outside the data directory is asked more of: it may be the live one
 * of the source, and of a table that nobody uses right now the server holds
 * neither a lock nor a descriptor. */
int target_check(const char *path, enum target_role role, bool force, const char *repo_url,
                 struct target *ret, struct err *err);
void target_done(struct target *t);

/* Make it, or empty it; put the mark into it.  ERR_REFUSED if it was empty when it
 * was looked at and is not any more. */
int target_prepare(struct target *t, const char *mark_text, const struct cancel *cancel,
                   struct err *err);
/* Take away all that was written, and the directories made for it.  What is left of
 * a directory that could not be emptied stays, with the mark. */
void target_undo(struct target *t);
/* The restore is whole: remove the mark, durably. */
int target_finish(struct target *t, struct err *err);

/* Is a server running on `dir`?  Tells how it was seen ("it holds a lock on …"), as
 * a new string; NULL: no.  A server of another container or host shows by its locks
 * on ibdata1 and aria_log_control, any other program by what /proc says it has
 * open. */
char *target_in_use(const char *dir);

/* The file system a path is, or will be, on, and what is free there. */
int target_space(const char *path, uint64_t *ret_dev, uint64_t *ret_free, struct err *err);

#endif
