#include "job/restore_recover.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "job/restore_doubt.h"
#include "job/restore_options.h"
#include "job/restore_recover_mysql.h"
#include "job/restore_recover_parts.h"
#include "server/conn.h"
#include "server/facts.h"
#include "server/private.h"
#include "server/zone.h"

#define QUESTION_S 3600u /* a log table is read whole to repair it */

int recover_version(const struct manifest *m, struct server_version *ret, struct err *err)
{
	struct server_version v;

	if (flavour_parse(m->version, &v.flavour, &v.major, &v.minor, &v.patch) < 0)
		return err_set(err, ERR_DAMAGED, "backup %s: \"%s\" is no server version", m->id,
		               m->version);
	*ret = v;
	return 0;
}

/* A MySQL of a later patch upgrades its dictionary as it starts. */
static void note_newer(const struct server_version *was, const struct server_version *is,
                       struct str *note)
{
	if (is->flavour != FLAVOUR_MYSQL || is->patch <= was->patch)
		return;
	str_sep(note, "; ");
	str_addf(note,
	         "the server program is MySQL %u.%u.%u and the backup of %u.%u.%u: the data are "
	         "of the newer one now, and an older one may not open them any more",
	         is->major, is->minor, is->patch, was->major, was->minor, was->patch);
}

int recover_find_binary(const struct manifest *m, const char *wanted, char **ret, struct str *note,
                        struct err *err)
{
	struct server_version version, is;

	if (recover_version(m, &version, err) < 0)
		return -1;
	if (private_find_binary(wanted, &version, ret, &is, err) == 0) {
		note_newer(&version, &is, note);
		return 0;
	}
	return err_add(err, "backup %s is of %s %s", m->id, flavour_name(version.flavour),
	               m->version);
}

static bool is_mysql(const struct manifest *m)
{
	return manifest_is_mysql(m);
}

int recover_time_zone(const struct manifest *m, char **ret, struct err *err)
{
	struct zone z = {.at = m->started_us / CLOCK_US};

	for (size_t i = 0; i < m->setting_n; i++) {
		if (!strcmp(m->settings[i].name, ZONE_SETTING))
			z.name = m->settings[i].value;
		if (!strcmp(m->settings[i].name, ZONE_OFFSET_SETTING))
			z.offset = m->settings[i].value;
	}
	if (z.name)
		return zone_environment(&z, ZONE_LOCALTIME, ret, err);
	*ret = NULL;
	return 0;
}

int recover_start(const struct recover_plan *plan, const struct recover_start *how,
                  struct private_server **ret, struct err *err)
{
	struct recover_options options = {0};
	const char *const env[] = {plan->time_zone, NULL};
	int rc;

	recover_options_make(plan, how, &options);
	struct private_plan p = {
	    .flavour = is_mysql(plan->m) ? FLAVOUR_MYSQL : FLAVOUR_MARIADB,
	    .binary = plan->binary,
	    .datadir = plan->places->target,
	    .options = (const char *const *)options.list.v,
	    .env = env,
	    .grants = how->grants,
	    .keep = how->keep,
	    .cancel = plan->cancel,
	};
	rc = private_start(&p, ret, err);
	recover_options_done(&options);
	return rc;
}

int recover_session_open(const struct recover_plan *plan, const struct private_server *server,
                         const char *defaults, struct recover_session *ret, struct err *err)
{
	const struct conn_target target = {
	    .socket = private_socket(server), .defaults_file = defaults, .user = "root"};
	struct recover_session s = {0};

	if (conn_open(&target, QUESTION_S, &s.conn, err) < 0)
		return -1;
	if (conn_watch_begin(s.conn, plan->cancel, &s.watch, err) < 0) {
		conn_free(s.conn);
		return -1;
	}
	*ret = s;
	return 0;
}

int recover_session_close(const struct recover_plan *plan, struct recover_session *s, int rc,
                          struct err *err)
{
	conn_watch_end(s->watch);
	conn_free(s->conn);
	if (rc < 0 && cancel_check(plan->cancel, NULL) < 0) {
		err_clear(err);
		return cancel_check(plan->cancel, err);
	}
	return rc;
}

static int no_row(void *arg, unsigned n, char **fields, const unsigned long *lengths,
                  struct err *err)
{
	(void)arg, (void)n, (void)fields, (void)lengths, (void)err;
	return 0;
}

/* The server writes its log tables through every lock a backup can take, so a copy
 * taken while it did can end within a row (which CHECK TABLE does not always see).
 * Nobody's data: repaired where it can be; where not, the server says so when it uses
 * them. */
void recover_log_tables(struct conn *c)
{
	static const char *const tables[] = {"general_log", "slow_log"};
	struct err ignored;

	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		char *sql = mem_printf("REPAIR NO_WRITE_TO_BINLOG TABLE mysql.%s", tables[i]);
		conn_query(c, sql, no_row, NULL, &ignored);
		free(sql);
	}
}

/* On a server that has recovered.  One session around it all: what is replayed can take
 * away the account it came in with. */
static int work(const struct recover_plan *plan, const struct private_server *server,
                struct err *err)
{
	const char *defaults = plan->work ? plan->work_defaults : NULL;
	struct recover_session s = {0};
	struct err why = ERR_INIT;
	int rc = 0;

	if (recover_session_open(plan, server, defaults, &s, &why) == 0)
		recover_log_tables(s.conn);
	if (plan->work)
		rc = plan->work(plan->arg, private_socket(server), err);
	if (rc == 0 && plan->note)
		doubt_note(s.conn, &why, plan->note);
	return recover_session_close(plan, &s, rc, err);
}

int recover_run(const struct recover_plan *plan, struct err *err)
{
	const struct recover_start how = {.grants = plan->work, .more = plan->work_options};
	struct private_server *server = NULL;

	recover_options_note(plan);
	if (is_mysql(plan->m))
		return recover_mysql_run(plan, err);
	int rc = recover_start(plan, &how, &server, err);
	if (rc == 0)
		rc = work(plan, server, err);
	if (rc == 0)
		rc = private_stop(server, err);
	private_free(server);
	return rc;
}

/* The process that listens on a socket. */
static long listener_pid(const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	struct ucred who = {0};
	socklen_t n = sizeof who;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return 0;
	strncpy(to.sun_path, path, sizeof to.sun_path - 1);
	if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) < 0)
		who.pid = 0;
	close(fd);
	return who.pid;
}

int recover_keep(const struct recover_plan *plan, char **ret_socket, long *ret_pid, struct err *err)
{
	const struct recover_start how = {.grants = true, .keep = true};
	struct private_server *server = NULL;

	if (recover_start(plan, &how, &server, err) < 0)
		return -1;
	*ret_socket = mem_strdup(private_socket(server));
	*ret_pid = listener_pid(*ret_socket);
	private_free(server);
	return 0;
}
