#include "repo/backups.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "model/manifest.h"

void name_list_done(struct name_list *l)
{
	for (size_t i = 0; i < l->names.n; i++)
		free(l->names.v[i]);
	vec_done(&l->names);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort(struct name_list *l)
{
	if (l->names.n)
		qsort(l->names.v, l->names.n, sizeof *l->names.v, by_name);
}

/* Keeps "directories", without their '/'. */
static int keep_dir(void *arg, const char *name, uint64_t bytes, struct err *err)
{
	struct name_list *l = arg;
	(void)bytes;
	(void)err;
	if (str_ends(name, "/"))
		*vec_push(&l->names) = mem_strndup(name, strlen(name) - 1);
	return 0;
}

static int list_dirs(struct repo *r, const char *prefix, struct name_list *ret, struct err *err)
{
	struct name_list l = {0};
	if (repo_list(r, prefix, keep_dir, &l, err) < 0) {
		name_list_done(&l);
		return -1;
	}
	sort(&l);
	*ret = l;
	return 0;
}

/* Binlogs are archived from the first moment on, before there is a backup. */
static int has_anything(struct repo *r, const char *instance, bool *ret, struct err *err)
{
	struct name_list l = {0};
	char *prefix = mem_printf("%s/", instance);
	int rc = list_dirs(r, prefix, &l, err);
	*ret = false;
	for (size_t i = 0; rc == 0 && i < l.names.n; i++)
		*ret |=
		    strcmp(l.names.v[i], "backups") == 0 || strcmp(l.names.v[i], "binlogs") == 0;
	name_list_done(&l);
	free(prefix);
	return rc;
}

int backups_instances(struct repo *r, struct name_list *ret, struct err *err)
{
	struct name_list all = {0}, found = {0};
	int rc = list_dirs(r, "", &all, err);
	for (size_t i = 0; rc == 0 && i < all.names.n; i++) {
		bool any;
		/* lost+found and the like cannot even be read by everybody. */
		if (all.names.v[i][0] == '.' || strcmp(all.names.v[i], "lost+found") == 0)
			continue;
		rc = has_anything(r, all.names.v[i], &any, err);
		if (rc == 0 && any)
			*vec_push(&found.names) = mem_strdup(all.names.v[i]);
	}
	name_list_done(&all);
	if (rc < 0)
		name_list_done(&found);
	else
		*ret = found;
	return rc;
}

static int has_manifest(struct repo *r, const char *instance, const char *id, bool *ret,
                        struct err *err)
{
	struct err why = ERR_INIT;
	uint64_t bytes;
	char *name = repo_name_manifest(instance, id);
	int rc = repo_size(r, name, &bytes, &why);
	free(name);
	*ret = rc == 0;
	if (rc == 0 || why.kind == ERR_NOT_FOUND)
		return 0;
	/* Something that is no file stands there: shown as a damaged backup by whoever
	 * reads it, and above all not taken for a leftover and removed. */
	*ret = why.kind == ERR_DAMAGED;
	if (*ret)
		return 0;
	if (err)
		*err = why;
	return -1;
}

int backups_ids(struct repo *r, const char *instance, struct name_list *ret_backups,
                struct name_list *ret_leftovers, struct err *err)
{
	struct name_list all = {0}, backups = {0}, leftovers = {0};
	char *prefix = mem_printf("%s/backups/", instance);
	int rc = list_dirs(r, prefix, &all, err);
	for (size_t i = 0; rc == 0 && i < all.names.n; i++) {
		bool whole;
		/* What nobody here has named is nobody's here to list or remove. */
		if (!backup_id_valid(all.names.v[i]))
			continue;
		rc = has_manifest(r, instance, all.names.v[i], &whole, err);
		if (rc == 0)
			*vec_push(whole ? &backups.names : &leftovers.names) =
			    mem_strdup(all.names.v[i]);
	}
	if (rc == 0) {
		*ret_backups = backups;
		*ret_leftovers = leftovers;
	} else {
		name_list_done(&backups);
		name_list_done(&leftovers);
	}
	name_list_done(&all);
	free(prefix);
	return rc;
}

int backups_clean(struct repo *r, const char *instance, unsigned *ret_removed, struct err *err)
{
	struct name_list backups = {0}, leftovers = {0};
	if (backups_ids(r, instance, &backups, &leftovers, err) < 0)
		return -1;
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < leftovers.names.n; i++) {
		char *dir = repo_name_dir(instance, leftovers.names.v[i]);
		rc = repo_remove_all(r, dir, err);
		free(dir);
	}
	if (rc == 0)
		*ret_removed = (unsigned)leftovers.names.n;
	name_list_done(&backups);
	name_list_done(&leftovers);
	return rc;
}

int backups_remove(struct repo *r, const char *instance, const char *id, struct err *err)
{
	char *manifest = repo_name_manifest(instance, id);
	char *dir = repo_name_dir(instance, id);
	int rc = repo_remove(r, manifest, err);
	if (rc == 0)
		rc = repo_remove_all(r, dir, err);
	free(manifest);
	free(dir);
	return rc;
}

char *backups_writer_lock(const char *instance)
{
	return mem_printf("%s/writer.lock", instance);
}

char *backups_reader_lock(const char *instance)
{
	return mem_printf("%s/reader.lock", instance);
}
