/*
 * Verbs the daemon does: ask, and print what it says.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "daemon/ctl/ctl.h"
#include "daemon/ctl/follow.h"
#include "daemon/ctl/jget.h"
#include "daemon/ctl/render.h"
#include "daemon/ctl/verb.h"

int verb_status(struct ctl *ctl, struct err *err)
{
	json_t *status = NULL;

	if (ctl_get(ctl, "/v1/status", &status, err))
		return -1;
	if (!ctl_print_json(ctl, status))
		render_status(&ctl->out, status, clock_wall_us());
	json_decref(status);
	return 0;
}

static void say_started(struct ctl *ctl, uint64_t id, const char *type, const char *instance)
{
	json_t *answer = json_pack("{s:I}", "id", (json_int_t)id);

	if (!ctl_print_json(ctl, answer))
		term_line(&ctl->out, STYLE_PLAIN, "job %llu: %s of %s is on its way",
		          (unsigned long long)id, type, instance ? instance : "everything");
	json_decref(answer);
}

static int wait_for(struct ctl *ctl, uint64_t id, struct err *err)
{
	json_t *job = NULL, *list;
	int rc;

	if (follow_job(ctl, id, 0, &job, err))
		return -1;
	rc = follow_outcome(job, err);
	if (!ctl_print_json(ctl, job) && rc == 0) {
		list = json_pack("[O]", job);
		render_jobs(&ctl->out, list);
		json_decref(list);
	}
	json_decref(job);
	return rc;
}

static int check_type(const char *type, struct err *err)
{
	static const char *const types[] = {"full",   "incremental", "binlog",
	                                    "verify", "expire",      "check"};
	const size_t n = sizeof types / sizeof *types;

	for (size_t i = 0; i < n; i++) {
		if (strcmp(type, types[i]) == 0)
			return 0;
	}
	if (strcmp(type, "drill") == 0)
		return err_set(err, ERR_REFUSED, "%s is not built yet", type);
	err_set(err, ERR_USAGE, "run-now: unknown job type %s", type);
	const char *near = str_nearest(type, types, n);
	if (near)
		return err_hint(err, "Did you mean %s?", near);
	return err_hint(err, "Allowed are full, incremental, binlog, verify, expire and check.");
}

int verb_run_now(struct ctl *ctl, struct err *err)
{
	const char *type = ctl->args.words.v[0];
	char *instance = NULL;
	uint64_t id;
	int rc = -1;

	if (check_type(type, err))
		return -1;
	if (strcmp(type, "check") != 0 && ctl_instance(ctl, &instance, err))
		return -1;
	if (follow_start(ctl, type, instance, &id, err))
		goto out;
	if (args_has(&ctl->args, OPT_WAIT)) {
		rc = wait_for(ctl, id, err);
		goto out;
	}
	say_started(ctl, id, type, instance);
	rc = 0;
out:
	free(instance);
	return rc;
}

int verb_jobs(struct ctl *ctl, struct err *err)
{
	json_t *answer = NULL;

	if (ctl_get(ctl, "/v1/jobs", &answer, err))
		return -1;
	if (!ctl_print_json(ctl, answer))
		render_jobs(&ctl->out, json_object_get(answer, "jobs"));
	json_decref(answer);
	return 0;
}

int verb_cancel(struct ctl *ctl, struct err *err)
{
	const char *word = ctl->args.words.v[0];
	json_t *answer = NULL;
	char path[64];

	if (!*word || word[strspn(word, "0123456789")] || strlen(word) > 18) {
		err_set(err, ERR_USAGE, "cancel: %s is not the number of a job", word);
		return err_hint(err, "mybakctl jobs lists them.");
	}
	snprintf(path, sizeof path, "/v1/jobs/%s", word);
	if (client_call(&ctl->client, "DELETE", path, NULL, &answer, err))
		return -1;
	if (!ctl_print_json(ctl, answer))
		term_line(&ctl->out, STYLE_PLAIN, "job %s is asked to stop", word);
	json_decref(answer);
	return 0;
}

int verb_history(struct ctl *ctl, struct err *err)
{
	json_t *answer = NULL;

	if (ctl_get(ctl, "/v1/history", &answer, err))
		return -1;
	if (!ctl_print_json(ctl, answer))
		render_history(&ctl->out, json_object_get(answer, "history"));
	json_decref(answer);
	return 0;
}

int verb_space(struct ctl *ctl, struct err *err)
{
	json_t *answer = NULL;

	if (ctl_get(ctl, "/v1/space", &answer, err))
		return -1;
	if (!ctl_print_json(ctl, answer))
		render_space(&ctl->out, answer);
	json_decref(answer);
	return 0;
}

/* All errors of the policy; one alone is told by err already. */
static void say_refused(struct ctl *ctl, struct err *err)
{
	const json_t *report = json_object_get(ctl->client.refusal, "report"), *line;
	json_t *value;
	size_t i;

	if (json_array_size(report) < 2)
		return;
	value = json_pack("{s:O}", "error", ctl->client.refusal);
	ctl_print_json(ctl, value);
	json_decref(value);
	json_array_foreach(report, i, line)
	{
		term_line(&ctl->notes, STYLE_PLAIN, "%s", json_string_value(line));
	}
	err_set(err, err->kind, "the policy has errors: it is not in force");
	err_hint(err, "Correct them and reload; the policy read before stays in force.");
}

int verb_reload(struct ctl *ctl, struct err *err)
{
	json_t *answer = NULL;

	if (client_call(&ctl->client, "POST", "/v1/reload", NULL, &answer, err)) {
		say_refused(ctl, err);
		return -1;
	}
	if (!ctl_print_json(ctl, answer))
		term_line(&ctl->out, STYLE_PLAIN, "The daemon has read its policy again.");
	json_decref(answer);
	return 0;
}
