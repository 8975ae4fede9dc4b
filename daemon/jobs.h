/*
 * jobs: the table of jobs: what waits, what runs, what ran.  Rules only; no
 * threads, no clock: who starts a job is worker.c, and when is daemon.c.
 * Loop thread only.
 *
 * - A job that works on an instance waits while another one does.
 * - The same type twice for one instance, queued or running, is refused.
 * - At most `limit` jobs run at once.  "check" and "binlog" only look or wait, so they
 *   wait for nobody.
 */
#ifndef DAEMON_JOBS_H
#define DAEMON_JOBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/manifest.h"
#include "model/policy.h"
#include "model/progress.h"

#define JOBS_KEEP 200 /* finished jobs that stay in memory */

enum job_type {
	JOB_FULL,
	JOB_INCREMENTAL,
	JOB_VERIFY,
	JOB_EXPIRE,
	JOB_BINLOG, /* wait until all there is now is archived */
	JOB_CHECK,
	JOB_TYPE_N
};
enum job_state { JOB_QUEUED, JOB_RUNNING, JOB_DONE, JOB_FAILED, JOB_CANCELLED };

/* What a finished run tells of itself, beside success or failure. */
struct job_facts {
	char backup[BACKUP_ID_MAX]; /* the backup made, or "" */
	bool made_full;             /* the backup made is a full, whatever was asked for */
	uint64_t size_bytes, read_bytes, stored_bytes;
	double lock_seconds;
	char note[256]; /* a sentence for people, or "" */
};

struct job {
	int64_t id;
	enum job_type type;
	char *instance; /* NULL: all of them (check) */
	enum job_state state;
	int64_t due_us; /* the moment of the schedule it was queued for; -1: asked for by hand */
	int64_t queued_us, started_us, finished_us; /* 0: not yet */
	char reason[200]; /* why it was queued, if neither asked for nor due; or "" */
	bool settled;     /* its due time counts as served: done, or cancelled by somebody */
	char step[48];    /* where it ended; while it runs see job_step */
	struct err err;   /* kind ERR_NONE unless failed or cancelled */
	struct job_facts facts;

	/* Shared with the job's thread while it runs. */
	struct policy *policy; /* a reference from start to end */
	struct progress progress;
	struct cancel cancel;
};

struct jobs {
	VEC(struct job *) all; /* by id, oldest first */
	int64_t last_id;
	unsigned limit;
};

const char *job_type_name(enum job_type type);
int job_type_parse(const char *name, enum job_type *ret, struct err *err);
const char *job_state_name(enum job_state state);
int job_state_parse(const char *name, enum job_state *ret);
const char *job_step(const struct job *j); /* "" before it starts */
bool job_over(const struct job *j);
void job_free(struct job *j);

void jobs_init(struct jobs *t, int64_t last_id, unsigned limit);
void jobs_done(struct jobs *t);
/* A finished job of an earlier life; takes ownership. */
void jobs_recall(struct jobs *t, struct job *j);

/* Queue one.  ERR_BUSY: there is one already; its id in *ret_existing. */
int jobs_add(struct jobs *t, enum job_type type, const char *instance, int64_t due_us,
             int64_t now_us, struct job **ret, int64_t *ret_existing, struct err *err);
/* The job that may start now, or NULL. */
struct job *jobs_next(const struct jobs *t);
void jobs_start(struct job *j, struct policy *policy, int64_t now_us);
/* err NULL: done; ERR_CANCELLED: cancelled; else failed. */
void jobs_end(struct job *j, const struct err *err, int64_t now_us);
/* Frees all but the newest JOBS_KEEP of those that are over. */
void jobs_forget(struct jobs *t);
/* A running job is asked to stop; one that is queued (*ret_queued) is to be ended
 * with jobs_end by the caller.  ERR_NOT_FOUND, or ERR_REFUSED if it is over. */
int jobs_cancel(struct jobs *t, int64_t id, bool *ret_queued, struct err *err);

struct job *jobs_find(const struct jobs *t, int64_t id);
struct job *jobs_first(const struct jobs *t, enum job_state state); /* the oldest, or NULL */
/* The queued or running job of that type and instance, or NULL. */
struct job *jobs_active(const struct jobs *t, enum job_type type, const char *instance);
/* The running one that works on the instance, or NULL. */
struct job *jobs_running_on(const struct jobs *t, const char *instance);
unsigned jobs_count(const struct jobs *t, enum job_state state);

#endif
