/* clock: times as they are written and read. */
#include <string.h>

#include "base/clock.h"
#include "tests/unit/unit.h"

START_TEST(a_time_is_written_and_read_back)
{
	char b[32];
	int64_t t = 0;
	ck_assert_int_eq(clock_parse("2026-11-22T02:00:00Z", &t), 0);
	ck_assert_int_eq(t, 1795312800LL * CLOCK_US);
	ck_assert_str_eq(clock_format(b, sizeof b, t), "2026-11-22T02:00:00Z");
	ck_assert_str_eq(clock_format_id(b, sizeof b, t), "20261122T020000Z");
	ck_assert_str_eq(clock_format(b, sizeof b, t + 999999), "2026-11-22T02:00:00Z");
	ck_assert_str_eq(clock_format(b, sizeof b, -1), "1969-12-31T23:59:59Z");
	ck_assert_uint_lt(strlen(clock_format(b, sizeof b, INT64_MAX)), sizeof b);
}
END_TEST

START_TEST(zones_and_fractions)
{
	int64_t t, u;
	ck_assert_int_eq(clock_parse("2026-11-22T03:30:00+01:30", &t), 0);
	ck_assert_int_eq(clock_parse("2026-11-21 21:00:00.25-05:00", &u), 0);
	ck_assert_int_eq(u - t, 250000);
	ck_assert_int_eq(clock_parse("2024-02-29T00:00:00.123456789Z", &t), 0);
	ck_assert_int_eq(t % CLOCK_US, 123456);
}
END_TEST

START_TEST(what_is_no_time_is_refused)
{
	static const char *const bad[] = {"",
	                                  "2026-11-22",
	                                  "2026-11-22T02:00:00",
	                                  "2026-11-22T02:00Z",
	                                  "2026-02-30T00:00:00Z",
	                                  "2025-02-29T00:00:00Z",
	                                  "2026-13-01T00:00:00Z",
	                                  "2026-00-01T00:00:00Z",
	                                  "2026-11-22T24:00:00Z",
	                                  "2026-11-22T02:60:00Z",
	                                  "2026-11-22T02:00:61Z",
	                                  "2026-11-22T02:00:00.Z",
	                                  "2026-11-22T02:00:00+24:00",
	                                  "2026-11-22T02:00:00+0100",
	                                  "2026-11-22T02:00:00Zx",
	                                  "x026-11-22T02:00:00Z",
	                                  "2026-1-22T02:00:00Z"};
	int64_t t = 7;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_msg(clock_parse(bad[i], &t) == -1, "%s", bad[i]);
	ck_assert_int_eq(t, 7);
}
END_TEST

START_TEST(local_time_has_its_zone)
{
	char b[32];
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	ck_assert_str_eq(clock_format_local(b, sizeof b, 1795312800LL * CLOCK_US),
	                 "2026-11-22 03:00:00 CET");
}
END_TEST

START_TEST(a_test_can_say_what_time_it_is)
{
	int64_t before = clock_wall_us();
	clock_set_fake(42);
	ck_assert_int_eq(clock_wall_us(), 42);
	clock_set_fake(-1);
	ck_assert_int_ge(clock_wall_us(), before);
	uint64_t mono = clock_mono_ns();
	clock_sleep_ms(2);
	ck_assert_uint_ge(clock_mono_ns() - mono, 2000000);
}
END_TEST

START_TEST(a_wait_ends_by_itself)
{
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t never = PTHREAD_COND_INITIALIZER;
	uint64_t until = clock_mono_ns() + 3000000u;
	pthread_mutex_lock(&lock);
	while (clock_mono_ns() < until)
		clock_wait(&never, &lock, until);
	clock_wait(&never, &lock, until); /* over already */
	pthread_mutex_unlock(&lock);
	ck_assert_uint_lt(clock_mono_ns() - until, 1000000000u);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("base_clock");
	TCase *t = tcase_create("clock");
	tcase_add_test(t, a_time_is_written_and_read_back);
	tcase_add_test(t, zones_and_fractions);
	tcase_add_test(t, what_is_no_time_is_refused);
	tcase_add_test(t, local_time_has_its_zone);
	tcase_add_test(t, a_test_can_say_what_time_it_is);
	tcase_add_test(t, a_wait_ends_by_itself);
	suite_add_tcase(s, t);
	return s;
}
UNIT_MAIN(suite)
