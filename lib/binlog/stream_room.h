/*
 * What the files of the stream share (private to the stream).
 */
#ifndef BINLOG_STREAM_ROOM_H
#define BINLOG_STREAM_ROOM_H

#include <pthread.h>

#include "binlog/dump.h"
#include "binlog/stream.h"
#include "binlog/stream_resume.h"

struct stream {
	struct stream_plan plan; /* its strings are our own */
	char uuid[37];

	pthread_mutex_t lock; /* of what follows, down to the next line */
	pthread_cond_t cond;  /* any of it changed */
	struct stream_status status;
	/* When the server was last asked where its binlog ends, with an answer that fits
	 * what it had sent. */
	uint64_t confirmed_ns;
	bool stopping;
	uint64_t stop_ns;  /* since when */
	bool saying;       /* the thread is inside plan.changed */
	bool hurry;        /* do not wait for the next try */
	bool away;         /* the thread waits in a connect that nothing can wake */
	bool orphan;       /* nobody waits for the thread: it frees all this */
	bool finished;     /* it ends and touches nothing any more */
	struct dump *dump; /* what to wake it with; NULL: nothing open */
	struct conn *side;
	char *who;            /* the server of the last connection; NULL: none yet */
	struct cancel cancel; /* what to end long work on the archive with */

	/* Only of the thread, and of stream_free while it is away. */
	struct repo *repo;
	struct archive *archive;
	bool learned; /* `history` is what the archive has */
	struct history history;
	bool other_history;  /* the server's is not ours: begin a lineage */
	unsigned not_found;  /* times in a row that it did not know a place it lists */
	unsigned unreadable; /* … or could not read on where its history is known to be ours */
	const char *news;    /* a "gap" or "lineage" that begins with `news_file`: told when */
	char news_file[BINLOG_NAME_MAX]; /* … something of that is durable */
	bool worked; /* this connection brought something, or knew that there is nothing */
	pthread_t thread;
};

/* One connection, from connect until it ends: 0: try again at once; -1: why. */
int session_run(struct stream *s, struct err *err);

/* Tell whoever wants to know. */
void stream_say(struct stream *s, const char *what);
void stream_set_state(struct stream *s, enum stream_state state);
/* Around what may hang in a connect.  back: false if it must end now. */
void stream_go_away(struct stream *s);
bool stream_come_back(struct stream *s);
bool stream_is_stopping(struct stream *s);
/* Until something changed, or so long; the lock is held. */
void stream_wait_ms(struct stream *s, unsigned ms);

#endif
