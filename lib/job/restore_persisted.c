#include "job/restore_persisted.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fsio.h"

#define PERSISTED "mysqld-auto.cnf"
#define PERSISTED_MAX (1u << 20)

/* {"mysql_dynamic_variables": {NAME: …}, "mysql_static_variables": {NAME: …}, …} */
static void take_out(json_t *all, struct str *names)
{
	const char *section, *name;
	json_t *variables, *value;
	void *next;

	json_object_foreach(all, section, variables)
	{
		(void)section;
		json_object_foreach_safe(variables, next, name, value)
		{
			if (!str_starts(name, "group_replication_"))
				continue;
			str_addf(names, "%s%s", names->n ? ", " : "", name);
			json_object_del(variables, name);
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

static int rewrite(json_t *all, const char *path, struct str *note, struct err *err)
{
	struct str names = {0};
	int rc = 0;

	take_out(all, &names);
	if (names.n) {
		char *text = json_dumps(all, 0);
		rc = overwrite(path, text, err);
		free(text);
		str_addf(note,
		         "%sso that it does not join the group of its source, it lost these "
		         "settings of " PERSISTED ": %s",
		         note->n ? "; " : "", str_text(&names));
	}
	str_done(&names);
	return rc;
}

int restore_persisted(const struct manifest *m, const struct places *places, struct str *note,
                      struct err *err)
{
	struct err why = ERR_INIT;
	char *path, *text = NULL;
	size_t n;
	int rc = 0;

	if (!manifest_is_mysql(m))
		return 0;
	path = mem_printf("%s/" PERSISTED, places->target);
	if (fsio_read_file(path, PERSISTED_MAX, &text, &n, &why) == 0) {
		/* No server starts with one that cannot be read. */
		json_t *all = json_loadb(text, n, 0, NULL);
		rc = all ? rewrite(all, path, note, err) : 0;
		json_decref(all);
	} else if (why.kind != ERR_NOT_FOUND) {
		*err = why;
		rc = -1;
	}
	free(text);
	free(path);
	return rc;
}
