/*
 * mysql_binlog: the piece of binlog that belongs to the point of a hot copy of MySQL.
 *
 * It decides at recovery which of the transactions that are prepared at the end LSN were
 * committed; but only if it says of itself that the server was using it, which is so
 * until the server goes on to the next.
 */
#ifndef SOURCE_MYSQL_BINLOG_H
#define SOURCE_MYSQL_BINLOG_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "server/conn.h"
#include "source/hot.h"

#define MYSQL_BINLOG_HEAD_MAX (512u + 4u + 19u) /* up to the end of the first event's header */

struct mysql_binlog {
	int fd; /* -1: there is none */
	char *path;
	unsigned char head[MYSQL_BINLOG_HEAD_MAX]; /* says "in use" */
	size_t head_n;
	uint64_t offset; /* of position 0: an encrypted file begins with something else */
};

/* At once when log_status has told the position in out->binlog: opens it and keeps how it
 * begins.  `side`: to ask whether it was still in use then. */
int mysql_binlog_open(struct mysql_binlog *b, struct hot *h, struct conn *side, struct err *err);

/* It becomes work of the stage to come; up to the position, which must be there by now.
 * Nothing if there is none. */
int mysql_binlog_plan(struct mysql_binlog *b, struct hot *h, struct err *err);

void mysql_binlog_close(struct mysql_binlog *b);

#endif
