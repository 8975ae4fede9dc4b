/*
 * binlog: the streams of the instances: started and ended as the policy says, and what
 * they tell.  Loop thread only, but for binlog_hold's stream, which a job may use.
 */
#ifndef DAEMON_BINLOG_H
#define DAEMON_BINLOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mbox.h"
#include "binlog/stream.h"
#include "daemon/sched.h"
#include "job/binlog_state.h"
#include "model/policy.h"

/* A stream with as many holders as want it; the last one ends it. */
struct binlog_hold;
struct binlog_hold *binlog_hold(struct binlog_hold *h); /* one holder more; NULL stays NULL */
/* The last one waits for the stream to end: a second, five where it hangs on its repository,
 * counted from binlog_stop if that came before.  NULL is fine. */
void binlog_let_go(struct binlog_hold *h);
struct stream *binlog_stream(const struct binlog_hold *h);

/* What a stream tells, posted as NOTE_BINLOG. */
struct binlog_note {
	char *instance;
	char what[16]; /* "state", "segment", "gap", "lineage" */
};
void binlog_note_free(struct binlog_note *n);

/* What an instance knows of its stream. */
struct binlog {
	struct binlog_hold *hold; /* NULL: none runs */
	char *source;             /* what the stream was started with, to see a change */
	struct err why;           /* why it could not be started */
	char said[ERR_TEXT_MAX];  /* the last reason that went to the log */
	uint64_t gaps, reconnects, events, bytes; /* of streams that ended */
	uint64_t gaps_told;
	int64_t gap_us; /* when the last one was told; 0: none was */
	bool again;     /* begin it anew, something was changed that it waits for */
	struct rescue rescue;
};

/* The stream there should be: started, ended, or begun anew when the policy says
 * something else of server or repository.  `p` NULL: the instance is gone. */
void binlog_follow(struct binlog *b, struct mbox *box, const struct policy *policy,
                   const struct policy_instance *p);
/* One that waits for its next try need not, at the next binlog_follow. */
void binlog_retry_now(struct binlog *b);
/* Is the one that runs not the one there should be? */
bool binlog_changes(const struct binlog *b, const struct policy *policy,
                    const struct policy_instance *p);
/* Its stream is to end, and nobody waits yet: for several, before the first is waited for. */
void binlog_stop(struct binlog *b);
void binlog_done(struct binlog *b);

/* Counters include those of streams before it; false: no stream runs (state is off). */
bool binlog_status(const struct binlog *b, struct stream_status *ret);
/* A gap was found, or may have been. */
void binlog_gap(struct binlog *b, int64_t now_us);
/* Up to when what was seen in the archive goes on without a gap, by the clock of the server;
 * 0: that cannot be told, for the stream writes to another lineage by now, or behind a gap
 * that was not seen yet. */
int64_t binlog_reaches_us(const struct binlog *b, const struct stream_status *st,
                          const struct binlog_state *seen);
/* Seconds since everything was known to be archived; -1: never, or there is no binlog. */
double binlog_lag_seconds(const struct stream_status *st, int64_t now_us);
/* The server keeps no binlog: nothing to archive, and nothing that is broken. */
bool binlog_none(const struct stream_status *st);
const char *binlog_state_name(enum stream_state state);

/* A state has changed: say so in the log, each reason once. */
void binlog_log(struct binlog *b, const char *instance);

#endif
