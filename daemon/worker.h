/*
 * worker: runs one job in a thread of its own and posts what came of it.
 */
#ifndef DAEMON_WORKER_H
#define DAEMON_WORKER_H

#include <stdbool.h>

#include "base/err.h"
#include "base/mbox.h"
#include "daemon/binlog.h"
#include "daemon/jobs.h"
#include "daemon/journal.h"
#include "daemon/snapshot.h"

/* The thread's own until it is posted as NOTE_JOB; then the loop's. */
struct work {
	struct job *job; /* the thread reads type, instance, policy and cancel, writes progress */
	struct mbox *box;
	struct journal *journal;
	const struct policy_instance *instance; /* in job->policy; NULL for check */
	struct binlog_hold *hold;               /* of a binlog job, else NULL */
	int rc;
	struct err err;
	struct job_facts facts;
	struct manifest *head;    /* of the backup made, or NULL */
	struct check_note *check; /* of a check, or NULL */
};

/* `job` was given to jobs_start.  `hold`: the instance's stream, or NULL; the work is
 * one holder more.  On failure nothing runs and nothing is posted. */
int worker_start(struct job *job, struct mbox *box, struct journal *journal,
                 struct binlog_hold *hold, struct err *err);
void work_free(struct work *w);

#endif
