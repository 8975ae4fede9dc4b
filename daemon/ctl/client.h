/*
 * client: one request at a time to mybakd over its UNIX socket.  Blocking.
 */
#ifndef CTL_CLIENT_H
#define CTL_CLIENT_H

#include <jansson.h>

#include "base/err.h"

#define CLIENT_ANSWER_MAX (64u << 20)

struct client {
	const char *socket;  /* path */
	void *curl;          /* opened with the first request */
	unsigned patience_s; /* for one answer; 0: a minute */
	json_t *refusal;     /* the "error" of the last answer, or NULL */
};

/* `body` and `ret` may be NULL.  ERR_UNREACHABLE when nobody listens; an error the
 * daemon answers with comes back as its own kind, text and hint. */
int client_call(struct client *c, const char *method, const char *path, const json_t *body,
                json_t **ret, struct err *err);
void client_done(struct client *c);

/* A path segment in which every byte but letters, digits and "-_." is %XX; new string. */
char *client_segment(const char *name);
/* {"kind","message","hint"} as a reason; -1. */
int client_reason(const json_t *error, const char *otherwise, struct err *err);

#endif
