/* When things are due, also on the days that have 23 or 25 hours. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "model/schedule.h"
#include "tests/unit/unit.h"

static void zone(const char *name)
{
	setenv("TZ", name, 1);
	tzset();
}

static int64_t at(const char *text)
{
	int64_t us = -1;

	ck_assert_msg(clock_parse(text, &us) == 0, "%s", text);
	return us;
}

static struct schedule parse(const char *text)
{
	struct schedule s;
	struct err err = ERR_INIT;

	ck_ok(schedule_parse(text, &s, &err), err);
	ck_assert_str_eq(s.text, text);
	return s;
}

#define BERLIN "Europe/Berlin"

static const struct {
	const char *zone, *schedule, *after, *next;
} cases[] = {
    {"UTC", "daily 02:00", "2026-11-22T01:59:59.999999Z", "2026-11-22T02:00:00Z"},
    {"UTC", "daily 02:00", "2026-11-22T02:00:00Z", "2026-11-23T02:00:00Z"},
    {"UTC", "daily 2:05", "2026-12-31T02:05:00Z", "2027-01-01T02:05:00Z"},
    {"UTC", "DAILY  02:00 ", "2026-11-22T02:00:00Z", "2026-11-23T02:00:00Z"},
    {"UTC", "hourly", "2026-11-22T02:00:00Z", "2026-11-22T03:00:00Z"},
    {"UTC", "hourly 15", "2026-11-22T02:14:59Z", "2026-11-22T02:15:00Z"},
    {"UTC", "weekly sun 05:00", "2026-11-22T05:00:00Z", "2026-11-29T05:00:00Z"},
    {"UTC", "weekly 7 05:00", "2026-11-22T04:00:00Z", "2026-11-22T05:00:00Z"},
    {"UTC", "every 15m", "2026-11-22T02:03:04.5Z", "2026-11-22T02:18:04.5Z"},
    {"UTC", "every 1d", "2026-11-22T02:03:04Z", "2026-11-23T02:03:04Z"},
    {"UTC", "0 2 * * 7", "2026-11-22T02:00:00Z", "2026-11-29T02:00:00Z"},
    {"UTC", "0 2 * * 1-5", "2026-11-20T02:00:00Z", "2026-11-23T02:00:00Z"},
    {"UTC", "0 2 * * fri-sun", "2026-11-22T02:00:00Z", "2026-11-27T02:00:00Z"},
    {"UTC", "*/20 4,6 * * *", "2026-11-22T04:40:00Z", "2026-11-22T06:00:00Z"},
    {"UTC", "10-30/10 * * * *", "2026-11-22T04:30:00Z", "2026-11-22T05:10:00Z"},
    {"UTC", "0 0 1 jan,Jul *", "2026-01-01T00:00:00Z", "2026-07-01T00:00:00Z"},
    {"UTC", "0 0 13 * fri", "2026-11-09T00:00:00Z", "2026-11-13T00:00:00Z"}, /* either */
    {"UTC", "0 0 13 * fri", "2026-11-13T00:00:00Z", "2026-11-20T00:00:00Z"},
    {"UTC", "0 0 1-7 * */7", "2026-11-02T00:00:00Z", "2026-12-06T00:00:00Z"}, /* both: a star */
    {"UTC", "0 0 29 2 *", "2096-02-29T00:00:00Z", "2104-02-29T00:00:00Z"},
    {"UTC", "59 23 31 12 *", "2026-12-31T23:59:00Z", "2027-12-31T23:59:00Z"},
    /* spring: 02:00 CET is 03:00 CEST; 02:30 does not exist */
    {BERLIN, "daily 02:30", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"},
    {BERLIN, "daily 02:30", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"},
    {BERLIN, "daily 02:00", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"},
    {BERLIN, "daily 03:00", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"},
    {BERLIN, "daily 01:59", "2026-03-28T12:00:00Z", "2026-03-29T00:59:00Z"},
    {BERLIN, "weekly sun 02:30", "2026-03-23T12:00:00Z", "2026-03-29T01:00:00Z"},
    {BERLIN, "hourly", "2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z"},
    {BERLIN, "hourly 30", "2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z"},
    /* autumn: 02:00 to 02:59 comes twice, first as CEST (00:xx UTC) */
    {BERLIN, "daily 02:30", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"},
    {BERLIN, "daily 02:30", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"},
    {BERLIN, "daily 03:00", "2026-10-24T12:00:00Z", "2026-10-25T02:00:00Z"},
    {BERLIN, "daily 02:00", "2026-10-25T00:30:00Z", "2026-10-26T01:00:00Z"},
    {BERLIN, "*/30 2 * * *", "2026-10-25T00:30:00Z", "2026-10-26T01:00:00Z"},
    {BERLIN, "hourly", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"},
    {BERLIN, "hourly", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"},
    {BERLIN, "daily 12:00", "2026-03-29T09:00:00Z", "2026-03-29T10:00:00Z"},
    {BERLIN, "daily 12:00", "2026-10-25T09:00:00Z", "2026-10-25T11:00:00Z"},
    {BERLIN, "every 1d", "2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z"},
    /* a missing hour at midnight, and half an hour in summer */
    {"America/Havana", "daily 00:00", "2026-03-07T12:00:00Z", "2026-03-08T05:00:00Z"},
    {"America/Havana", "weekly sun 00:30", "2026-03-03T12:00:00Z", "2026-03-08T05:00:00Z"},
    {"Australia/Lord_Howe", "daily 02:15", "2026-10-03T00:00:00Z", "2026-10-03T15:30:00Z"},
    {"Australia/Lord_Howe", "daily 01:45", "2026-04-04T00:00:00Z", "2026-04-04T14:45:00Z"},
    {"Australia/Lord_Howe", "daily 01:45", "2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"},
    /* a day that never was */
    {"Pacific/Apia", "daily 12:00", "2011-12-29T22:00:00Z", "2011-12-30T10:00:00Z"},
};

START_TEST(next)
{
	char got[40];
	struct schedule s = parse(cases[_i].schedule);
	int64_t us;

	zone(cases[_i].zone);
	us = schedule_next(&s, at(cases[_i].after));
	clock_format(got, sizeof got, us);
	ck_assert_msg(us == at(cases[_i].next), "%s after %s in %s: %s, not %s", s.text,
	              cases[_i].after, cases[_i].zone, got, cases[_i].next);
}
END_TEST

/* Through a whole year, every schedule comes as often as it should and always later. */
START_TEST(year)
{
	static const struct {
		const char *schedule;
		int count;
	} each[] = {{"daily 02:30", 365},
	            {"hourly", 8760},
	            {"weekly sun 02:00", 52},
	            {"0 0 1 * *", 12},
	            {"*/15 * * * *", 35040}};
	const char *zones[] = {"UTC", BERLIN, "America/Havana", "Australia/Lord_Howe"};

	for (size_t z = 0; z < 4; z++)
		for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
			struct schedule s = parse(each[i].schedule);
			int64_t t, end;
			int n = 0;
			zone(zones[z]);
			struct tm from = {.tm_year = 126, .tm_mday = 1, .tm_isdst = -1};
			struct tm to = {.tm_year = 127, .tm_mday = 1, .tm_isdst = -1};
			t = (int64_t)mktime(&from) * CLOCK_US - 1;
			end = (int64_t)mktime(&to) * CLOCK_US - 1;
			for (;; n++) {
				int64_t later = schedule_next(&s, t);
				ck_assert(later > t);
				if (later > end)
					break;
				t = later;
			}
			/* 365 days less half an hour have 8759 full hours on the wall */
			if (z == 3 && !strcmp(s.text, "hourly"))
				n++;
			ck_assert_msg(abs(n - each[i].count) <= (z == 3 && n > 30000 ? 2 : 0),
			              "%s in %s: %d", s.text, zones[z], n);
		}
}
END_TEST

START_TEST(due)
{
	struct schedule daily = parse("daily 02:00"), hourly = parse("hourly");
	struct schedule every = parse("every 10m"), off = parse("off");
	struct schedule minutely = parse("* * * * *");
	int64_t now = at("2026-11-22T10:30:00Z"), since = at("2026-11-20T12:00:00Z");

	zone("UTC");
	/* however many were missed, the latest one is due */
	ck_assert_int_eq(schedule_due(&daily, at("2026-11-01T02:00:10Z"), since, now),
	                 at("2026-11-22T02:00:00Z"));
	ck_assert_int_eq(schedule_due(&minutely, at("1990-11-01T02:00:10Z"), since, now), now);
	ck_assert_int_eq(schedule_due(&daily, at("2026-11-22T02:00:10Z"), since, now), -1);
	ck_assert_int_eq(schedule_due(&hourly, at("2026-11-22T09:59:59Z"), since, now),
	                 at("2026-11-22T10:00:00Z"));
	ck_assert_int_eq(schedule_due(&hourly, at("2026-11-22T10:00:00Z"), since, now), -1);
	/* at the very moment it is due, not a moment before */
	ck_assert_int_eq(
	    schedule_due(&daily, at("2026-11-21T02:00:00Z"), since, at("2026-11-22T02:00:00Z")),
	    at("2026-11-22T02:00:00Z"));
	ck_assert_int_eq(
	    schedule_due(&daily, at("2026-11-21T02:00:00Z"), since, at("2026-11-22T02:00:00Z") - 1),
	    -1);
	/* never ran */
	ck_assert_int_eq(schedule_due(&daily, -1, at("2026-11-22T03:00:00Z"), now), -1);
	ck_assert_int_eq(schedule_due(&daily, -1, since, now), at("2026-11-22T02:00:00Z"));
	ck_assert_int_eq(schedule_due(&every, -1, now, now), now);
	ck_assert_int_eq(schedule_due(&off, -1, 0, now), -1);
	ck_assert_int_eq(schedule_next(&off, now), -1);
	/* the grid of "every" starts at the last run */
	ck_assert_int_eq(schedule_due(&every, at("2026-11-22T10:03:00Z"), 0, now),
	                 at("2026-11-22T10:23:00Z"));
	ck_assert_int_eq(schedule_due(&every, at("2026-11-22T10:20:01Z"), 0, now), -1);
	/* a clock set back a little makes nothing due twice; one that was wrong by years
	 * does not stop everything for years */
	ck_assert_int_eq(schedule_due(&hourly, now + 5 * CLOCK_US, since, now), -1);
	ck_assert_int_eq(schedule_due(&hourly, at("2036-01-01T00:00:00Z"), since, now),
	                 at("2026-11-22T10:00:00Z"));
	ck_assert_int_eq(schedule_due(&every, at("2036-01-01T00:00:00Z"), since, now), now);
}
END_TEST

static const struct {
	const char *text, *says;
} bad[] = {
    {"", "found \"\", allowed: daily HH:MM, hourly, hourly MM, weekly DAY HH:MM, every 15m "
         "(s, m, h, d, w), five cron fields, off"},
    {"dayly 02:00", "found \"dayly 02:00\", allowed: daily"},
    {"daily", "found \"daily\", allowed: daily HH:MM"},
    {"daily 25:00", "hour: found \"25\", allowed: 0 to 23"},
    {"daily 02:60", "minute: found \"60\", allowed: 0 to 59"},
    {"daily 02:0", "found \"daily 02:0\", allowed: daily HH:MM"},
    {"daily 2", "found \"daily 2\", allowed: daily HH:MM"},
    {"daily -2:00", "hour: found \"-2\", allowed"},
    {"hourly 60", "minute: found \"60\", allowed: 0 to 59"},
    {"weekly sonntag 02:00", "weekday: found \"sonntag\", allowed: 0 to 7, sun to sat"},
    {"every 15", "every: found \"15\", allowed: 1s to 366d"},
    {"every 0s", "every: found \"0s\", allowed"},
    {"every 99999999999999999999d", "every: found \""},
    {"* * * *", "found \"* * * *\", allowed"},
    {"* * * * * *", "found \"* * * * * *\", allowed"},
    {"60 * * * *", "minute: found \"60\", allowed: 0 to 59"},
    {"0 0 0 * *", "day of the month: found \"0\", allowed: 1 to 31"},
    {"0 0 * 13 *", "month: found \"13\", allowed: 1 to 12, jan to dec"},
    {"0 0 * * 8", "weekday: found \"8\", allowed: 0 to 7, sun to sat"},
    {"5-1 * * * *", "minute: the range 5-1 runs backwards"},
    {"*/0 * * * *", "minute: step found \"0\", allowed: 1 to 99"},
    {"*/ * * * *", "minute: step found \"\", allowed"},
    {"5/10 * * * *", "minute: a step needs a range or *, as in 5-59/10"},
    {"1,,2 * * * *", "minute: found \"\", allowed"},
    {"1- * * * *", "minute: found \"\", allowed"},
    {"0 0 30 2 *", "\"0 0 30 2 *\": no such day of the month ever comes"},
    {"0 0 31 4,6,9,11 *", "\"0 0 31 4,6,9,11 *\": no such day"},
    {"0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22 * * * *",
     "found 66 characters, allowed: up to 63"},
};

START_TEST(not_schedules)
{
	struct schedule s = {.every_s = 4711};
	struct err err = ERR_INIT;

	ck_assert_int_eq(schedule_parse(bad[_i].text, &s, &err), -1);
	ck_assert_msg(!strncmp(err.text, bad[_i].says, strlen(bad[_i].says)), "%s", err.text);
	ck_assert_int_eq(err.kind, ERR_USAGE);
	ck_assert_int_eq(s.every_s, 4711);
}
END_TEST

START_TEST(random_texts)
{
	const char alphabet[] = "0123456789*/,- :dailyhoursweektvmn\xff";
	char text[40];

	srand(99);
	zone(BERLIN);
	for (int i = 0; i < 50000; i++) {
		struct schedule s;
		struct err err = ERR_INIT;
		int n = rand() % 38, k;
		for (k = 0; k < n; k++)
			text[k] = alphabet[(size_t)rand() % (sizeof alphabet - 1)];
		text[n] = 0;
		if (schedule_parse(text, &s, &err) == 0 && s.kind != SCHEDULE_OFF)
			ck_assert_msg(schedule_next(&s, 1795316400000000) > 1795316400000000, "%s",
			              text);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("schedule");
	TCase *t = tcase_create("schedule");

	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, next, 0, sizeof cases / sizeof *cases);
	tcase_add_test(t, year);
	tcase_add_test(t, due);
	tcase_add_loop_test(t, not_schedules, 0, sizeof bad / sizeof *bad);
	tcase_add_test(t, random_texts);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
