/*
 * check: have the daemon look, and print what it found.  When it is away, look
 * from here: a backup daemon that does not run is itself the worst finding.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "daemon/ctl/ctl.h"
#include "daemon/ctl/follow.h"
#include "daemon/ctl/jget.h"
#include "daemon/ctl/place.h"
#include "daemon/ctl/render.h"
#include "daemon/ctl/verb.h"
#include "job/check.h"

/* Such systems give a check 10 s, also when the daemon hangs. */
#define NAGIOS_WAIT_MS 4000u
#define NAGIOS_ANSWER_S 2u

static const char *level_name(enum check_level level)
{
	return level == CHECK_OK ? "ok" : level == CHECK_WARNING ? "warning" : "critical";
}

static json_t *line_json(const char *level, const char *subject, const char *text, const char *hint)
{
	json_t *o = json_pack("{s:s, s:s, s:s}", "level", level, "subject", subject, "text", text);

	if (o)
		json_object_set_new(o, "hint", hint && *hint ? json_string(hint) : json_null());
	return o;
}

static json_t *look_from_here(const struct policy *policy, const struct err *away)
{
	struct check_result result = {0};
	json_t *lines = json_array();
	char now[32];

	json_array_append_new(lines, line_json("critical", "daemon", away->text, away->hint));
	check_run(policy, &result);
	for (size_t i = 0; i < result.lines.n; i++) {
		const struct check_line *l = &result.lines.v[i];

		json_array_append_new(
		    lines, line_json(level_name(l->level), l->subject, l->text, l->hint));
	}
	check_result_done(&result);
	return json_pack("{s:s, s:s, s:o}", "checked",
	                 clock_format(now, sizeof now, clock_wall_us()), "worst", "critical",
	                 "lines", lines);
}

static int without_daemon(struct ctl *ctl, const struct err *away, struct err *err)
{
	struct policy *policy = NULL;
	struct err why = ERR_INIT;
	json_t *check;

	*err = *away;
	if (place_policy(ctl, &policy, &why)) {
		term_note(&ctl->notes, "%s", why.text);
		return -1;
	}
	check = look_from_here(policy, away);
	json_object_set_new(check, "error", ctl_error_json(err));
	if (!ctl_print_json(ctl, check))
		render_check(&ctl->out, check);
	json_decref(check);
	policy_unref(policy);
	return -1;
}

/* Run one, if we may and it can be done now; else the last result has to do. */
static int have_checked(struct ctl *ctl, unsigned max_ms, struct err *err)
{
	json_t *job = NULL;
	uint64_t id;

	if (follow_start(ctl, "check", NULL, &id, err) == 0 &&
	    follow_job(ctl, id, max_ms, &job, err) == 0) {
		json_decref(job);
		return 0;
	}
	if (err->kind != ERR_REFUSED && err->kind != ERR_BUSY)
		return -1;
	if (!max_ms)
		term_note(&ctl->notes, "this is the result of an earlier check: %s", err->text);
	err_clear(err);
	return 0;
}

static int nagios_unknown(struct ctl *ctl, const struct err *err)
{
	struct str line = {0};

	str_addf(&line, "UNKNOWN - %s", err->text);
	for (char *p = line.p; *p; p++)
		*p = *p == '|' ? ' ' : *p;
	term_line(&ctl->out, STYLE_PLAIN, "%s", str_text(&line));
	str_done(&line);
	ctl->exit_code = 3;
	return 0;
}

static int nagios(struct ctl *ctl)
{
	json_t *check = NULL, *status = NULL;
	struct err err = ERR_INIT;
	struct str line = {0};

	ctl->client.patience_s = NAGIOS_ANSWER_S;
	if (have_checked(ctl, NAGIOS_WAIT_MS, &err) || ctl_get(ctl, "/v1/check", &check, &err))
		return nagios_unknown(ctl, &err);
	if (ctl_get(ctl, "/v1/status", &status, &err))
		status = NULL;
	ctl->exit_code = render_nagios(&line, check, status, clock_wall_us());
	printf("%s\n", str_text(&line));
	str_done(&line);
	json_decref(check);
	json_decref(status);
	return 0;
}

int verb_check(struct ctl *ctl, struct err *err)
{
	json_t *check = NULL;

	if (args_has(&ctl->args, OPT_NAGIOS))
		return nagios(ctl);
	if (have_checked(ctl, 0, err) || ctl_get(ctl, "/v1/check", &check, err)) {
		struct err away = *err;

		return away.kind == ERR_UNREACHABLE ? without_daemon(ctl, &away, err) : -1;
	}
	if (!ctl_print_json(ctl, check))
		render_check(&ctl->out, check);
	if (strcmp(jstr_or(check, "worst", ""), "critical") == 0)
		ctl->exit_code = err_exit_code(ERR_FAILED);
	json_decref(check);
	return 0;
}
