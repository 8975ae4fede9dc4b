/*
 * Jobs now and runs of the past.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/ctl/jget.h"
#include "daemon/ctl/render.h"
#include "daemon/ctl/table.h"

enum style render_style(const char *word)
{
	static const struct {
		const char *word;
		enum style style;
	} known[] = {
	    {"ok", STYLE_GOOD},        {"done", STYLE_GOOD},  {"warning", STYLE_WARN},
	    {"cancelled", STYLE_WARN}, {"failed", STYLE_BAD}, {"critical", STYLE_BAD},
	};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		if (strcmp(word, known[i].word) == 0)
			return known[i].style;
	}
	return STYLE_PLAIN;
}

static void add_state(struct table *t, const json_t *job)
{
	const char *state = jstr_or(job, "state", "");

	table_text(t, "%s", state);
	table_style(t, render_style(state));
}

/* The backup a job made and what is to be said of it, or why it made none. */
static void add_result(struct table *t, const json_t *job)
{
	const char *message = jstr(json_object_get(job, "error"), "message");
	const char *backup = jstr_or(job, "backup", ""), *note = jstr_or(job, "note", "");

	if (message)
		table_text(t, "%s", message);
	else
		table_text(t, "%s%s%s", backup, *backup && *note ? ": " : "", note);
}

static void add_done(struct table *t, const json_t *job)
{
	uint64_t done = jsize(job, "bytes_done"), total = jsize(job, "bytes_total");

	if (strcmp(jstr_or(job, "state", ""), "done") == 0) /* the total is an estimate */
		table_text(t, "100%%");
	else if (total)
		table_text(t, "%llu%%",
		           (unsigned long long)((double)(done > total ? total : done) * 100 /
		                                (double)total));
	else
		table_text(t, "%s", "");
}

void render_jobs(const struct term *term, const json_t *jobs)
{
	static const char *const titles[] = {">JOB",  "TYPE",    "INSTANCE", "STATE",  "STEP",
	                                     ">DONE", "STARTED", "FINISHED", "RESULT", NULL};
	struct table t;
	json_t *job;
	size_t i;

	if (term->tty && json_array_size(jobs) == 0) {
		term_line(term, STYLE_PLAIN, "No jobs.");
		return;
	}
	table_init(&t, term, titles);
	json_array_foreach(jobs, i, job)
	{
		table_text(&t, "%llu", (unsigned long long)jsize(job, "id"));
		table_text(&t, "%s", jstr_or(job, "type", ""));
		table_text(&t, "%s", jstr_or(job, "instance", ""));
		add_state(&t, job);
		table_text(&t, "%s", jstr_or(job, "step", ""));
		add_done(&t, job);
		table_time(&t, jstr(job, "started"));
		table_time(&t, jstr(job, "finished"));
		add_result(&t, job);
	}
	table_print(&t);
	table_done(&t);
}

void render_history(const struct term *term, const json_t *history)
{
	static const char *const titles[] = {"STARTED", ">JOB",   "TYPE",  "INSTANCE",
	                                     "STATE",   ">TOOK",  ">READ", ">STORED",
	                                     ">LOCK",   "RESULT", NULL};
	struct table t;
	json_t *run;
	size_t i;

	if (term->tty && json_array_size(history) == 0) {
		term_line(term, STYLE_PLAIN, "Nothing has run yet.");
		return;
	}
	table_init(&t, term, titles);
	json_array_foreach(history, i, run)
	{
		table_time(&t, jstr(run, "started"));
		table_text(&t, "%llu", (unsigned long long)jsize(run, "id"));
		table_text(&t, "%s", jstr_or(run, "type", ""));
		table_text(&t, "%s", jstr_or(run, "instance", ""));
		add_state(&t, run);
		table_seconds(&t, jnum(run, "duration_seconds"));
		table_size(&t, jsize(run, "read_bytes"));
		table_size(&t, jsize(run, "stored_bytes"));
		table_seconds(&t, jnum(run, "lock_seconds"));
		add_result(&t, run);
	}
	table_print(&t);
	table_done(&t);
}
