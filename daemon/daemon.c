#include "daemon/daemon.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "conf/conf.h"
#include "daemon/flow.h"
#include "daemon/note.h"
#include "daemon/status.h"
#include "daemon/systemd.h"
#include "daemon/worker.h"

#define REFRESH_US (300 * CLOCK_US) /* others can change a repository too */
#define HEARTBEAT_US (5 * CLOCK_US)
#define READY_PATIENCE_US (30 * CLOCK_US) /* clearing away a large left-over takes time */
#define STOP_PATIENCE_US (20 * CLOCK_US)

struct instance *daemon_instance(const struct daemon *d, const char *name)
{
	for (size_t i = 0; i < d->instances.n; i++)
		if (!strcmp(d->instances.v[i]->name, name))
			return d->instances.v[i];
	return NULL;
}

void daemon_ready(struct daemon *d)
{
	if (d->ready)
		return;
	d->ready = true;
	systemd_ready();
	log_msg(LOG_LEVEL_INFO, "ready", "socket=%s instances=%zu", d->options.socket,
	        d->policy->instance_n);
}

static void on_patience(void *arg)
{
	struct daemon *d = arg;
	if (!d->stopping) {
		daemon_ready(d);
		return;
	}
	log_msg(LOG_LEVEL_WARN,
	        "running jobs did not end in time; what they left is cleared at the next start",
	        "running=%u", jobs_count(&d->jobs, JOB_RUNNING));
	loop_stop(d->loop);
}

static void on_heartbeat(void *arg)
{
	struct daemon *d = arg;
	int64_t watchdog = systemd_watchdog_us(), in = HEARTBEAT_US;
	if (watchdog)
		systemd_alive();
	if (watchdog && watchdog / 3 < in)
		in = watchdog / 3;
	char line[256];
	systemd_status(status_line(d, line, sizeof line));
	loop_timer_arm(d->heartbeat, in);
}

static void on_refresh(void *arg)
{
	struct daemon *d = arg;
	if (!d->stopping)
		watch_ask(d->watch, d->policy);
	loop_timer_arm(d->refresh, REFRESH_US);
}

static void take_policy(struct daemon *d, struct policy *p)
{
	int64_t now = clock_wall_us();
	policy_unref(d->policy);
	d->policy = p;
	d->policy_loaded_us = now;
	err_clear(&d->policy_error);
	d->jobs.limit = p->limits.jobs ? p->limits.jobs : 1;
	for (size_t i = 0; i < d->instances.n; i++)
		instance_retry_now(d->instances.v[i]);
	for (size_t i = 0; i < p->instance_n; i++)
		if (!daemon_instance(d, p->instances[i].name))
			*vec_push(&d->instances) =
			    instance_new(p->instances[i].name, d->history, now);
}

int daemon_reload(struct daemon *d, struct str *report, struct err *err)
{
	struct policy *fresh = NULL;
	struct str lines = {0};
	int rc = -1;
	if (d->stopping)
		return err_set(err, ERR_REFUSED, "the daemon is stopping");
	systemd_reloading();
	if (conf_load(d->options.policy, &fresh, &lines, err) < 0) {
		d->policy_error = *err;
		log_err(LOG_LEVEL_ERR, err, "the policy is wrong: the old one stays in force",
		        "file=%s", d->options.policy);
		goto out;
	}
	take_policy(d, fresh);
	flow_follow_binlogs(d);
	log_msg(LOG_LEVEL_INFO, "policy read again", "file=%s instances=%zu", d->options.policy,
	        d->policy->instance_n);
	watch_ask(d->watch, d->policy);
	loop_timer_arm(d->tick, 0);
	rc = 0;
out:
	systemd_ready();
	loop_timer_arm(d->heartbeat, 0); /* what the status line says has changed */
	if (report)
		str_add(report, str_text(&lines));
	str_done(&lines);
	return rc;
}

static void on_hangup(void *arg)
{
	struct err err = ERR_INIT; /* said and kept by daemon_reload */
	daemon_reload(arg, NULL, &err);
}

static void cancel_queued(struct daemon *d)
{
	struct job *j;
	while ((j = jobs_first(&d->jobs, JOB_QUEUED))) {
		struct err why = ERR_INIT;
		err_set(&why, ERR_CANCELLED, "the daemon was stopped before the job started");
		flow_finish(d, j, &why);
	}
}

static void on_stop(void *arg)
{
	struct daemon *d = arg;
	if (d->stopping)
		return;
	d->stopping = true;
	unsigned running = jobs_count(&d->jobs, JOB_RUNNING);
	systemd_stopping();
	log_msg(LOG_LEVEL_INFO, "stopping", "running=%u", running);
	cancel_queued(d);
	for (size_t i = 0; i < d->jobs.all.n; i++)
		if (d->jobs.all.v[i]->state == JOB_RUNNING)
			cancel_ask(&d->jobs.all.v[i]->cancel);
	if (running)
		loop_timer_arm(d->patience, STOP_PATIENCE_US);
	else
		loop_stop(d->loop);
}

struct recalled {
	VEC(struct job *) list;
};

static void recall_one(void *arg, struct job **job)
{
	struct recalled *r = arg;
	*vec_push(&r->list) = *job;
	*job = NULL;
}

static int open_state(struct daemon *d, struct err *err)
{
	int64_t last_id = 0, last_token = 0;
	struct recalled past = {0};
	if (history_open(d->options.state_dir, d->started_us, &d->history, err) < 0 ||
	    journal_open(d->options.state_dir, &d->journal, err) < 0 ||
	    history_last_id(d->history, &last_id, err) < 0 ||
	    journal_last_id(d->journal, &last_token, err) < 0)
		return -1;
	jobs_init(&d->jobs, last_id > last_token ? last_id : last_token, 1);
	int rc = history_list(d->history, NULL, JOBS_KEEP, recall_one, &past, err);
	while (past.list.n > 0)
		jobs_recall(&d->jobs, past.list.v[--past.list.n]);
	vec_done(&past.list);
	return rc;
}

static int open_loop(struct daemon *d, struct err *err)
{
	if (loop_new(&d->loop, err) < 0 || mbox_new(&d->box, err) < 0)
		return -1;
	d->tick = loop_timer_new(d->loop, flow_tick, d);
	d->heartbeat = loop_timer_new(d->loop, on_heartbeat, d);
	d->refresh = loop_timer_new(d->loop, on_refresh, d);
	d->patience = loop_timer_new(d->loop, on_patience, d);
	if (loop_on_signal(d->loop, SIGTERM, on_stop, d, err) < 0 ||
	    loop_on_signal(d->loop, SIGINT, on_stop, d, err) < 0 ||
	    loop_on_signal(d->loop, SIGHUP, on_hangup, d, err) < 0 ||
	    loop_on_readable(d->loop, mbox_fd(d->box), flow_notes, d, err) < 0)
		return -1;
	return 0;
}

static int read_policy(struct daemon *d, struct err *err)
{
	struct policy *p = NULL;
	struct str report = {0};
	int rc = conf_load(d->options.policy, &p, &report, err);
	if (rc < 0)
		fputs(str_text(&report), stderr);
	else
		take_policy(d, p);
	str_done(&report);
	return rc;
}

int daemon_start(struct daemon *d, const struct options *o, struct err *err)
{
	*d = (struct daemon){.options = *o, .started_us = clock_wall_us(), .place = PLACE_INIT};
	signal(SIGPIPE, SIG_IGN);
	if (place_take(&d->place, o->state_dir, err) < 0 || open_state(d, err) < 0 ||
	    read_policy(d, err) < 0 || open_loop(d, err) < 0 ||
	    place_listen(&d->place, o->socket, err) < 0 ||
	    http_new(d->loop, d->place.listen_fd, d, &d->http, err) < 0 ||
	    watch_new(d->box, d->journal, &d->watch, err) < 0) {
		daemon_end(d);
		return -1;
	}
	watch_ask(d->watch, d->policy);
	loop_timer_arm(d->tick, FLOW_TICK_MAX_US);
	loop_timer_arm(d->heartbeat, 0);
	loop_timer_arm(d->refresh, REFRESH_US);
	loop_timer_arm(d->patience, READY_PATIENCE_US);
	return 0;
}

int daemon_run(struct daemon *d, struct err *err)
{
	log_msg(LOG_LEVEL_INFO, "started", "version=%s policy=%s state_dir=%s", MYBAK_VERSION,
	        d->options.policy, d->options.state_dir);
	return loop_run(d->loop, err);
}

static void drop_notes(struct daemon *d)
{
	struct note *n;
	while (d->box && (n = mbox_take(d->box))) {
		if (n->kind == NOTE_JOB)
			work_free(n->what);
		else if (n->kind == NOTE_SNAPSHOT)
			snapshot_free(n->what);
		else if (n->kind == NOTE_CHECK)
			check_note_free(n->what);
		else if (n->kind == NOTE_BINLOG)
			binlog_note_free(n->what);
		free(n);
	}
}

bool daemon_end(struct daemon *d)
{
	bool running = jobs_count(&d->jobs, JOB_RUNNING) > 0;
	http_free(d->http);
	for (size_t i = 0; i < d->instances.n; i++)
		binlog_stop(&d->instances.v[i]->binlog);
	for (size_t i = 0; i < d->instances.n; i++)
		binlog_done(&d->instances.v[i]->binlog);
	place_leave(&d->place);
	if (!watch_free(d->watch, 2) || running)
		return false;
	drop_notes(d);
	mbox_free(d->box);
	loop_free(d->loop);
	jobs_done(&d->jobs);
	for (size_t i = 0; i < d->instances.n; i++)
		instance_free(d->instances.v[i]);
	vec_done(&d->instances);
	snapshot_free(d->snapshot);
	check_note_free(d->check);
	journal_free(d->journal);
	history_free(d->history);
	policy_unref(d->policy);
	return true;
}
