/*
 * instance: what the daemon remembers of one instance between jobs: when its
 * schedules were last served, how its last runs went, and counters since the
 * daemon started.  Loop thread only.
 */
#ifndef DAEMON_INSTANCE_H
#define DAEMON_INSTANCE_H

#include <stdint.h>

#include "daemon/binlog.h"
#include "daemon/history.h"
#include "daemon/jobs.h"
#include "daemon/sched.h"
#include "model/catalog.h"

struct instance {
	char *name;
	struct sched_track tracks[SCHED_N];
	struct history_last last[JOB_TYPE_N];
	struct err why[JOB_TYPE_N];    /* of the last run, if it failed */
	uint64_t failures[JOB_TYPE_N]; /* counters */
	uint64_t pages_reread, pages_unverified;
	int64_t expire_us; /* a backup was made then, and what it made superfluous was not
	                    * looked at yet; 0: none was */
	struct binlog binlog;
};

/* From the history; `h` may have nothing of it, or fail (then it starts afresh). */
struct instance *instance_new(const char *name, struct history *h, int64_t now_us);
void instance_free(struct instance *i);

/* A job of it is over. */
void instance_job_over(struct instance *i, const struct job *j, int64_t now_us);
/* Backups in the repository serve a schedule too, whoever took them (another
 * daemon before this one, or a history that was lost). */
void instance_learn(struct instance *i, const struct catalog *c, int64_t now_us);
/* What failed need not wait for its next try: something was changed. */
void instance_retry_now(struct instance *i);
/* After the clock was set back a run can lie in the future and would hold up its
 * schedule until then. */
void instance_clock_check(struct instance *i, int64_t now_us);

#endif
