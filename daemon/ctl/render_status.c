/*
 * status: one screen.  What is wrong comes last, where the eye is.
 */
#include <string.h>

#include "daemon/ctl/bar.h"
#include "daemon/ctl/follow.h"
#include "daemon/ctl/jget.h"
#include "daemon/ctl/render.h"
#include "daemon/ctl/table.h"

/* "5h 12m ago", "in 48m"; plain: the time itself. */
static void add_when(struct table *t, const json_t *o, const char *key, int64_t now_us)
{
	char buf[STR_HUMAN_MAX];
	int64_t us;

	if (!t->term->tty || jtime(o, key, &us))
		table_time(t, jstr(o, key));
	else if (us > now_us)
		table_text(t, "in %s", text_age(buf, (us - now_us + CLOCK_US - 1) / CLOCK_US));
	else if (strncmp(key, "next", 4) == 0)
		table_text(t, "due");
	else
		table_text(t, "%s ago", text_age(buf, (now_us - us) / CLOCK_US));
}

/* The plain form of what is a sentence on a terminal. */
static void plain_row(const struct term *term, const char *lead, const char *a, const char *b,
                      const char *c)
{
	static const char *const titles[] = {"", "", "", NULL};
	struct table t;

	table_init(&t, term, titles);
	t.lead = lead;
	table_text(&t, "%s", a);
	table_text(&t, "%s", b);
	table_text(&t, "%s", c);
	table_print(&t);
	table_done(&t);
}

static void head(const struct term *t, const json_t *status, int64_t now_us)
{
	const json_t *policy = json_object_get(status, "policy");
	const char *error = jstr(json_object_get(policy, "error"), "message");
	const char *version = jstr_or(status, "version", "?"), *path = jstr_or(policy, "path", "?");
	char buf[STR_HUMAN_MAX];
	int64_t us;

	if (!t->tty) {
		plain_row(t, "daemon", version, jstr_or(status, "started", ""), path);
		return;
	}
	if (jtime(status, "started", &us) == 0)
		term_line(t, STYLE_BOLD, "mybakd %s, up %s, policy %s", version,
		          text_age(buf, (now_us - us) / CLOCK_US), path);
	else
		term_line(t, STYLE_BOLD, "mybakd %s, policy %s", version, path);
	if (error)
		term_line(t, STYLE_BAD,
		          "The policy file is refused and the one before stays in force: %s",
		          error);
}

static void add_running(struct table *t, const json_t *job)
{
	uint64_t done = jsize(job, "bytes_done"), total = jsize(job, "bytes_total");

	if (!json_is_object(job))
		table_text(t, "%s", "");
	else if (total)
		table_text(t, "%s %.0f%%", jstr_or(job, "type", "?"),
		           (double)(done > total ? total : done) * 100 / (double)total);
	else
		table_text(t, "%s", jstr_or(job, "type", "?"));
}

static void instances(const struct term *term, const json_t *list, int64_t now_us)
{
	static const char *const titles[] = {"INSTANCE",  "METHOD",    "LAST FULL",
	                                     "LAST INCR", "NEXT FULL", "NEXT INCR",
	                                     ">BACKUPS",  "RUNNING",   NULL};
	struct table t;
	json_t *o;
	size_t i;

	table_init(&t, term, titles);
	t.lead = "instance";
	json_array_foreach(list, i, o)
	{
		const json_t *full = json_object_get(o, "last_full"),
		             *incr = json_object_get(o, "last_incremental");

		table_text(&t, "%s", jstr_or(o, "name", "?"));
		table_text(&t, "%s", jstr_or(o, "method", ""));
		add_when(&t, full, "finished", now_us);
		if (!json_is_object(full))
			table_style(&t, STYLE_BAD);
		add_when(&t, incr, "finished", now_us);
		add_when(&t, o, "next_full", now_us);
		add_when(&t, o, "next_incremental", now_us);
		table_text(&t, "%llu", (unsigned long long)jsize(o, "backups"));
		add_running(&t, json_object_get(o, "running"));
	}
	table_print(&t);
	table_done(&t);
}

/* "0.4s, 12 KiB behind" */
static void add_lag(struct table *t, const json_t *b)
{
	char age[STR_HUMAN_MAX], size[STR_HUMAN_MAX];
	const json_t *seconds = json_object_get(b, "lag_seconds"),
	             *bytes = json_object_get(b, "lag_bytes");

	if (!json_is_number(seconds))
		table_text(t, "%s", "");
	else if (!t->term->tty)
		table_text(t, "%.3f", json_number_value(seconds));
	else
		table_text(t, "%s", str_duration(age, json_number_value(seconds)));
	if (!json_is_number(bytes))
		table_text(t, "%s", "");
	else if (!t->term->tty)
		table_text(t, "%llu", (unsigned long long)jsize(b, "lag_bytes"));
	else
		table_text(t, "%s", str_size(size, jsize(b, "lag_bytes")));
}

/* Which of the moments from the oldest to the newest. */
static void add_which(struct table *t, const json_t *window)
{
	size_t n = json_array_size(json_object_get(window, "windows"));

	if (json_is_true(json_object_get(window, "any_second")))
		table_text(t, "any second");
	else if (n)
		table_text(t, "%zu window%s", n, n > 1 ? "s" : "");
	else
		table_text(t, "%s", jstr(window, "oldest") ? "backups" : "");
}

/* What can be restored, and how far behind the archive is. */
static void binlogs(const struct term *term, const json_t *list)
{
	static const char *const titles[] = {
	    "INSTANCE",       "BINLOG",          ">LAG", ">BEHIND", ">GAPS",
	    "ARCHIVED UP TO", "RESTORABLE FROM", "TO",   "WHICH",   NULL};
	struct table t;
	json_t *o;
	size_t i;

	table_init(&t, term, titles);
	t.lead = "binlog";
	json_array_foreach(list, i, o)
	{
		const json_t *b = json_object_get(o, "binlog"),
		             *w = json_object_get(o, "recovery_window");
		const char *state = jstr_or(b, "state", "");

		table_text(&t, "%s", jstr_or(o, "name", "?"));
		table_text(&t, "%s", state);
		if (strcmp(state, "waiting") == 0)
			table_style(&t, STYLE_BAD);
		add_lag(&t, b);
		table_text(&t, "%llu", (unsigned long long)jsize(b, "gaps"));
		if (jstr(b, "file"))
			table_text(&t, "%s:%llu", jstr(b, "file"),
			           (unsigned long long)jsize(b, "position"));
		else
			table_text(&t, "%s", "");
		table_time(&t, jstr(w, "oldest"));
		table_time(&t, jstr(w, "newest"));
		add_which(&t, w);
	}
	table_print(&t);
	table_done(&t);
}

/* On a terminal only where they say more than the line above. */
static void windows(const struct term *term, const json_t *instances)
{
	static const char *const titles[] = {"INSTANCE", "ANY SECOND FROM", "TO", NULL};
	const json_t *o, *w;
	struct table t;
	size_t i, k;

	table_init(&t, term, titles);
	t.lead = "window";
	json_array_foreach(instances, i, o)
	{
		const json_t *list =
		    json_object_get(json_object_get(o, "recovery_window"), "windows");

		if (term->tty && json_array_size(list) < 2)
			continue;
		json_array_foreach(list, k, w)
		{
			table_text(&t, "%s", jstr_or(o, "name", "?"));
			table_time(&t, jstr(w, "from"));
			table_time(&t, jstr(w, "to"));
		}
	}
	if (t.cells.n)
		table_print(&t);
	table_done(&t);
}

void render_repositories(const struct term *term, const json_t *list)
{
	static const char *const titles[] = {"REPOSITORY", ">USED", ">DISK FREE", ">DISK SIZE",
	                                     ">FULL",      "URL",   NULL};
	struct table t;
	json_t *o;
	size_t i;

	table_init(&t, term, titles);
	t.lead = "repository";
	json_array_foreach(list, i, o)
	{
		uint64_t total = jsize(o, "total_bytes"), left = jsize(o, "free_bytes");

		table_text(&t, "%s", jstr_or(o, "name", "?"));
		table_size(&t, jsize(o, "used_bytes"));
		table_size(&t, left);
		table_size(&t, total);
		if (total && left <= total)
			table_text(&t, "%.0f%%", (double)(total - left) * 100 / (double)total);
		else
			table_text(&t, "%s", "");
		table_text(&t, "%s", jstr_or(o, "url", ""));
	}
	table_print(&t);
	table_done(&t);
}

static void job_line(const struct term *t, const json_t *job)
{
	struct str label = {0}, line = {0};

	follow_label(job, &label);
	bar_text(&line, str_text(&label), jsize(job, "bytes_done"), jsize(job, "bytes_total"), 0,
	         term_width(t) - 1);
	fprintf(t->to, "%s\n", str_text(&line));
	str_done(&label);
	str_done(&line);
}

static void jobs(const struct term *term, const json_t *list)
{
	static const char *const titles[] = {"JOB",  "TYPE", "INSTANCE", "STATE",
	                                     "STEP", "DONE", "TOTAL",    NULL};
	struct table t;
	json_t *job;
	size_t i;

	table_init(&t, term, titles);
	t.lead = "job";
	json_array_foreach(list, i, job)
	{
		if (term->tty) {
			job_line(term, job);
			continue;
		}
		table_text(&t, "%llu", (unsigned long long)jsize(job, "id"));
		table_text(&t, "%s", jstr_or(job, "type", ""));
		table_text(&t, "%s", jstr_or(job, "instance", ""));
		table_text(&t, "%s", jstr_or(job, "state", ""));
		table_text(&t, "%s", jstr_or(job, "step", ""));
		table_size(&t, jsize(job, "bytes_done"));
		table_size(&t, jsize(job, "bytes_total"));
	}
	if (!term->tty)
		table_print(&t);
	table_done(&t);
}

static void problem(const struct term *t, const json_t *o)
{
	const char *level = jstr_or(o, "level", "warning"), *subject = jstr_or(o, "subject", "?");
	const char *text = jstr_or(o, "text", "?"), *hint = jstr(o, "hint");

	if (!t->tty) {
		plain_row(t, "problem", level, subject, text);
		return;
	}
	term_line(t, render_style(level), "%s: %s: %s", level, subject, text);
	if (hint && *hint)
		term_line(t, STYLE_PLAIN, "  %s", hint);
}

static void problems(const struct term *t, const json_t *list)
{
	json_t *o;
	size_t i;

	json_array_foreach(list, i, o)
	{
		problem(t, o);
	}
	if (t->tty && json_array_size(list) == 0)
		term_line(t, STYLE_GOOD, "No problems.");
}

void render_status(const struct term *t, const json_t *status, int64_t now_us)
{
	const json_t *running = json_object_get(status, "jobs");

	head(t, status, now_us);
	if (t->tty)
		fputc('\n', t->to);
	instances(t, json_object_get(status, "instances"), now_us);
	if (t->tty)
		fputc('\n', t->to);
	binlogs(t, json_object_get(status, "instances"));
	windows(t, json_object_get(status, "instances"));
	if (t->tty)
		fputc('\n', t->to);
	render_repositories(t, json_object_get(status, "repositories"));
	if (t->tty)
		fputc('\n', t->to);
	jobs(t, running);
	if (t->tty && json_array_size(running) > 0)
		fputc('\n', t->to);
	problems(t, json_object_get(status, "problems"));
}
