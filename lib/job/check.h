/*
 * check: everything that can be tested without changing anything.
 */
#ifndef JOB_CHECK_H
#define JOB_CHECK_H

#include "base/err.h"
#include "base/mem.h"
#include "job/binlog_state.h"
#include "model/policy.h"

enum check_level { CHECK_OK, CHECK_WARNING, CHECK_CRITICAL };

struct check_line {
	enum check_level level;
	char *subject; /* "instance main", "repository local" */
	char *text;    /* what was found */
	char *hint;    /* what to do, or NULL */
};

struct check_result {
	VEC(struct check_line) lines;
	enum check_level worst;
};

/* Server, privileges, data directory, repository, age of backups against
 * monitor.*, use of the repository, damaged manifests.  Never fails as such. */
void check_run(const struct policy *policy, struct check_result *ret);
/* The same by who looks again and again; `memory` may be NULL. */
void check_again(const struct policy *policy, struct binlog_memory *memory,
                 struct check_result *ret);
void check_result_done(struct check_result *r);

#endif
