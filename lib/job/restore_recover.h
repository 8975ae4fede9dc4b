/*
 * restore_recover: a private server recovers the restored directory and is shut
 * down cleanly.
 */
#ifndef JOB_RESTORE_RECOVER_H
#define JOB_RESTORE_RECOVER_H

#include <stdbool.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/str.h"
#include "job/restore_place.h"
#include "model/manifest.h"
#include "server/private.h"

struct recover_plan {
	const struct manifest *m;
	const struct places *places;
	const char *binary;                /* from recover_find_binary */
	const char *const *server_options; /* NULL-terminated or NULL */
	const char *time_zone;             /* "TZ=…", or NULL: ours */
	/* What the server does once it has recovered, or NULL; it then runs with its
	 * grants and these further options, and lets in the account
	 * of this defaults file. */
	int (*work)(void *arg, const char *socket, struct err *err);
	void *arg;
	const char *const *work_options;
	const char *work_defaults;
	const struct cancel *cancel;
	/* What whoever uses the directory must know of what was found in it is added here,
	 * as sentences; NULL: not wanted. */
	struct str *note;
};

/* ERR_REFUSED or ERR_NOT_FOUND when no program fits the backup's server.  One that makes
 * the data its own is told of in `note`. */
int recover_find_binary(const struct manifest *m, const char *wanted, char **ret, struct str *note,
                        struct err *err);

/* ERR_DAMAGED: the manifest has no version. */
int recover_version(const struct manifest *m, struct server_version *ret, struct err *err);

/* What time_zone must be for statements of the source's binlogs to mean the same: a new
 * string or NULL.  ERR_REFUSED: its zone is not known here. */
int recover_time_zone(const struct manifest *m, char **ret, struct err *err);

/* Start, let it recover (and work), stop. */
int recover_run(const struct recover_plan *plan, struct err *err);

/* Start it on the recovered directory and leave it running. */
int recover_keep(const struct recover_plan *plan, char **ret_socket, long *ret_pid,
                 struct err *err);

#endif
