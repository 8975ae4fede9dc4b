#include "daemon/instance.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"

/* Which schedule a type of job serves; SCHED_N: none. */
static enum sched_what served_by(enum job_type type)
{
	switch (type) {
	case JOB_FULL:
		return SCHED_FULL;
	case JOB_INCREMENTAL:
		return SCHED_INCREMENTAL;
	case JOB_VERIFY:
		return SCHED_VERIFY;
	default:
		return SCHED_N;
	}
}

/* What a run did to the daemon, or to the machine, it can do again: not at once, and less
 * and less often, as after any other failure. */
static void hold_killed_back(struct instance *i, enum job_type type, struct history *h,
                             int64_t now_us)
{
	struct history_killed killed = {0};
	struct err err = ERR_INIT;
	if (history_killed(h, i->name, type, &killed, &err) < 0)
		log_err(LOG_LEVEL_WARN, &err, "cannot read the history", "instance=%s", i->name);
	if (!killed.times)
		return;
	if (killed.due_us >= 0)
		sched_fail_again(&i->tracks[served_by(type)], killed.due_us, killed.times, now_us);
	if (type == JOB_FULL && killed.due_us < 0) {
		i->binlog.rescue.tries = killed.times;
		rescue_hold_back(&i->binlog.rescue, now_us);
	}
}

struct instance *instance_new(const char *name, struct history *h, int64_t now_us)
{
	struct instance *i = mem_zalloc(sizeof *i);
	struct err err = ERR_INIT;
	int64_t since = now_us;
	i->name = mem_strdup(name);
	if (history_since(h, name, now_us, &since, &err) < 0)
		log_err(LOG_LEVEL_WARN, &err, "cannot read the history", "instance=%s", name);
	for (int s = 0; s < SCHED_N; s++)
		sched_track_init(&i->tracks[s], since);
	for (int t = 0; t < JOB_TYPE_N; t++) {
		i->last[t].settled_us = -1;
		if (history_last(h, name, (enum job_type)t, &i->last[t], &err) < 0)
			log_err(LOG_LEVEL_WARN, &err, "cannot read the history", "instance=%s",
			        name);
		enum sched_what s = served_by((enum job_type)t);
		if (s == SCHED_N)
			continue;
		i->tracks[s].last_us = i->last[t].settled_us;
		hold_killed_back(i, (enum job_type)t, h, now_us);
	}
	if (i->tracks[SCHED_INCREMENTAL].last_us < i->tracks[SCHED_FULL].last_us)
		i->tracks[SCHED_INCREMENTAL].last_us = i->tracks[SCHED_FULL].last_us;
	return i;
}

void instance_free(struct instance *i)
{
	if (!i)
		return;
	binlog_done(&i->binlog);
	free(i->name);
	free(i);
}

static void serve(struct instance *i, const struct job *j)
{
	int64_t began = j->started_us ? j->started_us : j->queued_us;
	enum sched_what s = served_by(j->type);
	if (s == SCHED_N)
		return;
	sched_settle(&i->tracks[s], began);
	/* A full is more than an incremental; an incremental can have become a full. */
	if (s == SCHED_FULL)
		sched_settle(&i->tracks[SCHED_INCREMENTAL], began);
	if (s == SCHED_INCREMENTAL && j->state == JOB_DONE && j->facts.made_full)
		sched_settle(&i->tracks[SCHED_FULL], began);
}

static void went_well(struct instance *i, enum job_type type, const struct job *j)
{
	struct history_last *last = &i->last[type];
	last->success_us = j->finished_us;
	last->failed = false;
}

void instance_job_over(struct instance *i, const struct job *j, int64_t now_us)
{
	i->pages_reread += atomic_load(&j->progress.pages_reread);
	i->pages_unverified += atomic_load(&j->progress.pages_unverified);
	if (j->settled)
		serve(i, j);
	else if (j->due_us >= 0 && j->state == JOB_FAILED && served_by(j->type) != SCHED_N)
		sched_fail(&i->tracks[served_by(j->type)], j->due_us, now_us);
	if (j->state == JOB_DONE) {
		went_well(i, j->type, j);
		if (j->type == JOB_INCREMENTAL && j->facts.made_full)
			went_well(i, JOB_FULL, j);
		if (j->type == JOB_FULL)
			i->last[JOB_INCREMENTAL].failed = false; /* a full is more than that */
	} else if (j->state == JOB_FAILED) {
		i->failures[j->type]++;
		i->why[j->type] = j->err;
		i->last[j->type].failed = true;
	}
}

void instance_learn(struct instance *i, const struct catalog *c, int64_t now_us)
{
	for (size_t n = c->backups.n; n-- > 0;) {
		const struct manifest *m = c->backups.v[n];
		if (m->started_us > now_us)
			continue;
		if (m->started_us > i->tracks[SCHED_INCREMENTAL].last_us)
			sched_settle(&i->tracks[SCHED_INCREMENTAL], m->started_us);
		if (m->kind != BACKUP_FULL)
			continue;
		if (m->started_us > i->tracks[SCHED_FULL].last_us)
			sched_settle(&i->tracks[SCHED_FULL], m->started_us);
		return;
	}
}

void instance_retry_now(struct instance *i)
{
	for (int s = 0; s < SCHED_N; s++)
		i->tracks[s].retry_us = 0;
	i->binlog.rescue.not_before_us = 0;
	binlog_retry_now(&i->binlog);
}

void instance_clock_check(struct instance *i, int64_t now_us)
{
	for (int s = 0; s < SCHED_N; s++) {
		if (i->tracks[s].last_us > now_us)
			i->tracks[s].last_us = now_us;
		if (i->tracks[s].since_us > now_us)
			i->tracks[s].since_us = now_us;
	}
}
