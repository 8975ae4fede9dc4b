#include "source/mysql_spaces.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "server/settings.h"

#define AGAIN 20
#define AGAIN_MS 100

struct space {
	char *id;
	char *path;  /* here */
	bool inside; /* named from the data directory on: the scan looks there */
};

struct look {
	const struct facts *facts;
	const struct manifest *out;
	VEC(struct space) absent;
};

static void space_done(struct space *s)
{
	free(s->id);
	free(s->path);
}

static bool is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 && path[n] == '/';
}

static bool is_reached(const struct manifest *out, const char *path)
{
	char *real = realpath(path, NULL);
	bool reached = false;

	for (size_t i = 0; i < out->roots.n && !reached; i++) {
		char *root = realpath(out->roots.v[i].path, NULL);
		reached = root && is_below(real ? real : path, root);
		free(root);
	}
	free(real);
	return reached;
}

/* Of what is there: does the scan come to it? */
static int check_place(const struct look *l, const struct space *s, struct err *err)
{
	if (s->inside || is_reached(l->out, s->path))
		return 0;
	err_set(err, ERR_REFUSED,
	        "the tablespace %s is neither in the data directory nor below a directory of "
	        "innodb_directories: it would be missing from the backup",
	        s->path);
	return err_hint(err, "add its directory to innodb_directories in the settings of the "
	                     "server and restart it: without that, it could not recover such a "
	                     "tablespace after a crash either");
}

static int take_space(void *arg, unsigned n, char **fields, const unsigned long *lengths,
                      struct err *err)
{
	struct look *l = arg;
	int rc = 0;

	(void)lengths;
	if (n != 2 || !fields[0] || !fields[1])
		return err_set(err, ERR_SERVER,
		               "information_schema.INNODB_DATAFILES: unexpected answer");
	const char *path = fields[1];
	bool absolute = path[0] == '/';
	struct space s = {
	    .id = mem_strdup(fields[0]),
	    .path = !absolute && strcmp(fields[0], "0") == 0 /* the system tablespace */
	                ? server_path(l->facts->innodb_home, path)
	                : facts_path_here(l->facts, path),
	    .inside = !absolute && !strstr(path, "../"),
	};
	if (access(s.path, F_OK) != 0) {
		*vec_push(&l->absent) = s;
	} else {
		rc = check_place(l, &s, err);
		space_done(&s);
	}
	return rc;
}

static int drop_discarded(void *arg, unsigned n, char **fields, const unsigned long *lengths,
                          struct err *err)
{
	struct look *l = arg;

	(void)lengths, (void)err;
	for (size_t i = 0; n == 1 && fields[0] && i < l->absent.n; i++)
		if (strcmp(l->absent.v[i].id, fields[0]) == 0) {
			space_done(&l->absent.v[i]);
			l->absent.v[i] = l->absent.v[--l->absent.n];
			break;
		}
	return 0;
}

/* An undo tablespace that is truncated just now is gone for a moment.  Returns why it is
 * not there, an errno. */
static int wait_for(const char *path)
{
	for (int i = 0; access(path, F_OK) != 0; i++) {
		int why = errno;
		if (i == AGAIN)
			return why;
		clock_sleep_ms(AGAIN_MS);
	}
	return 0;
}

static int refuse(struct conn *c, const struct look *l, const struct space *s, int why,
                  struct err *err)
{
	char *sql = mem_printf("SELECT NAME FROM information_schema.INNODB_TABLESPACES WHERE "
	                       "SPACE=%s",
	                       s->id);
	char *name = NULL;
	int rc = conn_value(c, sql, &name, err);

	free(sql);
	if (rc != 0)
		return -1;
	err_set(err, ERR_REFUSED,
	        "the tablespace %s, which the server does not call discarded, cannot be found: "
	        "%s: %s; %s would be missing from the backup",
	        name ? name : s->id, s->path, strerror(why),
	        l->absent.n > 1 ? "it and others" : "it");
	free(name);
	if (why == EACCES || why == EPERM)
		return err_hint(err, "run mybakd as the user that owns the files (User=mysql in "
		                     "the unit)");
	return err_hint(
	    err, "let mybakd see it under the same path as the server (mounts, "
	         "containers, ProtectHome and PrivateTmp in the unit), and the data directory "
	         "under that of instances.datadir; if the server's error log says "
	         "that it misses the file too, bring it back or drop what is in it");
}

/* With all roots known and the rows of the first question at an end. */
static int check_absent(struct conn *c, struct look *l, struct err *err)
{
	if (l->absent.n == 0)
		return 0;
	if (conn_query(c,
	               "SELECT SPACE FROM information_schema.INNODB_TABLESPACES"
	               " WHERE STATE='discarded'",
	               drop_discarded, l, err) != 0)
		return -1;
	for (size_t i = 0; i < l->absent.n; i++) {
		const struct space *s = &l->absent.v[i];
		int why = wait_for(s->path);
		if (why)
			return refuse(c, l, s, why, err);
		if (check_place(l, s, err) != 0)
			return -1;
	}
	return 0;
}

int mysql_check_spaces(struct conn *c, const struct facts *facts, const struct manifest *out,
                       struct err *err)
{
	struct look l = {.facts = facts, .out = out};
	int rc = conn_query(c, "SELECT SPACE, PATH FROM information_schema.INNODB_DATAFILES",
	                    take_space, &l, err);

	if (rc == 0)
		rc = check_absent(c, &l, err);
	for (size_t i = 0; i < l.absent.n; i++)
		space_done(&l.absent.v[i]);
	vec_done(&l.absent);
	return rc;
}
