/*
 * The command line: what is accepted, and what a wrong word is answered with.
 */
#include <string.h>

#include "daemon/ctl/args.h"
#include "daemon/ctl/verb.h"
#include "tests/unit/unit.h"

static struct args args;
static struct err err;

#define PARSE(...) parse((const char *const[]){"mybakctl", __VA_ARGS__, NULL})

static int parse(const char *const argv[])
{
	int argc = 0;

	while (argv[argc])
		argc++;
	args_done(&args);
	err_clear(&err);
	return args_parse(&args, argc, argv, &err);
}

START_TEST(options_stand_anywhere)
{
	ck_ok(PARSE("-s", "/a", "list", "--json", "-imain"), err);
	ck_assert_str_eq(args.verb->name, "list");
	ck_assert_str_eq(args.value[OPT_SOCKET], "/a");
	ck_assert_str_eq(args.value[OPT_INSTANCE], "main");
	ck_assert(args_has(&args, OPT_JSON));
	ck_ok(PARSE("restore", "--to=/x=y", "latest"), err);
	ck_assert_str_eq(args.value[OPT_TO], "/x=y");
	ck_assert_uint_eq(args.words.n, 1);
}
END_TEST

START_TEST(values_may_look_like_options)
{
	ck_ok(PARSE("restore", "--server-option", "--plugin-load=x", "--server-option=-y", "--to",
	            "/x"),
	      err);
	ck_assert_uint_eq(args.server_options.n, 2);
	ck_assert_str_eq(args.server_options.v[0], "--plugin-load=x");
	ck_assert_str_eq(args.server_options.v[1], "-y");
}
END_TEST

START_TEST(typos_get_the_nearest_word)
{
	ck_assert_int_eq(PARSE("stauts"), -1);
	ck_assert_int_eq(err.kind, ERR_USAGE);
	ck_assert_ptr_nonnull(strstr(err.hint, "status"));
	ck_assert_int_eq(PARSE("restore", "--no-recovr"), -1);
	ck_assert_ptr_nonnull(strstr(err.hint, "--no-recover"));
}
END_TEST

START_TEST(wrong_use_is_refused)
{
	ck_assert_int_eq(PARSE("status", "--wait"), -1); /* another verb's option */
	ck_assert_int_eq(err.kind, ERR_USAGE);
	ck_assert_int_eq(PARSE("list", "-i"), -1); /* value missing */
	ck_assert_int_eq(PARSE("list", "-i", ""), -1);
	ck_assert_int_eq(PARSE("list", "--json=yes"), -1);
	ck_assert_int_eq(PARSE("run-now"), -1);
	ck_assert_int_eq(PARSE("run-now", "full", "full"), -1);
	ck_assert_int_eq(PARSE("restore", "--to", "/a", "--to", "/b"), -1);
	ck_assert_int_eq(err.kind, ERR_USAGE);
	ck_assert_int_eq(PARSE("list", "-"), -1);
}
END_TEST

START_TEST(later_work_is_refused_by_name)
{
	ck_ok(PARSE("restore-table", "shop.orders"), err);
	ck_assert_ptr_null(args.verb->run);
}
END_TEST

START_TEST(json_is_known_even_if_the_rest_is_wrong)
{
	ck_assert_int_eq(PARSE("lisst", "--json"), -1);
	ck_assert(args_has(&args, OPT_JSON));
}
END_TEST

START_TEST(numbers_are_checked)
{
	unsigned n = 7;

	ck_ok(PARSE("verify", "-j4"), err);
	ck_ok(args_number(&args, OPT_JOBS, 256, &n, &err), err);
	ck_assert_uint_eq(n, 4);
	static const char *const bad[] = {"0", "-1", "257", "4x", " 4", "99999999999999999999"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		args.value[OPT_JOBS] = bad[i];
		ck_assert_int_eq(args_number(&args, OPT_JOBS, 256, &n, &err), -1);
		ck_assert_uint_eq(n, 4);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("ctl args");
	TCase *c = tcase_create("args");

	tcase_add_test(c, options_stand_anywhere);
	tcase_add_test(c, values_may_look_like_options);
	tcase_add_test(c, typos_get_the_nearest_word);
	tcase_add_test(c, wrong_use_is_refused);
	tcase_add_test(c, later_work_is_refused_by_name);
	tcase_add_test(c, json_is_known_even_if_the_rest_is_wrong);
	tcase_add_test(c, numbers_are_checked);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
