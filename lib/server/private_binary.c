/* Finding the server program that fits a backup. */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "server/private.h"
#include "server/private_room.h"

#define VERSION_TIMEOUT_S 60 /* a wrapper may have to set a world up first */

struct wanted {
	enum flavour flavour;
	unsigned major, minor;
};

static const char *const mariadb_names[] = {
    "mariadbd",
    "mysqld",
    "/usr/local/mariadb/bin/mariadbd",
    "/usr/local/mysql/bin/mariadbd",
    "/usr/local/mysql/bin/mysqld",
    "/opt/mariadb/bin/mariadbd",
    NULL,
};
static const char *const mysql_names[] = {
    "mysqld",
    "/usr/local/mysql/bin/mysqld",
    "/opt/mysql/bin/mysqld",
    NULL,
};

int private_parse_version(const char *output, char **ret_version, enum flavour *ret_flavour,
                          unsigned *ret_major, unsigned *ret_minor)
{
	/* "/usr/sbin/mariadbd  Ver 10.11.19-MariaDB-… for debian-linux-gnu on x86_64 (…)" */
	const char *at = strstr(output, " Ver ");
	unsigned patch;

	if (!at)
		return -1;
	at += 5;
	char *version = mem_strndup(at, strcspn(at, " \t\r\n"));
	if (flavour_parse(version, ret_flavour, ret_major, ret_minor, &patch) < 0) {
		free(version);
		return -1;
	}
	*ret_version = version;
	return 0;
}

/* 0 fits, -1 with the reason. */
static int check_program(const char *path, const struct wanted *w, struct err *err)
{
	const char *const argv[] = {path, "--no-defaults", "--version", NULL};
	char *output = NULL, *version = NULL, how[64];
	enum flavour flavour;
	unsigned major, minor;
	int status = 0, rc = -1;

	if (proc_capture(argv, true, VERSION_TIMEOUT_S, 4096, &output, &status, err) < 0)
		return -1;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		err_set(err, ERR_FAILED, "%s --version: %s: %.200s", path,
		        proc_status_text(how, sizeof how, status), output);
		goto out;
	}
	if (private_parse_version(output, &version, &flavour, &major, &minor) < 0) {
		err_set(err, ERR_REFUSED, "%s is not a database server: it says \"%.200s\"", path,
		        output);
		goto out;
	}
	if (flavour != w->flavour || major != w->major || minor != w->minor) {
		err_set(err, ERR_REFUSED, "%s is %s %s, but the backup is of %s %u.%u", path,
		        flavour_name(flavour), version, flavour_name(w->flavour), w->major,
		        w->minor);
		goto out;
	}
	rc = 0;
out:
	free(version);
	free(output);
	return rc;
}

static int hint_binary(const struct wanted *w, struct err *err)
{
	return err_hint(err,
	                "Install the server program of %s %u.%u and name it with --server-binary "
	                "(in the policy: server_binary).",
	                flavour_name(w->flavour), w->major, w->minor);
}

int private_find_binary(const char *wanted, enum flavour flavour, unsigned major, unsigned minor,
                        char **ret_path, struct err *err)
{
	const struct wanted w = {flavour, major, minor};
	const char *const only[] = {wanted, NULL};
	const char *const *names = wanted                       ? only
	                           : flavour == FLAVOUR_MARIADB ? mariadb_names
	                                                        : mysql_names;
	struct err first = ERR_INIT;

	for (; *names; names++) {
		struct err why = ERR_INIT;
		char *path = proc_find(*names);
		if (path && check_program(path, &w, &why) == 0) {
			*ret_path = path;
			return 0;
		}
		if (path && first.kind == ERR_NONE)
			first = why;
		free(path);
	}
	if (first.kind == ERR_NONE && wanted)
		err_set(&first, ERR_NOT_FOUND, "server program %s: not there, or not executable",
		        wanted);
	else if (first.kind == ERR_NONE)
		err_set(&first, ERR_NOT_FOUND, "no server program of %s found on this host",
		        flavour_name(flavour));
	if (err)
		*err = first;
	return hint_binary(&w, err);
}
