#include "daemon/sched.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "tests/unit/unit.h"

#define MIN (60 * CLOCK_US)
#define HOUR (60 * MIN)

static struct policy_schedule s;
static struct sched_track tracks[SCHED_N];
static int64_t midnight;

static void setup(void)
{
	struct err err = ERR_INIT;
	setenv("TZ", "UTC", 1);
	tzset();
	ck_assert_int_eq(clock_parse("2026-11-22T00:00:00Z", &midnight), 0);
	memset(&s, 0, sizeof s);
	ck_ok(schedule_parse("daily 02:00", &s.full, &err), err);
	ck_ok(schedule_parse("hourly", &s.incremental, &err), err);
	ck_ok(schedule_parse("off", &s.verify, &err), err);
	for (int i = 0; i < SCHED_N; i++)
		sched_track_init(&tracks[i], midnight);
}

static struct sched_choice choose(int64_t now, bool full, bool incremental)
{
	struct sched_choice c;
	bool active[SCHED_N] = {full, incremental, false};
	sched_choose(&s, tracks, active, now, &c);
	return c;
}

START_TEST(full_wins_when_both_are_due)
{
	sched_settle(&tracks[SCHED_INCREMENTAL], midnight + HOUR);
	struct sched_choice c = choose(midnight + 2 * HOUR, false, false);
	ck_assert(c.queue[SCHED_FULL] && !c.queue[SCHED_INCREMENTAL]);
	ck_assert_int_eq(c.due_us[SCHED_FULL], midnight + 2 * HOUR);
	c = choose(midnight + 3 * HOUR, true, false);
	ck_assert(!c.queue[SCHED_FULL] && !c.queue[SCHED_INCREMENTAL]);
}
END_TEST

START_TEST(nothing_before_its_time_and_the_loop_wakes_for_it)
{
	struct sched_choice c = choose(midnight + 30 * MIN, false, false);
	ck_assert(!c.queue[SCHED_FULL] && !c.queue[SCHED_INCREMENTAL] && !c.queue[SCHED_VERIFY]);
	ck_assert_int_eq(c.wake_us, midnight + HOUR);
}
END_TEST

START_TEST(one_run_catches_up_after_downtime)
{
	sched_settle(&tracks[SCHED_FULL], midnight - 22 * HOUR);
	int64_t now = midnight + 75 * HOUR;
	ck_assert_int_eq(sched_due(&s.full, &tracks[SCHED_FULL], now), midnight + 74 * HOUR);
	sched_settle(&tracks[SCHED_FULL], now);
	ck_assert_int_eq(sched_due(&s.full, &tracks[SCHED_FULL], now + MIN), -1);
}
END_TEST

START_TEST(back_off_grows_to_an_hour)
{
	static const int64_t minutes[] = {1, 5, 15, 30, 60, 60};
	for (unsigned i = 0; i < 6; i++)
		ck_assert_int_eq(sched_backoff_s(i + 1), minutes[i] * 60);
	ck_assert_int_eq(sched_backoff_s(~0u), 3600);
}
END_TEST

START_TEST(a_failed_full_is_tried_again_and_incrementals_go_on)
{
	int64_t now = midnight + 2 * HOUR;
	sched_fail(&tracks[SCHED_FULL], now, now);
	struct sched_choice c = choose(now + 30 * CLOCK_US, false, false);
	ck_assert(!c.queue[SCHED_FULL] && c.queue[SCHED_INCREMENTAL]);
	ck_assert_int_eq(c.wake_us, now + MIN);
	ck_assert_int_eq(sched_next(&s.full, &tracks[SCHED_FULL], now), now + MIN);
	c = choose(now + MIN, false, false);
	ck_assert(c.queue[SCHED_FULL]);
	ck_assert_int_eq(c.due_us[SCHED_FULL], now);
	sched_fail(&tracks[SCHED_FULL], now, now + MIN);
	ck_assert_int_eq(sched_due(&s.full, &tracks[SCHED_FULL], now + 5 * MIN), -1);
	ck_assert_int_eq(sched_due(&s.full, &tracks[SCHED_FULL], now + 6 * MIN), now);
}
END_TEST

START_TEST(the_next_due_time_begins_afresh)
{
	int64_t due = midnight + HOUR, at = due;
	struct sched_track *t = &tracks[SCHED_INCREMENTAL];
	for (int i = 0; i < 4; i++)
		sched_fail(t, due, at += MIN);
	ck_assert_int_eq(sched_due(&s.incremental, t, due + HOUR), due + HOUR);
	sched_fail(t, due + HOUR, due + HOUR);
	ck_assert_uint_eq(t->failures, 1);
	sched_settle(t, due + HOUR + MIN);
	ck_assert_int_eq(sched_due(&s.incremental, t, due + HOUR + 2 * MIN), -1);
}
END_TEST

START_TEST(every_is_due_at_once_and_backs_off_too)
{
	struct err err = ERR_INIT;
	struct sched_track t;
	ck_ok(schedule_parse("every 6h", &s.full, &err), err);
	sched_track_init(&t, midnight);
	ck_assert_int_eq(sched_due(&s.full, &t, midnight), midnight);
	int64_t due = sched_due(&s.full, &t, midnight + 7 * MIN);
	ck_assert_int_eq(due, midnight);
	sched_fail(&t, due, midnight + 7 * MIN);
	ck_assert_int_eq(sched_due(&s.full, &t, midnight + 7 * MIN + 1), -1);
	ck_assert_int_eq(sched_due(&s.full, &t, midnight + 8 * MIN), midnight);
	sched_settle(&t, midnight + 8 * MIN);
	ck_assert_int_eq(sched_next(&s.full, &t, midnight + HOUR), midnight + 6 * HOUR + 8 * MIN);
}
END_TEST

START_TEST(a_clock_set_back_does_not_hold_a_retry_up)
{
	int64_t due = midnight + 2 * HOUR;
	sched_fail(&tracks[SCHED_FULL], due, due + 100 * HOUR);
	ck_assert_int_eq(sched_due(&s.full, &tracks[SCHED_FULL], due + MIN), due);
}
END_TEST

START_TEST(a_full_for_a_gap_waits_longer_each_time)
{
	struct rescue r = {0};
	ck_assert(!rescue_holds_back(&r, midnight));
	rescue_hold_back(&r, midnight); /* one of the schedule ended: not our failure */
	ck_assert(!rescue_holds_back(&r, midnight));
	r.tries = 1;
	rescue_hold_back(&r, midnight);
	ck_assert(rescue_holds_back(&r, midnight + MIN - 1));
	ck_assert(!rescue_holds_back(&r, midnight + MIN));
	r.tries = 2;
	rescue_hold_back(&r, midnight);
	ck_assert(rescue_holds_back(&r, midnight + 4 * MIN));
	/* The clock was set back by a day. */
	ck_assert(!rescue_holds_back(&r, midnight - 24 * HOUR));
	/* Made, and still asked for: once more soon, for another gap may have come, then daily. */
	r = (struct rescue){0};
	rescue_made(&r, midnight); /* one of the schedule */
	ck_assert(!rescue_holds_back(&r, midnight));
	r.tries = 1;
	rescue_made(&r, midnight);
	ck_assert(rescue_holds_back(&r, midnight + MIN - 1));
	ck_assert(!rescue_holds_back(&r, midnight + MIN));
	r.tries = 2;
	rescue_made(&r, midnight);
	ck_assert(rescue_holds_back(&r, midnight + 24 * HOUR - 1));
	ck_assert(!rescue_holds_back(&r, midnight + 24 * HOUR));

	/* The same gap waits on; another one is a matter of its own. */
	rescue_is_for(&r, "a gap");
	rescue_is_for(&r, "a gap");
	ck_assert(rescue_holds_back(&r, midnight + MIN));
	rescue_is_for(&r, "a new history");
	ck_assert(!rescue_holds_back(&r, midnight + MIN));
	ck_assert_uint_eq(r.tries, 0);
}
END_TEST

START_TEST(off_is_never)
{
	ck_assert_int_eq(sched_next(&s.verify, &tracks[SCHED_VERIFY], midnight), -1);
	ck_assert_int_eq(sched_due(&s.verify, &tracks[SCHED_VERIFY], midnight + 1000 * HOUR), -1);
}
END_TEST

static Suite *suite(void)
{
	Suite *su = suite_create("daemon sched");
	TCase *c = tcase_create("due");
	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, full_wins_when_both_are_due);
	tcase_add_test(c, nothing_before_its_time_and_the_loop_wakes_for_it);
	tcase_add_test(c, one_run_catches_up_after_downtime);
	tcase_add_test(c, back_off_grows_to_an_hour);
	tcase_add_test(c, a_failed_full_is_tried_again_and_incrementals_go_on);
	tcase_add_test(c, the_next_due_time_begins_afresh);
	tcase_add_test(c, every_is_due_at_once_and_backs_off_too);
	tcase_add_test(c, a_clock_set_back_does_not_hold_a_retry_up);
	tcase_add_test(c, a_full_for_a_gap_waits_longer_each_time);
	tcase_add_test(c, off_is_never);
	suite_add_tcase(su, c);
	return su;
}

UNIT_MAIN(suite)
