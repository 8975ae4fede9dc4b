/*
 * watch: the jobs that run, drawn over themselves until none is left; in a pipe a
 * line for each change, with --json a line for each look.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "daemon/ctl/bar.h"
#include "daemon/ctl/ctl.h"
#include "daemon/ctl/follow.h"
#include "daemon/ctl/jget.h"
#include "daemon/ctl/verb.h"

#define LOOK_MS 500u
#define RATES 16u

struct watch {
	struct ctl *ctl;
	unsigned drawn; /* lines of the last look on the terminal */
	struct {
		uint64_t job;
		struct bar_rate rate;
	} rates[RATES];  /* by job number modulo RATES */
	struct str last; /* labels of the last look in a pipe */
};

static double rate_of(struct watch *w, const json_t *job)
{
	uint64_t id = jsize(job, "id");
	unsigned slot = (unsigned)(id % RATES);

	if (w->rates[slot].job != id) {
		w->rates[slot].job = id;
		w->rates[slot].rate = (struct bar_rate){0};
	}
	bar_rate_feed(&w->rates[slot].rate, jsize(job, "bytes_done"), clock_mono_ns());
	return w->rates[slot].rate.per_second;
}

static void draw(struct watch *w, const json_t *active)
{
	const struct term *t = &w->ctl->out;
	json_t *job;
	size_t i;

	if (w->drawn)
		fprintf(t->to, "\033[%uA\r\033[J", w->drawn);
	json_array_foreach(active, i, job)
	{
		struct str label = {0}, line = {0};

		follow_label(job, &label);
		bar_text(&line, str_text(&label), jsize(job, "bytes_done"),
		         jsize(job, "bytes_total"), rate_of(w, job), term_width(t) - 1);
		fprintf(t->to, "%s\n", str_text(&line));
		str_done(&label);
		str_done(&line);
	}
	w->drawn = (unsigned)json_array_size(active);
	fflush(t->to);
}

static void print_changes(struct watch *w, const json_t *active)
{
	struct str now = {0};
	json_t *job;
	size_t i;

	json_array_foreach(active, i, job)
	{
		struct str label = {0}, line = {0};

		follow_label(job, &label);
		text_safe(&line, str_text(&label));
		str_add(&line, "\n");
		if (!strstr(str_text(&w->last), str_text(&line)))
			fputs(str_text(&line), w->ctl->out.to);
		str_add(&now, str_text(&line));
		str_done(&label);
		str_done(&line);
	}
	fflush(w->ctl->out.to);
	str_done(&w->last);
	w->last = now;
}

static json_t *active_of(const json_t *jobs)
{
	json_t *active = json_array(), *job;
	size_t i;

	json_array_foreach(jobs, i, job)
	{
		if (!follow_ended(job))
			json_array_append(active, job);
	}
	return active;
}

static void look(struct watch *w, const json_t *active)
{
	if (w->ctl->json)
		ctl_json_line(active);
	else if (w->ctl->out.tty)
		draw(w, active);
	else
		print_changes(w, active);
}

int verb_watch(struct ctl *ctl, struct err *err)
{
	const struct cancel *interrupt = ctl_catch_interrupt();
	struct watch w = {.ctl = ctl};
	size_t running = 1;
	int rc = -1;

	while (running > 0) {
		json_t *answer = NULL, *active;

		if (ctl_get(ctl, "/v1/jobs", &answer, err))
			goto out;
		active = active_of(json_object_get(answer, "jobs"));
		running = json_array_size(active);
		look(&w, active);
		json_decref(active);
		json_decref(answer);
		if (running > 0)
			clock_sleep_ms(LOOK_MS);
		if (cancel_check(interrupt, NULL)) { /* the usual way to leave, no failure */
			ctl->exit_code = err_exit_code(ERR_CANCELLED);
			rc = 0;
			goto out;
		}
	}
	if (ctl->out.tty && !ctl->json)
		term_line(&ctl->out, STYLE_PLAIN, "Nothing runs.");
	rc = 0;
out:
	str_done(&w.last);
	return rc;
}
