#include "job/restore_recover.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "server/conn.h"
#include "server/facts.h"
#include "server/private.h"
#include "server/settings.h"
#include "server/zone.h"

int recover_find_binary(const struct manifest *m, const char *wanted, char **ret, struct err *err)
{
	enum flavour flavour;
	unsigned major, minor, patch;

	if (flavour_parse(m->version, &flavour, &major, &minor, &patch) < 0)
		return err_set(err, ERR_DAMAGED, "backup %s: \"%s\" is no server version", m->id,
		               m->version);
	if (private_find_binary(wanted, flavour, major, minor, ret, err) == 0)
		return 0;
	return err_add(err, "backup %s is of %s %s", m->id, flavour_name(flavour), m->version);
}

int recover_find_tools(const struct manifest *m, const char *binary, struct replay_tools *ret,
                       struct err *err)
{
	struct replay_tools tools;
	enum flavour flavour;
	unsigned major, minor, patch;

	if (flavour_parse(m->version, &flavour, &major, &minor, &patch) < 0)
		return err_set(err, ERR_DAMAGED, "backup %s: \"%s\" is no server version", m->id,
		               m->version);
	if (replay_tools_find(binary, &tools, err) < 0)
		return -1;
	if (replay_tools_check(&tools, major, minor, err) < 0) {
		replay_tools_done(&tools);
		return -1;
	}
	*ret = tools;
	return 0;
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

struct options {
	VEC(char *) list; /* owned; NULL-terminated when done */
};

static void options_done(struct options *o)
{
	for (size_t i = 0; i < o->list.n; i++)
		free(o->list.v[i]);
	vec_done(&o->list);
}

/* The settings of the source first, so that the caller's own win. */
static void collect_options(const struct recover_plan *plan, struct options *ret)
{
	const struct manifest *m = plan->m;

	for (size_t i = 0; i < m->setting_n; i++) {
		if (!strcmp(m->settings[i].name, ZONE_SETTING))
			continue;
		/* A manifest comes from a place others may write to, and many an option runs
		 * code or names files of the host. */
		if (strcmp(m->settings[i].name, "plugin_load_add") != 0 &&
		    !setting_is_needed(m->settings[i].name, m->settings[i].value))
			continue;
		/* Variables of a plugin are unknown where the plugin is not there; that is
		 * for the server to say when it meets an encrypted page. */
		const char *loose = strstr(m->settings[i].name, "key_management") ? "loose-" : "";
		*vec_push(&ret->list) =
		    mem_printf("--%s%s=%s", loose, m->settings[i].name, m->settings[i].value);
	}
	for (const char *const *o = plan->server_options; o && *o; o++)
		*vec_push(&ret->list) = mem_strdup(*o);
	for (const char *const *o = plan->work_options; o && *o; o++)
		*vec_push(&ret->list) = mem_strdup(*o);
	*vec_push(&ret->list) = NULL;
}

static int start(const struct recover_plan *plan, bool grants, bool keep,
                 struct private_server **ret, struct err *err)
{
	struct options options = {0};
	const char *const env[] = {plan->time_zone, NULL};
	int rc;

	collect_options(plan, &options);
	struct private_plan p = {
	    .binary = plan->binary,
	    .datadir = plan->places->target,
	    .options = (const char *const *)options.list.v,
	    .env = env,
	    .grants = grants,
	    .keep = keep,
	    .cancel = plan->cancel,
	};
	rc = private_start(&p, ret, err);
	options_done(&options);
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
static void repair_log_tables(const struct recover_plan *plan, const struct private_server *server)
{
	static const char *const tables[] = {"general_log", "slow_log"};
	const struct conn_target target = {.socket = private_socket(server),
	                                   .defaults_file = plan->work ? plan->work_defaults : NULL,
	                                   .user = "root"};
	struct conn *c = NULL;
	struct err ignored;

	if (conn_open(&target, 60, &c, &ignored) != 0)
		return;
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		char *sql = mem_printf("REPAIR NO_WRITE_TO_BINLOG TABLE mysql.%s", tables[i]);
		conn_query(c, sql, no_row, NULL, &ignored);
		free(sql);
	}
	conn_free(c);
}

int recover_run(const struct recover_plan *plan, struct err *err)
{
	struct private_server *server = NULL;
	int rc = start(plan, plan->work, false, &server, err);

	if (rc == 0)
		repair_log_tables(plan, server);
	if (rc == 0 && plan->work)
		rc = plan->work(plan->arg, private_socket(server), err);
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
	struct private_server *server = NULL;

	if (start(plan, true, true, &server, err) < 0)
		return -1;
	*ret_socket = mem_strdup(private_socket(server));
	*ret_pid = listener_pid(*ret_socket);
	private_free(server);
	return 0;
}
