/*
 * config show: the policy as mybak understands it.
 */
#include <string.h>

#include "conf/conf.h"
#include "daemon/ctl/ctl.h"
#include "daemon/ctl/place.h"
#include "daemon/ctl/verb.h"

static void print_safe(const struct term *t, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");

		term_line(t, STYLE_PLAIN, "%.*s", (int)n, text);
		text += n + (text[n] == '\n');
	}
}

int verb_config(struct ctl *ctl, struct err *err)
{
	struct policy *policy = NULL;
	struct str text = {0};
	json_t *value;

	if (strcmp(ctl->args.words.v[0], "show") != 0) {
		err_set(err, ERR_USAGE, "config: unknown word %s", ctl->args.words.v[0]);
		return err_hint(err, "mybakctl config show is what there is.");
	}
	if (place_policy(ctl, &policy, err))
		return -1;
	conf_show(policy, &text);
	value = json_pack("{s:s, s:s}", "path", place_policy_path(ctl), "yaml", str_text(&text));
	if (!ctl_print_json(ctl, value))
		print_safe(&ctl->out, str_text(&text));
	json_decref(value);
	str_done(&text);
	policy_unref(policy);
	return 0;
}
