/*
 * expire: remove what retention no longer wants, and the binlogs that no backup needs
 * which is kept.
 */
#ifndef JOB_EXPIRE_H
#define JOB_EXPIRE_H

#include "base/cancel.h"
#include "base/err.h"
#include "binlog/archive.h"
#include "model/catalog.h"
#include "model/policy.h"

struct expire_line {
	char id[BACKUP_ID_MAX];
	bool remove; /* or, after a real run, removed */
	char reason[160];
	uint64_t stored_bytes;
};

/* Segments that follow one another and have the same fate. */
struct expire_binlog {
	char lineage[LINEAGE_MAX];
	char *first, *last; /* files */
	uint64_t segments, stored_bytes;
	bool remove; /* or, after a real run, removed */
	char reason[160];
};

struct expire_result {
	VEC(struct expire_line) lines;     /* every backup, oldest first */
	VEC(struct expire_binlog) binlogs; /* all, in order */
	uint64_t freed_bytes;
};

int expire_run(const struct policy *policy, const struct policy_instance *instance, bool dry_run,
               const struct cancel *cancel, struct expire_result *ret, struct err *err);
void expire_result_done(struct expire_result *r);

#endif
