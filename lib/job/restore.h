/*
 * restore: bring a backup back, with or without a daemon.
 */
#ifndef JOB_RESTORE_H
#define JOB_RESTORE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cancel.h"
#include "base/err.h"
#include "job/pitr.h"
#include "job/restore_first.h"
#include "job/restore_point.h"
#include "model/manifest.h"
#include "model/progress.h"

struct restore_request {
	const char *repo_url;
	const char *instance; /* NULL: the only one in the repository */
	/* The id it begins with; NULL: the best for the point, which without a point is the
	 * newest; "latest": the newest, whether it is the best or not. */
	const char *backup;
	const struct restore_point *point; /* NULL: the backup itself */
	int64_t caught_up_us; /* up to when the archive is known to have everything; 0: not known */
	const char *to;       /* target directory: absent or empty, unless force */
	bool force;           /* empty a non-empty target first */
	bool recover;         /* start a private server, let it recover, shut it down */
	bool keep_server;     /* … and leave it running */
	bool as_root;         /* binlogs may be applied with root's rights */
	unsigned jobs;        /* threads; 0: number of CPUs, at most 8 */
	const char *server_binary;         /* or NULL: found */
	const char *const *server_options; /* NULL-terminated or NULL */
	/* Where roots outside the data directory go: "/old=/new", NULL-terminated. */
	const char *const *maps;
	const struct cancel *cancel;
	struct progress *progress;
};

struct restore_result {
	struct manifest *backup; /* head; owned by the caller */
	uint64_t bytes_written;
	double copy_seconds, recover_seconds;
	struct {
		bool done; /* false: the backup itself was the point */
		uint64_t groups, bytes;
		double seconds;
		struct pitr_group last; /* the last transaction applied; none: the backup's own */
		struct pitr_group next; /* the first one left out; none: the archive ended */
		/* What gtid_slave_pos must be set to where GTIDs matter, or NULL; owned. */
		char *gtid_pos;
	} replay;
	char *socket; /* keep_server: where it listens; owned */
	long server_pid;
	struct first_start first; /* without a recovery: what it takes; owned */
	char *note;               /* what whoever uses the directory must know, or NULL; owned */
};

/* Refuses before writing anything: no such backup, broken chain, non-empty target,
 * too little space, no fitting server program (when recover), a root without a map.
 * A failure after that says what is in the target and what to do. */
int restore_run(const struct restore_request *req, struct restore_result *ret, struct err *err);
void restore_result_done(struct restore_result *r);

#endif
