/*
 * What the files of one connection share (private to the stream).
 */
#ifndef BINLOG_STREAM_SESSION_H
#define BINLOG_STREAM_SESSION_H

#include "binlog/stream_room.h"

/* The server answers questions only between two transactions, and a large one takes a while. */
#define SIDE_TIMEOUT_S 30u

struct session {
	struct stream *s;
	struct conn *side; /* for questions */
	struct server_look look;
	struct resume plan;
	struct dump *dump;

	char file[BINLOG_NAME_MAX]; /* that the server is sending; "": it has not said */
	uint64_t pos;               /* of the next event in it */
	bool checksum;
	bool ours; /* its history is that of the archive */

	uint64_t pending; /* bytes not durable yet */
	uint64_t pending_since;
	uint64_t events, bytes; /* not yet in the status */
	uint64_t asked_ns;      /* when the server's end was last known */
	bool end_pending;       /* `end` is not reached yet */
	unsigned stuck;         /* heartbeats since the last event while it is not */
	struct server_end end;
	int64_t end_us, end_here_us; /* when that was so: by the server's clock, by ours */
};

/* ---- what is durable and what is missing (stream_end.c) */

/* Tell the status; `durable`: how much of the present file is. */
void session_publish(struct session *ss, uint64_t durable);
/* It works as it should: all that came is durable. */
void session_runs(struct session *ss);
/* Make durable what came; session_keep does not say that it runs. */
int session_keep(struct session *ss, struct err *err);
int session_sync(struct session *ss, struct err *err);
/* The last event archived is the server's too, or what follows it is durable. */
void session_tell_news(struct session *ss);
int session_sync_if_due(struct session *ss, struct err *err);
/* Ask the server where its binlog ends, unless that was just done; when all is durable. */
int session_ask_end_if_due(struct session *ss, struct err *err);
/* Nobody has said RESET since this connection began. */
int session_check_resets(struct session *ss, struct err *err);

/* ---- events (stream_take.c) */

/* One as it came; borrowed.  -1 with the stream's other_history set: the server has
 * another history than the archive. */
int session_take(struct session *ss, const unsigned char *event, size_t n, struct err *err);

#endif
