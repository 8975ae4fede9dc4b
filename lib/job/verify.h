/*
 * verify: re-read every stored byte of backups and everything they stand on.
 */
#ifndef JOB_VERIFY_H
#define JOB_VERIFY_H

#include "base/cancel.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/manifest.h"
#include "model/progress.h"

struct verify_request {
	const char *repo_url;
	const char *instance; /* NULL: the only one in the repository */
	const char *backup;   /* NULL: all */
	unsigned jobs;
	const struct cancel *cancel;
	struct progress *progress;
};

struct verify_finding {
	char id[BACKUP_ID_MAX];
	bool usable; /* false: it, or something in its chain, is damaged */
	struct err why;
};

struct verify_result {
	uint64_t bytes, frames, backups;
	VEC(struct verify_finding) findings; /* one a backup looked at */
};

/* -1 (ERR_DAMAGED) if anything is damaged; the result is filled all the same. */
int verify_run(const struct verify_request *req, struct verify_result *ret, struct err *err);
void verify_result_done(struct verify_result *r);

#endif
