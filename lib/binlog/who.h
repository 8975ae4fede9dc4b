/*
 * who: which server is at the other end of a session.  Behind a load balancer, or while
 * a failover is under way, two sessions at one address can be at two servers.
 */
#ifndef BINLOG_WHO_H
#define BINLOG_WHO_H

#include "base/err.h"
#include "server/conn.h"

/* A new string, the same for two sessions if and only if one server has both:
 * "hostname=db1, port=3306, server_id=1, server_uuid=…". */
int who_ask(struct conn *c, char **ret, struct err *err);

#endif
