#include "daemon/ctl/ctl.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/ctl/jget.h"

int ctl_get(struct ctl *ctl, const char *path, json_t **ret, struct err *err)
{
	return client_call(&ctl->client, "GET", path, NULL, ret, err);
}

static int several(const json_t *instances, struct err *err)
{
	struct str names = {0};
	json_t *o;
	size_t i;

	json_array_foreach(instances, i, o)
	{
		str_addf(&names, "%s%s", i ? ", " : "", jstr_or(o, "name", "?"));
	}
	err_set(err, ERR_USAGE, "which instance? The daemon has %s", str_text(&names));
	str_done(&names);
	return err_hint(err, "Say -i INSTANCE.");
}

int ctl_instance(struct ctl *ctl, char **ret, struct err *err)
{
	json_t *status = NULL, *instances;
	const char *name;
	int rc = -1;

	if (args_has(&ctl->args, OPT_INSTANCE)) {
		*ret = mem_strdup(ctl->args.value[OPT_INSTANCE]);
		return 0;
	}
	if (ctl_get(ctl, "/v1/status", &status, err))
		return -1;
	instances = json_object_get(status, "instances");
	name = jstr(json_array_get(instances, 0), "name");
	if (json_array_size(instances) > 1) {
		several(instances, err);
	} else if (!name) {
		err_set(err, ERR_NOT_FOUND, "the daemon has no instance");
	} else {
		*ret = mem_strdup(name);
		rc = 0;
	}
	json_decref(status);
	return rc;
}

static void dump(const json_t *value, size_t flags)
{
	/* 15 digits: 0.084 stays 0.084 */
	json_dumpf(value, stdout,
	           flags | JSON_ENSURE_ASCII | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
	fputc('\n', stdout);
}

bool ctl_print_json(struct ctl *ctl, const json_t *value)
{
	if (!ctl->json)
		return false;
	dump(value, JSON_INDENT(2));
	ctl->printed = true;
	return true;
}

void ctl_json_line(const json_t *value)
{
	dump(value, JSON_COMPACT);
	fflush(stdout);
}

json_t *ctl_error_json(const struct err *err)
{
	return json_pack("{s:s, s:s, s:s}", "kind", err_kind_name(err->kind), "message", err->text,
	                 "hint", err->hint);
}

void ctl_report(struct ctl *ctl, const struct err *err)
{
	json_t *value;

	fflush(stdout);
	fprintf(ctl->notes.to, "%smybakctl:%s ", term_on(&ctl->notes, STYLE_BAD),
	        term_off(&ctl->notes, STYLE_BAD));
	term_line(&ctl->notes, STYLE_PLAIN, "%s", err->text);
	if (err->hint[0])
		term_line(&ctl->notes, STYLE_PLAIN, "HINT: %s", err->hint);
	if (!ctl->json || ctl->printed)
		return;
	value = json_pack("{s:o}", "error", ctl_error_json(err));
	ctl_print_json(ctl, value);
	json_decref(value);
}

static struct cancel interrupted;

static void on_signal(int number)
{
	(void)number;
	cancel_ask(&interrupted);
}

struct cancel *ctl_catch_interrupt(void)
{
	struct sigaction action = {.sa_handler = on_signal};

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	return &interrupted;
}
