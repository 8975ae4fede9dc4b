#include "daemon/flow.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/note.h"
#include "daemon/worker.h"

#define LOOK_AGAIN_US (2 * CLOCK_US)

static void write_history(struct daemon *d, const struct job *j)
{
	struct err err = ERR_INIT;
	if (history_put(d->history, j, &err) < 0)
		log_err(LOG_LEVEL_ERR, &err, "cannot write the history", "job=%" PRId64, j->id);
}

static void log_end(const struct job *j)
{
	const char *instance = j->instance ? j->instance : "-";
	int64_t ms = j->started_us ? (j->finished_us - j->started_us) / 1000 : 0;
	if (j->state == JOB_DONE)
		log_msg(LOG_LEVEL_INFO, j->facts.note[0] ? j->facts.note : "job done",
		        "job=%" PRId64 " instance=%s type=%s state=done ms=%" PRId64
		        " backup=%s read_bytes=%" PRIu64 " stored_bytes=%" PRIu64
		        " lock_seconds=%.3f",
		        j->id, instance, job_type_name(j->type), ms,
		        j->facts.backup[0] ? j->facts.backup : "-", j->facts.read_bytes,
		        j->facts.stored_bytes, j->facts.lock_seconds);
	else
		log_err(j->state == JOB_FAILED ? LOG_LEVEL_ERR : LOG_LEVEL_WARN, &j->err,
		        j->state == JOB_FAILED ? "job failed" : "job cancelled",
		        "job=%" PRId64 " instance=%s type=%s state=%s step=%s ms=%" PRId64, j->id,
		        instance, job_type_name(j->type), job_state_name(j->state),
		        j->step[0] ? j->step : "-", ms);
}

/* Would an expire remove anything?  Unknown counts as yes. */
static bool has_expired(const struct daemon *d, const char *instance)
{
	const struct policy_instance *p = policy_find_instance(d->policy, instance);
	const struct catalog *c = snapshot_catalog(d->snapshot, instance);
	struct expire_verdict *verdicts = NULL;
	bool any = false;
	if (!p || !c)
		return true;
	catalog_expire(c, &p->retention, clock_wall_us(), &verdicts);
	for (size_t i = 0; i < c->backups.n; i++)
		any = any || verdicts[i].remove;
	free(verdicts);
	const struct binlog_state *s = snapshot_binlog(d->snapshot, instance);
	return any || (s && s->unneeded);
}

/* Once for each backup that is made: an expire that fails, or that somebody cancels, is not
 * begun again before the next one. */
static void queue_expire(struct daemon *d, struct instance *i)
{
	int64_t id;
	struct err ignored; /* one that waits already does the same work */
	if (!has_expired(d, i->name))
		return;
	i->expire_us = 0;
	daemon_submit(d, JOB_EXPIRE, i->name, -1, &id, &id, &ignored);
}

static void follow_up(struct daemon *d, const struct job *j)
{
	struct instance *i = j->instance ? daemon_instance(d, j->instance) : NULL;
	if (i && j->state == JOB_DONE && (j->type == JOB_FULL || j->type == JOB_INCREMENTAL)) {
		i->expire_us = j->finished_us;
		queue_expire(d, i);
	}
	if (j->type != JOB_CHECK)
		watch_ask(d->watch, d->policy);
	loop_timer_arm(d->tick, 0);
}

void flow_finish(struct daemon *d, struct job *j, const struct err *err)
{
	int64_t now = clock_wall_us();
	if (!err || (j->type == JOB_VERIFY && err->kind == ERR_DAMAGED))
		j->settled =
		    true; /* "damaged" is an answer; asking again each hour is not better */
	jobs_end(j, err, now);
	write_history(d, j);
	log_end(j);
	struct instance *i = j->instance ? daemon_instance(d, j->instance) : NULL;
	if (i) {
		instance_job_over(i, j, now);
		/* From its end: a full that takes hours and fails is not begun anew at once. */
		if (j->type == JOB_FULL && j->state == JOB_DONE)
			rescue_made(&i->binlog.rescue, now);
		else if (j->type == JOB_FULL)
			rescue_hold_back(&i->binlog.rescue, now);
	}
	if (!d->stopping)
		follow_up(d, j);
	jobs_forget(&d->jobs);
	loop_timer_arm(d->heartbeat, 0);
}

/* Start what may start; did anything? */
static bool pump(struct daemon *d)
{
	struct job *j;
	bool any = false;
	while (d->prepared && !d->stopping && (j = jobs_next(&d->jobs))) {
		struct err err = ERR_INIT;
		jobs_start(j, d->policy, clock_wall_us());
		struct instance *i = j->instance ? daemon_instance(d, j->instance) : NULL;
		if (worker_start(j, d->box, d->journal, i ? i->binlog.hold : NULL, &err) < 0) {
			flow_finish(d, j, &err);
			continue;
		}
		any = true;
		write_history(d, j);
		log_msg(LOG_LEVEL_INFO, "job started", "job=%" PRId64 " instance=%s type=%s by=%s",
		        j->id, j->instance ? j->instance : "-", job_type_name(j->type),
		        j->due_us >= 0 ? "schedule" : "request");
	}
	return any;
}

static int refuse_binlog(const struct daemon *d, const char *instance, struct err *err)
{
	const struct instance *i = daemon_instance(d, instance);
	if (policy_find_instance(d->policy, instance)->schedule.binlog != BINLOG_CONTINUOUS) {
		err_set(err, ERR_REFUSED, "the binlog of instance %.64s is not archived", instance);
		return err_hint(err, "say schedule.binlog: continuous in the policy");
	}
	if (i->binlog.why.kind != ERR_NONE) {
		*err = i->binlog.why;
		return err_add(err, "the binlog of instance %.64s is not archived", instance);
	}
	err_set(err, ERR_BUSY,
	        "the daemon has just started: the binlog of instance %.64s is not read yet",
	        instance);
	return err_hint(err, "ask again in a moment; mybakctl status tells when it is read");
}

int daemon_submit(struct daemon *d, enum job_type type, const char *instance, int64_t due_us,
                  int64_t *ret_id, int64_t *ret_existing, struct err *err)
{
	struct job *j;
	if (d->stopping)
		return err_set(err, ERR_REFUSED, "the daemon is stopping");
	if (instance && !policy_find_instance(d->policy, instance)) {
		err_set(err, ERR_NOT_FOUND, "the policy has no instance %.64s", instance);
		return err_hint(err, "mybakctl status lists the instances");
	}
	if (type == JOB_BINLOG && !daemon_instance(d, instance)->binlog.hold)
		return refuse_binlog(d, instance, err);
	if (jobs_add(&d->jobs, type, instance, due_us, clock_wall_us(), &j, ret_existing, err) < 0)
		return -1;
	*ret_id = j->id;
	write_history(d, j);
	loop_timer_arm(d->tick, 0);
	return 0;
}

int daemon_cancel(struct daemon *d, int64_t id, struct err *err)
{
	bool queued;
	if (jobs_cancel(&d->jobs, id, &queued, err) < 0)
		return -1;
	struct job *j = jobs_find(&d->jobs, id);
	log_msg(LOG_LEVEL_INFO, "job is to be cancelled", "job=%" PRId64, id);
	if (queued) {
		struct err why = ERR_INIT;
		err_set(&why, ERR_CANCELLED, "cancelled before it started");
		flow_finish(d, j, &why);
	}
	return 0;
}

/* Behind a gap, or in a new history of the server, nothing can be restored until a
 * backup stands there. */
static void queue_rescue(struct daemon *d, struct instance *i, int64_t now)
{
	const struct binlog_state *s = snapshot_binlog(d->snapshot, i->name);
	struct binlog *b = &i->binlog;
	struct err err = ERR_INIT;
	int64_t id = 0, existing;
	if (!s || !s->full_due[0] || !b->hold || jobs_active(&d->jobs, JOB_FULL, i->name))
		return;
	rescue_is_for(&b->rescue, s->full_due);
	if (rescue_holds_back(&b->rescue, now))
		return;
	b->rescue.tries++;
	rescue_hold_back(&b->rescue, now);
	if (daemon_submit(d, JOB_FULL, i->name, -1, &id, &existing, &err) < 0) {
		log_err(LOG_LEVEL_WARN, &err, "cannot queue a full backup", "instance=%s", i->name);
		return;
	}
	struct job *j = jobs_find(&d->jobs, id);
	snprintf(j->reason, sizeof j->reason, "%s", s->full_due);
	log_msg(LOG_LEVEL_WARN, s->full_due, "job=%" PRId64 " instance=%s type=full", id, i->name);
}

static void schedule_instance(struct daemon *d, const struct policy_instance *p, int64_t now,
                              int64_t *wake)
{
	static const enum job_type types[SCHED_N] = {
	    [SCHED_FULL] = JOB_FULL,
	    [SCHED_INCREMENTAL] = JOB_INCREMENTAL,
	    [SCHED_VERIFY] = JOB_VERIFY,
	};
	struct instance *i = daemon_instance(d, p->name);
	struct sched_choice choice;
	bool active[SCHED_N];
	instance_clock_check(i, now);
	for (int s = 0; s < SCHED_N; s++)
		active[s] = jobs_active(&d->jobs, types[s], p->name) != NULL;
	/* With no backup yet there is nothing to verify; it is made up for after the first. */
	const struct catalog *c = snapshot_catalog(d->snapshot, p->name);
	if (c && !c->backups.n && !c->damaged_n)
		active[SCHED_VERIFY] = true;
	sched_choose(&p->schedule, i->tracks, active, now, &choice);
	for (int s = 0; s < SCHED_N; s++) {
		int64_t id, existing;
		struct err err = ERR_INIT;
		if (choice.queue[s] &&
		    daemon_submit(d, types[s], p->name, choice.due_us[s], &id, &existing, &err) < 0)
			log_err(LOG_LEVEL_WARN, &err, "cannot queue a scheduled job", "instance=%s",
			        p->name);
	}
	if (choice.wake_us < *wake)
		*wake = choice.wake_us;
	queue_rescue(d, i, now);
}

void flow_tick(void *arg)
{
	struct daemon *d = arg;
	int64_t now = clock_wall_us(), wake = now + FLOW_TICK_MAX_US;
	/* Until the repository was looked at, a backup that is there could be taken for
	 * one that is due. */
	if (d->snapshot && d->prepared && !d->stopping)
		for (size_t i = 0; i < d->policy->instance_n; i++)
			schedule_instance(d, &d->policy->instances[i], now, &wake);
	if (pump(d))
		loop_timer_arm(d->heartbeat, 0);
	loop_timer_arm(d->tick, wake - now > 1000 ? wake - now : 1000);
}

static void job_came_back(struct daemon *d, struct work *w)
{
	struct job *j = w->job;
	j->facts = w->facts;
	if (w->head) {
		snapshot_add(d->snapshot, w->head);
		w->head = NULL;
	}
	if (w->check) {
		check_note_free(d->check);
		d->check = w->check;
		w->check = NULL;
	}
	if (w->rc < 0 && w->err.kind == ERR_CANCELLED && d->stopping && !j->settled)
		err_set(&w->err, ERR_CANCELLED, "cancelled because the daemon was stopped");
	if (w->rc < 0 && w->err.kind != ERR_CANCELLED)
		j->settled = false; /* it failed before it saw that it was to be cancelled */
	flow_finish(d, j, w->rc < 0 ? &w->err : NULL);
	work_free(w);
	if (d->stopping && !jobs_count(&d->jobs, JOB_RUNNING))
		loop_stop(d->loop);
}

/* Only who has looked into the repository knows that no full is due any more: a backup
 * that was made may have mended nothing, and the next one would be begun at once. */
static void end_rescues(struct daemon *d, const struct snapshot *s)
{
	for (size_t i = 0; i < s->instance_n; i++) {
		const struct snapshot_instance *seen = &s->instances[i];
		struct instance *one = daemon_instance(d, seen->name);
		if (one && seen->binlog_loaded && !seen->binlog.full_due[0])
			one->binlog.rescue = (struct rescue){0};
	}
}

static void snapshot_came(struct daemon *d, struct snapshot *s)
{
	int64_t now = clock_wall_us();
	end_rescues(d, s);
	snapshot_inherit(s, d->snapshot);
	snapshot_free(d->snapshot);
	d->snapshot = s;
	for (size_t i = 0; i < s->instance_n; i++) {
		struct instance *one = daemon_instance(d, s->instances[i].name);
		if (!one)
			continue;
		instance_learn(one, &s->instances[i].catalog, now);
		/* Only now is it known which binlogs the new backup does without. */
		if (!d->stopping && one->expire_us && s->begun_us >= one->expire_us &&
		    s->instances[i].binlog_loaded) {
			queue_expire(d, one);
			one->expire_us = 0;
		}
	}
	if (!d->stopping)
		flow_follow_binlogs(d);
	loop_timer_arm(d->tick, 0);
}

static void stop_binlogs_that_change(struct daemon *d)
{
	for (size_t i = 0; i < d->instances.n; i++) {
		struct instance *one = d->instances.v[i];
		if (binlog_changes(&one->binlog, d->policy,
		                   policy_find_instance(d->policy, one->name)))
			binlog_stop(&one->binlog);
	}
}

void flow_follow_binlogs(struct daemon *d)
{
	if (!d->prepared || !d->snapshot)
		return;
	stop_binlogs_that_change(d);
	for (size_t i = 0; i < d->instances.n; i++) {
		struct instance *one = d->instances.v[i];
		const struct policy_instance *p = policy_find_instance(d->policy, one->name);
		/* A job that waits for the old stream would keep it alive, and with it the
		 * archive from the new one. */
		struct job *j = jobs_active(&d->jobs, JOB_BINLOG, one->name);
		if (j && j->state == JOB_RUNNING && binlog_changes(&one->binlog, d->policy, p))
			cancel_ask(&j->cancel);
		binlog_follow(&one->binlog, d->box, d->policy, p);
	}
}

static void binlog_told(struct daemon *d, struct binlog_note *n)
{
	struct instance *i = daemon_instance(d, n->instance);
	if (i)
		binlog_log(&i->binlog, n->instance);
	bool gap = !strcmp(n->what, "gap"), lineage = !strcmp(n->what, "lineage");
	if (gap && i)
		binlog_gap(&i->binlog, clock_wall_us());
	if (gap)
		log_msg(
		    LOG_LEVEL_ERR,
		    "binlogs are missing: they were gone, or not to be streamed any more, before "
		    "they were archived",
		    "instance=%s", n->instance);
	else if (lineage)
		log_msg(LOG_LEVEL_INFO, "a new history of binlogs begins in the archive",
		        "instance=%s", n->instance);
	if (strcmp(n->what, "state") != 0 && !d->stopping)
		watch_ask(d->watch, d->policy);
	/* It is told before the first event behind it can be seen in the repository. */
	if (gap || lineage)
		loop_timer_arm(d->refresh, LOOK_AGAIN_US);
	binlog_note_free(n);
}

void flow_notes(void *arg)
{
	struct daemon *d = arg;
	struct note *n;
	while ((n = mbox_take(d->box))) {
		switch (n->kind) {
		case NOTE_JOB:
			job_came_back(d, n->what);
			break;
		case NOTE_PREPARED:
			d->prepared = true;
			daemon_ready(d);
			loop_timer_arm(d->tick, 0);
			break;
		case NOTE_SNAPSHOT:
			snapshot_came(d, n->what);
			break;
		case NOTE_CHECK:
			check_note_free(d->check);
			d->check = n->what;
			break;
		case NOTE_BINLOG:
			binlog_told(d, n->what);
			break;
		}
		free(n);
	}
}
