#include "binlog/dump.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/mem.h"
#include "binlog/event.h"
#include "binlog/who.h"
#include "server/conn_mysql.h"
#include "server/privileges.h"

#define NS_PER_MS 1000000ULL
/* An event may have 1 GiB, the largest max_allowed_packet; its packet has a little more. */
#define PACKET_MAX ((1UL << 30) + 65536)
#define MARIADB_SAME_ID 4052
#define CLIENT_ERRORS 2000 /* to 2999: the connector's own */

struct dump {
	struct conn *conn;
	char *from;  /* "binlog.000007:4 at socket …", for messages */
	char *grant; /* what would let us in */
	uint32_t server_id;
	unsigned timeout_s;
	bool ahead; /* the first event is read already */
	const unsigned char *event;
	size_t n;
};

/* What the wire said last. */
struct reply {
	const unsigned char *packet; /* NULL: an error, or with number 0 the end */
	size_t n;
	unsigned number;
	char text[512];
};

/* ---- the wire: the one place where the two connectors differ */

#ifdef MARIADB_CLIENT_VERSION_STR

#define DUMP_ANNOTATE 2 /* MariaDB sends these events only when asked to */
#define PACKET_FAILED UINT32_MAX

/* Its mariadb_rpl_* stops at events it does not know, so the command itself. */
static int wire_ask(MYSQL *m, const struct dump_plan *plan)
{
	size_t name_n = strlen(plan->file);
	unsigned char *ask = mem_zalloc(10 + name_n);

	le32_put(ask, (uint32_t)plan->pos);
	ask[4] = plan->mariadb ? DUMP_ANNOTATE : 0;
	le32_put(ask + 6, plan->server_id);
	memcpy(ask + 10, plan->file, name_n);
	int rc = m->methods->db_command(m, COM_BINLOG_DUMP, (char *)ask, 10 + name_n, 1, NULL);
	free(ask);
	return rc ? -1 : 0;
}

static void wire_error(const unsigned char *p, size_t n, struct reply *ret)
{
	size_t skip = n > 9 && p[3] == '#' ? 9 : n < 3 ? n : 3;

	ret->number = n >= 3 ? p[1] | (unsigned)p[2] << 8 : 0;
	snprintf(ret->text, sizeof ret->text, "%.*s", (int)(n - skip), (const char *)p + skip);
}

static void wire_next(MYSQL *m, struct reply *ret)
{
	unsigned long n = mysql_net_read_packet(m);
	const unsigned char *p = m->net.read_pos;

	*ret = (struct reply){0};
	if ((uint32_t)n == PACKET_FAILED || n == 0) {
		ret->number = mysql_errno(m) ? mysql_errno(m) : CLIENT_ERRORS;
		snprintf(ret->text, sizeof ret->text, "%s", mysql_error(m));
	} else if (p[0] == 0xff) {
		wire_error(p, n, ret);
	} else if (p[0] == 0) {
		ret->packet = p + 1;
		ret->n = n - 1;
	} /* else 0xfe: the server has ended it */
}

/* The server looks at the privilege first and then finds that this is too short to
 * register a replica. */
static void wire_try(MYSQL *m)
{
	m->methods->db_command(m, COM_REGISTER_SLAVE, "\0\0\0", 4, 0, NULL);
}

#else

static int wire_ask(MYSQL *m, const struct dump_plan *plan)
{
	MYSQL_RPL rpl = {
	    .file_name = plan->file,
	    .file_name_length = strlen(plan->file),
	    .start_position = plan->pos,
	    .server_id = plan->server_id,
	    .flags = plan->mariadb ? 2 : 0,
	};
	return mysql_binlog_open(m, &rpl) ? -1 : 0;
}

static void wire_next(MYSQL *m, struct reply *ret)
{
	MYSQL_RPL rpl = {0};

	*ret = (struct reply){0};
	if (mysql_binlog_fetch(m, &rpl)) {
		ret->number = mysql_errno(m) ? mysql_errno(m) : CLIENT_ERRORS;
		snprintf(ret->text, sizeof ret->text, "%s", mysql_error(m));
	} else if (rpl.size > 0) {
		ret->packet = rpl.buffer + 1;
		ret->n = rpl.size - 1;
	}
}

/* It sends no command but those it has a function for: a statement that needs the same
 * privilege, of which MariaDB has none. */
static void wire_try(MYSQL *m)
{
	if (strstr(mysql_get_server_info(m), "MariaDB"))
		return;
	if (mysql_query(m, "SHOW REPLICAS") && mysql_errno(m) == ER_PARSE_ERROR)
		mysql_query(m, "SHOW SLAVE HOSTS");
	mysql_free_result(mysql_store_result(m));
}

#endif

/* ---- what went wrong */

static bool is_same_id(const struct reply *r)
{
	return r->number == MARIADB_SAME_ID || (r->number == ER_MASTER_FATAL_ERROR_READING_BINLOG &&
	                                        strstr(r->text, "same server_uuid/server_id"));
}

static int same_id(const struct dump *d, struct err *err)
{
	err_set(err, ERR_BUSY,
	        "another reader with our replica id %" PRIu32
	        " connected to the server, which then ended the stream of %s",
	        d->server_id, d->from);
	return err_hint(err, "Give each replica and each instance of a policy an id of its own: "
	                     "a server streams to only one of those that share one.");
}

static int refused(const struct dump *d, const struct reply *r, struct err *err)
{
	err_set(err, ERR_REFUSED, "the server does not let this account read %s: %s (error %u)",
	        d->from, r->text, r->number);
	return err_hint(err, "Run on the server: %s", d->grant);
}

/* MySQL.  What was written in another gtid_mode is not streamed in this one. */
static void hint_mode(const struct reply *r, struct err *err)
{
	if (strstr(r->text, "GTID_MODE"))
		err_hint(err, "With gtid_mode OFF no transaction that has a GTID is streamed, with "
		              "ON none without: the archive goes on behind them, so take a backup "
		              "now. With OFF_PERMISSIVE and ON_PERMISSIVE both are streamed: next "
		              "time leave it at that until the archive has caught up.");
}

static int failed(const struct dump *d, const struct reply *r, bool silent, struct err *err)
{
	if (is_same_id(r))
		return same_id(d, err);
	switch (r->number) {
	case 0:
		return err_set(err, ERR_UNREACHABLE, "the server ended the stream of %s", d->from);
	case ER_MASTER_FATAL_ERROR_READING_BINLOG:
		err_set(err, ERR_NOT_FOUND, "the server cannot stream %s: %s (error %u)", d->from,
		        r->text, r->number);
		hint_mode(r, err);
		break;
	case ER_SPECIFIC_ACCESS_DENIED_ERROR:
	case ER_ACCESS_DENIED_ERROR:
		return refused(d, r, err);
	default:
		if (silent)
			err_set(err, ERR_UNREACHABLE,
			        "nothing was heard of the server for %u s, not even a "
			        "heartbeat, while it streamed %s",
			        d->timeout_s, d->from);
		else
			err_set(err,
			        r->number >= CLIENT_ERRORS || r->number == ER_SERVER_SHUTDOWN ||
			                r->number == ER_CONNECTION_KILLED
			            ? ERR_UNREACHABLE
			            : ERR_SERVER,
			        "the stream of %s broke: %s (error %u)", d->from, r->text,
			        r->number);
	}
	if (err)
		err->sys = (int)r->number;
	return -1;
}

/* ---- a session */

static int next(struct dump *d, struct err *err)
{
	uint64_t since = clock_mono_ns();
	struct reply r;

	wire_next(conn_mysql(d->conn), &r);
	if (!r.packet)
		return failed(d, &r, clock_mono_ns() - since >= d->timeout_s * CLOCK_NS, err);
	if (r.n < BINLOG_HEADER_SIZE)
		return err_set(err, ERR_DAMAGED, "the stream of %s: a packet of only %zu bytes",
		               d->from, r.n);
	d->event = r.packet;
	d->n = r.n;
	return 0;
}

/* What was found out elsewhere of the server's binlogs says nothing of another's. */
static int check_who(struct dump *d, const struct dump_plan *plan, struct err *err)
{
	char *who = NULL;
	bool same;

	if (who_ask(d->conn, &who, err) < 0)
		return -1;
	same = strcmp(who, plan->who) == 0;
	if (!same)
		err_set(err, ERR_SERVER, "two connections to %s ended at two servers: %s; and %s",
		        conn_where(d->conn), plan->who, who);
	free(who);
	if (same)
		return 0;
	return err_hint(err, "If a failover was under way, this passes by itself; else name one "
	                     "server in the policy, not a load balancer: binlogs of two servers "
	                     "do not make one history.");
}

/* What a replica says of itself before it asks.  Each server ignores the other's. */
static int introduce(struct dump *d, const struct dump_plan *plan, struct err *err)
{
	char *sql = mem_printf(
	    "SET @master_binlog_checksum='CRC32', @source_binlog_checksum='CRC32', "
	    "@master_heartbeat_period=%llu, @source_heartbeat_period=%llu, "
	    "@slave_uuid='%s', @replica_uuid='%s', @mariadb_slave_capability=4",
	    plan->heartbeat_ms * NS_PER_MS, plan->heartbeat_ms * NS_PER_MS, plan->uuid, plan->uuid);
	char *account = NULL;
	int rc = -1;

	if (conn_exec(d->conn, err, sql) < 0)
		goto out;
	if (conn_value(d->conn, "SELECT CURRENT_USER()", &account, err) < 0)
		goto out;
	d->grant = privileges_grant_text("REPLICATION SLAVE", account ? account : "");
	rc = 0;
out:
	free(account);
	free(sql);
	return rc;
}

static int ask(struct dump *d, const struct dump_plan *plan, struct err *err)
{
	MYSQL *m = conn_mysql(d->conn);
	struct reply r = {0};

	m->net.max_packet_size = PACKET_MAX;
	if (wire_ask(m, plan) < 0) {
		r.number = mysql_errno(m) ? mysql_errno(m) : CLIENT_ERRORS;
		snprintf(r.text, sizeof r.text, "%s", mysql_error(m));
		return failed(d, &r, false, err);
	}
	/* Whether the server accepts it is known only now. */
	if (next(d, err) < 0)
		return -1;
	d->ahead = true;
	return 0;
}

int dump_check(struct conn *c, struct err *err)
{
	MYSQL *m = conn_mysql(c);
	char *account = NULL;
	int rc = conn_value(c, "SELECT CURRENT_USER()", &account, err);

	if (rc < 0)
		return -1;
	wire_try(m);
	struct dump d = {.grant =
	                     privileges_grant_text("REPLICATION SLAVE", account ? account : "")};
	struct reply r = {.number = mysql_errno(m)};
	snprintf(r.text, sizeof r.text, "%s", mysql_error(m));
	if (r.number == ER_SPECIFIC_ACCESS_DENIED_ERROR || r.number == ER_ACCESS_DENIED_ERROR) {
		d.from = mem_printf("the binlog at %s", conn_where(c));
		rc = refused(&d, &r, err);
	} else if (r.number >= CLIENT_ERRORS) {
		rc = err_set(err, ERR_UNREACHABLE, "the session at %s is gone: %s (error %u)",
		             conn_where(c), r.text, r.number);
	}
	free(d.from);
	free(d.grant);
	free(account);
	return rc;
}

int dump_open(const struct dump_plan *plan, struct dump **ret, struct err *err)
{
	struct dump *d = NULL;
	int rc = -1;

	if (plan->pos > UINT32_MAX)
		return err_set(err, ERR_USAGE,
		               "%s:%" PRIu64 ": a stream can only begin in the first 4 GiB",
		               plan->file, plan->pos);
	d = mem_zalloc(sizeof *d);
	d->server_id = plan->server_id;
	d->timeout_s = plan->timeout_s;
	if (conn_open(&plan->target, plan->timeout_s, &d->conn, err) < 0)
		goto out;
	d->from = mem_printf("%s:%" PRIu64 " at %s", plan->file, plan->pos, conn_where(d->conn));
	if (check_who(d, plan, err) < 0 || introduce(d, plan, err) < 0 ||
	    cancel_check(plan->cancel, err) < 0 || ask(d, plan, err) < 0)
		goto out;
	*ret = d;
	d = NULL;
	rc = 0;
out:
	dump_free(d);
	return rc;
}

int dump_next(struct dump *d, const unsigned char **ret_event, size_t *ret_n, struct err *err)
{
	if (!d->ahead && next(d, err) < 0)
		return -1;
	d->ahead = false;
	*ret_event = d->event;
	*ret_n = d->n;
	return 1;
}

void dump_stop(struct dump *d)
{
	conn_stop(d->conn);
}

void dump_free(struct dump *d)
{
	if (!d)
		return;
	/* The server may have gigabytes under way: it learns from this that nobody wants
	 * them any more. */
	if (d->conn)
		conn_stop(d->conn);
	conn_free(d->conn);
	free(d->from);
	free(d->grant);
	free(d);
}
