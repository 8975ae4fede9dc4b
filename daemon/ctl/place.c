#include "daemon/ctl/place.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/conf.h"
#include "daemon/ctl/jget.h"
#include "model/manifest.h"

#define HANG_S 2u

static char *daemons_policy(struct ctl *ctl)
{
	json_t *status = NULL;
	const char *path;
	char *copy = NULL;

	ctl->client.patience_s = HANG_S;
	if (ctl_get(ctl, "/v1/status", &status, NULL) == 0) {
		path = jstr_or(json_object_get(status, "policy"), "path", "");
		copy = path[0] == '/' ? mem_strdup(path) : NULL;
	}
	ctl->client.patience_s = 0;
	json_decref(status);
	return copy;
}

const char *place_policy_path(struct ctl *ctl)
{
	if (!ctl->policy_path && args_has(&ctl->args, OPT_POLICY))
		ctl->policy_path = mem_strdup(ctl->args.value[OPT_POLICY]);
	if (!ctl->policy_path)
		ctl->policy_path = daemons_policy(ctl);
	if (!ctl->policy_path)
		ctl->policy_path = mem_strdup(CTL_POLICY);
	return ctl->policy_path;
}

static void print_report(struct ctl *ctl, const struct str *report)
{
	const char *line = str_text(report);

	while (*line) {
		size_t n = strcspn(line, "\n");

		term_line(&ctl->notes, STYLE_PLAIN, "%.*s", (int)n, line);
		line += n + (line[n] == '\n');
	}
}

int place_policy(struct ctl *ctl, struct policy **ret, struct err *err)
{
	struct str report = {0};
	int rc = conf_load(place_policy_path(ctl), ret, &report, err);

	/* one error is told by err already */
	if (rc && strchr(str_text(&report), '\n') != strrchr(str_text(&report), '\n'))
		print_report(ctl, &report);
	str_done(&report);
	return rc;
}

int place_instance(struct ctl *ctl, const struct policy *p, const struct policy_instance **ret,
                   struct err *err)
{
	const char *wanted = ctl->args.value[OPT_INSTANCE];

	if (wanted) {
		const struct policy_instance *found = policy_find_instance(p, wanted);

		if (!found)
			return err_set(err, ERR_NOT_FOUND, "%s has no instance %s",
			               place_policy_path(ctl), wanted);
		*ret = found;
		return 0;
	}
	if (p->instance_n != 1) {
		err_set(err, ERR_USAGE, "which instance? %s has %zu", place_policy_path(ctl),
		        p->instance_n);
		return err_hint(err, "Say -i INSTANCE.");
	}
	*ret = &p->instances[0];
	return 0;
}

static int policy_place(struct ctl *ctl, struct place *ret, struct err *err)
{
	const char *wanted = ctl->args.value[OPT_INSTANCE];
	struct policy *p = NULL;

	if (place_policy(ctl, &p, err))
		return err->hint[0] ? -1 : err_hint(err, "Say --repo URL to do without a policy.");
	if (p->repository_n == 0) {
		policy_unref(p);
		return err_set(err, ERR_USAGE, "%s names no repository", place_policy_path(ctl));
	}
	ret->policy = p;
	ret->url = mem_strdup(p->repositories[0].url);
	ret->must_be_mounted = p->repositories[0].must_be_mounted;
	if (wanted)
		ret->instance = policy_find_instance(p, wanted);
	else if (p->instance_n == 1)
		ret->instance = &p->instances[0];
	return 0;
}

int place_find(struct ctl *ctl, struct place *ret, struct err *err)
{
	const char *asked = ctl->args.value[OPT_REPO];

	*ret = (struct place){0};
	if (!asked)
		return policy_place(ctl, ret, err);
	ret->url = asked[0] == '/' ? mem_printf("file://%s", asked) : mem_strdup(asked);
	return 0;
}

void place_done(struct place *p)
{
	free(p->url);
	policy_unref(p->policy);
}

int place_open(struct ctl *ctl, struct repo **ret, struct err *err)
{
	struct repo_options options = {0};
	struct place place;
	int rc;

	if (place_find(ctl, &place, err))
		return -1;
	options.must_be_mounted = place.must_be_mounted;
	rc = repo_open(place.url, &options, ret, err);
	place_done(&place);
	return rc;
}

int place_instead_of_daemon(struct ctl *ctl, const struct err *away, struct repo **ret,
                            struct err *err)
{
	struct err why = ERR_INIT;

	if (access(place_policy_path(ctl), R_OK) != 0) {
		*err = *away;
		return -1;
	}
	term_note(&ctl->notes, "%s", away->text);
	if (place_open(ctl, ret, &why)) {
		*err = why;
		return -1;
	}
	term_note(&ctl->notes, "reading %s instead, which %s names", (*ret)->url,
	          place_policy_path(ctl));
	return 0;
}

int place_id(const char *word, const char **ret, struct err *err)
{
	if (!backup_id_valid(word)) {
		err_set(err, ERR_USAGE, "%s is not the id of a backup", word);
		return err_hint(err, "mybakctl list shows the ids; they look like "
		                     "20261122T020000Z-full.");
	}
	*ret = word;
	return 0;
}

int place_backup(const char *word, const char **ret, struct err *err)
{
	if (strcmp(word, "latest") != 0)
		return place_id(word, ret, err);
	*ret = NULL;
	return 0;
}
