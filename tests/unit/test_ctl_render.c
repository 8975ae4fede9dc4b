/*
 * What the daemon says, as text: a monitoring system's line, and answers that lack
 * members or have them of another type.
 */
#include <string.h>

#include "daemon/ctl/follow.h"
#include "daemon/ctl/render.h"
#include "tests/unit/unit.h"

#define NOW_US 1795312800000000LL /* 2026-11-22T02:00:00Z */

static json_t *json(const char *text)
{
	json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);

	ck_assert_msg(value != NULL, "%s", text);
	return value;
}

static int nagios(const char *check, const char *status, struct str *line)
{
	json_t *c = json(check), *s = status ? json(status) : NULL;
	int code = render_nagios(line, c, s, NOW_US);

	json_decref(c);
	json_decref(s);
	return code;
}

START_TEST(nagios_line_and_code)
{
	struct str line = {0};

	ck_assert_int_eq(nagios("{\"checked\":\"2026-11-22T01:00:00Z\",\"worst\":\"ok\",\"lines\":"
	                        "[{\"level\":\"ok\",\"subject\":\"s\",\"text\":\"t\"}]}",
	                        "{\"instances\":[{\"name\":\"main\",\"last_full\":{\"finished\":"
	                        "\"2026-11-22T01:00:00Z\"},\"binlog\":{\"lag_seconds\":0.5}}],"
	                        "\"repositories\":[{\"name\":\"l\","
	                        "\"free_bytes\":25,\"total_bytes\":100}]}",
	                        &line),
	                 0);
	ck_assert_str_eq(str_text(&line), "OK - 1 checks passed| 'main_full_age'=3600s;;;0 "
	                                  "'main_binlog_lag'=0.500s;;;0 'l_use'=75%;;;0;100");
	str_reset(&line);
	ck_assert_int_eq(
	    nagios("{\"checked\":\"2026-11-22T01:00:00Z\",\"worst\":\"critical\","
	           "\"lines\":[{\"level\":\"warning\",\"subject\":\"a\",\"text\":\"b|c\"},"
	           "{\"level\":\"critical\",\"subject\":\"d\",\"text\":\"e\\nf\"}]}",
	           NULL, &line),
	    2);
	ck_assert_str_eq(str_text(&line), "CRITICAL - d: e\\x0af; a: b c");
	str_done(&line);
}
END_TEST

START_TEST(nothing_checked_is_not_fine)
{
	struct str line = {0};

	ck_assert_int_eq(nagios("{\"checked\":null,\"worst\":\"ok\",\"lines\":[]}", NULL, &line),
	                 3);
	ck_assert_int_eq(nagios("{}", NULL, &line), 3);
	ck_assert_int_eq(nagios("[1]", "7", &line), 3);
	str_done(&line);
}
END_TEST

START_TEST(odd_answers_are_survived)
{
	static const char *const odd[] = {
	    "{}",
	    "[]",
	    "7",
	    "null",
	    "[{}]",
	    "[7,null,\"x\"]",
	    "{\"instances\":{},\"repositories\":[7],\"jobs\":[[]],\"problems\":\"x\",\"lines\":[{}]"
	    "}",
	    "{\"instances\":[{\"name\":7,\"last_full\":[],\"running\":{\"bytes_done\":-1,"
	    "\"bytes_total\":5}}],\"repositories\":[{\"total_bytes\":1,\"free_bytes\":2}]}",
	    "[{\"id\":\"x\",\"started\":\"soon\",\"size_bytes\":-1,\"binlog\":7,\"error\":\"bad\"}"
	    "]",
	};
	for (int tty = 0; tty < 2; tty++) {
		struct term t = {.to = fopen("/dev/null", "w"), .tty = tty};

		for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
			json_t *value = json(odd[i]);

			render_status(&t, value, NOW_US);
			render_jobs(&t, value);
			render_history(&t, value);
			render_space(&t, value);
			render_backups(&t, value);
			render_backup(&t, value, true);
			render_check(&t, value);
			json_decref(value);
		}
		fclose(t.to);
	}
}
END_TEST

START_TEST(show_tells_what_the_worst_day_needs)
{
	char *text = NULL;
	size_t n = 0;
	struct term t = {.to = open_memstream(&text, &n)};
	json_t *b = json("{\"id\":\"x\",\"roots\":[{\"path\":\"/d\",\"role\":\"datadir\"},"
	                 "{\"path\":\"/u\",\"role\":\"undo\"},7],\"corrupt\":[{\"path\":\"a.ibd\","
	                 "\"page\":3}],\"settings\":{\"innodb_page_size\":\"65536\",\"y\":1}}");

	render_backup(&t, b, false);
	fclose(t.to);
	json_decref(b);
	ck_assert_ptr_nonnull(strstr(text, "outside\t/u (undo)\n"));
	ck_assert_ptr_null(strstr(text, "/d"));
	ck_assert_ptr_nonnull(strstr(text, "setting\tinnodb_page_size=65536\n"));
	ck_assert_ptr_nonnull(strstr(text, "corrupt page\ta.ibd: 3\n"));
	free(text);
}
END_TEST

START_TEST(a_job_decides_the_exit_code)
{
	struct err err = ERR_INIT;
	json_t *job = json("{\"id\":3,\"type\":\"full\",\"state\":\"failed\",\"error\":{\"kind\":"
	                   "\"no_space\",\"message\":\"disk full\",\"hint\":\"Make room.\"}}");

	ck_assert_int_eq(follow_outcome(job, &err), -1);
	ck_assert_int_eq(err.kind, ERR_NO_SPACE);
	ck_assert_ptr_nonnull(strstr(err.text, "disk full"));
	ck_assert_str_eq(err.hint, "Make room.");
	json_object_set_new(job, "state", json_string("cancelled"));
	ck_assert_int_eq(follow_outcome(job, &err), -1);
	ck_assert_int_eq(err_exit_code(err.kind), 130);
	json_object_set_new(job, "state", json_string("done"));
	ck_ok(follow_outcome(job, &err), err);
	json_decref(job);
	job = json("{\"state\":\"failed\",\"error\":7}");
	ck_assert_int_eq(follow_outcome(job, &err), -1);
	ck_assert_int_eq(err.kind, ERR_FAILED);
	json_decref(job);
}
END_TEST

START_TEST(status_in_a_pipe_tells_rows_apart)
{
	char *text = NULL;
	size_t n = 0;
	struct term t = {.to = open_memstream(&text, &n), .tty = false};
	json_t *status =
	    json("{\"version\":\"1\",\"instances\":[{\"name\":\"main\"}],\"problems\":[{"
	         "\"level\":\"critical\",\"subject\":\"a\\tb\",\"text\":\"c\\nd\"}]}");

	render_status(&t, status, NOW_US);
	fclose(t.to);
	ck_assert_ptr_nonnull(strstr(text, "daemon\t1\t"));
	ck_assert_ptr_nonnull(strstr(text, "\ninstance\tmain\t"));
	ck_assert_ptr_nonnull(strstr(text, "\nproblem\tcritical\ta\\x09b\tc\\x0ad\n"));
	json_decref(status);
	free(text);
}
END_TEST

static char *status_text(const char *text, bool tty)
{
	char *out = NULL;
	size_t n = 0;
	struct term t = {.to = open_memstream(&out, &n), .tty = tty};
	json_t *status = json(text);

	render_status(&t, status, NOW_US);
	fclose(t.to);
	json_decref(status);
	return out;
}

#define WINDOW(from, to) "{\"from\":\"2026-11-2" from "\",\"to\":\"2026-11-2" to "\"}"
#define INSTANCE(any, windows)                                                                   \
	"{\"instances\":[{\"name\":\"main\",\"binlog\":{\"state\":\"running\",\"file\":\"b.7\"," \
	"\"position\":4,\"lag_seconds\":0.25,\"lag_bytes\":12,\"gaps\":1},\"recovery_window\":{" \
	"\"any_second\":" any ",\"oldest\":\"2026-11-20T00:00:00Z\",\"newest\":"                 \
	"\"2026-11-22T02:00:00Z\",\"windows\":[" windows "]}}]}"

/* Oldest and newest alone would hide that nothing in a gap can be restored. */
START_TEST(status_tells_windows_apart)
{
	const char *two = INSTANCE(
	    "false", WINDOW("0T00:00:00Z", "1T00:00:00Z") "," WINDOW("1T06:00:00Z", "2T02:00:00Z"));
	const char *one = INSTANCE("true", WINDOW("0T00:00:00Z", "2T02:00:00Z"));
	char *text = status_text(two, false);

	ck_assert_ptr_nonnull(strstr(text, "\nbinlog\tmain\trunning\t0.250\t12\t1\tb.7:4\t"
	                                   "2026-11-20T00:00:00Z\t2026-11-22T02:00:00Z\t"
	                                   "2 windows\n"));
	ck_assert_ptr_nonnull(strstr(text, "\nwindow\tmain\t2026-11-21T06:00:00Z\t"
	                                   "2026-11-22T02:00:00Z\n"));
	free(text);
	text = status_text(two, true);
	ck_assert_ptr_nonnull(strstr(text, "ANY SECOND FROM"));
	free(text);
	text = status_text(one, true);
	ck_assert_ptr_nonnull(strstr(text, "any second"));
	ck_assert_ptr_null(strstr(text, "ANY SECOND FROM"));
	free(text);
}
END_TEST

/* `mybakctl list` in a pipe; the caller frees it. */
static char *listed(const char *backups)
{
	char *text = NULL;
	size_t n = 0;
	struct term t = {.to = open_memstream(&text, &n)};
	json_t *all = json(backups);

	render_backups(&t, all);
	fclose(t.to);
	json_decref(all);
	return text;
}

START_TEST(list_tells_up_to_when_a_backup_leads)
{
	char *text =
	    listed("[{\"id\":\"x\",\"recovery_window\":{\"newest\":\"2026-11-22T02:00:00Z\","
	           "\"begins\":true}},{\"id\":\"y\",\"recovery_window\":{\"newest\":"
	           "\"2026-11-22T02:00:00Z\",\"begins\":false}},{\"id\":\"z\","
	           "\"recovery_window\":null}]");

	ck_assert_ptr_nonnull(strstr(text, "\t2026-11-22T02:00:00Z\tbegins\t-\ny\t"));
	ck_assert_ptr_nonnull(strstr(text, "\t2026-11-22T02:00:00Z\twithin\t-\nz\t"));
	ck_assert_str_eq(text + strlen(text) - 7, "\t-\t-\t-\n");
	free(text);
}
END_TEST

START_TEST(list_names_tables_no_lock_held)
{
	char *text = listed("[{\"id\":\"x\",\"tables_without_lock\":{\"count\":3,\"names\":"
	                    "[\"d.a\",\"d.b\",\"d.\\n\"]}},{\"id\":\"y\",\"tables_without_lock\":"
	                    "{\"count\":2000,\"names\":[\"d.a\",7,\"d.c\",\"d.d\"]}},{\"id\":\"z\","
	                    "\"tables_without_lock\":{\"count\":0,\"names\":[]}}]");

	ck_assert_ptr_nonnull(strstr(text, "\t3: d.a, d.b, d."));
	ck_assert_ptr_nonnull(strstr(text, "\t2000: d.a, ?, d.c, …\nz\t"));
	ck_assert_str_eq(text + strlen(text) - 7, "\t-\t-\t-\n");
	free(text);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("ctl render");
	TCase *c = tcase_create("render");

	tcase_add_test(c, nagios_line_and_code);
	tcase_add_test(c, nothing_checked_is_not_fine);
	tcase_add_test(c, odd_answers_are_survived);
	tcase_add_test(c, show_tells_what_the_worst_day_needs);
	tcase_add_test(c, a_job_decides_the_exit_code);
	tcase_add_test(c, status_in_a_pipe_tells_rows_apart);
	tcase_add_test(c, status_tells_windows_apart);
	tcase_add_test(c, list_tells_up_to_when_a_backup_leads);
	tcase_add_test(c, list_names_tables_no_lock_held);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
