/*
 * conn_watch: a session that ends when somebody cancels, whatever its server is asked just
 * then: for questions that may take long, or a server that answers nothing any more.
 */
#ifndef SERVER_CONN_WATCH_H
#define SERVER_CONN_WATCH_H

#include "base/cancel.h"
#include "server/conn.h"

struct conn_watch;

/* Until conn_watch_end, which comes before conn_free.  A question that was cut off fails
 * with ERR_UNREACHABLE: cancel_check tells why.  `c` and `cancel` are borrowed. */
int conn_watch_begin(struct conn *c, const struct cancel *cancel, struct conn_watch **ret,
                     struct err *err);
void conn_watch_end(struct conn_watch *w); /* NULL is fine */

#endif
