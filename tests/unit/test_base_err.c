/* err: what people read when something fails. */
#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "tests/unit/unit.h"

START_TEST(a_file_name_of_any_bytes_becomes_printable)
{
	struct err e = ERR_INIT;
	ck_assert_int_eq(err_set(&e, ERR_DAMAGED, "bad %s", "a\nb\x1b[31m\xff\xc3\xa4\xe2\x82"),
	                 -1);
	ck_assert_str_eq(e.text, "bad a\\x0Ab\\x1B[31m\\xFF\xc3\xa4\\xE2\\x82");
	/* C1 controls, overlong forms and surrogates are not text either. */
	err_set(&e, ERR_FAILED, "%s", "\xc2\x9b\xc0\xaf\xed\xa0\x80\xf0\x9f\x98\x80");
	ck_assert_str_eq(e.text, "\\xC2\\x9B\\xC0\\xAF\\xED\\xA0\\x80\xf0\x9f\x98\x80");
}
END_TEST

START_TEST(a_long_text_is_cut_at_a_character)
{
	struct err e = ERR_INIT;
	char name[ERR_TEXT_MAX * 2];
	for (size_t i = 0; i + 2 < sizeof name; i += 2)
		memcpy(name + i, "\xc3\xa4", 3);
	err_set(&e, ERR_FAILED, "x%s", name);
	size_t n = strlen(e.text);
	ck_assert_uint_lt(n, ERR_TEXT_MAX);
	ck_assert_uint_gt(n, ERR_TEXT_MAX - 8);
	ck_assert_int_eq((unsigned char)e.text[n - 1], 0xa4);
}
END_TEST

START_TEST(errno_decides_the_kind)
{
	struct err e = ERR_INIT;
	err_sys(&e, ENOSPC, "cannot write %s", "f");
	ck_assert_int_eq(e.kind, ERR_NO_SPACE);
	ck_assert_int_eq(e.sys, ENOSPC);
	ck_assert_str_eq(e.text, "cannot write f: No space left on device");
	err_sys(&e, EDQUOT, "x");
	ck_assert_int_eq(e.kind, ERR_NO_SPACE);
	err_sys(&e, EACCES, "x");
	ck_assert_int_eq(e.kind, ERR_REFUSED);
	err_sys(&e, ENOENT, "x");
	ck_assert_int_eq(e.kind, ERR_NOT_FOUND);
	err_sys(&e, EIO, "x");
	ck_assert_int_eq(e.kind, ERR_IO);
}
END_TEST

START_TEST(context_goes_in_front_and_the_hint_stays)
{
	struct err e = ERR_INIT;
	err_set(&e, ERR_BUSY, "locked");
	err_hint(&e, "wait for %s", "it");
	ck_assert_int_eq(err_add(&e, "backup of %s", "main"), -1);
	ck_assert_str_eq(e.text, "backup of main: locked");
	ck_assert_str_eq(e.hint, "wait for it");
	ck_assert_int_eq(e.kind, ERR_BUSY);
	/* A new reason takes nothing of the old one along, though it may quote it. */
	err_set(&e, ERR_FAILED, "again: %s", e.text);
	ck_assert_str_eq(e.text, "again: backup of main: locked");
	ck_assert_str_eq(e.hint, "");
}
END_TEST

START_TEST(nobody_need_be_interested)
{
	ck_assert_int_eq(err_set(NULL, ERR_FAILED, "x"), -1);
	ck_assert_int_eq(err_sys(NULL, EIO, "x"), -1);
	ck_assert_int_eq(err_add(NULL, "x"), -1);
	ck_assert_int_eq(err_hint(NULL, "x"), -1);
	err_clear(NULL);
}
END_TEST

START_TEST(names_and_codes_are_the_documented_ones)
{
	for (int k = ERR_NONE; k <= ERR_CANCELLED; k++)
		ck_assert_int_eq(err_kind_from_name(err_kind_name((enum err_kind)k)), k);
	ck_assert_int_eq(err_kind_from_name("nonsense"), ERR_FAILED);
	ck_assert_str_eq(err_kind_name(ERR_NO_SPACE), "no_space");
	static const int exits[][2] = {
	    {ERR_NONE, 0},     {ERR_FAILED, 1},    {ERR_USAGE, 2},  {ERR_UNREACHABLE, 3},
	    {ERR_REFUSED, 4},  {ERR_NOT_FOUND, 5}, {ERR_BUSY, 6},   {ERR_DAMAGED, 7},
	    {ERR_NO_SPACE, 1}, {ERR_IO, 1},        {ERR_SERVER, 1}, {ERR_CANCELLED, 130}};
	for (size_t i = 0; i < sizeof exits / sizeof *exits; i++)
		ck_assert_int_eq(err_exit_code((enum err_kind)exits[i][0]), exits[i][1]);
	ck_assert_int_eq(err_http_status(ERR_USAGE), 400);
	ck_assert_int_eq(err_http_status(ERR_NOT_FOUND), 404);
	ck_assert_int_eq(err_http_status(ERR_BUSY), 409);
	ck_assert_int_eq(err_http_status(ERR_NO_SPACE), 507);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("base_err");
	TCase *t = tcase_create("err");
	tcase_add_test(t, a_file_name_of_any_bytes_becomes_printable);
	tcase_add_test(t, a_long_text_is_cut_at_a_character);
	tcase_add_test(t, errno_decides_the_kind);
	tcase_add_test(t, context_goes_in_front_and_the_hint_stays);
	tcase_add_test(t, nobody_need_be_interested);
	tcase_add_test(t, names_and_codes_are_the_documented_ones);
	suite_add_tcase(s, t);
	return s;
}
UNIT_MAIN(suite)
