/* replay: the programs that decode and apply. */
#include <libgen.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "base/proc.h"
#include "server/replay.h"

#define VERSION_TIMEOUT_S 60

static char *find_in(const char *dir, const char *below, const char *name)
{
	char *path = mem_printf("%s/%s%s", dir, below, name);
	char *found = proc_find(path);

	free(path);
	return found;
}

/* They run in a directory of their own. */
static char *absolute(char *path)
{
	char *real = path && path[0] != '/' ? realpath(path, NULL) : NULL;

	if (!real)
		return path;
	free(path);
	return real;
}

static char *find_beside(const char *binary, const char *name)
{
	char *real = realpath(binary, NULL);
	char *seen = mem_strdup(binary);
	char *found = find_in(dirname(seen), "", name);

	if (!found)
		found = find_in(seen, "../bin/", name);
	if (!found && real)
		found = find_in(dirname(real), "", name);
	if (!found && real)
		found = find_in(real, "../bin/", name);
	free(real);
	free(seen);
	return absolute(found ? found : proc_find(name));
}

/* "… Distrib 10.11.19-MariaDB, …", "… from 11.8.6-MariaDB, …", "… Ver 9.7.4 for …": a number
 * of two parts is the program's own. */
static bool parse_version(const char *said, struct server_version *ret)
{
	static const char *const marks[] = {" Distrib ", " from ", " Ver "};
	struct server_version v;
	bool found = false;

	for (size_t i = 0; i < sizeof marks / sizeof *marks && !found; i++) {
		const char *at = strstr(said, marks[i]);
		if (!at)
			continue;
		at += strlen(marks[i]);
		char *text = mem_strndup(at, strcspn(at, " \t\r\n"));
		found = flavour_parse(text, &v.flavour, &v.major, &v.minor, &v.patch) == 0;
		free(text);
	}
	if (found)
		*ret = v;
	return found;
}

/* false: it does not say. */
static bool version_of(const char *program, struct server_version *ret)
{
	const char *const argv[] = {program, "--no-defaults", "--version", NULL};
	char *said = NULL;
	int status;

	if (proc_capture(argv, true, VERSION_TIMEOUT_S, 4096, &said, &status, NULL) < 0)
		return false;
	bool found = WIFEXITED(status) && WEXITSTATUS(status) == 0 && parse_version(said, ret);
	free(said);
	return found;
}

static bool version_beside(const char *program, const char *const *clients,
                           struct server_version *ret)
{
	char *seen = mem_strdup(program), *dir = dirname(seen);
	bool found = false;

	for (; *clients && !found; clients++) {
		char *client = find_in(dir, "", *clients);
		found = client && version_of(client, ret);
		free(client);
	}
	free(seen);
	return found;
}

static bool is_older(const struct server_version *is, const struct server_version *than)
{
	return flavour_version(is->major, is->minor, 0) <
	       flavour_version(than->major, than->minor, 0);
}

struct found {
	char *path; /* NULL: none */
	char *old;  /* the first one that is too old, or NULL */
	struct server_version old_version;
};

/* mysqlbinlog and mysql are names of either's. */
static struct found find_one(const char *binary, const char *const *names,
                             const struct flavour_row *row, const struct server_version *version)
{
	struct found f = {0};

	for (; *names && !f.path; names++) {
		struct server_version is = *version;
		char *path = find_beside(binary, *names);
		bool said =
		    path && (version_of(path, &is) || version_beside(path, row->clients, &is));
		/* Every MySQL that has binlogs for us says it. */
		bool fits = path && is.flavour == version->flavour &&
		            (said || version->flavour == FLAVOUR_MARIADB);
		if (fits && !is_older(&is, version)) {
			f.path = path;
		} else if (fits && !f.old) {
			f.old = path;
			f.old_version = is;
		} else {
			free(path);
		}
	}
	return f;
}

static int refuse_old(const struct found *f, const struct server_version *version, struct err *err)
{
	err_set(err, ERR_REFUSED,
	        "%s is of %s %u.%u, but the binlogs are of %u.%u: it does not know all that is in "
	        "them",
	        f->old, flavour_name(version->flavour), f->old_version.major, f->old_version.minor,
	        version->major, version->minor);
	return err_hint(err,
	                "Install the client programs of %s %u.%u (%s-client) beside the server "
	                "program, or put them first in PATH.",
	                flavour_name(version->flavour), version->major, version->minor,
	                flavour_word(version->flavour));
}

static int refuse_none(const char *binary, const char *name, const struct server_version *version,
                       struct err *err)
{
	err_set(err, ERR_NOT_FOUND,
	        "no program %s of %s found beside %s or in PATH: binlogs need it", name,
	        flavour_name(version->flavour), binary);
	return err_hint(err,
	                "Install the client programs of the server's version (%s-client), or "
	                "restore a backup alone with --backup.",
	                flavour_word(version->flavour));
}

static int take_one(const char *binary, const char *const *names, const struct flavour_row *row,
                    const struct server_version *version, char **ret, struct err *err)
{
	struct found f = find_one(binary, names, row, version);
	int rc = 0;

	if (f.path)
		*ret = f.path;
	else if (f.old)
		rc = refuse_old(&f, version, err);
	else
		rc = refuse_none(binary, names[0], version, err);
	free(f.old);
	return rc;
}

int replay_tools_find(const char *server_binary, const struct server_version *version,
                      struct replay_tools *ret, struct err *err)
{
	const struct flavour_row *row =
	    flavour_find(version->flavour, version->major, version->minor, version->patch);
	struct replay_tools t = {.flavour = version->flavour};

	if (take_one(server_binary, row->binlogs, row, version, &t.binlog, err) < 0 ||
	    take_one(server_binary, row->clients, row, version, &t.client, err) < 0) {
		replay_tools_done(&t);
		return -1;
	}
	*ret = t;
	return 0;
}

void replay_tools_done(struct replay_tools *t)
{
	free(t->binlog);
	free(t->client);
	*t = (struct replay_tools){0};
}
