/*
 * sched: which job of an instance is due now, and when to look again.  Pure
 * arithmetic over schedules, past runs and the clock.
 *
 * A due moment is served when a run that began after it has settled it.  A run
 * that failed is tried again after 1, 5, 15, 30 minutes and then each hour,
 * until it succeeds or the next due moment takes its place.
 */
#ifndef DAEMON_SCHED_H
#define DAEMON_SCHED_H

#include <stdbool.h>
#include <stdint.h>

#include "model/policy.h"
#include "model/schedule.h"

/* The past of one schedule. */
struct sched_track {
	int64_t since_us;      /* when the daemon first knew of the instance */
	int64_t last_us;       /* start of the newest run that settled it; -1: none */
	int64_t failed_due_us; /* the due moment that is being tried again; -1: none */
	unsigned failures;     /* of that moment */
	int64_t retry_us;      /* not before this */
};

enum sched_what { SCHED_FULL, SCHED_INCREMENTAL, SCHED_VERIFY, SCHED_N };

struct sched_choice {
	bool queue[SCHED_N];
	int64_t due_us[SCHED_N]; /* of those to queue */
	int64_t wake_us;         /* nothing changes by itself before; INT64_MAX: never */
};

/* A full backup outside the schedule, which a gap in the binlogs asks for. */
struct rescue {
	unsigned tries; /* since it is asked for */
	unsigned made;  /* of them that became backups, and yet it is asked for */
	int64_t not_before_us;
	char why[200]; /* what it is asked for; "" before the first look */
};
/* What is asked for now: another gap than the one of before is no failed try of that. */
void rescue_is_for(struct rescue *r, const char *why);
void rescue_hold_back(struct rescue *r, int64_t now_us); /* from now on, as after a failure */
/* The full was made.  What two of them have not mended the next ones will not either: they
 * would only fill the disk, so from then on there is one a day. */
void rescue_made(struct rescue *r, int64_t now_us);
bool rescue_holds_back(const struct rescue *r, int64_t now_us);

void sched_track_init(struct sched_track *t, int64_t since_us);
int64_t sched_backoff_s(unsigned failures); /* failures >= 1 */
void sched_settle(struct sched_track *t, int64_t started_us);
void sched_fail(struct sched_track *t, int64_t due_us, int64_t now_us);
/* The same for what was not seen: `failures` of them, of which the last just now. */
void sched_fail_again(struct sched_track *t, int64_t due_us, unsigned failures, int64_t now_us);

/* The due moment that should be tried now, or -1. */
int64_t sched_due(const struct schedule *s, const struct sched_track *t, int64_t now_us);
/* When it will next be tried (now, if it is due); -1: never. */
int64_t sched_next(const struct schedule *s, const struct sched_track *t, int64_t now_us);

/* `active`: a job of that kind is queued or running.  Full wins over incremental;
 * while a full is on its way no incremental is queued; while a failed full waits
 * for its next try, incrementals go on. */
void sched_choose(const struct policy_schedule *s, const struct sched_track tracks[SCHED_N],
                  const bool active[SCHED_N], int64_t now_us, struct sched_choice *ret);

const struct schedule *sched_of(const struct policy_schedule *s, enum sched_what what);

#endif
