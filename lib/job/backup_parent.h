/*
 * backup_parent: which backup an incremental can stand on.
 */
#ifndef JOB_BACKUP_PARENT_H
#define JOB_BACKUP_PARENT_H

#include "base/err.h"
#include "model/manifest.h"
#include "repo/repo.h"
#include "server/facts.h"

struct parent_wish {
	struct repo *repo;
	const char *instance;
	const char *method;
	const struct facts *facts;
	uint64_t current_lsn; /* of the server now */
};

/* The newest backup that is whole, readable and of this very data directory, with
 * its files, or NULL.  *ret_reason: why it is not the newest one there is, or why
 * there is none; NULL if it is the newest.  -1 only if the repository cannot be asked. */
int parent_choose(const struct parent_wish *wish, struct manifest **ret, char **ret_reason,
                  struct err *err);

#endif
