#include "model/schedule.h"

#include <time.h>

#include "base/clock.h"

/* 29 February on a given weekday comes back after 40 years at the latest. */
#define YEARS_MAX 41

static bool day_matches(const struct schedule *s, const struct tm *tm)
{
	bool day = s->days >> tm->tm_mday & 1, weekday = s->weekdays >> tm->tm_wday & 1;

	if (!(s->months >> (tm->tm_mon + 1) & 1))
		return false;
	return s->any_day || s->any_weekday ? day && weekday : day || weekday;
}

static bool time_matches(const struct schedule *s, int hour, int minute)
{
	return (s->hours >> hour & 1) && (s->minutes >> minute & 1);
}

/* Every hour of the day: then it is the hours that pass which count, not their
 * names, and a day has 23 or 25 of them. */
static bool every_hour(const struct schedule *s)
{
	return s->hours == 0xffffff;
}

static bool same_minute(const struct tm *a, const struct tm *b)
{
	return a->tm_min == b->tm_min && a->tm_hour == b->tm_hour && a->tm_mday == b->tm_mday &&
	       a->tm_mon == b->tm_mon && a->tm_year == b->tm_year;
}

/* Did the clock on the wall show this minute before, because it was set back? */
static bool seen_before(time_t t, const struct tm *tm)
{
	static const int steps[] = {1200, 1800, 3600, 7200};
	struct tm was;

	for (unsigned i = 0; i < sizeof steps / sizeof *steps; i++) {
		time_t earlier = t - steps[i];
		if (localtime_r(&earlier, &was) && same_minute(&was, tm))
			return true;
	}
	return false;
}

/* The minute after *tm on a calendar without daylight saving. */
static void next_minute(struct tm *tm)
{
	tm->tm_min++;
	tm->tm_sec = 0;
	tm->tm_isdst = 0;
	timegm(tm);
}

/* Was a due minute skipped between the minute before t and t, because the clock on
 * the wall was set forward? */
static bool skipped(const struct schedule *s, time_t t, const struct tm *tm)
{
	time_t before = t - 60;
	struct tm at;

	if (!localtime_r(&before, &at) || at.tm_gmtoff >= tm->tm_gmtoff)
		return false;
	for (next_minute(&at); !same_minute(&at, tm); next_minute(&at))
		if (day_matches(s, &at) && time_matches(s, at.tm_hour, at.tm_min))
			return true;
	return false;
}

static bool matches(const struct schedule *s, time_t t, const struct tm *tm)
{
	bool due = day_matches(s, tm) && time_matches(s, tm->tm_hour, tm->tm_min);

	if (every_hour(s))
		return due;
	return due ? !seen_before(t, tm) : skipped(s, t, tm);
}

/* The start of the next local day, or only a minute later where that is not
 * certain to move on (a day that starts in the missing hour). */
static time_t next_day(time_t t, const struct tm *tm)
{
	struct tm day = {.tm_year = tm->tm_year,
	                 .tm_mon = tm->tm_mon,
	                 .tm_mday = tm->tm_mday + 1,
	                 .tm_isdst = -1};
	time_t next = mktime(&day);

	return next > t ? next : t + 60;
}

static int64_t next_cron(const struct schedule *s, int64_t after_us)
{
	time_t t = (time_t)(after_us / CLOCK_US) + 60;
	time_t end = t + YEARS_MAX * 366L * 86400;
	struct tm tm;

	if (!localtime_r(&t, &tm))
		return -1;
	for (t -= tm.tm_sec; t < end; t = day_matches(s, &tm) ? t + 60 : next_day(t, &tm)) {
		if (!localtime_r(&t, &tm))
			return -1;
		if (matches(s, t, &tm))
			return (int64_t)t * CLOCK_US;
	}
	return -1;
}

int64_t schedule_next(const struct schedule *s, int64_t after_us)
{
	switch (s->kind) {
	case SCHEDULE_OFF:
		return -1;
	case SCHEDULE_EVERY:
		return after_us + s->every_s * CLOCK_US;
	case SCHEDULE_CRON:
		return next_cron(s, after_us);
	}
	return -1;
}

/* The last of the due times in (from, to], or -1. */
static int64_t last_between(const struct schedule *s, int64_t from_us, int64_t to_us)
{
	int64_t last = -1, at = from_us;

	while ((at = schedule_next(s, at)) >= 0 && at <= to_us)
		last = at;
	return last;
}

/* Looks back further and further, so that a daemon that was away for a year need
 * not count through every minute of it. */
static int64_t last_cron(const struct schedule *s, int64_t from_us, int64_t to_us)
{
	static const int64_t back_s[] = {3600, 86400, 32 * 86400, 366 * 86400};

	for (unsigned i = 0; i < sizeof back_s / sizeof *back_s; i++) {
		int64_t start = to_us - back_s[i] * CLOCK_US, at;
		if (start <= from_us)
			break;
		at = last_between(s, start, to_us);
		if (at >= 0)
			return at;
	}
	return last_between(s, from_us, to_us);
}

static int64_t due_every(const struct schedule *s, int64_t last_run_us, int64_t now_us)
{
	int64_t every_us = s->every_s * CLOCK_US, passed = now_us - last_run_us;

	if (last_run_us < 0)
		return now_us;
	return passed < every_us ? -1 : now_us - passed % every_us;
}

int64_t schedule_due(const struct schedule *s, int64_t last_run_us, int64_t since_us,
                     int64_t now_us)
{
	if (last_run_us > now_us + 86400 * CLOCK_US)
		last_run_us = -1;
	switch (s->kind) {
	case SCHEDULE_OFF:
		return -1;
	case SCHEDULE_EVERY:
		return due_every(s, last_run_us, now_us);
	case SCHEDULE_CRON:
		return last_cron(s, last_run_us < 0 ? since_us : last_run_us, now_us);
	}
	return -1;
}
