#include "source/mysql_spaces.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

static bool is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 && path[n] == '/';
}

static bool is_reached(const struct manifest *out, const char *real)
{
	bool reached = false;

	for (size_t i = 0; i < out->roots.n && !reached; i++) {
		char *root = realpath(out->roots.v[i].path, NULL);
		reached = root && is_below(real, root);
		free(root);
	}
	return reached;
}

/* `path`: as the server has it. */
static int check_space(const struct manifest *out, const char *path, struct err *err)
{
	char *absolute =
	    path[0] == '/' ? mem_strdup(path) : mem_printf("%s/%s", out->roots.v[0].path, path);
	char *real = realpath(absolute, NULL);
	int rc = 0;

	/* Of one that is not there (discarded) there is nothing to copy. */
	if (real && !is_reached(out, real)) {
		rc = err_set(err, ERR_REFUSED,
		             "the tablespace %s is neither in the data directory nor below a "
		             "directory of innodb_directories: it would be missing from the backup",
		             absolute);
		err_hint(err, "add its directory to innodb_directories in the settings of the "
		              "server and restart it: without that, it could not recover such a "
		              "tablespace after a crash either");
	}
	free(real);
	free(absolute);
	return rc;
}

static int take_path(void *arg, unsigned n, char **fields, const unsigned long *lengths,
                     struct err *err)
{
	(void)lengths;
	return n == 1 && fields[0] ? check_space(arg, fields[0], err) : 0;
}

static void warn_of_missing(const struct facts *facts, struct manifest *out)
{
	for (size_t i = 0; i < facts->known_dirs.n; i++)
		if (access(facts->known_dirs.v[i], F_OK) != 0)
			*vec_push(&out->warnings) =
			    mem_printf("innodb_directories names %s, which is not there: if it is "
			               "only not mounted, its tablespaces are missing",
			               facts->known_dirs.v[i]);
}

int mysql_check_spaces(struct conn *c, const struct facts *facts, struct manifest *out,
                       struct err *err)
{
	struct err why = ERR_INIT;

	warn_of_missing(facts, out);
	/* Nearly all are named from the data directory on: those need no look. */
	if (conn_query(c,
	               "SELECT PATH FROM information_schema.INNODB_DATAFILES"
	               " WHERE PATH LIKE '/%' OR PATH LIKE '%../%'",
	               take_path, out, &why) == 0)
		return 0;
	if (why.kind == ERR_REFUSED && conn_errno(c)) {
		*vec_push(&out->warnings) = mem_strdup(
		    "without the privilege PROCESS the server cannot be asked whether it "
		    "has tablespaces outside of the data directory and of "
		    "innodb_directories: such would be missing from the backup; GRANT "
		    "PROCESS ON *.* to the account");
		return 0;
	}
	if (err)
		*err = why;
	return -1;
}
