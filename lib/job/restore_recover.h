/*
 * restore_recover: a private server recovers the restored directory and is shut
 * down cleanly.
 */
#ifndef JOB_RESTORE_RECOVER_H
#define JOB_RESTORE_RECOVER_H

#include <stdbool.h>

#include "base/cancel.h"
#include "base/err.h"
#include "job/restore_place.h"
#include "model/manifest.h"

struct recover_plan {
	const struct manifest *m;
	const struct places *places;
	const char *binary;                /* from recover_find_binary */
	const char *const *server_options; /* NULL-terminated or NULL */
	const struct cancel *cancel;
};

/* ERR_REFUSED or ERR_NOT_FOUND when no program fits the backup's server. */
int recover_find_binary(const struct manifest *m, const char *wanted, char **ret, struct err *err);

/* Start, let it recover, stop. */
int recover_run(const struct recover_plan *plan, struct err *err);

/* Start it on the recovered directory and leave it running. */
int recover_keep(const struct recover_plan *plan, char **ret_socket, long *ret_pid,
                 struct err *err);

#endif
