#include "daemon/ctl/follow.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "daemon/ctl/bar.h"
#include "daemon/ctl/jget.h"

#define POLL_MIN_MS 20u
#define POLL_MAX_MS 500u
#define LOST_POLLS 10u /* a daemon that restarts is given this many polls to come back */

/* A twentieth of the time it takes already: short jobs are told at once, long ones
 * do not keep the daemon busy with answers. */
static unsigned poll_ms(uint64_t from_ns, bool lost)
{
	uint64_t ms = (clock_mono_ns() - from_ns) / 1000000 / 20;

	if (lost || ms > POLL_MAX_MS)
		return POLL_MAX_MS;
	return ms < POLL_MIN_MS ? POLL_MIN_MS : (unsigned)ms;
}

int follow_start(struct ctl *ctl, const char *type, const char *instance, uint64_t *ret_job,
                 struct err *err)
{
	json_t *answer = NULL, *body = json_pack("{s:s}", "type", type);
	int rc = -1;

	if (body && instance)
		json_object_set_new(body, "instance", json_string(instance));
	if (client_call(&ctl->client, "POST", "/v1/jobs", body, &answer, err))
		goto out;
	*ret_job = jsize(answer, "id");
	rc = 0;
	if (*ret_job == 0)
		rc = err_set(err, ERR_FAILED, "mybakd at %s took the job but gave no id",
		             ctl->client.socket);
out:
	json_decref(answer);
	json_decref(body);
	return rc;
}

bool follow_ended(const json_t *job)
{
	const char *state = jstr_or(job, "state", "");

	return !strcmp(state, "done") || !strcmp(state, "failed") || !strcmp(state, "cancelled");
}

void follow_label(const json_t *job, struct str *out)
{
	const char *instance = jstr(job, "instance"), *step = jstr(job, "step");

	str_addf(out, "job %llu %s", (unsigned long long)jsize(job, "id"),
	         jstr_or(job, "type", "?"));
	if (instance)
		str_addf(out, " %s", instance);
	str_addf(out, ": %s", step && *step ? step : jstr_or(job, "state", "?"));
}

static void draw(struct bar *bar, const json_t *job)
{
	struct str label = {0};

	follow_label(job, &label);
	bar_draw(bar, str_text(&label), jsize(job, "bytes_done"), jsize(job, "bytes_total"));
	str_done(&label);
}

static int let_go(uint64_t id, struct err *err)
{
	err_set(err, ERR_CANCELLED, "no longer following job %llu; it goes on",
	        (unsigned long long)id);
	return err_hint(err, "mybakctl cancel %llu stops it, mybakctl watch follows it again.",
	                (unsigned long long)id);
}

int follow_job(struct ctl *ctl, uint64_t id, unsigned max_ms, json_t **ret_job, struct err *err)
{
	char *path = mem_printf("/v1/jobs/%llu", (unsigned long long)id);
	const struct cancel *interrupt = ctl_catch_interrupt();
	uint64_t from_ns = clock_mono_ns();
	struct bar bar = {.term = &ctl->notes};
	unsigned lost = 0;
	json_t *job = NULL;
	int rc = -1;

	for (;;) {
		json_decref(job);
		job = NULL;
		if (ctl_get(ctl, path, &job, err) == 0) {
			lost = 0;
			if (follow_ended(job))
				break;
			draw(&bar, job);
		} else if (err->kind != ERR_UNREACHABLE || ++lost == LOST_POLLS) {
			err_add(err, "job %llu", (unsigned long long)id);
			if (err->kind == ERR_NOT_FOUND)
				err_hint(err,
				         "The daemon was restarted meanwhile: mybakctl history "
				         "tells how the job ended.");
			goto out;
		}
		clock_sleep_ms(poll_ms(from_ns, lost > 0));
		if (cancel_check(interrupt, NULL)) {
			let_go(id, err);
			goto out;
		}
		if (max_ms && (clock_mono_ns() - from_ns) / 1000000 > max_ms) {
			err_set(err, ERR_BUSY, "job %llu has not ended yet",
			        (unsigned long long)id);
			goto out;
		}
	}
	*ret_job = job;
	job = NULL;
	err_clear(err);
	rc = 0;
out:
	bar_clear(&bar);
	json_decref(job);
	free(path);
	return rc;
}

int follow_outcome(const json_t *job, struct err *err)
{
	const char *state = jstr_or(job, "state", "?");
	unsigned long long id = jsize(job, "id");

	if (strcmp(state, "done") == 0)
		return 0;
	if (strcmp(state, "cancelled") == 0)
		return err_set(err, ERR_CANCELLED, "job %llu was cancelled", id);
	client_reason(json_object_get(job, "error"), "it failed without a reason", err);
	return err_add(err, "job %llu (%s)", id, jstr_or(job, "type", "?"));
}
