#include "daemon/status.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "job/catalog_load.h"

static json_t *time_json(int64_t us)
{
	char buf[32];
	return us > 0 ? json_string(clock_format(buf, sizeof buf, us)) : json_null();
}

static json_t *text_json(const char *text)
{
	json_t *j = text && text[0] ? json_string(text) : NULL;
	return j ? j : json_null();
}

static void set_u64(json_t *o, const char *key, uint64_t n)
{
	json_object_set_new(o, key, json_integer((json_int_t)n));
}

json_t *status_error(const struct err *err)
{
	if (err->kind == ERR_NONE)
		return json_null();
	json_t *o = json_object();
	json_object_set_new(o, "kind", json_string(err_kind_name(err->kind)));
	json_object_set_new(o, "message", text_json(err->text));
	json_object_set_new(o, "hint", text_json(err->hint));
	return o;
}

json_t *status_job(const struct job *j)
{
	json_t *o = json_object();
	json_object_set_new(o, "id", json_integer(j->id));
	json_object_set_new(o, "type", json_string(job_type_name(j->type)));
	json_object_set_new(o, "instance", text_json(j->instance));
	json_object_set_new(o, "state", json_string(job_state_name(j->state)));
	json_object_set_new(o, "scheduled", json_boolean(j->due_us >= 0));
	json_object_set_new(o, "step", text_json(job_step(j)));
	set_u64(o, "bytes_done", atomic_load(&j->progress.bytes_done));
	set_u64(o, "bytes_total", atomic_load(&j->progress.bytes_total));
	json_object_set_new(o, "queued", time_json(j->queued_us));
	json_object_set_new(o, "started", time_json(j->started_us));
	json_object_set_new(o, "finished", time_json(j->finished_us));
	json_object_set_new(o, "backup", text_json(j->facts.backup));
	json_object_set_new(o, "note", text_json(j->facts.note));
	json_object_set_new(o, "reason", text_json(j->reason));
	json_object_set_new(o, "error", status_error(&j->err));
	return o;
}

json_t *status_run(const struct job *j)
{
	json_t *o = status_job(j);
	double seconds = 0;
	if (j->started_us && j->finished_us > j->started_us)
		seconds = (double)(j->finished_us - j->started_us) / 1e6;
	json_object_set_new(o, "duration_seconds", json_real(seconds));
	set_u64(o, "read_bytes", j->facts.read_bytes);
	set_u64(o, "stored_bytes", j->facts.stored_bytes);
	json_object_set_new(o, "lock_seconds", json_real(j->facts.lock_seconds));
	return o;
}

json_t *status_jobs(const struct daemon *d, bool only_active)
{
	json_t *list = json_array();
	for (size_t i = 0; i < d->jobs.all.n; i++)
		if (!only_active || !job_over(d->jobs.all.v[i]))
			json_array_append_new(list, status_job(d->jobs.all.v[i]));
	return list;
}

json_t *status_backup(const struct daemon *d, const struct manifest *m)
{
	const struct binlog_state *s = snapshot_binlog(d->snapshot, m->instance);
	json_t *o = backup_to_json(m, false);
	int64_t oldest, newest;
	status_window(d, m->instance, &oldest, &newest);
	json_object_set_new(o, "recovery_window",
	                    s ? binlog_state_json(s, m->id, newest) : json_null());
	return o;
}

json_t *status_backups(const struct daemon *d, const char *instance)
{
	const struct catalog *c = snapshot_catalog(d->snapshot, instance);
	json_t *list = json_array();
	for (size_t i = 0; c && i < c->backups.n; i++)
		json_array_append_new(list, status_backup(d, c->backups.v[i]));
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
		json_object_set_new(o, "message", text_json(c->damaged[i].why.text));
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
		return time_json(schedule_next(s, now));
	return time_json(sched_next(s, &i->tracks[what], now));
}

/* Everything known up to then, from what is in the repository and what the stream says. */
void status_window(const struct daemon *d, const char *instance, int64_t *ret_oldest_us,
                   int64_t *ret_newest_us)
{
	const struct binlog_state *s = snapshot_binlog(d->snapshot, instance);
	const struct catalog *c = snapshot_catalog(d->snapshot, instance);
	const struct instance *i = daemon_instance(d, instance);
	struct stream_status st;
	*ret_oldest_us = *ret_newest_us = 0;
	if (c && c->backups.n) {
		*ret_oldest_us = c->backups.v[0]->finished_us;
		*ret_newest_us = c->backups.v[c->backups.n - 1]->finished_us;
	}
	if (!s || !s->windows.n)
		return;
	*ret_oldest_us = s->windows.v[0].from_us;
	/* What came while the newest backup ran may not be archived yet. */
	if (s->open_ended || *ret_newest_us < s->windows.v[s->windows.n - 1].to_us)
		*ret_newest_us = s->windows.v[s->windows.n - 1].to_us;
	binlog_status(&i->binlog, &st);
	int64_t reaches = binlog_reaches_us(&i->binlog, &st, s);
	if (*ret_newest_us < reaches)
		*ret_newest_us = reaches;
}

static json_t *windows_json(const struct daemon *d, const char *instance)
{
	const struct binlog_state *s = snapshot_binlog(d->snapshot, instance);
	int64_t oldest, newest;
	json_t *list = json_array();
	status_window(d, instance, &oldest, &newest);
	for (size_t i = 0; s && i < s->windows.n; i++) {
		json_t *o = json_object();
		bool last = i + 1 == s->windows.n && s->open_ended;
		json_object_set_new(o, "from", time_json(s->windows.v[i].from_us));
		json_object_set_new(o, "to", time_json(last ? newest : s->windows.v[i].to_us));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *recovery_json(const struct daemon *d, const char *instance)
{
	const struct binlog_state *s = snapshot_binlog(d->snapshot, instance);
	int64_t oldest, newest;
	json_t *o = json_object();
	status_window(d, instance, &oldest, &newest);
	/* Else those in the windows, and the moments of backups that stand in none. */
	bool any = s && s->windows.n == 1 && (s->open_ended || newest == s->windows.v[0].to_us);
	json_object_set_new(o, "any_second", json_boolean(any));
	json_object_set_new(o, "oldest", time_json(oldest));
	json_object_set_new(o, "newest", time_json(newest));
	json_object_set_new(o, "windows", windows_json(d, instance));
	return o;
}

static json_t *binlog_json(const struct daemon *d, const struct instance *i)
{
	const struct binlog_state *s = snapshot_binlog(d->snapshot, i->name);
	struct stream_status st;
	json_t *o = json_object();
	binlog_status(&i->binlog, &st);
	double lag = binlog_lag_seconds(&st, clock_wall_us());
	json_object_set_new(
	    o, "state", json_string(binlog_none(&st) ? "no_log_bin" : binlog_state_name(st.state)));
	json_object_set_new(o, "lineage", text_json(st.lineage));
	json_object_set_new(o, "file", text_json(st.file));
	json_object_set_new(o, "position",
	                    st.file[0] ? json_integer((json_int_t)st.durable_pos) : json_null());
	json_object_set_new(o, "last_event", time_json(st.last_event_us));
	json_object_set_new(o, "caught_up", time_json(st.caught_up_us));
	json_object_set_new(o, "lag_seconds", lag < 0 ? json_null() : json_real(lag));
	json_object_set_new(o, "lag_bytes",
	                    st.lag_bytes == UINT64_MAX ? json_null()
	                                               : json_integer((json_int_t)st.lag_bytes));
	set_u64(o, "events", st.events);
	set_u64(o, "bytes", st.bytes);
	set_u64(o, "reconnects", st.reconnects);
	set_u64(o, "gaps_detected", st.gaps);
	set_u64(o, "gaps", s ? s->gaps : 0);
	set_u64(o, "stored_bytes", s ? s->stored_bytes : 0);
	json_object_set_new(o, "error", status_error(&st.why));
	return o;
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
	json_object_set_new(o, "last_verify", time_json(i->last[JOB_VERIFY].success_us));
	json_object_set_new(o, "next_full", next_of(d, p, SCHED_FULL, JOB_FULL));
	json_object_set_new(o, "next_incremental",
	                    next_of(d, p, SCHED_INCREMENTAL, JOB_INCREMENTAL));
	json_object_set_new(o, "next_verify", next_of(d, p, SCHED_VERIFY, JOB_VERIFY));
	json_object_set_new(o, "binlog", binlog_json(d, i));
	json_object_set_new(o, "recovery_window", recovery_json(d, p->name));
	set_u64(o, "backups", c ? c->backups.n : 0);
	json_object_set_new(o, "damaged", damaged(c));
	json_object_set_new(o, "running", running ? status_job(running) : json_null());
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
		set_u64(o, "used_bytes", r->total_bytes - r->free_bytes);
		set_u64(o, "free_bytes", r->free_bytes);
		set_u64(o, "total_bytes", r->total_bytes);
		json_object_set_new(o, "error", status_error(&r->err));
		json_array_append_new(list, o);
	}
	return list;
}

/* `key`: "text", or "hint" where the same is to be done. */
static bool is_said(const json_t *list, const char *subject, const char *key, const char *text)
{
	json_t *o;
	size_t i;
	json_array_foreach(list, i, o)
	{
		const char *s = json_string_value(json_object_get(o, "subject"));
		const char *t = json_string_value(json_object_get(o, key));
		if (s && t && !strcmp(s, subject) && !strcmp(t, text))
			return true;
	}
	return false;
}

static void add_problem(json_t *list, const char *level, const char *subject, const char *text,
                        const char *hint)
{
	json_t *o = json_object();
	json_object_set_new(o, "level", json_string(level));
	json_object_set_new(o, "subject", text_json(subject));
	json_object_set_new(o, "text", text_json(text));
	json_object_set_new(o, "hint", text_json(hint));
	json_array_append_new(list, o);
}

static const char *level_name(enum check_level level)
{
	static const char *const names[] = {
	    [CHECK_OK] = "ok", [CHECK_WARNING] = "warning", [CHECK_CRITICAL] = "critical"};
	return names[level];
}

static void failed_runs(json_t *list, const struct instance *i)
{
	for (int t = 0; t < JOB_TYPE_N; t++) {
		char subject[128], text[ERR_TEXT_MAX + 64];
		if (!i->last[t].failed)
			continue;
		snprintf(subject, sizeof subject, "instance %s", i->name);
		snprintf(text, sizeof text, "the last %s failed%s%s",
		         job_type_name((enum job_type)t), i->why[t].text[0] ? ": " : "",
		         i->why[t].text);
		add_problem(list, "critical", subject, text,
		            i->why[t].hint[0] ? i->why[t].hint : "mybakctl history shows the run");
	}
}

/* A server without a binlog is told by the check already. */
static void binlog_problems(json_t *list, const struct daemon *d, const struct instance *i)
{
	const struct binlog_state *s = snapshot_binlog(d->snapshot, i->name);
	struct stream_status st;
	char subject[128], text[ERR_TEXT_MAX + 64];
	snprintf(subject, sizeof subject, "instance %s", i->name);
	bool runs = binlog_status(&i->binlog, &st);
	if (st.why.kind != ERR_NONE && !binlog_none(&st) &&
	    !is_said(list, subject, "hint", st.why.hint)) {
		snprintf(text, sizeof text, "the binlog is not being archived: %s", st.why.text);
		add_problem(list, "critical", subject, text, st.why.hint);
	}
	const struct err *unread = snapshot_binlog_err(d->snapshot, i->name);
	if (unread && !is_said(list, subject, "text", unread->text))
		add_problem(list, "critical", subject, unread->text, unread->hint);
	if (runs && s && s->full_due[0] && !is_said(list, subject, "text", s->full_due))
		add_problem(list, "critical", subject, s->full_due,
		            "a full backup is queued by itself; mybakctl jobs shows it");
}

static json_t *problems(const struct daemon *d)
{
	json_t *list = json_array();
	if (d->policy_error.kind != ERR_NONE)
		add_problem(list, "warning", "policy", d->policy_error.text,
		            "the policy read before stays in force; correct it and reload");
	for (size_t i = 0; i < d->policy->instance_n; i++) {
		const struct instance *one = daemon_instance(d, d->policy->instances[i].name);
		failed_runs(list, one);
		binlog_problems(list, d, one);
	}
	for (size_t i = 0; d->check && i < d->check->result.lines.n; i++) {
		const struct check_line *l = &d->check->result.lines.v[i];
		if (l->level != CHECK_OK && !is_said(list, l->subject, "text", l->text))
			add_problem(list, level_name(l->level), l->subject, l->text, l->hint);
	}
	return list;
}

json_t *status_json(const struct daemon *d)
{
	json_t *o = json_object(), *policy = json_object(), *instances = json_array();
	json_object_set_new(policy, "path", json_string(d->options.policy));
	json_object_set_new(policy, "loaded", time_json(d->policy_loaded_us));
	json_object_set_new(policy, "error", status_error(&d->policy_error));
	for (size_t i = 0; i < d->policy->instance_n; i++)
		json_array_append_new(instances, instance_json(d, &d->policy->instances[i]));
	json_object_set_new(o, "version", json_string(MYBAK_VERSION));
	json_object_set_new(o, "started", time_json(d->started_us));
	json_object_set_new(o, "policy", policy);
	json_object_set_new(o, "instances", instances);
	json_object_set_new(o, "repositories", repositories(d));
	json_object_set_new(o, "jobs", status_jobs(d, true));
	json_object_set_new(o, "problems", problems(d));
	return o;
}

/* Whether the newest transactions arrive is not found out by looking once. */
static void add_streams(json_t *lines, const struct daemon *d)
{
	for (size_t i = 0; i < d->policy->instance_n; i++) {
		const struct instance *one = daemon_instance(d, d->policy->instances[i].name);
		struct stream_status st;
		char subject[128], text[BINLOG_NAME_MAX + 128], lag[STR_HUMAN_MAX];
		binlog_problems(lines, d, one);
		binlog_status(&one->binlog, &st);
		double behind = binlog_lag_seconds(&st, clock_wall_us());
		if (st.state != STREAM_RUNNING || !st.file[0] || behind < 0)
			continue;
		snprintf(subject, sizeof subject, "instance %s", one->name);
		snprintf(text, sizeof text, "its binlog is archived up to %s:%llu, %s behind",
		         st.file, (unsigned long long)st.durable_pos, str_duration(lag, behind));
		add_problem(lines, level_name(CHECK_OK), subject, text, NULL);
	}
}

static bool has_critical(const json_t *lines)
{
	json_t *o;
	size_t i;
	json_array_foreach(lines, i, o)
	{
		const char *level = json_string_value(json_object_get(o, "level"));
		if (level && !strcmp(level, level_name(CHECK_CRITICAL)))
			return true;
	}
	return false;
}

json_t *status_check(const struct daemon *d)
{
	json_t *o = json_object(), *lines = json_array();
	enum check_level worst = d->check ? d->check->result.worst : CHECK_OK;
	for (size_t i = 0; d->check && i < d->check->result.lines.n; i++) {
		const struct check_line *l = &d->check->result.lines.v[i];
		add_problem(lines, level_name(l->level), l->subject, l->text, l->hint);
	}
	if (d->check)
		add_streams(lines, d);
	if (has_critical(lines))
		worst = CHECK_CRITICAL;
	json_object_set_new(o, "checked", time_json(d->check ? d->check->at_us : 0));
	json_object_set_new(o, "worst", d->check ? json_string(level_name(worst)) : json_null());
	json_object_set_new(o, "lines", lines);
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
	set_u64(o, "count", n);
	set_u64(o, "stored_bytes", stored);
	set_u64(o, "read_bytes", read);
	return o;
}

static json_t *binlog_space(const struct binlog_state *s)
{
	json_t *o = json_object();
	set_u64(o, "count", s ? s->segments : 0);
	set_u64(o, "stored_bytes", s ? s->stored_bytes : 0);
	set_u64(o, "read_bytes", s ? s->size_bytes : 0);
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
		set_u64(one, "size_bytes", last ? last->size_bytes : 0);
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
