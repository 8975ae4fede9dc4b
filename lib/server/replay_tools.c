/* replay: the programs that decode and apply. */
#include <libgen.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/proc.h"
#include "server/replay.h"
#include "server/replay_words.h"

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

static char *find_one(const char *binary, const char *const *names,
                      const struct server_version *version)
{
	for (; *names; names++) {
		char *found = find_beside(binary, *names);
		if (found && replay_program_fits(found, version))
			return found;
		free(found);
	}
	return NULL;
}

int replay_tools_find(const char *server_binary, const struct server_version *version,
                      struct replay_tools *ret, struct err *err)
{
	const struct flavour_row *row =
	    flavour_find(version->flavour, version->major, version->minor, version->patch);
	struct replay_tools t = {.flavour = version->flavour,
	                         .binlog = find_one(server_binary, row->binlogs, version),
	                         .client = find_one(server_binary, row->clients, version)};

	if (t.binlog && t.client) {
		*ret = t;
		return 0;
	}
	err_set(err, ERR_NOT_FOUND,
	        "no program %s of %s found beside %s or in PATH: binlogs need it",
	        t.binlog ? row->clients[0] : row->binlogs[0], flavour_name(version->flavour),
	        server_binary);
	replay_tools_done(&t);
	return err_hint(err,
	                "Install the client programs of the server's version (%s-client), or "
	                "restore a backup alone with --backup.",
	                flavour_word(version->flavour));
}

void replay_tools_done(struct replay_tools *t)
{
	free(t->binlog);
	free(t->client);
	*t = (struct replay_tools){0};
}
