/* replay: the programs that decode and apply. */
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
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

int replay_tools_find(const char *server_binary, struct replay_tools *ret, struct err *err)
{
	struct replay_tools t = {.binlog = find_beside(server_binary, "mariadb-binlog"),
	                         .client = find_beside(server_binary, "mariadb")};

	if (t.binlog && t.client) {
		*ret = t;
		return 0;
	}
	err_set(err, ERR_NOT_FOUND, "no program %s found beside %s or in PATH: binlogs need it",
	        t.binlog ? "mariadb" : "mariadb-binlog", server_binary);
	replay_tools_done(&t);
	return err_hint(err, "Install the client programs of the server's version "
	                     "(mariadb-client), or restore a backup alone with --backup.");
}

/* "… Distrib 10.11.19-MariaDB, …" or "… from 11.8.6-MariaDB, …"; false: it does not say. */
static bool version_of(const char *program, unsigned *ret_major, unsigned *ret_minor)
{
	static const char *const marks[] = {" Distrib ", " from "};
	const char *const argv[] = {program, "--no-defaults", "--version", NULL};
	char *said = NULL;
	bool found = false;
	int status;

	if (proc_capture(argv, true, VERSION_TIMEOUT_S, 4096, &said, &status, NULL) < 0)
		return false;
	for (size_t i = 0; i < sizeof marks / sizeof *marks && !found; i++) {
		const char *at =
		    WIFEXITED(status) && WEXITSTATUS(status) == 0 ? strstr(said, marks[i]) : NULL;
		found = at && sscanf(at + strlen(marks[i]), "%u.%u", ret_major, ret_minor) == 2;
	}
	free(said);
	return found;
}

static bool version_beside(const char *program, unsigned *ret_major, unsigned *ret_minor)
{
	char *seen = mem_strdup(program);
	char *client = find_in(dirname(seen), "", "mariadb");
	bool found = client && version_of(client, ret_major, ret_minor);

	free(client);
	free(seen);
	return found;
}

int replay_tools_check(const struct replay_tools *t, unsigned major, unsigned minor,
                       struct err *err)
{
	const char *const programs[] = {t->binlog, t->client};

	for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
		unsigned a, b;
		if ((!version_of(programs[i], &a, &b) && !version_beside(programs[i], &a, &b)) ||
		    a > major || (a == major && b >= minor))
			continue;
		err_set(
		    err, ERR_REFUSED,
		    "%s is of MariaDB %u.%u, but the binlogs are of %u.%u: it does not know all "
		    "that is in them",
		    programs[i], a, b, major, minor);
		return err_hint(
		    err,
		    "Install the client programs of MariaDB %u.%u (mariadb-client) beside "
		    "the server program, or put them first in PATH.",
		    major, minor);
	}
	return 0;
}

void replay_tools_done(struct replay_tools *t)
{
	free(t->binlog);
	free(t->client);
	*t = (struct replay_tools){0};
}
