/*
 * Backups: all of them a line each, or one of them in full.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/ctl/jget.h"
#include "daemon/ctl/render.h"
#include "daemon/ctl/table.h"

#define UNLOCKED_SHOWN 3

static void add_position(struct table *t, const json_t *binlog)
{
	const char *file = jstr(binlog, "file");

	if (file)
		table_text(t, "%s:%llu", file, (unsigned long long)jsize(binlog, "position"));
	else
		table_text(t, "%s", "");
}

/* Up to where binlogs lead on, and whether the window begins here. */
static void add_window(struct table *t, const json_t *window)
{
	table_time(t, jstr(window, "newest"));
	table_text(t, "%s",
	           !json_is_object(window)                           ? ""
	           : json_is_true(json_object_get(window, "begins")) ? "begins"
	                                                             : "within");
}

/* How many tables no lock held still, and the first of them. */
static void add_unlocked(struct table *t, const json_t *unlocked)
{
	const unsigned long long n = jsize(unlocked, "count");
	struct str s = {0};
	json_t *name;
	size_t i;

	if (n)
		str_addf(&s, "%llu: ", n);
	json_array_foreach(json_object_get(unlocked, "names"), i, name)
	{
		if (i == UNLOCKED_SHOWN)
			break;
		const char *text = json_string_value(name);
		str_addf(&s, "%s%s", i ? ", " : "", text ? text : "?");
	}
	table_text(t, "%s%s", str_text(&s), n > UNLOCKED_SHOWN ? ", …" : "");
	str_done(&s);
}

void render_backups(const struct term *term, const json_t *backups)
{
	static const char *const titles[] = {"ID",      "INSTANCE",       "KIND",  "PARENT",
	                                     "STARTED", ">TOOK",          ">SIZE", ">STORED",
	                                     "PROVEN",  "BINLOG",         "GTID",  "FORWARD TO",
	                                     "WINDOW",  "NOT HELD STILL", NULL};
	struct table t;
	json_t *b;
	size_t i;

	if (term->tty && json_array_size(backups) == 0) {
		term_line(term, STYLE_PLAIN, "No backups.");
		return;
	}
	table_init(&t, term, titles);
	json_array_foreach(backups, i, b)
	{
		const json_t *binlog = json_object_get(b, "binlog");

		table_text(&t, "%s", jstr_or(b, "id", ""));
		table_text(&t, "%s", jstr_or(b, "instance", ""));
		table_text(&t, "%s", jstr_or(b, "kind", ""));
		table_text(&t, "%s", jstr_or(b, "parent", ""));
		table_time(&t, jstr(b, "started"));
		table_seconds(&t, jnum(b, "duration_seconds"));
		table_size(&t, jsize(b, "size_bytes"));
		table_size(&t, jsize(b, "stored_bytes"));
		table_time(&t, jstr(b, "proven"));
		add_position(&t, binlog);
		table_text(&t, "%s", jstr_or(binlog, "gtid", ""));
		add_window(&t, json_object_get(b, "recovery_window"));
		add_unlocked(&t, json_object_get(b, "tables_without_lock"));
	}
	table_print(&t);
	table_done(&t);
}

void render_fact(const struct term *t, const char *label, const char *fmt, ...)
{
	struct str safe = {0};
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = mem_strdup("?");
	va_end(ap);
	text_safe(&safe, text);
	if (safe.n > 0 && t->tty)
		fprintf(t->to, "%s%-18s%s%s\n", term_on(t, STYLE_BOLD), label,
		        term_off(t, STYLE_BOLD), str_text(&safe));
	else if (safe.n > 0)
		fprintf(t->to, "%s\t%s\n", label, str_text(&safe));
	str_done(&safe);
	free(text);
}

static void fact_size(const struct term *t, const char *label, const json_t *o, const char *key)
{
	char buf[STR_HUMAN_MAX];
	unsigned long long bytes = jsize(o, key);

	if (t->tty)
		render_fact(t, label, "%s (%llu bytes)", str_size(buf, bytes), bytes);
	else
		render_fact(t, label, "%llu", bytes);
}

static void fact_seconds(const struct term *t, const char *label, const json_t *o, const char *key)
{
	char buf[STR_HUMAN_MAX];
	double seconds = jnum(o, key);

	if (t->tty)
		render_fact(t, label, "%s", str_duration(buf, seconds));
	else
		render_fact(t, label, "%.3f", seconds);
}

static void fact_time(const struct term *t, const char *label, const json_t *o, const char *key)
{
	char buf[64];
	int64_t us;

	if (t->tty && jtime(o, key, &us) == 0)
		render_fact(t, label, "%s", clock_format_local(buf, sizeof buf, us));
	else
		render_fact(t, label, "%s", jstr_or(o, key, ""));
}

static void show_files(const struct term *term, const json_t *files)
{
	static const char *const titles[] = {"KIND", ">SIZE", "PATH", NULL};
	struct table t;
	json_t *f;
	size_t i;

	table_init(&t, term, titles);
	t.lead = "file";
	json_array_foreach(files, i, f)
	{
		table_text(&t, "%s", jstr_or(f, "kind", ""));
		table_size(&t, jsize(f, "size"));
		table_text(&t, "%s", jstr_or(f, "path", ""));
	}
	table_print(&t);
	table_done(&t);
}

static void show_sentences(const struct term *t, const char *label, const json_t *list)
{
	json_t *line;
	size_t i;

	json_array_foreach(list, i, line)
	{
		const char *text = json_string_value(line);

		if (text)
			render_fact(t, label, "%s", text);
	}
}

/* What else must be put somewhere, or set, on the machine the backup is restored to. */
static void show_surroundings(const struct term *t, const json_t *b)
{
	json_t *o;
	size_t i;
	const char *name;

	json_array_foreach(json_object_get(b, "roots"), i, o)
	{
		const char *path = jstr(o, "path"), *role = jstr_or(o, "role", "?");

		if (path && strcmp(role, "datadir") != 0)
			render_fact(t, "outside", "%s (%s)", path, role);
	}
	json_object_foreach(json_object_get(b, "settings"), name, o)
	{
		if (json_is_string(o))
			render_fact(t, "setting", "%s=%s", name, json_string_value(o));
	}
	json_array_foreach(json_object_get(b, "corrupt"), i, o)
	{
		render_fact(t, "corrupt page", "%s: %llu", jstr_or(o, "path", "?"),
		            (unsigned long long)jsize(o, "page"));
	}
	show_sentences(t, "not held still",
	               json_object_get(json_object_get(b, "tables_without_lock"), "names"));
}

static void show_point(const struct term *t, const json_t *b)
{
	const json_t *lsn = json_object_get(b, "lsn"), *binlog = json_object_get(b, "binlog");
	const json_t *window = json_object_get(b, "recovery_window");
	const char *file = jstr(binlog, "file");

	if (file)
		render_fact(t, "binlog", "%s:%llu", file,
		            (unsigned long long)jsize(binlog, "position"));
	else
		render_fact(t, "binlog", "the server wrote none");
	render_fact(t, "gtid", "%s", jstr_or(binlog, "gtid", ""));
	fact_time(t, "window from", window, "oldest");
	fact_time(t, "forward to", window, "newest");
	render_fact(t, "lsn", "%llu to %llu", (unsigned long long)jsize(lsn, "checkpoint"),
	            (unsigned long long)jsize(lsn, "end"));
}

void render_backup(const struct term *t, const json_t *b, bool with_files)
{
	const json_t *server = json_object_get(b, "server"), *pages = json_object_get(b, "pages");
	const json_t *files = json_object_get(b, "files");

	render_fact(t, "id", "%s", jstr_or(b, "id", "?"));
	render_fact(t, "instance", "%s", jstr_or(b, "instance", ""));
	render_fact(t, "kind", "%s", jstr_or(b, "kind", ""));
	render_fact(t, "parent", "%s", jstr_or(b, "parent", ""));
	render_fact(t, "why full", "%s", jstr_or(b, "full_reason", ""));
	fact_time(t, "started", b, "started");
	fact_time(t, "finished", b, "finished");
	fact_seconds(t, "took", b, "duration_seconds");
	fact_seconds(t, "commits held", b, "lock_seconds");
	render_fact(t, "method", "%s", jstr_or(b, "method", ""));
	render_fact(t, "server", "%s %s", jstr_or(server, "flavour", "?"),
	            jstr_or(server, "version", "?"));
	render_fact(t, "server uuid", "%s", jstr_or(server, "uuid", ""));
	show_point(t, b);
	fact_size(t, "data directory", b, "size_bytes");
	fact_size(t, "read", b, "read_bytes");
	fact_size(t, "stored", b, "stored_bytes");
	render_fact(
	    t, "pages", "%llu total, %llu stored, %llu read again, %llu unverified, %llu corrupt",
	    (unsigned long long)jsize(pages, "total"), (unsigned long long)jsize(pages, "stored"),
	    (unsigned long long)jsize(pages, "reread"),
	    (unsigned long long)jsize(pages, "unverified"),
	    (unsigned long long)jsize(pages, "corrupt"));
	show_surroundings(t, b);
	show_sentences(t, "warning", json_object_get(b, "warnings"));
	fact_time(t, "proven", b, "proven");
	if (json_is_array(files))
		render_fact(t, "files", "%zu", json_array_size(files));
	if (with_files)
		show_files(t, files);
}
