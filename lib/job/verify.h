/*
 * verify: re-read every stored byte of backups and everything they stand on; and, when
 * all backups are asked for, of the instance's binlogs.
 */
#ifndef JOB_VERIFY_H
#define JOB_VERIFY_H

#include "base/cancel.h"
#include "base/err.h"
#include "base/mem.h"
#include "binlog/archive.h"
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

enum verify_binlog_kind {
	VERIFY_SEGMENT_DAMAGED,
	VERIFY_SEGMENTS_LOST, /* archived once, and gone */
	VERIFY_GAP,           /* purged on the server before they were read: no damage here */
};

struct verify_binlog {
	enum verify_binlog_kind kind;
	char lineage[LINEAGE_MAX];
	char *file;     /* the damaged one, or the one behind the gap */
	struct err why; /* its text says it for people */
};

struct verify_result {
	uint64_t bytes, frames, backups;
	VEC(struct verify_finding) findings; /* one a backup looked at */
	uint64_t segments;                   /* of binlogs, looked at */
	VEC(struct verify_binlog) binlogs;   /* only what is not as it should be, in order */
};

/* -1 (ERR_DAMAGED) if anything is damaged; the result is filled all the same. */
int verify_run(const struct verify_request *req, struct verify_result *ret, struct err *err);
void verify_result_done(struct verify_result *r);

#endif
