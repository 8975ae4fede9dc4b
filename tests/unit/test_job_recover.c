/* What the private server is told, by a program in its place that writes it down. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fsio.h"
#include "base/mem.h"
#include "job/restore_doubt.h"
#include "job/restore_recover.h"
#include "job/restore_recover_mysql.h"
#include "tests/unit/fake_server.h"
#include "tests/unit/unit.h"

/* A manifest comes from a place others may write to, and root may be restoring. */
START_TEST(only_known_settings_become_options)
{
	static const char *const own[] = {"--own-option=1", NULL};
	char dir[] = "/tmp/unit-recover-XXXXXX", script[64], said[64], *text = NULL;
	struct manifest *m = manifest_new();
	struct err err = ERR_INIT;
	size_t n;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(script, sizeof script, "%s/server", dir);
	snprintf(said, sizeof said, "%s/said", dir);
	FILE *f = fopen(script, "w");
	fprintf(f, "#!/bin/sh\nprintf '%%s\\n' \"$@\" >%s\nexit 1\n", said);
	fclose(f);
	chmod(script, 0755);
	manifest_set(m, "innodb_page_size", "16384");
	manifest_set(m, "plugin_load_add", "file_key_management.so;provider_lz4.so");
	manifest_set(m, "file_key_management_filename", "/etc/keys");
	manifest_set(m, "plugin_dir", "/home/mallory");
	manifest_set(m, "init_file", "/home/mallory/x.sql");
	manifest_set(m, "user=root\n--init-file", "x");
	struct places places = {.target = dir};
	const struct recover_plan plan = {
	    .m = m, .places = &places, .binary = script, .server_options = own};
	ck_assert_int_eq(recover_run(&plan, &err), -1);
	ck_ok(fsio_read_file(said, 1 << 20, &text, &n, &err), err);
	ck_assert_ptr_nonnull(strstr(text, "--innodb_page_size=16384\n"));
	ck_assert_ptr_nonnull(
	    strstr(text, "--plugin_load_add=file_key_management.so;provider_lz4.so\n"));
	ck_assert_ptr_nonnull(strstr(text, "--loose-file_key_management_filename=/etc/keys\n"));
	ck_assert_ptr_nonnull(strstr(text, "--own-option=1\n"));
	ck_assert_msg(!strstr(text, "mallory") && !strstr(text, "init-file"), "%s", text);
	free(text);
	manifest_free(m);
	fsio_remove_tree(dir, NULL);
}
END_TEST

static int no_work(void *arg, const char *socket, struct err *err)
{
	(void)arg, (void)socket, (void)err;
	return 0;
}

/* A backup that does not know how its full-text indexes were made; none of it matters
 * where no row is added. */
START_TEST(full_text_of_older_backups)
{
	static const struct {
		const char *path, *setting;
		bool work, noted;
	} cases[] = {
	    {"d/FTS_000000000000001a_CONFIG.ibd", NULL, true, true},
	    {"d/fts_000000000000001a_config.ibd", NULL, true, true},
	    {"d/fts_000000000000001a_config.ibd", NULL, false, false},
	    {"d/fts_000000000000001a_config.ibd", "3", true, false},
	    {"d/drafts_.ibd", NULL, true, false},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct manifest *m = manifest_new();
		struct err err = ERR_INIT;
		struct str note = {0};
		struct places places = {.target = (char *)(uintptr_t) "/nowhere"};
		const struct recover_plan plan = {.m = m,
		                                  .places = &places,
		                                  .binary = "/bin/false",
		                                  .work = cases[i].work ? no_work : NULL,
		                                  .note = &note};
		*vec_push(&m->files) = (struct manifest_file){.path = mem_strdup(cases[i].path)};
		if (cases[i].setting)
			manifest_set(m, "innodb_ft_min_token_size", cases[i].setting);
		ck_assert_int_eq(recover_run(&plan, &err), -1);
		ck_assert_int_eq(note.n > 0 && strstr(str_text(&note), "full-text"),
		                 cases[i].noted);
		str_done(&note);
		manifest_free(m);
	}
}
END_TEST

static char target[32];
static struct fake fake;

static struct manifest *mysql_backup(const char *binlog)
{
	struct manifest *m = manifest_new();
	strcpy(target, "/tmp/unit-recover-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(target));
	m->flavour = mem_strdup("mysql");
	m->version = mem_strdup("9.7.4-2");
	if (binlog)
		*vec_push(&m->files) =
		    (struct manifest_file){.path = mem_strdup(binlog), .kind = FILE_PLAIN};
	return m;
}

/* A program in the server's place that writes down what it was told, and ends. */
static char *told(const struct manifest *m, struct places *places)
{
	char script[64], *text = NULL;
	struct err err = ERR_INIT;
	size_t n;

	snprintf(script, sizeof script, "%s/server", target);
	FILE *f = fopen(script, "w");
	fprintf(f, "#!/bin/sh\nprintf '%%s\\n' \"$@\" >%s/said\nexit 1\n", target);
	fclose(f);
	chmod(script, 0755);
	places->target = target;
	const struct recover_plan plan = {.m = m, .places = places, .binary = script};
	ck_assert_int_eq(recover_run(&plan, &err), -1);
	snprintf(script, sizeof script, "%s/said", target);
	ck_ok(fsio_read_file(script, 1 << 20, &text, &n, &err), err);
	return text;
}

/* What is prepared in InnoDB is decided by it, and by nothing else. */
START_TEST(mysql_recovers_with_the_binlog_of_the_backup)
{
	struct manifest *m = mysql_backup("#mybak-binlog/db1-bin.000042");
	struct places places = {0};
	char path[96], *index = NULL, *said = told(m, &places), *advice;
	struct err err = ERR_INIT;
	size_t n;

	ck_assert_int_eq(strncmp(said, "--no-defaults\n", 14), 0);
	const char *off = strstr(said, "--skip-log-bin\n");
	const char *on = strstr(said, "--log-bin=#mybak-binlog/db1-bin\n");
	ck_assert_msg(off && on && off < on, "%s", said);
	ck_assert_ptr_nonnull(strstr(said, "--log-bin-index=#mybak-binlog/mybak.index\n"));
	ck_assert_ptr_nonnull(strstr(said, "--skip-grant-tables\n"));
	ck_assert_ptr_null(strstr(said, "innodb-directories"));

	snprintf(path, sizeof path, "%s/#mybak-binlog", target);
	ck_ok(fsio_mkdirs(path, 0700, &err), err);
	ck_ok(recover_mysql_index(m, &places, &err), err);
	snprintf(path, sizeof path, "%s/#mybak-binlog/mybak.index", target);
	ck_ok(fsio_read_file(path, 100, &index, &n, &err), err);
	ck_assert_str_eq(index, "./#mybak-binlog/db1-bin.000042\n");
	advice = recover_mysql_advice(m, &places);
	ck_assert_ptr_nonnull(strstr(advice, "--log-bin='#mybak-binlog/db1-bin'"));
	free(advice);
	free(index);
	free(said);
	manifest_free(m);
	fsio_remove_tree(target, NULL);
}
END_TEST

/* Names that a shell would take apart. */
START_TEST(the_first_start_is_a_line_of_a_shell)
{
	struct manifest *m = mysql_backup("#mybak-binlog/it's $x.000042");
	char dir[] = "/new/$a b";
	struct place v[] = {{0}, {.dir = dir, .mapped = true}};
	struct places places = {.target = target, .v = v, .n = 2};
	struct first_start first;

	recover_mysql_first(m, &places, &first);
	ck_assert_ptr_nonnull(strstr(first.options, " --innodb-directories='/new/$a b' "));
	ck_assert_ptr_nonnull(strstr(first.options, " --log-bin='#mybak-binlog/it'\\''s $x' "));
	first_start_done(&first);
	manifest_free(m);
	fsio_remove_tree(target, NULL);
}
END_TEST

START_TEST(mysql_without_a_binlog)
{
	struct manifest *m = mysql_backup(NULL);
	char one[] = "/new/a", two[] = "/x", three[] = "/b";
	struct place v[] = {
	    {0}, {.dir = one, .mapped = true}, {.dir = two}, {.dir = three, .mapped = true}};
	struct places places = {.v = v, .n = 4};
	struct err err = ERR_INIT;
	char *said = told(m, &places), *advice;

	ck_assert_ptr_null(strstr(said, "--log-bin"));
	ck_assert_ptr_nonnull(strstr(said, "--innodb-directories=/new/a;/b\n"));
	ck_ok(recover_mysql_index(m, &places, &err), err);
	advice = recover_mysql_advice(m, &places);
	ck_assert_ptr_nonnull(strstr(advice, "--innodb-directories='/new/a;/b'"));
	ck_assert_ptr_null(strstr(advice, "--log-bin"));
	free(advice);
	places.n = 1;
	ck_assert_ptr_null(recover_mysql_advice(m, &places));
	/* It must not go on where the source is. */
	*vec_push(&m->replica) =
	    (struct manifest_replica){.channel = mem_strdup(""), .file = mem_strdup("b.000001")};
	advice = recover_mysql_advice(m, &places);
	ck_assert_ptr_nonnull(advice);
	ck_assert_ptr_nonnull(strstr(advice, "--skip-replica-start"));
	ck_assert_ptr_nonnull(strstr(advice, "RESET REPLICA ALL"));
	free(advice);
	free(said);
	manifest_free(m);
	fsio_remove_tree(target, NULL);
}
END_TEST

START_TEST(what_is_no_binlog_is_damage)
{
	static const char *const bad[] = {"#mybak-binlog/x", "#mybak-binlog/x.",
	                                  "#mybak-binlog/.000001", "#mybak-binlog/x.00a",
	                                  "#mybak-binlog/x\ny.000001"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct manifest *m = mysql_backup(bad[i]);
		struct places places = {.target = target};
		struct err err = ERR_INIT;
		ck_assert_int_eq(recover_mysql_index(m, &places, &err), -1);
		ck_assert_int_eq(err.kind, ERR_DAMAGED);
		manifest_free(m);
		fsio_remove_tree(target, NULL);
	}
}
END_TEST

static void *cancel_later(void *arg)
{
	while (fake.holding == 0)
		usleep(1000);
	cancel_ask(arg);
	return NULL;
}

/* The server is there, and never says whether it was a replica. */
START_TEST(a_question_is_not_waited_for)
{
	struct manifest *m = mysql_backup(NULL);
	struct places places = {.target = target};
	struct cancel cancel = {0};
	struct err err = ERR_INIT;
	char script[64];
	pthread_t other;

	fake_start(&fake, target);
	fake.silent = "slave_master_info";
	snprintf(script, sizeof script, "%s/server", target);
	FILE *f = fopen(script, "w");
	fprintf(f,
	        "#!/bin/sh\nfor o; do case $o in --socket=*) ln -s %s ${o#*=};; esac; done\n"
	        "exec sleep 60\n",
	        fake.socket);
	fclose(f);
	chmod(script, 0755);
	const struct recover_plan plan = {
	    .m = m, .places = &places, .binary = script, .cancel = &cancel};
	ck_assert_int_eq(pthread_create(&other, NULL, cancel_later, &cancel), 0);
	uint64_t from = clock_mono_ns();
	ck_assert_int_eq(recover_run(&plan, &err), -1);
	ck_assert_uint_lt(clock_mono_ns() - from, 5000000000u);
	ck_assert_msg(err.kind == ERR_CANCELLED && !err.hint[0], "%s", err.text);
	pthread_join(other, NULL);
	fake_end(&fake);
	manifest_free(m);
	fsio_remove_tree(target, NULL);
}
END_TEST

static void names(const char *format, const char *a, const char *b, const char *hex,
                  const char *want)
{
	struct str s = {0};

	ck_assert_int_eq(doubt_xid(format, a, b, hex, &s), want != NULL);
	if (want)
		ck_assert_str_eq(str_text(&s), want);
	str_done(&s);
}

/* As it can be typed behind XA COMMIT, whatever its bytes are. */
START_TEST(transactions_in_doubt_have_names)
{
	char hex[2 + 256 + 1] = "0x", most[2 * (64 * 2 + 3) + 4];

	names("1", "5", "0", "0x6F6C646572", "'older'");
	names("1", "5", "0", "0x6f6c646572", "'older'");
	names("1", "2", "1", "0x00ffb1", "X'00ff',X'b1'");
	names("77", "1", "1", "0x6127", "'a',X'27',77");
	names("77", "1", "0", "0x61", "'a','',77");
	memset(hex + 2, 'f', 256);
	snprintf(most, sizeof most, "X'%.128s',X'%.128s'", hex + 2, hex + 2);
	names("1", "64", "64", hex, most);

	names("1", "65", "63", hex, NULL);
	names("1", "63", "65", hex, NULL);
	names("1", "2", "0", "0x61", NULL);
	names("1", "-1", "2", "0x61", NULL);
	names("1", "1", "0", "61", NULL);
	names("1", "1", "0", "0x6g", NULL);
	names("1", "1", NULL, "0x61", NULL);
	names("1", "1", "0", NULL, NULL);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("job/recover");
	TCase *t = tcase_create("recover");
	tcase_set_timeout(t, 30);
	tcase_add_test(t, only_known_settings_become_options);
	tcase_add_test(t, full_text_of_older_backups);
	tcase_add_test(t, mysql_recovers_with_the_binlog_of_the_backup);
	tcase_add_test(t, the_first_start_is_a_line_of_a_shell);
	tcase_add_test(t, mysql_without_a_binlog);
	tcase_add_test(t, what_is_no_binlog_is_damage);
	tcase_add_test(t, a_question_is_not_waited_for);
	tcase_add_test(t, transactions_in_doubt_have_names);
	suite_add_tcase(s, t);
	return s;
}
UNIT_MAIN(suite)
