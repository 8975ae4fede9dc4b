#include "daemon/ctl/place.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/conf.h"
#include "model/manifest.h"

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
	int rc = conf_load(ctl->policy_path, ret, &report, err);

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
			               ctl->policy_path, wanted);
		*ret = found;
		return 0;
	}
	if (p->instance_n != 1) {
		err_set(err, ERR_USAGE, "which instance? %s has %zu", ctl->policy_path,
		        p->instance_n);
		return err_hint(err, "Say -i INSTANCE.");
	}
	*ret = &p->instances[0];
	return 0;
}

static int policy_repository(struct ctl *ctl, char **ret_url, bool *ret_mounted, struct err *err)
{
	struct policy *policy = NULL;

	if (place_policy(ctl, &policy, err)) {
		if (!err->hint[0])
			err_hint(err, "Say --repo URL to do without a policy.");
		return -1;
	}
	if (policy->repository_n == 0) {
		policy_unref(policy);
		return err_set(err, ERR_USAGE, "%s names no repository", ctl->policy_path);
	}
	*ret_url = mem_strdup(policy->repositories[0].url);
	*ret_mounted = policy->repositories[0].must_be_mounted;
	policy_unref(policy);
	return 0;
}

static int choose(struct ctl *ctl, char **ret_url, bool *ret_mounted, struct err *err)
{
	const char *asked = ctl->args.value[OPT_REPO];

	if (!asked)
		return policy_repository(ctl, ret_url, ret_mounted, err);
	*ret_mounted = false;
	*ret_url = asked[0] == '/' ? mem_printf("file://%s", asked) : mem_strdup(asked);
	return 0;
}

int place_url(struct ctl *ctl, char **ret, struct err *err)
{
	bool mounted;

	return choose(ctl, ret, &mounted, err);
}

int place_open(struct ctl *ctl, struct repo **ret, struct err *err)
{
	struct repo_options options = {0};
	char *url = NULL;
	int rc;

	if (choose(ctl, &url, &options.must_be_mounted, err))
		return -1;
	rc = repo_open(url, &options, ret, err);
	free(url);
	return rc;
}

int place_instead_of_daemon(struct ctl *ctl, const struct err *away, struct repo **ret,
                            struct err *err)
{
	struct err why = ERR_INIT;

	if (access(ctl->policy_path, R_OK) != 0) {
		*err = *away;
		return -1;
	}
	term_note(&ctl->notes, "%s", away->text);
	if (place_open(ctl, ret, &why)) {
		*err = why;
		return -1;
	}
	term_note(&ctl->notes, "reading %s instead, which %s names", (*ret)->url, ctl->policy_path);
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
