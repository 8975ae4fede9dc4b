/*
 * replay_trace: which event of a binlog stands at which line of what mariadb-binlog
 * or mysqlbinlog prints: the client tells a failure by its line.
 *
 * The last some thousand events are known, more than can be under way between the two
 * programs.  A text in a statement can look like a line of the program's own: what is
 * found serves for comparing and for messages, never for what is executed.
 */
#ifndef SERVER_REPLAY_TRACE_H
#define SERVER_REPLAY_TRACE_H

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

#define TRACE_GTID_MAX 128

struct trace_place {
	uint64_t line;             /* from here on */
	const char *file;          /* borrowed from the trace */
	uint64_t pos;              /* of the event */
	uint64_t group;            /* of its transaction; 0: none has begun */
	uint64_t domain;           /* the line that sets the GTID's domain; 0: none does */
	char gtid[TRACE_GTID_MAX]; /* "": it has none */
};

#define TRACE_HEAD_MAX 192

struct replay_trace {
	VEC(char *) files;
	VEC(struct trace_place) ring;
	size_t next; /* in the ring, once it is full */
	uint64_t line;
	char head[TRACE_HEAD_MAX]; /* of the line that is coming */
	size_t head_n;
	struct trace_place now;
};

/* Zeroed is a new one; a session of the client begins at line 1. */
void trace_begin(struct replay_trace *t);
void trace_file(struct replay_trace *t, const char *file);
/* What the client is given. */
void trace_text(struct replay_trace *t, const char *text, size_t n);
/* NULL: no event before it is known. */
const struct trace_place *trace_find(const struct replay_trace *t, uint64_t line);
/* The last event that was printed; NULL: none. */
const struct trace_place *trace_last(const struct replay_trace *t);
void trace_done(struct replay_trace *t);

#endif
