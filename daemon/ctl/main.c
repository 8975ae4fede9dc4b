/*
 * mybakctl: read the command line, call the verb, say how it went.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "daemon/ctl/ctl.h"
#include "daemon/ctl/verb.h"

static void set_up(struct ctl *ctl)
{
	const struct args *a = &ctl->args;
	bool no_color = args_has(a, OPT_NO_COLOR);

	ctl->json = args_has(a, OPT_JSON);
	ctl->client.socket = args_has(a, OPT_SOCKET) ? a->value[OPT_SOCKET] : CTL_SOCKET;
	term_init(&ctl->out, stdout, no_color);
	term_init(&ctl->notes, stderr, no_color);
	log_set_level(LOG_LEVEL_WARN);
}

static int run(struct ctl *ctl, struct err *err)
{
	const struct verb *verb = ctl->args.verb;

	if (args_has(&ctl->args, OPT_VERSION)) {
		puts("mybakctl " MYBAK_VERSION);
		return 0;
	}
	if (args_has(&ctl->args, OPT_HELP)) {
		if (verb && verb->run)
			verb_help(verb, stdout);
		else
			verb_usage(stdout);
		return 0;
	}
	if (!verb) {
		err_set(err, ERR_USAGE, "no verb given");
		return err_hint(
		    err, "mybakctl --help lists the verbs; mybakctl status is a good start.");
	}
	if (!verb->run)
		return err_set(err, ERR_REFUSED, "%s is not built yet", verb->name);
	return verb->run(ctl, err);
}

/* Output that did not reach its file must not look like success. */
static int flush(struct err *err)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	return err_set(err, ERR_IO, "cannot write all of the output: %m");
}

int main(int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct ctl ctl = {0};
	int rc = args_parse(&ctl.args, argc, (const char *const *)argv, &err);

	set_up(&ctl);
	if (rc == 0)
		rc = run(&ctl, &err);
	if (rc == 0)
		rc = flush(&err);
	if (rc)
		ctl_report(&ctl, &err);
	client_done(&ctl.client);
	args_done(&ctl.args);
	free(ctl.policy_path);
	return rc ? err_exit_code(err.kind) : ctl.exit_code;
}
