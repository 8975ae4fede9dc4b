#include "daemon/sched.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define RESCUE_IN_VAIN_US (24 * 3600 * CLOCK_US)

void sched_track_init(struct sched_track *t, int64_t since_us)
{
	*t = (struct sched_track){.since_us = since_us, .last_us = -1, .failed_due_us = -1};
}

int64_t sched_backoff_s(unsigned failures)
{
	static const int64_t minutes[] = {1, 5, 15, 30, 60};
	unsigned last = sizeof minutes / sizeof *minutes - 1;
	unsigned at = failures > 0 ? failures - 1 : 0;
	return 60 * minutes[at < last ? at : last];
}

void sched_settle(struct sched_track *t, int64_t started_us)
{
	if (started_us > t->last_us)
		t->last_us = started_us;
	t->failed_due_us = -1;
	t->failures = 0;
}

void sched_fail_again(struct sched_track *t, int64_t due_us, unsigned failures, int64_t now_us)
{
	t->failures = failures;
	t->failed_due_us = due_us;
	t->retry_us = now_us + sched_backoff_s(failures) * CLOCK_US;
}

void sched_fail(struct sched_track *t, int64_t due_us, int64_t now_us)
{
	sched_fail_again(t, due_us, t->failed_due_us == due_us ? t->failures + 1 : 1, now_us);
}

void rescue_is_for(struct rescue *r, const char *why)
{
	if (r->why[0] && strcmp(r->why, why) != 0)
		*r = (struct rescue){0};
	snprintf(r->why, sizeof r->why, "%s", why);
}

void rescue_hold_back(struct rescue *r, int64_t now_us)
{
	if (r->tries)
		r->not_before_us = now_us + sched_backoff_s(r->tries) * CLOCK_US;
}

void rescue_made(struct rescue *r, int64_t now_us)
{
	if (!r->tries)
		return;
	rescue_hold_back(r, now_us);
	if (++r->made > 1)
		r->not_before_us = now_us + RESCUE_IN_VAIN_US;
}

bool rescue_holds_back(const struct rescue *r, int64_t now_us)
{
	/* Further away than any back-off: the clock was set back. */
	return now_us < r->not_before_us && r->not_before_us - now_us <= RESCUE_IN_VAIN_US;
}

/* The latest due moment that no run has served, or -1. */
static int64_t unserved(const struct schedule *s, const struct sched_track *t, int64_t now_us)
{
	if (s->kind == SCHEDULE_OFF)
		return -1;
	if (s->kind == SCHEDULE_EVERY && t->last_us < 0 && s->every_s > 0) {
		/* Due at once when it never ran; a grid from `since` keeps the moment the
		 * same from one look to the next, or no back-off would ever count up. */
		int64_t grid = s->every_s * CLOCK_US;
		if (now_us < t->since_us)
			return t->since_us;
		return t->since_us + (now_us - t->since_us) / grid * grid;
	}
	return schedule_due(s, t->last_us, t->since_us, now_us);
}

static bool holds_back(const struct sched_track *t, int64_t due_us, int64_t now_us)
{
	/* A retry further away than any back-off means that the clock was set back. */
	return t->failed_due_us == due_us && now_us < t->retry_us &&
	       t->retry_us - now_us <= sched_backoff_s(~0u) * CLOCK_US;
}

int64_t sched_due(const struct schedule *s, const struct sched_track *t, int64_t now_us)
{
	int64_t due = unserved(s, t, now_us);
	return due < 0 || holds_back(t, due, now_us) ? -1 : due;
}

int64_t sched_next(const struct schedule *s, const struct sched_track *t, int64_t now_us)
{
	if (s->kind == SCHEDULE_OFF)
		return -1;
	int64_t due = unserved(s, t, now_us);
	if (due >= 0 && !holds_back(t, due, now_us))
		return now_us;
	int64_t from = now_us;
	if (s->kind == SCHEDULE_EVERY)
		from = due >= 0 ? due : t->last_us >= 0 ? t->last_us : t->since_us;
	int64_t next = schedule_next(s, from);
	if (due >= 0 && (next < 0 || t->retry_us < next))
		next = t->retry_us;
	return next;
}

const struct schedule *sched_of(const struct policy_schedule *s, enum sched_what what)
{
	switch (what) {
	case SCHED_FULL:
		return &s->full;
	case SCHED_INCREMENTAL:
		return &s->incremental;
	default:
		return &s->verify;
	}
}

void sched_choose(const struct policy_schedule *s, const struct sched_track tracks[SCHED_N],
                  const bool active[SCHED_N], int64_t now_us, struct sched_choice *ret)
{
	*ret = (struct sched_choice){.wake_us = INT64_MAX};
	for (int i = 0; i < SCHED_N; i++) {
		const struct schedule *one = sched_of(s, (enum sched_what)i);
		ret->due_us[i] = active[i] ? -1 : sched_due(one, &tracks[i], now_us);
		ret->queue[i] = ret->due_us[i] >= 0;
		int64_t next = sched_next(one, &tracks[i], now_us);
		/* What is due now is queued or waits for a job: neither is a matter of time. */
		if (next > now_us && next < ret->wake_us)
			ret->wake_us = next;
	}
	if (active[SCHED_FULL] || ret->queue[SCHED_FULL])
		ret->queue[SCHED_INCREMENTAL] = false;
}
