/*
 * schedule: when something is due.  Pure arithmetic over wall-clock time in a
 * time zone (the process's own: TZ), right across daylight saving changes.
 *
 * Texts: "daily HH:MM", "hourly", "hourly MM", "weekly sun HH:MM", "every 15m"
 * (also s, h, d), five cron fields ("0 2 * * 1-5", with lists, ranges, steps and
 * names), "off".
 *
 * A minute the wall clock skips that day is due at the next one that exists; a
 * minute it shows twice is due once.  What is due in every hour of the day goes
 * by the hours that pass instead: a day of 23 hours has 23, one of 25 has 25.
 */
#ifndef MODEL_SCHEDULE_H
#define MODEL_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum schedule_kind { SCHEDULE_OFF, SCHEDULE_EVERY, SCHEDULE_CRON };

struct schedule {
	enum schedule_kind kind;
	int64_t every_s;  /* SCHEDULE_EVERY */
	uint64_t minutes; /* SCHEDULE_CRON: bit sets; daily, hourly and weekly become these */
	uint32_t hours, days, months, weekdays;
	bool any_day, any_weekday; /* cron's rule: if both are given, either may match */
	char text[64];             /* as written */
};

int schedule_parse(const char *text, struct schedule *ret, struct err *err);

/* The first due time strictly after `after_us`; -1 if never.  For "every N" the
 * grid starts at `after_us` itself (the last run). */
int64_t schedule_next(const struct schedule *s, int64_t after_us);

/* The latest due time at or before `now_us` and after `last_run_us`, or -1 if
 * nothing is due.  This is catch-up after downtime: however many times were
 * missed, one run is due.  last_run_us -1: never ran: something is due as soon as
 * the schedule has had one due time since `since_us` (when the daemon first knew
 * the instance); "every" is due at once.  A last run more than a day ahead of now
 * was recorded by a clock that was wrong, and counts as none. */
int64_t schedule_due(const struct schedule *s, int64_t last_run_us, int64_t since_us,
                     int64_t now_us);

#endif
