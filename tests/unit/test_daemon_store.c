/* History and journal over a restart, a kill and a damaged file. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/fsio.h"
#include "daemon/history.h"
#include "daemon/instance.h"
#include "daemon/journal.h"
#include "tests/unit/unit.h"

static char dir[] = "/tmp/mybak-test-XXXXXX";
static struct history *h;
static struct err err;

static void setup(void)
{
	strcpy(dir, "/tmp/mybak-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	err = ERR_INIT;
	ck_ok(history_open(dir, 1, &h, &err), err);
}

static void teardown(void)
{
	history_free(h);
	fsio_remove_tree(dir, &err);
}

static void reopen(int64_t now)
{
	history_free(h);
	h = NULL;
	ck_ok(history_open(dir, now, &h, &err), err);
}

static struct job sample(int64_t id, enum job_state state)
{
	struct job j = {.id = id, .type = JOB_FULL, .state = state, .due_us = -1};
	static char main_name[] = "main";
	j.instance = main_name;
	j.queued_us = id * 1000;
	j.started_us = state == JOB_QUEUED ? 0 : id * 1000 + 10;
	j.finished_us = job_over(&j) ? id * 1000 + 500 : 0;
	j.settled = state == JOB_DONE;
	return j;
}

static void put(int64_t id, enum job_state state)
{
	struct job j = sample(id, state);
	ck_ok(history_put(h, &j, &err), err);
}

struct seen {
	struct job *jobs[8];
	size_t n;
};

static void see(void *arg, struct job **job)
{
	struct seen *s = arg;
	ck_assert_uint_lt(s->n, 8);
	s->jobs[s->n++] = *job;
	*job = NULL;
}

static void done_seeing(struct seen *s)
{
	while (s->n > 0)
		job_free(s->jobs[--s->n]);
}

START_TEST(a_run_comes_back_as_it_was)
{
	struct job j = sample(5, JOB_FAILED);
	err_set(&j.err, ERR_NO_SPACE, "disk \"full\"");
	err_hint(&j.err, "make room");
	strcpy(j.step, "copy");
	strcpy(j.facts.backup, "20261122T020000Z-full");
	j.facts.read_bytes = 1ull << 40;
	j.facts.lock_seconds = 0.025;
	ck_ok(history_put(h, &j, &err), err);
	reopen(9);
	struct seen s = {0};
	ck_ok(history_list(h, "main", 10, see, &s, &err), err);
	ck_assert_uint_eq(s.n, 1);
	ck_assert_int_eq(s.jobs[0]->id, 5);
	ck_assert_int_eq(s.jobs[0]->state, JOB_FAILED);
	ck_assert_int_eq(s.jobs[0]->err.kind, ERR_NO_SPACE);
	ck_assert_str_eq(s.jobs[0]->err.text, j.err.text);
	ck_assert_str_eq(s.jobs[0]->err.hint, "make room");
	ck_assert_str_eq(s.jobs[0]->step, "copy");
	ck_assert_str_eq(s.jobs[0]->facts.backup, j.facts.backup);
	ck_assert_uint_eq(s.jobs[0]->facts.read_bytes, 1ull << 40);
	done_seeing(&s);
	ck_ok(history_list(h, "other", 10, see, &s, &err), err);
	ck_assert_uint_eq(s.n, 0);
}
END_TEST

START_TEST(a_kill_leaves_failed_and_cancelled_runs)
{
	put(1, JOB_DONE);
	put(2, JOB_RUNNING);
	put(3, JOB_QUEUED);
	reopen(77);
	struct seen s = {0};
	ck_ok(history_list(h, NULL, 10, see, &s, &err), err);
	ck_assert_uint_eq(s.n, 3);
	ck_assert_int_eq(s.jobs[0]->state, JOB_CANCELLED);
	ck_assert_int_eq(s.jobs[1]->state, JOB_FAILED);
	ck_assert_int_eq(s.jobs[1]->finished_us, 77);
	ck_assert_ptr_nonnull(strstr(s.jobs[1]->err.text, "daemon was killed"));
	ck_assert_int_eq(s.jobs[2]->state, JOB_DONE);
	done_seeing(&s);
	int64_t last = 0;
	ck_ok(history_last_id(h, &last, &err), err);
	ck_assert_int_eq(last, 3);
}
END_TEST

START_TEST(old_rows_go)
{
	put(1, JOB_DONE);
	put(HISTORY_KEEP, JOB_DONE);
	put(HISTORY_KEEP + 1, JOB_DONE);
	struct seen s = {0};
	ck_ok(history_list(h, NULL, 8, see, &s, &err), err);
	ck_assert_uint_eq(s.n, 2);
	done_seeing(&s);
}
END_TEST

START_TEST(an_instance_remembers_its_past)
{
	put(1, JOB_DONE);
	put(2, JOB_FAILED);
	int64_t since = 0;
	ck_ok(history_since(h, "main", 500, &since, &err), err);
	reopen(9);
	struct instance *i = instance_new("main", h, 10000);
	ck_assert_int_eq(i->tracks[SCHED_FULL].since_us, 500);
	ck_assert_int_eq(i->tracks[SCHED_FULL].last_us, 1010);
	ck_assert_int_eq(i->tracks[SCHED_INCREMENTAL].last_us, 1010);
	ck_assert_int_eq(i->last[JOB_FULL].success_us, 1500);
	ck_assert(i->last[JOB_FULL].failed);
	ck_assert_int_eq(i->tracks[SCHED_VERIFY].last_us, -1);
	instance_free(i);
}
END_TEST

/* The newest run is running when the daemon is killed at `now`. */
static struct history_killed killed_at(int64_t id, int64_t due, int64_t now)
{
	struct history_killed k = {.times = 99};
	struct job j = sample(id, JOB_RUNNING);
	j.due_us = due;
	ck_ok(history_put(h, &j, &err), err);
	reopen(now);
	ck_ok(history_killed(h, "main", JOB_FULL, &k, &err), err);
	return k;
}

START_TEST(what_killed_the_daemon_is_not_begun_at_once)
{
	struct history_killed k = killed_at(1, 700, 5000000);
	ck_assert_uint_eq(k.times, 1);
	ck_assert_int_eq(k.due_us, 700);
	k = killed_at(2, 700, 6000000);
	ck_assert_uint_eq(k.times, 2);
	struct instance *i = instance_new("main", h, 6000000);
	ck_assert_int_eq(i->tracks[SCHED_FULL].failed_due_us, 700);
	ck_assert_uint_eq(i->tracks[SCHED_FULL].failures, 2);
	ck_assert_int_eq(i->tracks[SCHED_FULL].retry_us, 6000000 + 300 * 1000000LL);
	ck_assert_int_eq(i->tracks[SCHED_INCREMENTAL].failed_due_us, -1);
	instance_free(i);
	/* For another moment it begins afresh; out of the schedule, for a gap, too. */
	ck_assert_uint_eq(killed_at(3, 900, 7000000).times, 1);
	k = killed_at(4, -1, 8000000);
	ck_assert_uint_eq(k.times, 1);
	i = instance_new("main", h, 8000000);
	ck_assert(rescue_holds_back(&i->binlog.rescue, 8000000 + 59 * 1000000LL));
	ck_assert(!rescue_holds_back(&i->binlog.rescue, 8000000 + 60 * 1000000LL));
	instance_free(i);
	/* A start without a kill: nothing is held back, whatever was before. */
	reopen(9000000);
	ck_ok(history_killed(h, "main", JOB_FULL, &k, &err), err);
	ck_assert_uint_eq(k.times, 0);
	put(5, JOB_FAILED);
	ck_ok(history_killed(h, "main", JOB_FULL, &k, &err), err);
	ck_assert_uint_eq(k.times, 0);
}
END_TEST

START_TEST(a_full_makes_up_for_a_failed_incremental_over_a_restart)
{
	struct job j = sample(1, JOB_FAILED);
	j.type = JOB_INCREMENTAL;
	ck_ok(history_put(h, &j, &err), err);
	put(2, JOB_DONE);
	struct instance *i = instance_new("main", h, 10000);
	ck_assert(!i->last[JOB_INCREMENTAL].failed);
	instance_free(i);
	put(3, JOB_FAILED);
	i = instance_new("main", h, 10000);
	ck_assert(i->last[JOB_FULL].failed);
	instance_free(i);
	j = sample(4, JOB_DONE);
	j.type = JOB_INCREMENTAL;
	strcpy(j.facts.backup, "20261122T020000Z-incr");
	ck_ok(history_put(h, &j, &err), err);
	i = instance_new("main", h, 10000);
	ck_assert(i->last[JOB_FULL].failed);
	instance_free(i);
	strcpy(j.facts.backup, "20261122T020000Z-full");
	ck_ok(history_put(h, &j, &err), err);
	i = instance_new("main", h, 10000);
	ck_assert(!i->last[JOB_FULL].failed);
	instance_free(i);
}
END_TEST

START_TEST(a_full_serves_the_incremental_and_a_clock_set_back_is_seen)
{
	struct instance *i = instance_new("main", h, 100);
	struct job j = sample(3, JOB_DONE);
	j.type = JOB_INCREMENTAL;
	j.facts.made_full = true;
	instance_job_over(i, &j, 4000);
	ck_assert_int_eq(i->tracks[SCHED_FULL].last_us, 3010);
	ck_assert_int_eq(i->tracks[SCHED_INCREMENTAL].last_us, 3010);
	instance_clock_check(i, 2000);
	ck_assert_int_eq(i->tracks[SCHED_FULL].last_us, 2000);
	j = sample(4, JOB_FAILED);
	j.due_us = 3900;
	instance_job_over(i, &j, 5000);
	ck_assert_int_eq(i->tracks[SCHED_FULL].failed_due_us, 3900);
	ck_assert_uint_eq(i->failures[JOB_FULL], 1);
	instance_free(i);
}
END_TEST

START_TEST(a_damaged_history_is_set_aside)
{
	char path[PATH_MAX];
	struct stat st;
	put(1, JOB_DONE);
	history_free(h);
	h = NULL;
	snprintf(path, sizeof path, "%s/history.db", dir);
	ck_ok(fsio_replace(path, "this is no database at all, but long enough", 40, 0600, &err),
	      err);
	ck_ok(history_open(dir, 5, &h, &err), err);
	put(2, JOB_DONE);
	strcat(path, ".damaged");
	ck_assert_int_eq(stat(path, &st), 0);
}
END_TEST

START_TEST(only_left_over_tokens_are_undone)
{
	struct journal *j = NULL;
	struct journal_entry *list = NULL;
	size_t n = 9;
	ck_ok(journal_open(dir, &j, &err), err);
	ck_ok(journal_set(j, 1, "main", "flush=2", &err), err);
	ck_ok(journal_set(j, 2, "other", "flush=0", &err), err);
	ck_ok(journal_left_over(j, &list, &n, &err), err);
	ck_assert_uint_eq(n, 0);
	ck_ok(journal_set(j, 2, "other", NULL, &err), err);
	journal_free(j);
	ck_ok(journal_open(dir, &j, &err), err);
	ck_ok(journal_left_over(j, &list, &n, &err), err);
	ck_assert_uint_eq(n, 1);
	ck_assert_str_eq(list[0].instance, "main");
	ck_assert_str_eq(list[0].token, "flush=2");
	journal_entries_free(list, n);
	/* A job at work on that instance: hands off until it is through. */
	ck_ok(journal_set(j, 3, "main", "flush=1", &err), err);
	ck_ok(journal_left_over(j, &list, &n, &err), err);
	ck_assert_uint_eq(n, 0);
	ck_ok(journal_set(j, 3, "main", NULL, &err), err);
	ck_ok(journal_set(j, 1, "main", NULL, &err), err);
	ck_ok(journal_left_over(j, &list, &n, &err), err);
	ck_assert_uint_eq(n, 0);
	journal_free(j);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("daemon store");
	TCase *c = tcase_create("sqlite");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, a_run_comes_back_as_it_was);
	tcase_add_test(c, a_kill_leaves_failed_and_cancelled_runs);
	tcase_add_test(c, old_rows_go);
	tcase_add_test(c, an_instance_remembers_its_past);
	tcase_add_test(c, what_killed_the_daemon_is_not_begun_at_once);
	tcase_add_test(c, a_full_makes_up_for_a_failed_incremental_over_a_restart);
	tcase_add_test(c, a_full_serves_the_incremental_and_a_clock_set_back_is_seen);
	tcase_add_test(c, a_damaged_history_is_set_aside);
	tcase_add_test(c, only_left_over_tokens_are_undone);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
