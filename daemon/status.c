#include "daemon/status.h"

#include <stdio.h>

#include "base/clock.h"
#include "daemon/status_parts.h"
#include "job/catalog_load.h"

json_t *status_time(int64_t us)
{
	char buf[32];
	return us > 0 ? json_string(clock_format(buf, sizeof buf, us)) : json_null();
}

json_t *status_text(const char *text)
{
	json_t *j = text && text[0] ? json_string(text) : NULL;
	return j ? j : json_null();
}

void status_set_u64(json_t *o, const char *key, uint64_t n)
{
	json_object_set_new(o, key, json_integer((json_int_t)n));
}

json_t *status_error(const struct err *err)
{
	if (err->kind == ERR_NONE)
		return json_null();
	json_t *o = json_object();
	json_object_set_new(o, "kind", json_string(err_kind_name(err->kind)));
	json_object_set_new(o, "message", status_text(err->text));
	json_object_set_new(o, "hint", status_text(err->hint));
	return o;
}

static json_t *job_json(const struct job *j)
{
	json_t *o = json_object();
	json_object_set_new(o, "id", json_integer(j->id));
	json_object_set_new(o, "type", json_string(job_type_name(j->type)));
	json_object_set_new(o, "instance", status_text(j->instance));
	json_object_set_new(o, "state", json_string(job_state_name(j->state)));
	json_object_set_new(o, "scheduled", json_boolean(j->due_us >= 0));
	json_object_set_new(o, "step", status_text(job_step(j)));
	status_set_u64(o, "bytes_done", atomic_load(&j->progress.bytes_done));
	status_set_u64(o, "bytes_total", atomic_load(&j->progress.bytes_total));
	json_object_set_new(o, "queued", status_time(j->queued_us));
	json_object_set_new(o, "started", status_time(j->started_us));
	json_object_set_new(o, "finished", status_time(j->finished_us));
	json_object_set_new(o, "backup", status_text(j->facts.backup));
	json_object_set_new(o, "note", status_text(j->facts.note));
	json_object_set_new(o, "reason", status_text(j->reason));
	json_object_set_new(o, "error", status_error(&j->err));
	return o;
}

json_t *status_run(const struct job *j)
{
	json_t *o = job_json(j);
	double seconds = 0;
	if (j->started_us && j->finished_us > j->started_us)
		seconds = (double)(j->finished_us - j->started_us) / 1e6;
	json_object_set_new(o, "duration_seconds", json_real(seconds));
	status_set_u64(o, "read_bytes", j->facts.read_bytes);
	status_set_u64(o, "stored_bytes", j->facts.stored_bytes);
	json_object_set_new(o, "lock_seconds", json_real(j->facts.lock_seconds));
	return o;
}

json_t *status_jobs(const struct daemon *d, bool only_active)
{
	json_t *list = json_array();
	for (size_t i = 0; i < d->jobs.all.n; i++)
		if (!only_active || !job_over(d->jobs.all.v[i]))
			json_array_append_new(list, job_json(d->jobs.all.v[i]));
	return list;
}

static json_t *newest(const struct catalog *c, enum backup_kind kind)
{
	const struct manifest *m = c ? catalog_newest_of(c, kind) : NULL;
	return m ? backup_to_json(m, false) : json_null();
}

static json_t *damaged(const struct catalog *c)
{
	json_t *list = json_array();
	for (size_t i = 0; c && i < c->damaged_n; i++) {
		json_t *o = json_object();
		json_object_set_new(o, "id", json_string(c->damaged[i].id));
		json_object_set_new(o, "message", status_text(c->damaged[i].why.text));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *next_of(const struct daemon *d, const struct policy_instance *p,
                       enum sched_what what, enum job_type type)
{
	const struct schedule *s = sched_of(&p->schedule, what);
	const struct instance *i = daemon_instance(d, p->name);
	int64_t now = clock_wall_us();
	/* What is on its way is no longer "next". */
	if (s->kind != SCHEDULE_OFF && jobs_active(&d->jobs, type, p->name))
		return status_time(schedule_next(s, now));
	return status_time(sched_next(s, &i->tracks[what], now));
}

static json_t *instance_json(const struct daemon *d, const struct policy_instance *p)
{
	const struct catalog *c = snapshot_catalog(d->snapshot, p->name);
	const struct instance *i = daemon_instance(d, p->name);
	const struct job *running = jobs_running_on(&d->jobs, p->name);
	json_t *o = json_object();
	json_object_set_new(o, "name", json_string(p->name));
	json_object_set_new(o, "method", json_string(p->method));
	json_object_set_new(o, "last_full", newest(c, BACKUP_FULL));
	json_object_set_new(o, "last_incremental", newest(c, BACKUP_INCREMENTAL));
	json_object_set_new(o, "last_verify", status_time(i->last[JOB_VERIFY].success_us));
	json_object_set_new(o, "next_full", next_of(d, p, SCHED_FULL, JOB_FULL));
	json_object_set_new(o, "next_incremental",
	                    next_of(d, p, SCHED_INCREMENTAL, JOB_INCREMENTAL));
	json_object_set_new(o, "next_verify", next_of(d, p, SCHED_VERIFY, JOB_VERIFY));
	json_object_set_new(o, "binlog", status_binlog(d, i));
	json_object_set_new(o, "recovery_window", status_recovery(d, p->name));
	status_set_u64(o, "backups", c ? c->backups.n : 0);
	json_object_set_new(o, "damaged", damaged(c));
	json_object_set_new(o, "running", running ? job_json(running) : json_null());
	return o;
}

static json_t *repositories(const struct daemon *d)
{
	static const struct snapshot_repository unknown;
	json_t *list = json_array();
	for (size_t i = 0; i < d->policy->repository_n; i++) {
		const struct policy_repository *p = &d->policy->repositories[i];
		const struct snapshot_repository *r = snapshot_repository(d->snapshot, p->name);
		if (!r)
			r = &unknown;
		json_t *o = json_object();
		json_object_set_new(o, "name", json_string(p->name));
		json_object_set_new(o, "url", json_string(p->url));
		status_set_u64(o, "used_bytes", r->total_bytes - r->free_bytes);
		status_set_u64(o, "free_bytes", r->free_bytes);
		status_set_u64(o, "total_bytes", r->total_bytes);
		json_object_set_new(o, "error", status_error(&r->err));
		json_array_append_new(list, o);
	}
	return list;
}

json_t *status_json(const struct daemon *d)
{
	json_t *o = json_object(), *policy = json_object(), *instances = json_array();
	json_object_set_new(policy, "path", json_string(d->options.policy));
	json_object_set_new(policy, "loaded", status_time(d->policy_loaded_us));
	json_object_set_new(policy, "error", status_error(&d->policy_error));
	for (size_t i = 0; i < d->policy->instance_n; i++)
		json_array_append_new(instances, instance_json(d, &d->policy->instances[i]));
	json_object_set_new(o, "version", json_string(MYBAK_VERSION));
	json_object_set_new(o, "started", status_time(d->started_us));
	json_object_set_new(o, "policy", policy);
	json_object_set_new(o, "instances", instances);
	json_object_set_new(o, "repositories", repositories(d));
	json_object_set_new(o, "jobs", status_jobs(d, true));
	json_object_set_new(o, "problems", status_problems(d));
	return o;
}

static json_t *kind_space(const struct catalog *c, enum backup_kind kind)
{
	json_t *o = json_object();
	uint64_t n = 0, stored = 0, read = 0;
	for (size_t i = 0; c && i < c->backups.n; i++) {
		const struct manifest *m = c->backups.v[i];
		if (m->kind != kind)
			continue;
		n++;
		stored += m->stored_bytes;
		read += m->read_bytes;
	}
	status_set_u64(o, "count", n);
	status_set_u64(o, "stored_bytes", stored);
	status_set_u64(o, "read_bytes", read);
	return o;
}

static json_t *binlog_space(const struct binlog_state *s)
{
	json_t *o = json_object();
	status_set_u64(o, "count", s ? s->segments : 0);
	status_set_u64(o, "stored_bytes", s ? s->stored_bytes : 0);
	status_set_u64(o, "read_bytes", s ? s->size_bytes : 0);
	return o;
}

json_t *status_space(const struct daemon *d)
{
	json_t *o = json_object(), *list = json_array();
	for (size_t i = 0; i < d->policy->instance_n; i++) {
		const char *name = d->policy->instances[i].name;
		const struct catalog *c = snapshot_catalog(d->snapshot, name);
		const struct manifest *last = c ? catalog_newest(c) : NULL;
		json_t *one = json_object();
		json_object_set_new(one, "name", json_string(name));
		status_set_u64(one, "size_bytes", last ? last->size_bytes : 0);
		json_object_set_new(one, "full", kind_space(c, BACKUP_FULL));
		json_object_set_new(one, "incremental", kind_space(c, BACKUP_INCREMENTAL));
		json_object_set_new(one, "binlog",
		                    binlog_space(snapshot_binlog(d->snapshot, name)));
		json_array_append_new(list, one);
	}
	json_object_set_new(o, "instances", list);
	json_object_set_new(o, "repositories", repositories(d));
	return o;
}

const char *status_line(const struct daemon *d, char *buf, size_t size)
{
	const struct job *j = jobs_first(&d->jobs, JOB_RUNNING);
	unsigned running = jobs_count(&d->jobs, JOB_RUNNING);
	const char *before = d->stopping                        ? "stopping; "
	                     : !d->prepared                     ? "starting; "
	                     : d->policy_error.kind != ERR_NONE ? "the policy file is wrong, the "
	                                                          "old one is in force; "
	                                                        : "";
	if (!j) {
		snprintf(buf, size, "%sno job is running, %u queued", before,
		         jobs_count(&d->jobs, JOB_QUEUED));
		return buf;
	}
	uint64_t done = atomic_load(&j->progress.bytes_done);
	uint64_t total = atomic_load(&j->progress.bytes_total);
	char percent[32] = "", more[32] = "";
	if (total)
		snprintf(percent, sizeof percent, ", %.0f %%",
		         100.0 * (double)(done < total ? done : total) / (double)total);
	if (running > 1)
		snprintf(more, sizeof more, ", and %u more", running - 1);
	snprintf(buf, size, "%sjob %lld: %s of %s, %s%s%s", before, (long long)j->id,
	         job_type_name(j->type), j->instance ? j->instance : "all instances", job_step(j),
	         percent, more);
	return buf;
}
