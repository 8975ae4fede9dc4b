/* replay: the programs that decode and apply. */
#include <libgen.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/proc.h"
#include "server/replay.h"

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

void replay_tools_done(struct replay_tools *t)
{
	free(t->binlog);
	free(t->client);
	*t = (struct replay_tools){0};
}
