/*
 * list and show: the backups as the daemon knows them, or as the repository holds
 * them when that was asked for or nobody else can say.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/ctl/ctl.h"
#include "daemon/ctl/jget.h"
#include "daemon/ctl/place.h"
#include "daemon/ctl/render.h"
#include "daemon/ctl/verb.h"
#include "job/binlog_state.h"
#include "job/catalog_load.h"
#include "model/catalog.h"
#include "repo/backups.h"

#define WINDOW "recovery_window"

static bool wanted(struct ctl *ctl, const char *instance)
{
	const char *asked = ctl->args.value[OPT_INSTANCE];

	return !asked || strcmp(asked, instance) == 0;
}

static void say_damaged(struct ctl *ctl, const char *instance, const char *id, const char *why)
{
	term_note(&ctl->notes, "backup %s of %s is damaged: %s", id, instance, why);
}

static int no_instance(struct ctl *ctl, const char *where, struct err *err)
{
	err_set(err, ERR_NOT_FOUND, "%s has no instance %s", where, ctl->args.value[OPT_INSTANCE]);
	return err_hint(err, "Without -i, mybakctl list shows the backups of every instance.");
}

/* From the daemon. */

static int add_remote(struct ctl *ctl, const char *instance, json_t *all, struct err *err)
{
	char *segment = client_segment(instance);
	char *path = mem_printf("/v1/instances/%s/backups", segment);
	json_t *some = NULL;
	int rc = ctl_get(ctl, path, &some, err);

	if (rc == 0)
		json_array_extend(all, some);
	json_decref(some);
	free(path);
	free(segment);
	return rc;
}

static int from_daemon(struct ctl *ctl, json_t *all, struct err *err)
{
	json_t *status = NULL, *instance, *bad;
	bool found = !args_has(&ctl->args, OPT_INSTANCE);
	size_t i, k;
	int rc = -1;

	if (ctl_get(ctl, "/v1/status", &status, err))
		return -1;
	json_array_foreach(json_object_get(status, "instances"), i, instance)
	{
		const char *name = jstr(instance, "name");

		if (!name || !wanted(ctl, name))
			continue;
		found = true;
		if (add_remote(ctl, name, all, err))
			goto out;
		json_array_foreach(json_object_get(instance, "damaged"), k, bad)
		{
			say_damaged(ctl, name, jstr_or(bad, "id", "?"),
			            jstr_or(bad, "message", "?"));
		}
	}
	rc = found ? 0 : no_instance(ctl, "the daemon", err);
out:
	json_decref(status);
	return rc;
}

/* From the repository. */

static int add_local(struct ctl *ctl, struct repo *repo, const char *instance, json_t *all,
                     struct err *err)
{
	struct catalog catalog;
	struct binlog_state state = {0};
	struct err why = ERR_INIT;
	int rc;

	catalog_init(&catalog);
	rc = catalog_load(repo, instance, &catalog, err);
	/* The backups are there all the same. */
	if (rc == 0 && binlog_state_load(repo, instance, &catalog, NULL, &state, &why))
		term_note(&ctl->notes, "the archived binlogs of %s cannot be read: %s", instance,
		          why.text);
	for (size_t i = 0; rc == 0 && i < catalog.backups.n; i++) {
		const struct manifest *m = catalog.backups.v[i];
		json_t *o = backup_to_json(m, false);

		json_object_set_new(o, WINDOW, binlog_state_json(&state, m->id, 0));
		json_array_append_new(all, o);
	}
	for (size_t i = 0; rc == 0 && i < catalog.damaged_n; i++)
		say_damaged(ctl, instance, catalog.damaged[i].id, catalog.damaged[i].why.text);
	binlog_state_done(&state);
	catalog_done(&catalog);
	return rc;
}

static int from_repo(struct ctl *ctl, struct repo *repo, json_t *all, struct err *err)
{
	struct name_list instances = {0};
	bool found = !args_has(&ctl->args, OPT_INSTANCE);
	int rc = -1;

	if (backups_instances(repo, &instances, err))
		goto out;
	for (size_t i = 0; i < instances.names.n; i++) {
		if (!wanted(ctl, instances.names.v[i]))
			continue;
		found = true;
		if (add_local(ctl, repo, instances.names.v[i], all, err))
			goto out;
	}
	rc = found ? 0 : no_instance(ctl, repo->url, err);
out:
	name_list_done(&instances);
	return rc;
}

/* *ret_repo is the repository that was read, NULL if the daemon answered. */
static int collect(struct ctl *ctl, json_t *all, struct repo **ret_repo, struct err *err)
{
	struct err away = ERR_INIT;
	struct repo *repo = NULL;
	int rc;

	if (args_has(&ctl->args, OPT_REPO)) {
		if (place_open(ctl, &repo, err))
			return -1;
	} else {
		if (from_daemon(ctl, all, &away) == 0)
			return 0;
		if (away.kind != ERR_UNREACHABLE) {
			*err = away;
			return -1;
		}
		if (place_instead_of_daemon(ctl, &away, &repo, err))
			return -1;
	}
	rc = from_repo(ctl, repo, all, err);
	if (rc == 0)
		*ret_repo = repo;
	else
		repo_close(repo);
	return rc;
}

int verb_list(struct ctl *ctl, struct err *err)
{
	json_t *all = json_array();
	struct repo *repo = NULL;
	int rc = collect(ctl, all, &repo, err);

	if (rc == 0 && !ctl_print_json(ctl, all))
		render_backups(&ctl->out, all);
	json_decref(all);
	repo_close(repo);
	return rc;
}

/* The backup of that id, or the newest (id NULL).  Ids are times: two instances can
 * have the same one, and each has its own newest. */
static const json_t *find(const json_t *all, const char *id, const char *word, struct err *err)
{
	const json_t *found = NULL;
	json_t *b;
	size_t i;

	json_array_foreach(all, i, b)
	{
		if (id && strcmp(jstr_or(b, "id", ""), id) != 0)
			continue;
		if (found &&
		    strcmp(jstr_or(found, "instance", ""), jstr_or(b, "instance", "")) != 0) {
			err_set(err, ERR_USAGE, "more than one instance has a backup %s", word);
			err_hint(err, "Say -i INSTANCE.");
			return NULL;
		}
		found = b;
	}
	if (!found) {
		err_set(err, ERR_NOT_FOUND, "there is no backup %s", word);
		err_hint(err, "mybakctl list shows those there are.");
	}
	return found;
}

static int ask_daemon(struct ctl *ctl, const char *instance, const char *id, json_t **ret,
                      struct err *err)
{
	char *segment = client_segment(instance), *last = client_segment(id);
	char *path = mem_printf("/v1/instances/%s/backups/%s", segment, last);
	int rc = ctl_get(ctl, path, ret, err);

	free(path);
	free(segment);
	free(last);
	return rc;
}

static int ask_repo(struct repo *repo, const char *instance, const char *id, json_t **ret,
                    struct err *err)
{
	struct manifest *m = NULL;

	if (manifest_load(repo, instance, id, true, &m, err))
		return -1;
	*ret = backup_to_json(m, true);
	manifest_free(m);
	return 0;
}

/* The daemon keeps no lists of files; the repository has them, if we may read it. */
static void add_files(struct ctl *ctl, const char *instance, const char *id, json_t **backup)
{
	struct repo *repo = NULL;
	struct err err = ERR_INIT;
	json_t *full = NULL;

	if (json_object_get(*backup, "files"))
		return;
	if (place_open(ctl, &repo, &err) == 0 && ask_repo(repo, instance, id, &full, &err) == 0) {
		json_decref(*backup);
		*backup = full;
	} else {
		term_note(&ctl->notes, "the list of files cannot be read: %s", err.text);
	}
	repo_close(repo);
}

static int get_full(struct ctl *ctl, struct repo *repo, const json_t *backup, json_t **ret,
                    struct err *err)
{
	const char *id = jstr_or(backup, "id", ""), *instance = jstr_or(backup, "instance", "");

	if (repo ? ask_repo(repo, instance, id, ret, err) : ask_daemon(ctl, instance, id, ret, err))
		return -1;
	if (!repo && (ctl->json || args_has(&ctl->args, OPT_FILES)))
		add_files(ctl, instance, id, ret);
	/* A manifest alone does not know it. */
	json_object_set(*ret, WINDOW, json_object_get(backup, WINDOW));
	return 0;
}

int verb_show(struct ctl *ctl, struct err *err)
{
	json_t *all = json_array(), *full = NULL;
	const char *id, *word = ctl->args.words.v[0];
	struct repo *repo = NULL;
	const json_t *backup;
	int rc = -1;

	if (place_backup(word, &id, err) || collect(ctl, all, &repo, err))
		goto out;
	backup = find(all, id, word, err);
	if (!backup || get_full(ctl, repo, backup, &full, err))
		goto out;
	if (!ctl_print_json(ctl, full))
		render_backup(&ctl->out, full, args_has(&ctl->args, OPT_FILES));
	rc = 0;
out:
	json_decref(full);
	json_decref(all);
	repo_close(repo);
	return rc;
}
