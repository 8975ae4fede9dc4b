/*
 * replay_errors: what the client says went wrong, held against what went wrong on the
 * source.
 *
 * A statement can fail there and yet have done something: rows of a table without
 * transactions, one table of several that were to be dropped.  Then it is in the binlog,
 * and it fails here in the same way; anything else that fails ends the replay.
 */
#ifndef SERVER_REPLAY_ERRORS_H
#define SERVER_REPLAY_ERRORS_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "server/replay.h"
#include "server/replay_trace.h"

struct replay_errors {
	const struct replay_error *list; /* in the order of the binlogs; borrowed */
	size_t n, next;
	struct str line; /* the line that is coming, or the beginning of it */
	char *other;     /* last line that told of no error, or NULL */
};

/* What the client wrote.  -1: it tells of an error that the source did not have, or of
 * one behind one that should have come. */
int errors_text(struct replay_errors *e, const struct replay_trace *t, const char *text, size_t n,
                struct err *err);
/* It writes no more: judge a line without end. */
int errors_end(struct replay_errors *e, const struct replay_trace *t, struct err *err);
/* Everything is applied: did all come that should? */
int errors_finish(const struct replay_errors *e, struct err *err);
void errors_done(struct replay_errors *e);

#endif
