/*
 * dump: one COM_BINLOG_DUMP session, as a replica opens it.
 *
 * The only file of this room that sees <mysql.h>: it hides the difference between
 * MariaDB Connector/C (the raw command on its own connection) and Oracle's
 * libmysqlclient (mysql_binlog_open).  Used by one thread; dump_stop may be called
 * from another.
 */
#ifndef BINLOG_DUMP_H
#define BINLOG_DUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "server/conn.h"

struct dump_plan {
	struct conn_target target;
	bool mariadb;
	uint32_t server_id; /* unique among the source's replicas */
	const char *uuid;   /* ours, stable */
	const char *who;    /* which server it must be (who_ask) */
	const char *file;
	uint64_t pos;
	unsigned heartbeat_ms;
	const struct cancel *cancel; /* looked at just before the server is asked; or NULL */
	unsigned timeout_s;          /* a peer silent for this long is dead; above the heartbeat */
};

struct dump;

/* ERR_UNREACHABLE; ERR_NOT_FOUND when the server no longer has the file or position
 * (error 1236: purged, reset); ERR_REFUSED names the missing GRANT; ERR_SERVER when
 * another server than expected has answered. */
int dump_open(const struct dump_plan *plan, struct dump **ret, struct err *err);

/* The next event as sent, borrowed until the next call: 1; -1.  A dump that another
 * replica with the same id ended is said so. */
int dump_next(struct dump *d, const unsigned char **ret_event, size_t *ret_n, struct err *err);

/* May this account read binlogs as a replica does?  ERR_REFUSED names the GRANT.  Nothing
 * is read, and the server notes no replica. */
int dump_check(struct conn *c, struct err *err);

void dump_stop(struct dump *d); /* wakes a dump_next in another thread: it fails */
void dump_free(struct dump *d);

#endif
