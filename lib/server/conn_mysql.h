/*
 * conn_mysql: the connector's own handle of a session, for the one file that speaks a
 * part of the protocol of which conn knows nothing (streaming a binlog); and, besides
 * that file, the only place that knows which of the two connectors this is built with:
 * MariaDB Connector/C or Oracle's libmysqlclient.
 */
#ifndef SERVER_CONN_MYSQL_H
#define SERVER_CONN_MYSQL_H

#include <string.h>

#include <mysql.h>
#include <mysqld_error.h>

#include "server/conn.h"

MYSQL *conn_mysql(struct conn *c); /* lives as long as c */

#ifdef MARIADB_CLIENT_VERSION_STR

static inline bool connector_is_mariadb(MYSQL *m)
{
	return mariadb_connection(m) != 0;
}
static inline int connector_socket(MYSQL *m)
{
	return mysql_get_socket(m);
}
/* A session reopened behind our back would have lost its locks unnoticed. */
static inline void connector_never_reopen(MYSQL *m)
{
	my_bool no = 0;
	mysql_options(m, MYSQL_OPT_RECONNECT, &no);
}

#else

#define ER_CONNECTION_KILLED 1927 /* only MariaDB says it */
#ifndef ER_MASTER_FATAL_ERROR_READING_BINLOG
#define ER_MASTER_FATAL_ERROR_READING_BINLOG ER_SOURCE_FATAL_ERROR_READING_BINLOG
#endif

static inline bool connector_is_mariadb(MYSQL *m)
{
	return strstr(mysql_get_server_info(m), "MariaDB") != NULL;
}
static inline int connector_socket(MYSQL *m)
{
	return m->net.fd;
}
static inline void connector_never_reopen(MYSQL *m)
{
	(void)m; /* it does so only when asked to */
}

#endif

#endif
