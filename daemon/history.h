/*
 * history: every run of a job, the last HISTORY_KEEP of them, in SQLite.  Loop
 * thread only.  Written without waiting for the disk, so that a GET never waits
 * either: a power cut can cost the newest rows, the death of the daemon none.
 */
#ifndef DAEMON_HISTORY_H
#define DAEMON_HISTORY_H

#include <stdint.h>

#include "base/err.h"
#include "daemon/jobs.h"

#define HISTORY_KEEP 10000

struct history;

/* Runs that a killed daemon left behind as running become failed, queued ones
 * cancelled.  A damaged file is set aside and said in the log. */
int history_open(const char *state_dir, int64_t now_us, struct history **ret, struct err *err);
void history_free(struct history *h);

/* Write the job as it is now: once queued, once started, once over. */
int history_put(struct history *h, const struct job *j, struct err *err);
int history_last_id(struct history *h, int64_t *ret, struct err *err);

/* The newest `limit` runs, newest first; instance NULL: of all.  `each` may take
 * the job over by setting *job to NULL. */
typedef void history_each(void *arg, struct job **job);
int history_list(struct history *h, const char *instance, unsigned limit, history_each *each,
                 void *arg, struct err *err);

/* What an instance's past says of one type of job; zeros and -1 if it never ran. */
struct history_last {
	int64_t settled_us; /* start of the newest run that settled its due time; -1 */
	int64_t success_us; /* end of the newest one that was done; 0 */
	bool failed;        /* the newest one that is over failed; a full that was made
	                     * makes up for an incremental, and by whichever type of job */
};
int history_last(struct history *h, const char *instance, enum job_type type,
                 struct history_last *ret, struct err *err);

/* A run that ended because the daemon was killed, just before this one started. */
struct history_killed {
	unsigned times; /* so many runs of that type and due moment in a row failed; 0: none */
	int64_t due_us; /* -1: it was not of the schedule */
};
/* Whether that happened to the newest run of that type. */
int history_killed(struct history *h, const char *instance, enum job_type type,
                   struct history_killed *ret, struct err *err);

/* When the daemon first knew the instance; now, if it did not. */
int history_since(struct history *h, const char *instance, int64_t now_us, int64_t *ret,
                  struct err *err);

#endif
