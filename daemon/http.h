/*
 * http: HTTP/1.1 on the socket.  Each request is answered at once from what the
 * loop thread holds.
 */
#ifndef DAEMON_HTTP_H
#define DAEMON_HTTP_H

#include "base/err.h"
#include "daemon/loop.h"

struct http;
struct daemon;

/* Serves `d` on a descriptor that listens (borrowed, non-blocking). */
int http_new(struct loop *l, int listen_fd, struct daemon *d, struct http **ret, struct err *err);
void http_free(struct http *h); /* NULL is fine */

#endif
