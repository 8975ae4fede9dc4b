/*
 * binlog_find: the transactions in the archive that touched a table, so that whoever
 * made a mistake, or has to undo one, finds where it stands.
 */
#ifndef JOB_BINLOG_FIND_H
#define JOB_BINLOG_FIND_H

#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "job/pitr.h"

#define FIND_SQL_MAX 240

struct binlog_hit {
	struct pitr_group group;
	char lineage[LINEAGE_MAX];
	char what[64];                      /* "DROP TABLE", "DELETE", "insert, update" */
	uint64_t inserts, updates, deletes; /* events that hold rows, each with many */
	char sql[FIND_SQL_MAX];             /* the begin of the first that names it, or "" */
};

struct binlog_find_request {
	struct repo *repo;
	const char *instance;
	const char *db, *table; /* table "*": any of the database */
	int64_t from_us, until_us;
	const struct cancel *cancel;
	/* Before the first hit: so many histories are looked through. */
	int (*begin)(void *arg, size_t lineage_n, struct err *err);
	int (*hit)(void *arg, const struct binlog_hit *h, struct err *err);
	void *arg;
};

/* Under the reader's lock.  Rows are told by their table maps, statements by their words: a
 * statement that names the table only in a comment is found too, one that reaches it through a view
 * or a trigger is not (its rows are, in row format). */
int binlog_find(const struct binlog_find_request *req, struct err *err);

#endif
