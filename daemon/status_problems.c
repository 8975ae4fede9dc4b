/*
 * What asks for attention: told by the last check, by the last runs, and by the streams.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "daemon/status.h"
#include "daemon/status_parts.h"

/* As the alert rules have it: for a moment it may be behind. */
#define LAG_WARNING_S 60
#define LAG_CRITICAL_S 300

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
	json_object_set_new(o, "subject", status_text(subject));
	json_object_set_new(o, "text", status_text(text));
	json_object_set_new(o, "hint", status_text(hint));
	json_array_append_new(list, o);
}

static const char *level_name(enum check_level level)
{
	static const char *const names[] = {
	    [CHECK_OK] = "ok", [CHECK_WARNING] = "warning", [CHECK_CRITICAL] = "critical"};
	return names[level];
}

/* That a wait for the stream failed is over; whether the binlog arrives is told by the
 * stream itself. */
static void failed_runs(json_t *list, const struct instance *i)
{
	for (int t = 0; t < JOB_TYPE_N; t++) {
		char subject[128], text[ERR_TEXT_MAX + 64];
		if (!i->last[t].failed || t == JOB_BINLOG)
			continue;
		snprintf(subject, sizeof subject, "instance %s", i->name);
		snprintf(text, sizeof text, "the last %s failed%s%s",
		         job_type_name((enum job_type)t), i->why[t].text[0] ? ": " : "",
		         i->why[t].text);
		add_problem(list, "critical", subject, text,
		            i->why[t].hint[0] ? i->why[t].hint : "mybakctl history shows the run");
	}
}

static enum check_level lag_level(double behind)
{
	return behind > LAG_CRITICAL_S  ? CHECK_CRITICAL
	       : behind > LAG_WARNING_S ? CHECK_WARNING
	                                : CHECK_OK;
}

void status_stream_line(json_t *list, const char *instance, const struct stream_status *st,
                        double since_s, bool good_too)
{
	char subject[128], text[BINLOG_NAME_MAX + 160], lag[STR_HUMAN_MAX];
	double behind = binlog_lag_seconds(st, clock_wall_us());
	bool never = behind < 0;
	enum check_level level = lag_level(never ? since_s : behind);
	/* What is not archived at all is told with its reason. */
	if (st->state == STREAM_OFF || binlog_none(st) || st->why.kind != ERR_NONE ||
	    (level == CHECK_OK && !good_too))
		return;
	snprintf(subject, sizeof subject, "instance %s", instance);
	str_duration(lag, never ? since_s : behind);
	if (never)
		snprintf(text, sizeof text,
		         "the archive of its binlog has not caught up with the server yet, %s "
		         "after the daemon was started",
		         lag);
	else if (!st->file[0])
		snprintf(text, sizeof text, "the archive of its binlog is %s behind", lag);
	else
		snprintf(text, sizeof text, "its binlog is archived up to %s:%llu, %s behind",
		         st->file, (unsigned long long)st->durable_pos, lag);
	add_problem(list, level_name(level), subject, text,
	            level == CHECK_OK
	                ? NULL
	                : "mybakctl status shows whether it gets less; if not, the "
	                  "network or the repository is slower than the server writes");
}

static void stream_line(json_t *list, const struct daemon *d, const struct instance *i,
                        bool good_too)
{
	struct stream_status st;
	if (binlog_status(&i->binlog, &st))
		status_stream_line(list, i->name, &st,
		                   (double)(clock_wall_us() - d->started_us) / 1e6, good_too);
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

json_t *status_problems(const struct daemon *d)
{
	json_t *list = json_array();
	if (d->policy_error.kind != ERR_NONE)
		add_problem(list, "warning", "policy", d->policy_error.text,
		            "the policy read before stays in force; correct it and reload");
	for (size_t i = 0; i < d->policy->instance_n; i++) {
		const struct instance *one = daemon_instance(d, d->policy->instances[i].name);
		failed_runs(list, one);
		binlog_problems(list, d, one);
		stream_line(list, d, one, false);
	}
	for (size_t i = 0; d->check && i < d->check->result.lines.n; i++) {
		const struct check_line *l = &d->check->result.lines.v[i];
		if (l->level != CHECK_OK && !is_said(list, l->subject, "text", l->text))
			add_problem(list, level_name(l->level), l->subject, l->text, l->hint);
	}
	return list;
}

/* Whether the newest transactions arrive is not found out by looking once. */
static void add_streams(json_t *lines, const struct daemon *d)
{
	for (size_t i = 0; i < d->policy->instance_n; i++) {
		const struct instance *one = daemon_instance(d, d->policy->instances[i].name);
		binlog_problems(lines, d, one);
		stream_line(lines, d, one, true);
	}
}

static enum check_level worst_of(const json_t *lines)
{
	enum check_level worst = CHECK_OK;
	json_t *o;
	size_t i;
	json_array_foreach(lines, i, o)
	{
		const char *level = json_string_value(json_object_get(o, "level"));
		while (level && worst < CHECK_CRITICAL && strcmp(level, level_name(worst)) != 0 &&
		       strcmp(level, level_name(CHECK_OK)) != 0)
			worst++;
	}
	return worst;
}

json_t *status_check(const struct daemon *d)
{
	json_t *o = json_object(), *lines = json_array();
	for (size_t i = 0; d->check && i < d->check->result.lines.n; i++) {
		const struct check_line *l = &d->check->result.lines.v[i];
		add_problem(lines, level_name(l->level), l->subject, l->text, l->hint);
	}
	if (d->check)
		add_streams(lines, d);
	json_object_set_new(o, "checked", status_time(d->check ? d->check->at_us : 0));
	json_object_set_new(o, "worst",
	                    d->check ? json_string(level_name(worst_of(lines))) : json_null());
	json_object_set_new(o, "lines", lines);
	return o;
}
