#include "job/restore_persisted.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/fsio.h"
#include "base/mem.h"
#include "job/restore_place_parts.h"

#define PERSISTED "mysqld-auto.cnf"
#define PERSISTED_MAX (1u << 20)

struct persisted {
	const char *target;
	bool in_place;       /* where the source had it */
	json_t *join, *path; /* what was taken out: name -> value, or null if that is secret */
	bool changed;
};

/* ---- what leads out of the data directory */

static bool is_only_read(const char *name)
{
	return strstr(name, "ssl_") || str_ends(name, "_key_path") ||
	       str_starts(name, "validate_password");
}

static bool leaves(const struct persisted *p, const char *path)
{
	const char *rest;

	/* A value can also be SQL that begins with a comment. */
	if (path[0] == '/' && path[1] == '*')
		return false;
	if (!strncmp(path, "../", 3) || (path[0] == '/' && strstr(path, "/../")))
		return true;
	return path[0] == '/' && !place_is_under(path, p->target, &rest) &&
	       !(p->in_place && access(path, F_OK) == 0);
}

/* "label:/dir;label:/dir" */
static bool labelled_leave(const struct persisted *p, const char *list)
{
	char *copy = mem_strdup(list), *save = NULL;
	bool any = false;

	for (char *one = strtok_r(copy, ";", &save); one; one = strtok_r(NULL, ";", &save)) {
		const char *colon = strchr(one, ':');
		any |= leaves(p, colon ? colon + 1 : one);
	}
	free(copy);
	return any;
}

static bool setting_leaves(const struct persisted *p, const char *name, const char *value)
{
	if (!strcmp(name, "innodb_redo_log_archive_dirs"))
		return labelled_leave(p, value);
	return !is_only_read(name) && leaves(p, value);
}

/* ---- the file */

/* What is written down there wins over the words of the command line, too. */
static bool starts_replica(const char *name, const char *value)
{
	return (!strcmp(name, "skip_replica_start") || !strcmp(name, "skip_slave_start")) &&
	       value && (!strcasecmp(value, "OFF") || !strcmp(value, "0"));
}

/* NULL: the setting may stay. */
static json_t *where_to(const struct persisted *p, const char *name, const char *value)
{
	if (str_starts(name, "group_replication_") || starts_replica(name, value))
		return p->join;
	return value && setting_leaves(p, name, value) ? p->path : NULL;
}

/* Version 2 has sections {"mysql_dynamic_variables": {NAME: {"Value": …}}}, version 1 one
 * in another; what is encrypted are strings, and no paths. */
static void take_out(struct persisted *p, json_t *section, bool secret)
{
	const char *name;
	json_t *entry;
	void *next;

	json_object_foreach_safe(section, next, name, entry)
	{
		json_t *value = json_object_get(entry, "Value");
		json_t *to = where_to(p, name, json_string_value(value));
		if (to) {
			json_object_set(to, name, value && !secret ? value : json_null());
			json_object_del(section, name);
			p->changed = true;
		} else if (!value && json_is_object(entry)) {
			take_out(p, entry, secret || strstr(name, "sensitive"));
		}
	}
}

/* In place: owner and mode stay. */
static int overwrite(const char *path, const char *text, struct err *err)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, errno, "cannot open %s", path);
	int rc = fsio_write(fd, text, strlen(text), path, err);
	close(fd);
	return rc;
}

static int rewrite(struct persisted *p, const char *text, size_t n, const char *path,
                   struct err *err)
{
	/* No server starts with one that cannot be read. */
	json_t *all = json_loadb(text, n, 0, NULL);
	int rc = 0;

	p->changed = false;
	take_out(p, all, false);
	if (p->changed) {
		char *left = json_dumps(all, 0);
		rc = overwrite(path, left, err);
		free(left);
	}
	json_decref(all);
	return rc;
}

static int one_file(struct persisted *p, const char *name, struct err *err)
{
	struct err why = ERR_INIT;
	char *path = mem_printf("%s/%s", p->target, name), *text = NULL;
	size_t n;
	int rc = 0;

	if (fsio_read_file(path, PERSISTED_MAX, &text, &n, &why) == 0) {
		rc = rewrite(p, text, n, path, err);
	} else if (why.kind != ERR_NOT_FOUND) {
		*err = why;
		rc = -1;
	}
	free(text);
	free(path);
	return rc;
}

/* ---- what is said of it */

static void list(json_t *taken, bool values, struct str *out)
{
	const char *name, *before = " ";
	json_t *value;

	json_object_foreach(taken, name, value)
	{
		const char *bytes = values ? json_string_value(value) : NULL;
		char *text = bytes ? str_escape_path(bytes) : NULL;
		str_addf(out, "%s%s%s%s", before, name, text ? "=" : "", text ? text : "");
		before = ", ";
		free(text);
	}
}

static void say(const struct persisted *p, struct str *note)
{
	if (json_object_size(p->join)) {
		str_sep(note, "; ");
		str_add(
		    note,
		    "so that it does not begin to replicate, it lost these settings of " PERSISTED
		    ":");
		list(p->join, false, note);
	}
	if (json_object_size(p->path)) {
		str_sep(note, "; ");
		str_add(note, "so that it touches nothing outside of its data directory, it lost "
		              "these settings of " PERSISTED " (SET PERSIST sets them anew):");
		list(p->path, true, note);
	}
}

int restore_persisted(const struct manifest *m, const struct places *places, struct str *note,
                      struct err *err)
{
	if (!manifest_is_mysql(m))
		return 0;
	struct persisted p = {.target = places->target,
	                      .in_place = !places->v[0].moved,
	                      .join = json_object(),
	                      .path = json_object()};
	int rc = one_file(&p, PERSISTED, err);
	/* The one before, where the server died while it wrote: then it is read first. */
	if (rc == 0)
		rc = one_file(&p, PERSISTED ".backup", err);
	if (rc == 0)
		say(&p, note);
	json_decref(p.join);
	json_decref(p.path);
	return rc;
}
