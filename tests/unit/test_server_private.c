/* What can be said about private servers without a database server: programs that
 * are none, end at once, or never get ready. */
#include "tests/unit/unit.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fsio.h"
#include "server/error_log.h"
#include "server/private.h"
#include "server/private_room.h"

#define MIB (UINT64_C(1) << 20)

static char dir[32];
static char script[64], log_path[64];

static void setup(void)
{
	strcpy(dir, "/tmp/mybak-unit-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(script, sizeof script, "%s/server", dir);
	snprintf(log_path, sizeof log_path, "%s/mybak-recovery.log", dir);
	ck_assert_int_eq(setenv("TMPDIR", dir, 1), 0);
}

static void teardown(void)
{
	fsio_remove_tree(dir, NULL);
}

static void write_script(const char *body)
{
	FILE *f = fopen(script, "w");
	ck_assert_ptr_nonnull(f);
	fprintf(f, "#!/bin/sh\n%s\n", body);
	fclose(f);
	ck_assert_int_eq(chmod(script, 0755), 0);
}

START_TEST(test_version_output)
{
	static const struct {
		const char *text;
		int rc;
		enum flavour flavour;
		unsigned major, minor, patch;
	} rows[] = {
	    {"mariadbd  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64 (Debian "
	     "12)\n",
	     0, FLAVOUR_MARIADB, 10, 11, 19},
	    {"warning: x\n/usr/sbin/mysqld  Ver 8.0.36 for Linux on x86_64 (Source)\n", 0,
	     FLAVOUR_MYSQL, 8, 0, 36},
	    {"mysqld  Ver 9.7.4-2 for Linux on x86_64 ((Debian))\n", 0, FLAVOUR_MYSQL, 9, 7, 4},
	    {"", -1, 0, 0, 0},
	    {"tar (GNU tar) 1.34\n", -1, 0, 0, 0},
	    {"x Ver \n", -1, 0, 0, 0},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char *text = NULL;
		struct server_version v = {0};
		int rc = private_parse_version(rows[i].text, &text, &v);
		ck_assert_msg(rc == rows[i].rc, "%s", rows[i].text);
		ck_assert_int_eq(text != NULL, rc == 0);
		ck_assert_uint_eq(v.flavour, rows[i].flavour);
		ck_assert_uint_eq(v.major, rows[i].major);
		ck_assert_uint_eq(v.minor, rows[i].minor);
		ck_assert_uint_eq(v.patch, rows[i].patch);
		free(text);
	}
}
END_TEST

static unsigned found_patch;

static enum err_kind find_for(const struct server_version *version, struct err *err)
{
	struct server_version is = {0};
	char *path = NULL;
	*err = ERR_INIT;
	if (private_find_binary(script, version, &path, &is, err) < 0) {
		ck_assert_ptr_null(path);
		ck_assert_ptr_nonnull(strstr(err->hint, "--server-binary"));
		return err->kind;
	}
	ck_assert_str_eq(path, script);
	ck_assert_uint_eq(is.flavour, version->flavour);
	ck_assert_uint_eq(is.minor, version->minor);
	found_patch = is.patch;
	free(path);
	return ERR_NONE;
}

static enum err_kind find(struct err *err)
{
	const struct server_version version = {FLAVOUR_MARIADB, 10, 11, 19};

	return find_for(&version, err);
}

START_TEST(test_find_binary)
{
	struct err err;

	ck_assert_int_eq(find(&err), ERR_NOT_FOUND);
	write_script("echo 'mariadbd  Ver 10.11.2-MariaDB for Linux on x86_64'");
	ck_assert_int_eq(find(&err), ERR_NONE);
	write_script("echo 'mariadbd  Ver 10.6.2-MariaDB for Linux on x86_64'");
	ck_assert_int_eq(find(&err), ERR_REFUSED);
	ck_assert_ptr_nonnull(strstr(err.text, "10.6.2"));
	ck_assert_ptr_nonnull(strstr(err.text, "10.11"));
	write_script("echo 'mysqld  Ver 10.11.2 for Linux on x86_64'");
	ck_assert_int_eq(find(&err), ERR_REFUSED);
	ck_assert_ptr_nonnull(strstr(err.text, "MySQL"));
	write_script("echo hello");
	ck_assert_int_eq(find(&err), ERR_REFUSED);
	write_script("echo 'cannot load libx.so' >&2; exit 127");
	ck_assert_int_eq(find(&err), ERR_FAILED);
	ck_assert_ptr_nonnull(strstr(err.text, "libx.so"));
}
END_TEST

/* Its name says nothing: "mysqld" is what many a MariaDB is called. */
START_TEST(test_find_mysql)
{
	const struct server_version version = {FLAVOUR_MYSQL, 8, 4, 3};
	struct err err;

	write_script("echo 'mysqld  Ver 8.4.3 for Linux on x86_64 (MySQL Community Server - GPL)'");
	ck_assert_int_eq(find_for(&version, &err), ERR_NONE);
	write_script("echo 'mysqld  Ver 8.4.10-2 for Linux on x86_64 (Percona Server (GPL))'");
	ck_assert_int_eq(find_for(&version, &err), ERR_NONE);
	ck_assert_uint_eq(found_patch, 10);
	write_script("echo 'mysqld  Ver 8.4.2 for Linux on x86_64'");
	ck_assert_int_eq(find_for(&version, &err), ERR_REFUSED);
	ck_assert_ptr_nonnull(strstr(err.text, "8.4.3"));
	ck_assert_ptr_nonnull(strstr(err.hint, "8.4.3 or later"));
	write_script("echo 'mysqld  Ver 9.7.4 for Linux on x86_64'");
	ck_assert_int_eq(find_for(&version, &err), ERR_REFUSED);
	write_script("echo 'mysqld  Ver 8.0.40 for Linux on x86_64'");
	ck_assert_int_eq(find_for(&version, &err), ERR_REFUSED);
	write_script("echo 'mysqld  Ver 10.11.19-MariaDB for Linux on x86_64'");
	ck_assert_int_eq(find_for(&version, &err), ERR_REFUSED);
	ck_assert_ptr_nonnull(strstr(err.text, "is MariaDB 10.11.19"));
	ck_assert_ptr_nonnull(strstr(err.text, "the backup is of MySQL 8.4.3"));
}
END_TEST

/* mysqld hears this one in the first place only, where a wrapper must leave it. */
START_TEST(test_no_defaults_comes_first)
{
	const struct private_plan plan = {
	    .binary = script, .datadir = dir, .flavour = FLAVOUR_MYSQL};
	struct private_server *p = NULL;
	struct err err = ERR_INIT;

	write_script("echo \"[ERROR] first $1; $*\"; exit 1");
	ck_assert_int_eq(private_start(&plan, &p, &err), -1);
	ck_assert_msg(strstr(err.text, "first --no-defaults;"), "%s", err.text);
	ck_assert_ptr_nonnull(strstr(err.text, "--persisted-globals-load=OFF"));
	ck_assert_ptr_nonnull(strstr(err.text, "--skip-replica-start"));
	ck_assert_ptr_nonnull(strstr(err.text, "--relay-log=/"));
}
END_TEST

/* No word of a key in what the server says. */
START_TEST(test_component_not_loaded)
{
	const struct private_plan plan = {
	    .binary = script, .datadir = dir, .flavour = FLAVOUR_MYSQL};
	struct private_server *p = NULL;
	struct err err = ERR_INIT;

	write_script("echo '2026-11-22 14:48:08 0 [ERROR] [MY-013709] [Server] Received an error "
	             "while processing components from manifest file: Failed to load components "
	             "from manifest file'; exit 1");
	ck_assert_int_eq(private_start(&plan, &p, &err), -1);
	ck_assert_msg(strstr(err.hint, "--plugin-dir=DIR"), "%s", err.hint);
	ck_assert_msg(strstr(err.hint, "keyring"), "%s", err.hint);
	ck_assert_msg(strstr(err.hint, log_path), "%s", err.hint);
}
END_TEST

START_TEST(test_pool)
{
	/* no larger than the data asks for, never below what a server needs */
	ck_assert_uint_eq(private_pool_size(0, 0), 128 * MIB);
	ck_assert_uint_eq(private_pool_size(64 * 1024 * MIB, 10 * MIB), 128 * MIB);
	ck_assert_uint_eq(private_pool_size(64 * 1024 * MIB, 1000 * MIB), 1200 * MIB);
	ck_assert_uint_eq(private_pool_size(4096 * MIB, 100000 * MIB), 1024 * MIB);
	ck_assert_uint_eq(private_pool_size(512 * 1024 * MIB, 900000 * MIB), 8192 * MIB);
	ck_assert_uint_eq(private_pool_size(4096 * MIB + 77, 100000 * MIB) % MIB, 0);
}
END_TEST

static int start(const struct cancel *cancel, unsigned timeout_s, struct err *err)
{
	const struct private_plan plan = {
	    .binary = script, .datadir = dir, .start_timeout_s = timeout_s, .cancel = cancel};
	struct private_server *p = NULL;
	int rc = private_start(&plan, &p, err);
	private_free(p);
	return rc;
}

/* The script, the log, and no directory with a socket. */
static unsigned entries(void)
{
	DIR *d = opendir(dir);
	unsigned n = 0;

	ck_assert_ptr_nonnull(d);
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

START_TEST(test_dies_at_once)
{
	struct err err = ERR_INIT;

	write_script("echo '2026-11-22 14:48:08 0 [Note] InnoDB: fine'\n"
	             "echo '2026-11-22 14:48:08 0 [ERROR] InnoDB: wrong page size' >&2\n"
	             "echo '2026-11-22 14:48:08 0 [ERROR] Aborting'\n"
	             "exit 1");
	ck_assert_int_eq(start(NULL, 60, &err), -1);
	ck_assert_int_eq(err.kind, ERR_FAILED);
	ck_assert_msg(strstr(err.text, "exit code 1: InnoDB: wrong page size") != NULL, "%s",
	              err.text);
	ck_assert_ptr_null(strstr(err.text, "Aborting"));
	ck_assert_ptr_nonnull(strstr(err.hint, log_path));
	ck_assert_int_eq(access(log_path, R_OK), 0);
	ck_assert_uint_eq(entries(), 2);
}
END_TEST

START_TEST(test_never_ready)
{
	struct err err = ERR_INIT;

	write_script("exec sleep 60");
	ck_assert_int_eq(start(NULL, 1, &err), -1);
	ck_assert_int_eq(err.kind, ERR_FAILED);
	ck_assert_ptr_nonnull(strstr(err.text, "not ready"));
	ck_assert_uint_eq(entries(), 2);
}
END_TEST

START_TEST(test_cancelled)
{
	struct err err = ERR_INIT;
	struct cancel cancel = {0};

	cancel_ask(&cancel);
	write_script("exec sleep 60");
	ck_assert_int_eq(start(&cancel, 0, &err), -1);
	ck_assert_int_eq(err.kind, ERR_CANCELLED);
	ck_assert_uint_eq(entries(), 2);
}
END_TEST

/* Recovery does not look at signals, and a shutdown can take long. */
START_TEST(test_cancelled_soon)
{
	struct err err = ERR_INIT;
	struct cancel cancel = {0};
	uint64_t from = clock_mono_ns();

	cancel_ask(&cancel);
	write_script("trap '' TERM\nwhile :; do sleep 0.1; done");
	ck_assert_int_eq(start(&cancel, 0, &err), -1);
	ck_assert_int_eq(err.kind, ERR_CANCELLED);
	ck_assert_uint_lt((clock_mono_ns() - from) / 1000000, 1500);
}
END_TEST

/* The log's name must not be a way to write somewhere else. */
START_TEST(test_log_is_a_link)
{
	struct err err = ERR_INIT;

	write_script("exit 0");
	ck_assert_int_eq(symlink("elsewhere", log_path), 0);
	ck_assert_int_eq(start(NULL, 1, &err), -1);
	ck_assert_uint_eq(entries(), 2);
}
END_TEST

static void expect_reasons(const char *log, const char *want)
{
	char *got = error_log_reasons(log, strlen(log), 2);
	ck_assert_str_eq(got, want);
	free(got);
}

START_TEST(test_reasons)
{
	expect_reasons("", "");
	expect_reasons("a\nb\n\nc", "b; c");
	expect_reasons("x [ERROR] one\nx [Note] n\ny [ERROR] one\nz [ERROR] two\nz [ERROR] three\n",
	               "one; two");
	expect_reasons("x [ERROR] Aborting\n", "x [ERROR] Aborting");
	expect_reasons("[ERROR] ", "");
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("server/private");
	TCase *t = tcase_create("pure");
	tcase_add_test(t, test_version_output);
	tcase_add_test(t, test_pool);
	tcase_add_test(t, test_reasons);
	suite_add_tcase(s, t);
	t = tcase_create("programs");
	tcase_set_timeout(t, 30);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_find_binary);
	tcase_add_test(t, test_find_mysql);
	tcase_add_test(t, test_no_defaults_comes_first);
	tcase_add_test(t, test_component_not_loaded);
	tcase_add_test(t, test_dies_at_once);
	tcase_add_test(t, test_never_ready);
	tcase_add_test(t, test_cancelled);
	tcase_add_test(t, test_cancelled_soon);
	tcase_add_test(t, test_log_is_a_link);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
