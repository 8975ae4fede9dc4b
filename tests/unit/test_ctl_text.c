/*
 * Text on its way to a terminal or a pipe: nothing in it may steer the terminal,
 * break a column, or be cut inside a character.
 */
#include <string.h>

#include "daemon/ctl/bar.h"
#include "daemon/ctl/client.h"
#include "daemon/ctl/table.h"
#include "tests/unit/unit.h"

#define ck_text(text, expected)                            \
	do {                                               \
		struct str s_ = {0};                       \
		text_safe(&s_, text);                      \
		ck_assert_str_eq(str_text(&s_), expected); \
		str_done(&s_);                             \
	} while (0)

START_TEST(control_characters_are_shown_not_sent)
{
	ck_text("shop/orders.ibd", "shop/orders.ibd");
	ck_text("a\033[2Jb\r\n\tc\x7f", "a\\x1b[2Jb\\x0d\\x0a\\x09c\\x7f");
	ck_text("z\xc3\xbcrich \xf0\x9f\x90\xac", "z\xc3\xbcrich \xf0\x9f\x90\xac");
	ck_text("\xc2\x9b"
	        "31m",
	        "\\xc2\\x9b31m"); /* CSI as one C1 character */
	ck_text("\xe2\x80\xae"
	        "x",
	        "\\xe2\\x80\\xaex");                                  /* writes backwards */
	ck_text("\xff\xc3", "\\xff\\xc3");                            /* no UTF-8; cut short */
	ck_text("\xc0\x9b\xed\xa0\x80", "\\xc0\\x9b\\xed\\xa0\\x80"); /* overlong; surrogate */
}
END_TEST

START_TEST(ages_are_short)
{
	char buf[STR_HUMAN_MAX];

	ck_assert_str_eq(text_age(buf, -5), "0s");
	ck_assert_str_eq(text_age(buf, 59), "59s");
	ck_assert_str_eq(text_age(buf, 60), "1m");
	ck_assert_str_eq(text_age(buf, 3599), "59m");
	ck_assert_str_eq(text_age(buf, 3600 + 5 * 60), "1h 05m");
	ck_assert_str_eq(text_age(buf, 25 * 3600), "1d 01h");
}
END_TEST

/* What a table prints, as a terminal without colours or as a pipe. */
static char *table_output(bool tty, const char *const *titles, const char *lead)
{
	char *text = NULL;
	size_t n = 0;
	struct term term = {.to = open_memstream(&text, &n), .tty = tty};
	struct table t;

	table_init(&t, &term, titles);
	t.lead = lead;
	table_text(&t, "%s", "a\tb");
	table_size(&t, 1536);
	table_text(&t, "%s", "");
	table_text(&t, "%s", "\xc3\xbc");
	table_size(&t, 10);
	table_time(&t, "2026-11-22T02:00:00Z");
	table_print(&t);
	table_done(&t);
	fclose(term.to);
	return text;
}

static const char *const titles[] = {"NAME", ">SIZE", "WHEN", NULL};

START_TEST(pipe_gets_plain_columns)
{
	char *text = table_output(false, titles, NULL);

	ck_assert_str_eq(text, "a\\x09b\t1536\t-\n\xc3\xbc\t10\t2026-11-22T02:00:00Z\n");
	free(text);
	text = table_output(false, titles, "row");
	ck_assert_ptr_nonnull(strstr(text, "row\ta\\x09b\t"));
	ck_assert_ptr_nonnull(strstr(text, "\nrow\t\xc3\xbc\t"));
	free(text);
}
END_TEST

START_TEST(terminal_gets_aligned_columns)
{
	char *text;

	setenv("TZ", "UTC", 1);
	text = table_output(true, titles, "row");
	char *line = strchr(text, '\n') + 1, *second = strchr(line, '\n') + 1;
	ck_assert_ptr_eq(strstr(text, "NAME       SIZE  WHEN\n"), text);
	ck_assert_ptr_eq(strstr(line, "a\\x09b  1.5 KiB  -\n"), line);
	/* one character of two bytes is one column */
	ck_assert_ptr_eq(strstr(second, "\xc3\xbc          10 B  2026-11-22 02:00:00"), second);
	free(text);
}
END_TEST

static char *bar(uint64_t done, uint64_t total, double rate, unsigned width)
{
	struct str s = {0};

	bar_text(&s, "job 7 full: copy", done, total, rate, width);
	return str_take(&s);
}

START_TEST(bar_tells_share_rate_and_time_left)
{
	char *text = bar(1u << 30, 4ull << 30, 1u << 30, 100);

	ck_assert_ptr_nonnull(strstr(text, "job 7 full: copy [===="));
	ck_assert_ptr_nonnull(strstr(text, " 25%  1.0 GiB of 4.0 GiB  1.0 GiB/s  3s left"));
	free(text);
	text = bar((4ull << 30) - 1, 4ull << 30, 0, 100);
	ck_assert_ptr_null(strstr(text, "100%")); /* not before it is */
	ck_assert_ptr_null(strstr(text, "left"));
	free(text);
	text = bar(9, 4, 0, 100); /* a daemon that counts wrong */
	ck_assert_ptr_nonnull(strstr(text, "100%"));
	free(text);
	text = bar(1u << 20, 0, 0, 100);
	ck_assert_str_eq(text, "job 7 full: copy  1.0 MiB");
	free(text);
}
END_TEST

START_TEST(bar_never_exceeds_the_line)
{
	for (unsigned width = 0; width < 120; width++) {
		char *text = bar(1u << 30, 4ull << 30, 1e9, width);

		ck_assert_uint_le(text_width(text), width);
		free(text);
	}
}
END_TEST

START_TEST(rate_follows_and_starts_again_with_a_step)
{
	struct bar_rate r = {0};

	for (unsigned i = 0; i <= 20; i++)
		bar_rate_feed(&r, i * 500ull, i * 500000000ull);
	ck_assert_double_eq_tol(r.per_second, 1000, 1);
	bar_rate_feed(&r, 10, 11000000000ull);
	ck_assert_double_eq(r.per_second, 0);
}
END_TEST

START_TEST(path_segments_are_escaped)
{
	char *s = client_segment("../a b%\xc3\xbc?x=1");

	ck_assert_str_eq(s, "..%2Fa%20b%25%C3%BC%3Fx%3D1");
	free(s);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("ctl text");
	TCase *c = tcase_create("text");

	tcase_add_test(c, control_characters_are_shown_not_sent);
	tcase_add_test(c, ages_are_short);
	tcase_add_test(c, pipe_gets_plain_columns);
	tcase_add_test(c, terminal_gets_aligned_columns);
	tcase_add_test(c, bar_tells_share_rate_and_time_left);
	tcase_add_test(c, bar_never_exceeds_the_line);
	tcase_add_test(c, rate_follows_and_starts_again_with_a_step);
	tcase_add_test(c, path_segments_are_escaped);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
