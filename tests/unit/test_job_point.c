/* Points of a restore as people write them. */
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "job/restore_point.h"
#include "tests/unit/unit.h"

#define UUID "3e11fa47-71ca-11e1-9e33-c80aa9429562"

static struct err err;
static struct restore_point p;

static void zone(const char *tz)
{
	setenv("TZ", tz, 1);
	tzset();
}

static void check_time(const char *text, const char *utc)
{
	int64_t us = -1, want;
	ck_ok(point_parse_time(text, &us, &err), err);
	ck_assert(clock_parse(utc, &want) == 0);
	ck_assert_msg(us == want, "%s: %lld instead of %lld", text, (long long)us, (long long)want);
}

static void refuse_time(const char *text)
{
	int64_t us = 5;
	err_clear(&err);
	ck_assert_msg(point_parse_time(text, &us, &err) == -1, "%s", text);
	ck_assert_int_eq(err.kind, ERR_USAGE);
	ck_assert(err.hint[0]);
}

START_TEST(times_are_local_unless_a_zone_is_given)
{
	zone("CET-1CEST,M3.5.0,M10.5.0/3");
	check_time("2026-11-22 14:03:00", "2026-11-22T13:03:00Z");
	check_time("2026-07-01 14:03:00", "2026-07-01T12:03:00Z");
	check_time("2026-07-01T14:03:00.25", "2026-07-01T12:03:00.25Z");
	check_time("2026-07-01 14:03:00Z", "2026-07-01T14:03:00Z");
	check_time("2026-07-01T14:03:00-05:30", "2026-07-01T19:33:00Z");
	zone("UTC");
	check_time("2026-07-01 14:03:00", "2026-07-01T14:03:00Z");
}
END_TEST

START_TEST(hours_that_came_twice_or_never_are_refused)
{
	zone("CET-1CEST,M3.5.0,M10.5.0/3");
	refuse_time("2026-10-25 02:30:00");
	ck_assert_ptr_nonnull(strstr(err.text, "CEST"));
	check_time("2026-10-25 02:30:00+02:00", "2026-10-25T00:30:00Z");
	check_time("2026-10-25 03:30:00", "2026-10-25T02:30:00Z");
	refuse_time("2026-03-29 02:30:00");
	zone("UTC");
	check_time("2026-03-29 02:30:00", "2026-03-29T02:30:00Z");
}
END_TEST

START_TEST(what_is_no_time_is_refused)
{
	static const char *const bad[] = {"",
	                                  "yesterday",
	                                  "2026-11-22",
	                                  "14:03:00",
	                                  "2026-02-30 00:00:00",
	                                  "2026-11-22 25:00:00",
	                                  "2026-11-22 14:03:00 CET",
	                                  "1066-10-14 09:00:00"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		refuse_time(bad[i]);
}
END_TEST

START_TEST(gtids)
{
	ck_ok(point_parse_gtid("0-1-42", &p, &err), err);
	ck_assert(p.kind == POINT_GTID && p.gtid_n == 1);
	ck_assert_str_eq(p.gtids[0], "0-1-42");
	ck_ok(point_parse_gtid("0-1-42,7-100-18446744073709551615", &p, &err), err);
	ck_assert_uint_eq(p.gtid_n, 2);
	ck_ok(point_parse_gtid("0-1-42,7-100-18446744073709551615,0-1-42", &p, &err), err);
	ck_assert_uint_eq(p.gtid_n, 2); /* said twice is said */
	ck_assert_str_eq(p.gtids[1], "7-100-18446744073709551615");
	/* as binlogs have them, however they are written */
	ck_ok(point_parse_gtid(UUID ":23", &p, &err), err);
	ck_assert_str_eq(p.gtids[0], UUID ":23");
	ck_ok(point_parse_gtid("3E11FA47-71ca-11e1-9e33-C80AA9429562:Tag_1:7," UUID ":7", &p, &err),
	      err);
	ck_assert_uint_eq(p.gtid_n, 2);
	ck_assert_str_eq(p.gtids[0], UUID ":tag_1:7");
	static const char *const bad[] = {"",
	                                  "42",
	                                  "0-1",
	                                  "0-1-",
	                                  "-1-2",
	                                  "0-1-2-3",
	                                  "0-1-2,",
	                                  "a-b-c",
	                                  "0-1-2 ",
	                                  "0-1-999999999999999999999",
	                                  UUID,
	                                  UUID ":",
	                                  UUID ":0",
	                                  UUID ":023",
	                                  UUID ":1-5",
	                                  UUID ":tag:",
	                                  UUID "::5",
	                                  UUID ":1tag:5",
	                                  UUID ":a-b:5",
	                                  UUID ":a23456789012345678901234567890123:5",
	                                  UUID "x:5",
	                                  "3e11fa47-71ca-11e1-9e33+c80aa9429562:5",
	                                  "3e11fa47-71ca-11e1-9e33-c80aa942956g:5",
	                                  "11fa47-71ca-11e1-9e33-c80aa9429562:5"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		ck_assert_msg(point_parse_gtid(bad[i], &p, &err) == -1, "%s", bad[i]);
		ck_assert_int_eq(err.kind, ERR_USAGE);
	}
}
END_TEST

START_TEST(positions)
{
	ck_ok(point_parse_position("my:bin.000007:4711", &p, &err), err);
	ck_assert(p.kind == POINT_POSITION && p.pos == 4711);
	ck_assert_str_eq(p.file, "my:bin.000007");
	static const char *const bad[] = {
	    "",       "binlog.000007", "binlog.000007:", ":4",
	    "b.1:4x", "b.1:-4",        "/var/b.1:4",     "b.1:9999999999999999999"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		ck_assert_msg(point_parse_position(bad[i], &p, &err) == -1, "%s", bad[i]);
		ck_assert_int_eq(err.kind, ERR_USAGE);
	}
}
END_TEST

START_TEST(told_back_with_its_zone)
{
	struct str s = {0};
	zone("CET-1");
	p = (struct restore_point){.kind = POINT_TIME};
	ck_ok(point_parse_time("2026-11-22 14:03:00", &p.time_us, &err), err);
	point_text(&p, &s);
	ck_assert_str_eq(str_text(&s), "2026-11-22 14:03:00 CET");
	str_reset(&s);
	p.before = true;
	ck_ok(point_parse_gtid("0-1-2,0-1-3", &p, &err), err);
	point_text(&p, &s);
	ck_assert_str_eq(str_text(&s), "just before GTID 0-1-2,0-1-3");
	str_done(&s);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("job/point");
	TCase *c = tcase_create("point");
	tcase_add_test(c, times_are_local_unless_a_zone_is_given);
	tcase_add_test(c, hours_that_came_twice_or_never_are_refused);
	tcase_add_test(c, what_is_no_time_is_refused);
	tcase_add_test(c, gtids);
	tcase_add_test(c, positions);
	tcase_add_test(c, told_back_with_its_zone);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
