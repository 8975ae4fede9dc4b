/* str: the text forms people write and read. */
#include <string.h>

#include "base/mem.h"
#include "base/sink.h"
#include "base/str.h"
#include "tests/unit/unit.h"

START_TEST(a_string_grows)
{
	struct str s = {0};
	ck_assert_str_eq(str_text(&s), "");
	for (int i = 0; i < 1000; i++)
		str_addf(&s, "%03d,", i);
	ck_assert_uint_eq(s.n, 4000);
	ck_assert(str_starts(s.p, "000,001,"));
	ck_assert(str_ends(s.p, ",999,"));
	str_addn(&s, "a\0b", 3);
	ck_assert_uint_eq(s.n, 4003);
	str_reset(&s);
	ck_assert_str_eq(str_text(&s), "");
	str_add(&s, "x");
	char *t = str_take(&s);
	ck_assert_str_eq(t, "x");
	free(t);
	t = str_take(&s);
	ck_assert_str_eq(t, "");
	free(t);
	for (int i = 1; i <= 3; i++) {
		str_sep(&s, "; ");
		str_addf(&s, "%d", i);
	}
	ck_assert_str_eq(s.p, "1; 2; 3");
	str_done(&s);
}
END_TEST

START_TEST(every_file_name_survives_escaping)
{
	char name[256], *text, *back;
	for (int i = 0; i < 255; i++)
		name[i] = (char)(i + 1);
	name[255] = '\0';
	text = str_escape_path(name);
	for (const char *p = text; *p; p++)
		ck_assert(*p >= 0x20 && *p < 0x7f);
	back = str_unescape_path(text);
	ck_assert_str_eq(back, name);
	free(text);
	free(back);
	text = str_escape_path("a b%\xc3\xa4\n/c");
	ck_assert_str_eq(text, "a b%25%C3%A4%0A/c");
	free(text);
}
END_TEST

START_TEST(what_is_no_encoding_is_refused)
{
	static const char *const bad[] = {"%",   "%4",    "%zz",      "a%0",
	                                  "%00", "x%00y", "\xc3\xa4", "a\nb"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_msg(str_unescape_path(bad[i]) == NULL, "%zu", i);
	char *t = str_unescape_path("%2f%2F");
	ck_assert_str_eq(t, "//");
	free(t);
}
END_TEST

START_TEST(a_name_from_a_repository_leads_nowhere_else)
{
	static const char *const good[] = {"a", "a/b", "...", "a/..b", ".hidden", "a b/c"};
	static const char *const bad[] = {"",   "/",    "/a",   "a/",    "a//b", ".",
	                                  "..", "a/..", "../a", "a/./b", "./a",  "a/../b"};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		ck_assert_msg(str_is_safe_relative(good[i]), "%s", good[i]);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_msg(!str_is_safe_relative(bad[i]), "%s", bad[i]);
}
END_TEST

START_TEST(sizes)
{
	uint64_t v = 7;
	ck_assert_int_eq(str_parse_size("64KiB", &v), 0);
	ck_assert_uint_eq(v, 65536);
	ck_assert_int_eq(str_parse_size("1TiB", &v), 0);
	ck_assert_uint_eq(v, 1ull << 40);
	ck_assert_int_eq(str_parse_size("512", &v), 0);
	ck_assert_uint_eq(v, 512);
	ck_assert_int_eq(str_parse_size("3M", &v), 0);
	ck_assert_uint_eq(v, 3u << 20);
	static const char *const bad[] = {"",           "KiB",  "-1",    "1.5GiB",
	                                  "1 GiB",      "10MB", "1kib",  "+1",
	                                  " 1",         "0x10", "1GiBs", "18446744073709551616",
	                                  "16777216TiB"};
	v = 7;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_msg(str_parse_size(bad[i], &v) == -1, "%s", bad[i]);
	ck_assert_uint_eq(v, 7);
}
END_TEST

START_TEST(durations)
{
	int64_t v = 7;
	static const struct {
		const char *text;
		int64_t s;
	} good[] = {{"90s", 90},      {"15m", 900},    {"25h", 90000},
	            {"30d", 2592000}, {"2w", 1209600}, {"0s", 0}};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		ck_assert_int_eq(str_parse_duration(good[i].text, &v), 0);
		ck_assert_int_eq(v, good[i].s);
	}
	static const char *const bad[] = {"",
	                                  "90",
	                                  "s",
	                                  "1.5h",
	                                  "-1s",
	                                  "1 h",
	                                  "1y",
	                                  "99999999999999999999s",
	                                  "9223372036854775807s"};
	v = 7;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_msg(str_parse_duration(bad[i], &v) == -1, "%s", bad[i]);
	ck_assert_int_eq(v, 7);
}
END_TEST

START_TEST(forms_for_people)
{
	char b[STR_HUMAN_MAX];
	ck_assert_str_eq(str_size(b, 0), "0 B");
	ck_assert_str_eq(str_size(b, 1023), "1023 B");
	ck_assert_str_eq(str_size(b, 1024), "1.0 KiB");
	ck_assert_str_eq(str_size(b, 840 * 1024), "840 KiB");
	ck_assert_str_eq(str_size(b, 1536ull << 20), "1.5 GiB");
	ck_assert_str_eq(str_size(b, (1ull << 20) - 1), "1.0 MiB");
	ck_assert_str_eq(str_size(b, UINT64_MAX), "16.0 EiB");
	ck_assert_str_eq(str_duration(b, 0.0841), "0.084s");
	ck_assert_str_eq(str_duration(b, 1.26), "1.3s");
	ck_assert_str_eq(str_duration(b, 41), "41s");
	ck_assert_str_eq(str_duration(b, 59.7), "1m 00s");
	ck_assert_str_eq(str_duration(b, 7500), "2h 05m");
	ck_assert_str_eq(str_duration(b, 90000), "1d 01h");
	ck_assert_str_eq(str_duration(b, -41), "-41s");
	ck_assert_uint_lt(strlen(str_duration(b, 1e300)), STR_HUMAN_MAX);
	ck_assert_uint_lt(strlen(str_duration(b, 0.0 / 0.0)), STR_HUMAN_MAX);
}
END_TEST

START_TEST(the_nearest_word)
{
	static const char *const words[] = {"full", "incremental", "binlog", "verify", "drill"};
	ck_assert_str_eq(str_nearest("ful", words, 5), "full");
	ck_assert_str_eq(str_nearest("incremetnal", words, 5), "incremental");
	ck_assert_str_eq(str_nearest("verfiy", words, 5), "verify");
	ck_assert_ptr_null(str_nearest("banana", words, 5));
	ck_assert_ptr_null(str_nearest("", words, 5));
	ck_assert_ptr_null(str_nearest("x", words, 5));
	char *longword = mem_zalloc(300);
	memset(longword, 'f', 299);
	ck_assert_ptr_null(str_nearest(longword, words, 5));
	free(longword);
}
END_TEST

START_TEST(hex)
{
	char out[9];
	unsigned char b[4] = {0};
	str_hex(out, "\x00\x9f\xff\x10", 4);
	ck_assert_str_eq(out, "009fff10");
	ck_assert_int_eq(str_unhex(b, 4, "009FFF10"), 0);
	ck_assert_mem_eq(b, "\x00\x9f\xff\x10", 4);
	ck_assert_int_eq(str_unhex(b, 4, "009fff1"), -1);
	ck_assert_int_eq(str_unhex(b, 4, "009fff100"), -1);
	ck_assert_int_eq(str_unhex(b, 4, "009fff1g"), -1);
	ck_assert_mem_eq(b, "\x00\x9f\xff\x10", 4);
}
END_TEST

START_TEST(a_memory_sink_has_a_limit)
{
	struct err e = ERR_INIT;
	struct sink_memory m;
	sink_memory_init(&m, 10000);
	char bytes[6000] = {1};
	ck_ok(sink_write(&m.sink, bytes, 6000, &e), e);
	ck_ok(sink_write(&m.sink, bytes, 4000, &e), e);
	ck_ok(sink_write(&m.sink, NULL, 0, &e), e);
	ck_assert_int_eq(sink_write(&m.sink, bytes, 1, &e), -1);
	ck_assert_int_eq(e.kind, ERR_DAMAGED);
	ck_assert_uint_eq(m.n, 10000);
	sink_free(&m.sink);
	sink_free(NULL);
	sink_memory_done(&m);
}
END_TEST

START_TEST(a_vector_grows)
{
	VEC(int) v = {0};
	for (int i = 0; i < 1000; i++)
		*vec_push(&v) = i;
	ck_assert_uint_eq(v.n, 1000);
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(v.v[i], i);
	vec_done(&v);
	ck_assert_ptr_null(v.v);
}
END_TEST

START_TEST(shell_words_survive)
{
	struct str s = {0};

	str_shell(&s, "/srv/new");
	str_add(&s, " ");
	str_shell(&s, "/a b/it's;$x");
	str_add(&s, " ");
	str_shell(&s, "");
	ck_assert_str_eq(str_text(&s), "/srv/new '/a b/it'\\''s;$x' ''");
	str_done(&s);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("base_str");
	TCase *t = tcase_create("str");
	tcase_add_test(t, a_string_grows);
	tcase_add_test(t, every_file_name_survives_escaping);
	tcase_add_test(t, what_is_no_encoding_is_refused);
	tcase_add_test(t, a_name_from_a_repository_leads_nowhere_else);
	tcase_add_test(t, sizes);
	tcase_add_test(t, durations);
	tcase_add_test(t, forms_for_people);
	tcase_add_test(t, the_nearest_word);
	tcase_add_test(t, hex);
	tcase_add_test(t, a_memory_sink_has_a_limit);
	tcase_add_test(t, a_vector_grows);
	tcase_add_test(t, shell_words_survive);
	suite_add_tcase(s, t);
	return s;
}
UNIT_MAIN(suite)
