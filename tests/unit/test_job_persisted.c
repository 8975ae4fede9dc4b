/* Settings a MySQL wrote down itself, and what of them a copy gets. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fsio.h"
#include "base/mem.h"
#include "job/restore_persisted.h"
#include "tests/unit/unit.h"

static char target[64];
static struct manifest *m;
static struct str note;

static void setup(void)
{
	strcpy(target, "/tmp/unit-persisted-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(target));
	m = manifest_new();
	m->flavour = mem_strdup("mysql");
}

static void teardown(void)
{
	manifest_free(m);
	str_done(&note);
	fsio_remove_tree(target, NULL);
}

/* "@" is the data directory, "~" a quotation mark. */
static char *filled(const char *text)
{
	struct str s = {0};

	for (; *text; text++)
		if (*text == '@')
			str_add(&s, target);
		else
			str_addn(&s, *text == '~' ? "\"" : text, 1);
	return str_take(&s);
}

/* want NULL: the file is as it was. */
static void becomes(const char *name, bool in_place, const char *was, const char *want)
{
	struct place root = {.dir = target, .from = target, .moved = !in_place};
	struct places places = {.target = target, .v = &root, .n = 1};
	char *path = mem_printf("%s/%s", target, name), *now = NULL;
	char *text = filled(was), *left = filled(want ? want : "");
	struct err err = ERR_INIT;
	size_t n;

	ck_ok(fsio_replace(path, text, strlen(text), 0600, &err), err);
	str_reset(&note);
	ck_ok(restore_persisted(m, &places, &note, &err), err);
	ck_ok(fsio_read_file(path, 1 << 20, &now, &n, &err), err);
	if (want) {
		json_t *a = json_loads(now, 0, NULL), *b = json_loads(left, 0, NULL);
		ck_assert_msg(b && json_equal(a, b), "%s", now);
		json_decref(a);
		json_decref(b);
	} else {
		ck_assert_str_eq(now, text);
		ck_assert_str_eq(str_text(&note), "");
	}
	free(path);
	free(now);
	free(text);
	free(left);
}

#define STAYS                                                                             \
	"~general_log_file~:{~Value~:~@/g.log~,~Metadata~:{~Host~:~/h~}},"                \
	"~ssl_ca~:{~Value~:~/etc/ca.pem~},~log_y~:{~Value~:~y/../y~},~max_connections~:{" \
	"~Value~:~77~},~init_connect~:{~Value~:~/* x */ SELECT 1~}"

/* Version 2: sections; what is secret has one of its own, what is encrypted is a string. */
START_TEST(paths_that_lead_out)
{
	becomes("mysqld-auto.cnf", false,
	        "{~Version~:2,"
	        "~mysql_static_variables~:{~innodb_doublewrite_dir~:{~Value~:~/abs~}},"
	        "~mysql_dynamic_parse_early_variables~:{~x_file~:{~Value~:~/a\\nb~},"
	        "~b~:{~Value~:~3~}},"
	        "~mysql_sensitive_variables~:{~mysql_dynamic_sensitive_variables~:{"
	        "~keyring_conf~:{~Value~:~/secret~},~pass~:{~Value~:~x~}},"
	        "~mysql_sensitive_variables_blob~:~/00ff~},"
	        "~mysql_dynamic_variables~:{~slow_query_log_file~:{~Value~:~../slow~},"
	        "~innodb_tmpdir~:{~Value~:~@-other~},~log_x~:{~Value~:~@/../x~},"
	        "~innodb_redo_log_archive_dirs~:{~Value~:~a:@;b:/tmp~}," STAYS "}}",
	        "{~Version~:2,~mysql_static_variables~:{},"
	        "~mysql_dynamic_parse_early_variables~:{~b~:{~Value~:~3~}},"
	        "~mysql_sensitive_variables~:{~mysql_dynamic_sensitive_variables~:{"
	        "~pass~:{~Value~:~x~}},~mysql_sensitive_variables_blob~:~/00ff~},"
	        "~mysql_dynamic_variables~:{" STAYS "}}");
	const char *said = str_text(&note);
	ck_assert_ptr_nonnull(strstr(said, "innodb_doublewrite_dir=/abs, "));
	ck_assert_ptr_nonnull(strstr(said, "x_file=/a%0Ab, "));
	ck_assert_ptr_nonnull(strstr(said, "keyring_conf, "));
	ck_assert_ptr_nonnull(strstr(said, "innodb_redo_log_archive_dirs=a:"));
	ck_assert_ptr_nonnull(strstr(said, "slow_query_log_file=../slow"));
	ck_assert_msg(!strstr(said, "secret") && !strstr(said, "ssl_ca"), "%s", said);
	ck_assert_ptr_null(strstr(said, "replicate"));
}
END_TEST

/* What is not in a section of its own there is one deeper. */
START_TEST(version_1_and_a_file_half_written)
{
	for (size_t i = 0; i < 2; i++) {
		becomes(i ? "mysqld-auto.cnf.backup" : "mysqld-auto.cnf", false,
		        "{~Version~:1,~mysql_server~:{~general_log_file~:{~Value~:~/live.log~},"
		        "~port~:{~Value~:~3306~},~mysql_server_static_options~:{"
		        "~group_replication_group_name~:{~Value~:~u~},"
		        "~skip_slave_start~:{~Value~:~OFF~},~skip_replica_start~:{~Value~:~ON~},"
		        "~innodb_doublewrite_dir~:{~Value~:~/d~}}}}",
		        "{~Version~:1,~mysql_server~:{~port~:{~Value~:~3306~},"
		        "~mysql_server_static_options~:{"
		        "~skip_replica_start~:{~Value~:~ON~}}}}");
		const char *said = str_text(&note);
		ck_assert_ptr_nonnull(strstr(said, "replicate, it lost"));
		ck_assert_ptr_nonnull(strstr(said, "group_replication_group_name"));
		ck_assert_ptr_nonnull(strstr(said, "skip_slave_start"));
		ck_assert_ptr_nonnull(strstr(said, "general_log_file=/live.log"));
	}
}
END_TEST

START_TEST(where_the_source_had_it)
{
	becomes("mysqld-auto.cnf", true,
	        "{~s~:{~general_log_file~:{~Value~:~/dev/null~},"
	        "~innodb_tmpdir~:{~Value~:~/no/where~},~group_replication_x~:{~Value~:~1~}}}",
	        "{~s~:{~general_log_file~:{~Value~:~/dev/null~}}}");
	ck_assert_ptr_null(strstr(str_text(&note), "general_log_file"));
}
END_TEST

START_TEST(what_has_nothing_of_it_is_left_alone)
{
	static const char *const same[] = {"",
	                                   "no JSON",
	                                   "[]",
	                                   "{ ~a~ : 1 }",
	                                   "{~Value~:~/x~}",
	                                   "{~s~:{~general_log_file~:{~Value~:[~/x~]}}}",
	                                   "{~s~:{ ~a~:{~Value~:~b~}}}"};
	for (size_t i = 0; i < sizeof same / sizeof *same; i++)
		becomes("mysqld-auto.cnf", false, same[i], NULL);
	free(m->flavour);
	m->flavour = mem_strdup("mariadb");
	becomes("mysqld-auto.cnf", false, "{~s~:{~general_log_file~:{~Value~:~/x~}}}", NULL);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("job/persisted");
	TCase *t = tcase_create("persisted");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, paths_that_lead_out);
	tcase_add_test(t, version_1_and_a_file_half_written);
	tcase_add_test(t, where_the_source_had_it);
	tcase_add_test(t, what_has_nothing_of_it_is_left_alone);
	suite_add_tcase(s, t);
	return s;
}
UNIT_MAIN(suite)
