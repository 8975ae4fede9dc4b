/* Finding the server program that fits a backup. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "server/private.h"
#include "server/private_room.h"

#define VERSION_TIMEOUT_S 60 /* a wrapper may have to set a world up first */

int private_parse_version(const char *output, char **ret_text, struct server_version *ret)
{
	/* "/usr/sbin/mariadbd  Ver 10.11.19-MariaDB-… for debian-linux-gnu on x86_64 (…)" */
	const char *at = strstr(output, " Ver ");
	struct server_version v;

	if (!at)
		return -1;
	at += 5;
	char *text = mem_strndup(at, strcspn(at, " \t\r\n"));
	if (flavour_parse(text, &v.flavour, &v.major, &v.minor, &v.patch) < 0) {
		free(text);
		return -1;
	}
	*ret_text = text;
	*ret = v;
	return 0;
}

static bool can_recover(const struct server_version *program, const struct server_version *w)
{
	if (program->flavour != w->flavour || program->major != w->major ||
	    program->minor != w->minor)
		return false;
	return w->flavour != FLAVOUR_MYSQL || program->patch >= w->patch;
}

/* 0 fits, -1 with the reason. */
static int check_program(const char *path, const struct server_version *w,
                         struct server_version *ret_is, struct err *err)
{
	const char *const argv[] = {path, "--no-defaults", "--version", NULL};
	char *output = NULL, *text = NULL, how[64];
	struct server_version is;
	int status = 0, rc = -1;

	if (proc_capture(argv, true, VERSION_TIMEOUT_S, 4096, &output, &status, err) < 0)
		return -1;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		err_set(err, ERR_FAILED, "%s --version: %s: %.200s", path,
		        proc_status_text(how, sizeof how, status), output);
		goto out;
	}
	if (private_parse_version(output, &text, &is) < 0) {
		err_set(err, ERR_REFUSED, "%s is not a database server: it says \"%.200s\"", path,
		        output);
		goto out;
	}
	if (!can_recover(&is, w)) {
		err_set(err, ERR_REFUSED, "%s is %s %s, but the backup is of %s %u.%u.%u", path,
		        flavour_name(is.flavour), text, flavour_name(w->flavour), w->major,
		        w->minor, w->patch);
		goto out;
	}
	*ret_is = is;
	rc = 0;
out:
	free(text);
	free(output);
	return rc;
}

static int hint_binary(const struct server_version *w, struct err *err)
{
	char least[48] = "";

	if (w->flavour == FLAVOUR_MYSQL)
		snprintf(least, sizeof least, " (%u.%u.%u or later)", w->major, w->minor, w->patch);
	return err_hint(err,
	                "Install the server program of %s %u.%u%s and name it with --server-binary "
	                "(in the policy: server_binary).",
	                flavour_name(w->flavour), w->major, w->minor, least);
}

int private_find_binary(const char *wanted, const struct server_version *version, char **ret_path,
                        struct server_version *ret_is, struct err *err)
{
	const struct flavour_row *row =
	    flavour_find(version->flavour, version->major, version->minor, version->patch);
	const char *const only[] = {wanted, NULL};
	const char *const *names = wanted ? only : row->servers;
	struct err first = ERR_INIT;

	for (; *names; names++) {
		struct err why = ERR_INIT;
		char *path = proc_find(*names);
		if (path && check_program(path, version, ret_is, &why) == 0) {
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
		        flavour_name(version->flavour));
	if (err)
		*err = first;
	return hint_binary(version, err);
}
