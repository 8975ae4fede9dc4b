/* Tables that nothing held still, and what a restore says of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "job/restore_unlocked.h"
#include "tests/unit/unit.h"

static struct manifest *m;

static void setup(void)
{
	m = manifest_new();
	m->started_us = 1795384800000000;
	m->finished_us = 1795384860000000;
}

static void teardown(void)
{
	manifest_free(m);
}

static void add(const char *name)
{
	*vec_push(&m->unlocked.names) = mem_strdup(name);
	m->unlocked.n++;
}

START_TEST(how_many_and_the_first_of_them)
{
	ck_assert_ptr_null(unlocked_note(m, true));
	add("shop.a");
	char *one = unlocked_note(m, false);
	ck_assert_ptr_nonnull(strstr(one, " 1 of its tables still (shop.a): "));
	ck_assert_ptr_nonnull(strstr(one, "from 2026-11-22T22:00:00Z to 2026-11-22T22:01:00Z"));
	ck_assert_ptr_null(strstr(one, "replay"));
	for (char name[] = "shop.b"; name[5] < 'h'; name[5]++)
		add(name);
	m->unlocked.n = 2000;
	char *many = unlocked_note(m, true);
	ck_assert_ptr_nonnull(
	    strstr(many, " 2000 of its tables still (shop.a, shop.b, shop.c, shop.d, shop.e, …)"));
	ck_assert_ptr_nonnull(strstr(many, "no replay brings them back"));
	free(one);
	free(many);
}
END_TEST

static bool explained(int code, const char *text)
{
	struct err err;

	err_set(&err, ERR_SERVER, "%s", text);
	err_hint(&err, "As before.");
	err.sys = code;
	unlocked_explain(m, &err);
	ck_assert_ptr_nonnull(strstr(err.hint, "As before."));
	bool said = strcmp(err.hint, "As before.") != 0;
	ck_assert(!said || strstr(err.hint, "shop.my table is held"));
	return said;
}

START_TEST(only_of_these_tables)
{
	add("shop.other");
	add("shop.my table");
	ck_assert(explained(1032, "ERROR 1032 (HY000): Can't find record in 'my table'"));
	ck_assert(explained(1062, "Duplicate entry '1' for key 'my table.PRIMARY'"));
	ck_assert(!explained(1032, "ERROR 1032 (HY000): Can't find record in 'table'"));
	ck_assert(!explained(1146, "Table 'my table' doesn't exist"));
	unlocked_explain(m, NULL);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("job/unlocked");
	TCase *t = tcase_create("unlocked");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, how_many_and_the_first_of_them);
	tcase_add_test(t, only_of_these_tables);
	suite_add_tcase(s, t);
	return s;
}
UNIT_MAIN(suite)
