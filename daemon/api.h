/*
 * api: requests and answers, by a table of routes.  Knows nothing of sockets:
 * http.c carries the bytes.
 */
#ifndef DAEMON_API_H
#define DAEMON_API_H

#include <stdbool.h>
#include <stddef.h>

#define API_BODY_MAX (64u * 1024)

struct daemon;

struct api_request {
	const char *method; /* "GET"; HEAD is asked for as GET */
	const char *path;   /* as sent, without the query */
	const char *query;  /* or NULL */
	const char *accept; /* header or NULL */
	const void *body;
	size_t body_n;
	bool may_control; /* root or the daemon's own user */
};

struct api_reply {
	int status;
	const char *type;
	char allow[64]; /* with 405 */
	char *body;     /* owned by the caller */
	size_t body_n;
};

void api_handle(struct daemon *d, const struct api_request *rq, struct api_reply *ret);

#endif
