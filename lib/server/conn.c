#include "server/conn.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <errmsg.h>

#include "base/mem.h"
#include "server/conn_mysql.h"
#include "server/defaults_file.h"

#define CONNECT_TIMEOUT_S 10
#define DEFAULT_TIMEOUT_S 3600
#define DEFAULT_SOCKET "/run/mysqld/mysqld.sock"

/* An upgrade or a copy of a large file may keep a session silent for hours. */
#define SESSION_COMMON                                                                         \
	"SET SESSION sql_mode='', autocommit=1, wait_timeout=2147483, net_read_timeout=3600, " \
	"net_write_timeout=3600"

struct conn {
	MYSQL mysql;
	bool live;
	int stop_fd; /* our own of its socket: the connector closes its one when it likes */
	unsigned last_errno;
	char where[256]; /* "socket /run/…" or "host:port", for messages */
};

static void library_init(void)
{
	mysql_server_init(0, NULL, NULL);
}

/* mysql_init does this itself, but not safely from two threads at once. */
static void library_once(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, library_init);
}

static enum err_kind kind_of(unsigned number)
{
	switch (number) {
	case CR_CONNECTION_ERROR:
	case CR_CONN_HOST_ERROR:
	case CR_IPSOCK_ERROR:
	case CR_UNKNOWN_HOST:
	case CR_SERVER_GONE_ERROR:
	case CR_SERVER_HANDSHAKE_ERR:
	case CR_SERVER_LOST:
	case CR_SERVER_LOST_EXTENDED:
	case ER_SERVER_SHUTDOWN:
	case ER_CONNECTION_KILLED:
		return ERR_UNREACHABLE;
	case ER_DBACCESS_DENIED_ERROR:
	case ER_ACCESS_DENIED_ERROR:
	case ER_ACCESS_DENIED_NO_PASSWORD_ERROR:
	case ER_TABLEACCESS_DENIED_ERROR:
	case ER_SPECIFIC_ACCESS_DENIED_ERROR:
	case ER_HOST_IS_BLOCKED:
	case ER_HOST_NOT_PRIVILEGED:
	case ER_MUST_CHANGE_PASSWORD:
	case ER_MUST_CHANGE_PASSWORD_LOGIN:
	case ER_ACCOUNT_HAS_BEEN_LOCKED:
	case CR_AUTH_PLUGIN_CANNOT_LOAD:
	case CR_AUTH_PLUGIN_ERR:
		return ERR_REFUSED;
	case ER_CON_COUNT_ERROR:
	case ER_TOO_MANY_USER_CONNECTIONS:
	case ER_USER_LIMIT_REACHED:
		return ERR_BUSY;
	default:
		return ERR_SERVER;
	}
}

static void say_where(struct conn *c, const struct conn_target *t)
{
	if (t->host && !t->socket)
		snprintf(c->where, sizeof c->where, "%s:%u", t->host, t->port ? t->port : 3306);
	else
		snprintf(c->where, sizeof c->where, "socket %s",
		         t->socket ? t->socket : DEFAULT_SOCKET);
}

static void set_options(MYSQL *m, const struct conn_target *t, unsigned timeout_s)
{
	unsigned connect_s = CONNECT_TIMEOUT_S;
	unsigned io_s = timeout_s ? timeout_s : DEFAULT_TIMEOUT_S;
	unsigned protocol = t->host && !t->socket ? MYSQL_PROTOCOL_TCP : MYSQL_PROTOCOL_SOCKET;
	unsigned no_infile = 0;

	mysql_options(m, MYSQL_OPT_CONNECT_TIMEOUT, &connect_s);
	mysql_options(m, MYSQL_OPT_READ_TIMEOUT, &io_s);
	mysql_options(m, MYSQL_OPT_WRITE_TIMEOUT, &io_s);
	mysql_options(m, MYSQL_OPT_PROTOCOL, &protocol);
	/* A server must not be able to ask us for local files. */
	mysql_options(m, MYSQL_OPT_LOCAL_INFILE, &no_infile);
	connector_never_reopen(m);
	mysql_options(m, MYSQL_SET_CHARSET_NAME, "utf8mb4");
	mysql_options4(m, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", "mybakd");
}

static char *os_user(void)
{
	struct passwd pw, *found = NULL;
	char buf[4096];

	getpwuid_r(geteuid(), &pw, buf, sizeof buf, &found);
	if (found)
		return mem_strdup(found->pw_name);
	return mem_printf("%u", (unsigned)geteuid());
}

static int find_credentials(const struct conn_target *t, struct credentials *ret, struct err *err)
{
	struct credentials c = {0};

	if (t->defaults_file && defaults_file_read(t->defaults_file, &c, err) < 0)
		return -1;
	if (!c.user)
		c.user = !t->defaults_file && t->user ? mem_strdup(t->user) : os_user();
	*ret = c;
	return 0;
}

static int connect_failed(struct conn *c, const struct conn_target *t, const char *user,
                          struct err *err)
{
	unsigned number = mysql_errno(&c->mysql);
	enum err_kind kind = kind_of(number);
	const char *socket = t->socket ? t->socket : DEFAULT_SOCKET;
	const char *words = mysql_error(&c->mysql);

	c->last_errno = number;
	if (number == CR_CONNECTION_ERROR && strncmp(c->where, "socket ", 7) == 0)
		words = access(socket, W_OK) < 0 ? strerror(errno) : "nobody answers there";
	err_set(err, kind, "cannot connect to the database server at %s as %s: %s (error %u)",
	        c->where, user, words, number);
	if (err)
		err->sys = (int)number;
	switch (kind) {
	case ERR_UNREACHABLE:
		return err_hint(err, "Check that the server runs and that %s is its address.",
		                c->where);
	case ERR_REFUSED:
		return err_hint(err,
		                "Check user and password in %s and that the account may "
		                "log in from here.",
		                t->defaults_file ? t->defaults_file : "the defaults_file");
	case ERR_BUSY:
		return err_hint(err, "Raise max_connections or the account's own limit.");
	default:
		return -1;
	}
}

static int prepare_session(struct conn *c, struct err *err)
{
	/* Limits meant for users' queries must not end a backup. */
	if (conn_exec(c, err, SESSION_COMMON) < 0)
		return -1;
	if (conn_is_mariadb(c))
		return conn_exec(c, err, "SET SESSION max_statement_time=0");
	return conn_exec(c, err, "SET SESSION max_execution_time=0");
}

int conn_open(const struct conn_target *t, unsigned timeout_s, struct conn **ret, struct err *err)
{
	struct credentials cred = {0};
	struct conn *c = NULL;
	bool tcp = t->host && !t->socket;
	int rc = -1;

	library_once();
	if (find_credentials(t, &cred, err) < 0)
		return -1;
	c = mem_zalloc(sizeof *c);
	c->stop_fd = -1;
	say_where(c, t);
	if (!mysql_init(&c->mysql)) {
		err_set(err, ERR_FAILED, "cannot set up the database connector");
		goto out;
	}
	c->live = true;
	set_options(&c->mysql, t, timeout_s);
	MYSQL *got = mysql_real_connect(&c->mysql, tcp ? t->host : NULL, cred.user,
	                                cred.password ? cred.password : "", NULL,
	                                tcp ? (t->port ? t->port : 3306) : 0,
	                                tcp ? NULL : (t->socket ? t->socket : DEFAULT_SOCKET), 0);
	/* The connector keeps its own copy for reconnecting, which we never do. */
	if (c->mysql.passwd)
		explicit_bzero(c->mysql.passwd, strlen(c->mysql.passwd));
	if (!got) {
		connect_failed(c, t, cred.user, err);
		goto out;
	}
	c->stop_fd = fcntl(connector_socket(&c->mysql), F_DUPFD_CLOEXEC, 0);
	if (c->stop_fd < 0) {
		err_sys(err, errno, "cannot keep the connection to %s", c->where);
		goto out;
	}
	if (prepare_session(c, err) < 0) {
		err_add(err, "cannot prepare a session at %s", c->where);
		goto out;
	}
	*ret = c;
	c = NULL;
	rc = 0;
out:
	credentials_done(&cred);
	conn_free(c);
	return rc;
}

void conn_free(struct conn *c)
{
	if (!c)
		return;
	if (c->live)
		mysql_close(&c->mysql);
	if (c->stop_fd >= 0)
		close(c->stop_fd);
	free(c);
}

static int statement_failed(struct conn *c, const char *sql, struct err *err)
{
	unsigned number = mysql_errno(&c->mysql);
	enum err_kind kind = kind_of(number);

	c->last_errno = number;
	err_set(err, kind, "%.80s%s: %s (error %u)", sql, strlen(sql) > 80 ? "…" : "",
	        mysql_error(&c->mysql), number);
	if (err)
		err->sys = (int)number;
	if (kind == ERR_UNREACHABLE)
		return err_hint(err,
		                "The session at %s is gone: check that the server still runs and "
		                "whether its log says that somebody ended it.",
		                c->where);
	return -1;
}

/* *ret is NULL for a statement without a result. */
static int run(struct conn *c, const char *sql, MYSQL_RES **ret, struct err *err)
{
	MYSQL_RES *res;

	c->last_errno = 0;
	if (mysql_real_query(&c->mysql, sql, strlen(sql)) != 0)
		return statement_failed(c, sql, err);
	res = mysql_store_result(&c->mysql);
	if (!res && mysql_errno(&c->mysql) != 0)
		return statement_failed(c, sql, err);
	*ret = res;
	return 0;
}

int conn_exec(struct conn *c, struct err *err, const char *sql)
{
	MYSQL_RES *res = NULL;

	if (run(c, sql, &res, err) < 0)
		return -1;
	mysql_free_result(res);
	return 0;
}

int conn_query(struct conn *c, const char *sql, conn_row *row, void *arg, struct err *err)
{
	MYSQL_RES *res = NULL;
	MYSQL_ROW fields;
	int rc = 0;

	if (run(c, sql, &res, err) < 0)
		return -1;
	if (!res)
		return 0;
	unsigned n = mysql_num_fields(res);
	while (rc == 0 && (fields = mysql_fetch_row(res)) != NULL)
		rc = row(arg, n, fields, mysql_fetch_lengths(res), err);
	mysql_free_result(res);
	return rc < 0 ? -1 : 0;
}

int conn_value(struct conn *c, const char *sql, char **ret, struct err *err)
{
	MYSQL_RES *res = NULL;
	char *value = NULL;

	if (run(c, sql, &res, err) < 0)
		return -1;
	MYSQL_ROW fields = res ? mysql_fetch_row(res) : NULL;
	if (fields && mysql_num_fields(res) > 0 && fields[0])
		value = mem_strndup(fields[0], mysql_fetch_lengths(res)[0]);
	mysql_free_result(res);
	*ret = value;
	return 0;
}

int conn_u64(struct conn *c, const char *sql, uint64_t *ret, struct err *err)
{
	char *text = NULL, *end = NULL;
	int rc = -1;

	if (conn_value(c, sql, &text, err) < 0)
		return -1;
	errno = 0;
	uint64_t v = text ? strtoull(text, &end, 10) : 0;
	if (!text || text[0] < '0' || text[0] > '9' || *end || errno) {
		err_set(err, ERR_SERVER, "%.80s: a number was expected, the server answered %s%s",
		        sql, text ? "" : "nothing", text ? text : "");
	} else {
		*ret = v;
		rc = 0;
	}
	free(text);
	return rc;
}

bool conn_is_mariadb(const struct conn *c)
{
	return connector_is_mariadb((MYSQL *)(uintptr_t)&c->mysql);
}

unsigned conn_errno(const struct conn *c)
{
	return c->last_errno;
}

MYSQL *conn_mysql(struct conn *c)
{
	return &c->mysql;
}

void conn_stop(struct conn *c)
{
	/* Nothing of the connector's own: its thread may be losing the session just now. */
	shutdown(c->stop_fd, SHUT_RDWR);
}

const char *conn_where(const struct conn *c)
{
	return c->where;
}
