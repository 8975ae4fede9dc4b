/*
 * mysql_consumer: makes a MySQL server keep its redo until it was read, and looks that
 * this never makes the server wait.
 *
 * A registered consumer holds the redo files from where it has read to.  When the log is
 * full of such, the server stalls; so a thread watches how far reading is behind, and
 * ends the session, and with it the consumer, when it is the backup for whose sake most
 * of the log is held and reading does not catch up.
 */
#ifndef SOURCE_MYSQL_CONSUMER_H
#define SOURCE_MYSQL_CONSUMER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "server/conn.h"

struct mysql_consumer;

/* Registers.  A server has one consumer at a time: if another session has it, redo is
 * not held for us (mysql_consumer_holds), which is no error. */
int mysql_consumer_new(const struct conn_target *target, struct mysql_consumer **ret,
                       struct err *err);
bool mysql_consumer_holds(const struct mysql_consumer *c);
void mysql_consumer_free(struct mysql_consumer *c); /* NULL is fine */

/* From now on: reading is at `lsn`. */
int mysql_consumer_watch(struct mysql_consumer *c, uint64_t lsn, struct err *err);
/* Any thread. */
void mysql_consumer_read_to(struct mysql_consumer *c, uint64_t lsn);
int mysql_consumer_check(struct mysql_consumer *c, struct err *err);
/* Everything before it is in the files for good; as of a moment ago. */
uint64_t mysql_consumer_flushed(struct mysql_consumer *c);

struct mysql_lsns {
	uint64_t current, flushed, checkpoint, capacity;
};
int mysql_lsns_ask(struct conn *c, struct mysql_lsns *ret, struct err *err);

#endif
