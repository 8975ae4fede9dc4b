/*
 * expire_binlog: the binlogs' part of an expire.
 */
#ifndef JOB_EXPIRE_BINLOG_H
#define JOB_EXPIRE_BINLOG_H

#include "job/expire.h"
#include "model/catalog.h"
#include "repo/repo.h"

/* What becomes of the segments once the verdicts (one a backup of the catalog) are carried
 * out; unless `dry_run`, it is done.  `full_days`: for how long a backup that cannot be
 * read today may still need its binlogs. */
struct expire_binlog_plan {
	struct repo *repo;
	const char *instance;
	const struct catalog *catalog;
	const struct expire_verdict *verdicts;
	unsigned full_days;
	bool dry_run;
	const struct cancel *cancel;
};
int expire_binlogs(const struct expire_binlog_plan *plan, struct expire_result *result,
                   struct err *err);

#endif
