/*
 * daemon: the parts of mybakd and what happens between them.  Loop thread only.
 */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mbox.h"
#include "daemon/history.h"
#include "daemon/http.h"
#include "daemon/instance.h"
#include "daemon/jobs.h"
#include "daemon/journal.h"
#include "daemon/loop.h"
#include "daemon/place.h"
#include "daemon/snapshot.h"
#include "daemon/watch.h"

struct options {
	const char *policy, *socket, *state_dir;
};

struct daemon {
	struct options options;
	int64_t started_us;
	struct place place;
	struct loop *loop;
	struct loop_timer *tick, *heartbeat, *refresh, *patience;
	struct http *http;
	struct mbox *box;
	struct watch *watch;
	struct journal *journal;
	struct history *history;

	struct policy *policy; /* in force */
	int64_t policy_loaded_us;
	struct err policy_error; /* why the last reload was refused; ERR_NONE */
	struct jobs jobs;
	VEC(struct instance *) instances; /* also of those the policy dropped */
	struct snapshot *snapshot;        /* NULL until the first look */
	struct check_note *check;         /* NULL until the first check */

	bool prepared; /* what a killed daemon left was seen to */
	bool ready;    /* said so */
	bool stopping;
};

/* Everything up to the loop.  On failure what was begun is undone. */
int daemon_start(struct daemon *d, const struct options *o, struct err *err);
int daemon_run(struct daemon *d, struct err *err);
/* False: threads are still busy; leave by _exit, memory is theirs. */
bool daemon_end(struct daemon *d);

/* Say so to the service manager, once. */
void daemon_ready(struct daemon *d);

/* Queue a job (instance NULL only for check); ERR_BUSY sets *ret_existing. */
int daemon_submit(struct daemon *d, enum job_type type, const char *instance, int64_t due_us,
                  int64_t *ret_id, int64_t *ret_existing, struct err *err);
int daemon_cancel(struct daemon *d, int64_t id, struct err *err);
/* A bad policy leaves the old one in force; *report (may be NULL) gets all errors. */
int daemon_reload(struct daemon *d, struct str *report, struct err *err);

/* NULL if the daemon never knew it. */
struct instance *daemon_instance(const struct daemon *d, const char *name);

#endif
