/*
 * stream: the thread that reads an instance's binlog as a replica would and writes it
 * to the archive as it comes; reconnects with back-off for ever, resumes at the byte
 * where it stopped, and never splices: who the server is and which history it has is
 * looked at on each connection.
 */
#ifndef BINLOG_STREAM_H
#define BINLOG_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "binlog/archive.h"
#include "server/conn.h"

enum stream_state { STREAM_CONNECTING, STREAM_RUNNING, STREAM_WAITING /* back-off */, STREAM_OFF };

/* In `why.sys` where the server keeps no binlog at all: a server's own number for that. */
#define STREAM_NO_BINLOG 1381

struct stream_status { /* a copy, taken under the stream's lock */
	enum stream_state state;
	char lineage[LINEAGE_MAX];
	char file[BINLOG_NAME_MAX];
	uint64_t durable_pos;  /* everything before it is durable */
	int64_t last_event_us; /* commit time of the last group archived */
	int64_t caught_up_us;  /* when it last had everything: by the clock of the server, from
	                        * which the times of transactions are */
	int64_t current_us;    /* the same moment by our own clock */
	uint64_t lag_bytes;    /* server's end minus durable; UINT64_MAX: not known */
	uint64_t events, bytes, gaps, reconnects;
	struct err why; /* why it is not running; kind ERR_NONE otherwise */
};

struct stream_plan {
	const char *repo_url;
	bool must_be_mounted; /* as in repo_options */
	const char *instance;
	struct conn_target target;
	uint32_t server_id; /* our replica id */
	/* Called from the stream's thread; must not block.  what: "state" (it changed),
	 * "segment" (one was closed), "gap" (binlogs were purged before they were read),
	 * "lineage" (the server has another history than what is archived). */
	void (*changed)(void *arg, const char *what);
	void *arg;
};

struct stream;
int stream_start(const struct stream_plan *plan, struct stream **ret, struct err *err);
void stream_status(struct stream *s, struct stream_status *ret);
/* Wait until everything the server had at this moment is durable; fails early where the
 * stream cannot be read or kept. */
int stream_catch_up(struct stream *s, unsigned timeout_s, const struct cancel *cancel,
                    struct stream_status *ret, struct err *err);
/* Ask it to end, and do not wait: for several, before the first is freed.  NULL is fine. */
void stream_stop(struct stream *s);
/*
 * Ends it; what is archived stays, and `changed` is not called any more.  Waits a second,
 * or where it hangs on its repository five, counted from stream_stop if that was called
 * before.  A thread that has not ended by then is left alone and frees all when it does;
 * if it hung on the repository, that keeps the lock of the archive until then, and a
 * stream begun meanwhile waits for it (ERR_BUSY).  NULL is fine.
 */
void stream_free(struct stream *s);

#endif
