/*
 * What the server has: its binlogs, where they end, what time it is there (private to
 * the stream).
 */
#ifndef BINLOG_STREAM_LOOK_H
#define BINLOG_STREAM_LOOK_H

#include "base/mem.h"
#include "binlog/event.h"
#include "server/conn.h"

struct server_file {
	char *name;
	uint64_t size;
};
struct server_look {
	bool mariadb;
	uint64_t resets;               /* before anything else was asked */
	VEC(struct server_file) files; /* oldest first; never empty */
};
/* ERR_REFUSED where the server keeps no binlog, or names the missing GRANT. */
int look_ask(struct conn *c, struct server_look *ret, struct err *err);
void look_done(struct server_look *l);

/* Where the server's binlog ends at this moment. */
struct server_end {
	char file[BINLOG_NAME_MAX];
	uint64_t pos;
};
int look_end(struct conn *c, struct server_end *ret, struct err *err);
/* The second in which the server is.  All transactions of the seconds before it have been
 * given their time; of this one more may come. */
int look_clock(struct conn *c, int64_t *ret_us, struct err *err);
/* How often RESET was said since the server started.  A binlog begun anew can have the
 * name and the size of the one before. */
int look_resets(struct conn *c, uint64_t *ret, struct err *err);
/* Bytes from file:pos to the end of all. */
int look_behind(struct conn *c, const char *file, uint64_t pos, uint64_t *ret, struct err *err);

#endif
