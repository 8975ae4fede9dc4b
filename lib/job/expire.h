/*
 * expire: remove what retention no longer wants.
 */
#ifndef JOB_EXPIRE_H
#define JOB_EXPIRE_H

#include "base/cancel.h"
#include "base/err.h"
#include "model/catalog.h"
#include "model/policy.h"

struct expire_line {
	char id[BACKUP_ID_MAX];
	bool remove; /* or, after a real run, removed */
	char reason[160];
	uint64_t stored_bytes;
};

struct expire_result {
	VEC(struct expire_line) lines; /* every backup, oldest first */
	uint64_t freed_bytes;
};

int expire_run(const struct policy *policy, const struct policy_instance *instance, bool dry_run,
               const struct cancel *cancel, struct expire_result *ret, struct err *err);
void expire_result_done(struct expire_result *r);

#endif
