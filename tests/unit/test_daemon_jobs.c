#include "daemon/jobs.h"

#include <string.h>

#include "tests/unit/unit.h"

static struct jobs t;
static struct policy *policy;

static void setup(void)
{
	policy = policy_new();
	jobs_init(&t, 16, 2);
}

static void teardown(void)
{
	jobs_done(&t);
	policy_unref(policy);
}

static struct job *add(enum job_type type, const char *instance)
{
	struct job *j = NULL;
	struct err err = ERR_INIT;
	int64_t existing = 0;
	ck_ok(jobs_add(&t, type, instance, -1, 1000, &j, &existing, &err), err);
	return j;
}

static void end(struct job *j, enum err_kind kind)
{
	struct err err = ERR_INIT;
	if (kind != ERR_NONE)
		err_set(&err, kind, "because");
	jobs_end(j, kind == ERR_NONE ? NULL : &err, 2000);
}

START_TEST(numbers_go_on_from_the_history)
{
	ck_assert_int_eq(add(JOB_FULL, "main")->id, 17);
	ck_assert_int_eq(add(JOB_INCREMENTAL, "main")->id, 18);
}
END_TEST

START_TEST(same_type_twice_is_busy_and_names_the_first)
{
	struct job *first = add(JOB_FULL, "main"), *second = NULL;
	struct err err = ERR_INIT;
	int64_t existing = 0;
	ck_assert_int_eq(jobs_add(&t, JOB_FULL, "main", -1, 1, &second, &existing, &err), -1);
	ck_assert_int_eq(err.kind, ERR_BUSY);
	ck_assert_int_eq(existing, first->id);
	ck_assert_ptr_nonnull(strstr(err.text, "17"));
	jobs_start(first, policy, 1);
	ck_assert_int_eq(jobs_add(&t, JOB_FULL, "main", -1, 1, &second, &existing, &err), -1);
	end(first, ERR_NONE);
	add(JOB_FULL, "main");
	add(JOB_FULL, "other");
}
END_TEST

START_TEST(one_job_on_an_instance_at_a_time)
{
	struct job *full = add(JOB_FULL, "main"), *verify = add(JOB_VERIFY, "main");
	struct job *other = add(JOB_FULL, "other");
	ck_assert_ptr_eq(jobs_next(&t), full);
	jobs_start(full, policy, 1);
	ck_assert_ptr_eq(jobs_running_on(&t, "main"), full);
	ck_assert_ptr_eq(jobs_next(&t), other);
	jobs_start(other, policy, 1);
	ck_assert_ptr_null(jobs_next(&t));
	end(full, ERR_NONE);
	ck_assert_ptr_eq(jobs_next(&t), verify);
}
END_TEST

START_TEST(no_more_than_the_limit_but_a_check_always)
{
	t.limit = 1;
	jobs_start(add(JOB_FULL, "a"), policy, 1);
	add(JOB_FULL, "b");
	ck_assert_ptr_null(jobs_next(&t));
	struct job *check = add(JOB_CHECK, NULL);
	ck_assert_ptr_eq(jobs_next(&t), check);
	jobs_start(check, policy, 1);
	ck_assert_ptr_null(jobs_next(&t));
}
END_TEST

START_TEST(states_follow_the_reason)
{
	static const struct {
		enum err_kind kind;
		enum job_state state;
	} rows[] = {{ERR_NONE, JOB_DONE}, {ERR_CANCELLED, JOB_CANCELLED}, {ERR_IO, JOB_FAILED}};
	for (size_t i = 0; i < 3; i++) {
		struct job *j = add(JOB_FULL, "main");
		jobs_start(j, policy, 1);
		progress_step(&j->progress, "copy");
		ck_assert_str_eq(job_step(j), "copy");
		end(j, rows[i].kind);
		ck_assert_int_eq(j->state, rows[i].state);
		ck_assert_int_eq(j->err.kind, rows[i].kind);
		ck_assert_str_eq(job_step(j), "copy");
		ck_assert_ptr_null(j->policy);
	}
}
END_TEST

START_TEST(cancel_by_state)
{
	struct err err = ERR_INIT;
	bool queued = false;
	struct job *run = add(JOB_FULL, "main"), *wait = add(JOB_VERIFY, "main");
	jobs_start(run, policy, 1);
	ck_ok(jobs_cancel(&t, run->id, &queued, &err), err);
	ck_assert(!queued);
	ck_assert_int_eq(cancel_check(&run->cancel, &err), -1);
	ck_assert_int_eq(run->state, JOB_RUNNING);
	ck_ok(jobs_cancel(&t, wait->id, &queued, &err), err);
	ck_assert(queued && wait->settled);
	end(run, ERR_CANCELLED);
	ck_assert_int_eq(jobs_cancel(&t, run->id, &queued, &err), -1);
	ck_assert_int_eq(err.kind, ERR_REFUSED);
	ck_assert_int_eq(jobs_cancel(&t, 4711, &queued, &err), -1);
	ck_assert_int_eq(err.kind, ERR_NOT_FOUND);
}
END_TEST

START_TEST(old_ones_are_forgotten_never_those_at_work)
{
	struct job *slow = add(JOB_FULL, "slow");
	jobs_start(slow, policy, 1);
	for (int i = 0; i < JOBS_KEEP + 50; i++) {
		end(add(JOB_FULL, "main"), ERR_NONE);
		jobs_forget(&t);
	}
	ck_assert_uint_eq(t.all.n, JOBS_KEEP + 1);
	ck_assert_ptr_eq(jobs_find(&t, 17), slow);
	ck_assert_ptr_null(jobs_find(&t, 18));
}
END_TEST

START_TEST(types_by_name)
{
	enum job_type type;
	struct err err = ERR_INIT;
	ck_ok(job_type_parse("incremental", &type, &err), err);
	ck_assert_int_eq(type, JOB_INCREMENTAL);
	ck_assert_int_eq(job_type_parse("drill", &type, &err), -1);
	ck_assert_str_eq(err.text, "drill is not built yet");
	ck_ok(job_type_parse("binlog", &type, &err), err);
	ck_assert_int_eq(type, JOB_BINLOG);
	ck_assert_int_eq(job_type_parse("ful", &type, &err), -1);
	ck_assert_int_eq(err.kind, ERR_USAGE);
	ck_assert_ptr_nonnull(strstr(err.hint, "full"));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("daemon jobs");
	TCase *c = tcase_create("rules");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, numbers_go_on_from_the_history);
	tcase_add_test(c, same_type_twice_is_busy_and_names_the_first);
	tcase_add_test(c, one_job_on_an_instance_at_a_time);
	tcase_add_test(c, no_more_than_the_limit_but_a_check_always);
	tcase_add_test(c, states_follow_the_reason);
	tcase_add_test(c, cancel_by_state);
	tcase_add_test(c, old_ones_are_forgotten_never_those_at_work);
	tcase_add_test(c, types_by_name);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
