/*
 * server: a database server as seen through a connection: what it is, what it
 * can do, what we may do there; and private servers we start ourselves.  Only
 * this room (and binlog) sees <mysql.h>.  Knows nothing of policies, repositories
 * or jobs.
 *
 * conn: one session.  Used by one thread at a time.  Locks taken in a session
 * are let go when it is freed, whatever happened before.
 */
#ifndef SERVER_CONN_H
#define SERVER_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct conn_target {
	const char *socket; /* or NULL */
	const char *host;   /* or NULL */
	unsigned port;
	const char *defaults_file; /* user and password of [client], [mybak]; NULL: none */
	const char *user;          /* used when defaults_file is NULL; NULL: the OS user */
};

struct conn;

/* ERR_UNREACHABLE with what to check, ERR_REFUSED for bad credentials.  A
 * defaults_file that group or others can read is refused before it is read.
 * Read and write time out after `timeout_s`; 0: 3600. */
int conn_open(const struct conn_target *t, unsigned timeout_s, struct conn **ret, struct err *err);
void conn_free(struct conn *c); /* NULL is fine */

/* A statement whose result, if any, is thrown away.  ERR_SERVER with the server's
 * words and number; ERR_REFUSED where a privilege is missing, ERR_UNREACHABLE when
 * the session is gone (and with it every lock it held): it is never reopened. */
int conn_exec(struct conn *c, struct err *err, const char *sql);

/* Each row of the result, which is held in memory, through `row` (fields are
 * NUL-terminated, NULL for NULL; it may use the session for further statements);
 * `row` returns 0 to go on, -1 to stop (its err is returned). */
typedef int conn_row(void *arg, unsigned n, char **fields, const unsigned long *lengths,
                     struct err *err);
int conn_query(struct conn *c, const char *sql, conn_row *row, void *arg, struct err *err);

/* First field of the first row as a new string; NULL value or no row: NULL with 0. */
int conn_value(struct conn *c, const char *sql, char **ret, struct err *err);
/* -1 if there is no value or it is not a number. */
int conn_u64(struct conn *c, const char *sql, uint64_t *ret, struct err *err);

/* Does the other side call itself MariaDB? */
bool conn_is_mariadb(const struct conn *c);

/* Ends the session from another thread: what waits there, and all that follows, fails.
 * Not during conn_open or conn_free. */
void conn_stop(struct conn *c);

/* "socket /run/…" or "host:port", for messages. */
const char *conn_where(const struct conn *c);

/* Server error number of the last failed statement (0 if it was not the server). */
unsigned conn_errno(const struct conn *c);

#endif
