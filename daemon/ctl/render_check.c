/*
 * What a check found, for people and for a monitoring system.
 */
#include <string.h>

#include "daemon/ctl/jget.h"
#include "daemon/ctl/render.h"
#include "daemon/ctl/table.h"

void render_check(const struct term *t, const json_t *check)
{
	static const char *const titles[] = {"LEVEL", "SUBJECT", "FOUND", NULL};
	json_t *lines = json_object_get(check, "lines"), *line;
	struct table table;
	size_t i;

	table_init(&table, t, titles);
	json_array_foreach(lines, i, line)
	{
		const char *level = jstr_or(line, "level", "?");

		table_text(&table, "%s", level);
		table_style(&table, render_style(level));
		table_text(&table, "%s", jstr_or(line, "subject", ""));
		table_text(&table, "%s", jstr_or(line, "text", ""));
	}
	table_print(&table);
	table_done(&table);
	if (!t->tty)
		return;
	json_array_foreach(lines, i, line)
	{
		const char *hint = jstr(line, "hint");

		if (hint && *hint && strcmp(jstr_or(line, "level", "ok"), "ok") != 0)
			term_line(t, STYLE_PLAIN, "%s: %s", jstr_or(line, "subject", "?"), hint);
	}
}

/* Monitoring systems cut a line at '|' and give quotes a meaning. */
static void add_plain(struct str *out, const char *text)
{
	struct str safe = {0};

	text_safe(&safe, text);
	for (char *p = safe.p; p && *p; p++) {
		if (*p == '|' || *p == '\'')
			*p = ' ';
	}
	str_add(out, str_text(&safe));
	str_done(&safe);
}

static void add_age(struct str *out, const char *name, const char *what, const json_t *backup,
                    int64_t now_us)
{
	int64_t us;

	if (jtime(backup, "finished", &us))
		return;
	str_add(out, " '");
	add_plain(out, name);
	str_addf(out, "_%s_age'=%llds;;;0", what,
	         (long long)(now_us > us ? (now_us - us) / CLOCK_US : 0));
}

static void add_lag(struct str *out, const char *name, const json_t *binlog)
{
	if (!json_is_number(json_object_get(binlog, "lag_seconds")))
		return;
	str_add(out, " '");
	add_plain(out, name);
	str_addf(out, "_binlog_lag'=%.3fs;;;0", jnum(binlog, "lag_seconds"));
}

static void add_perfdata(struct str *out, const json_t *status, int64_t now_us)
{
	json_t *o;
	size_t i;

	json_array_foreach(json_object_get(status, "instances"), i, o)
	{
		const char *name = jstr_or(o, "name", "?");

		add_age(out, name, "full", json_object_get(o, "last_full"), now_us);
		add_age(out, name, "incremental", json_object_get(o, "last_incremental"), now_us);
		add_lag(out, name, json_object_get(o, "binlog"));
	}
	json_array_foreach(json_object_get(status, "repositories"), i, o)
	{
		uint64_t total = jsize(o, "total_bytes"), used = total - jsize(o, "free_bytes");

		if (total == 0 || used > total)
			continue;
		str_add(out, " '");
		add_plain(out, jstr_or(o, "name", "?"));
		str_addf(out, "_use'=%.0f%%;;;0;100", (double)used * 100 / (double)total);
	}
}

static void add_findings(struct str *out, const json_t *lines, const char *level, unsigned *n)
{
	json_t *line;
	size_t i;

	json_array_foreach(lines, i, line)
	{
		if (strcmp(jstr_or(line, "level", ""), level) != 0)
			continue;
		str_add(out, (*n)++ ? "; " : "");
		add_plain(out, jstr_or(line, "subject", "?"));
		str_add(out, ": ");
		add_plain(out, jstr_or(line, "text", "?"));
	}
}

int render_nagios(struct str *out, const json_t *check, const json_t *status, int64_t now_us)
{
	static const char *const worst[] = {"ok", "warning", "critical"};
	static const char *const words[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};
	const json_t *lines = json_object_get(check, "lines");
	const char *found = jstr_or(check, "worst", "");
	unsigned n = 0;
	int code = 0;

	while (code < 3 && strcmp(found, worst[code]) != 0)
		code++;
	if (!jstr(check, "checked")) /* what was never looked at is not fine */
		code = 3;
	str_addf(out, "%s - ", words[code]);
	if (code == 3)
		str_add(out, "mybakd has no result of a check yet");
	else if (code == 0)
		str_addf(out, "%zu checks passed", json_array_size(lines));
	if (code == 2)
		add_findings(out, lines, "critical", &n);
	if (code == 1 || code == 2)
		add_findings(out, lines, "warning", &n);
	if (status) {
		str_add(out, "|");
		add_perfdata(out, status, now_us);
	}
	return code;
}
