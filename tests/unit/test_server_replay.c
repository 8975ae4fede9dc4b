/* The directory of a replay, which its programs may not turn against us. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fsio.h"
#include "base/mem.h"
#include "server/replay_scratch.h"
#include "tests/unit/unit.h"

#define SOMEBODY 64123

static char dir[64];
static char *data, *path, *elsewhere;
static struct replay_scratch scratch;
static struct err err;

static void setup(void)
{
	strcpy(dir, "/tmp/unit-replay-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	data = mem_printf("%s/data", dir);
	path = mem_printf("%s/scratch", data);
	elsewhere = mem_printf("%s/elsewhere", dir);
	ck_assert(mkdir(data, 0700) == 0 && mkdir(elsewhere, 0700) == 0);
	if (geteuid() == 0)
		ck_assert_int_eq(chown(data, SOMEBODY, SOMEBODY), 0);
	ck_ok(scratch_make(&scratch, data, path, &err), err);
}

static void teardown(void)
{
	scratch_done(&scratch);
	ck_ok(fsio_remove_tree(dir, NULL), err);
	free(data);
	free(path);
	free(elsewhere);
}

static void check(const char *where, unsigned mode, uid_t owner)
{
	struct stat st;
	ck_assert_int_eq(lstat(where, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, mode);
	ck_assert_uint_eq(st.st_uid, geteuid() == 0 ? owner : geteuid());
}

static void put(const char *name, bool give)
{
	int fd = scratch_create(&scratch, name, give, &err);
	ck_assert_msg(fd >= 0, "%s", err.text);
	close(fd);
}

START_TEST(who_may_what)
{
	struct replay_scratch again = {0};
	char *log = mem_printf("%s/log", path), *binlog = mem_printf("%s/binlog", path);
	put("log", false);
	put("binlog", true);
	put("binlog", true); /* once more */
	check(log, 0600, 0);
	check(binlog, 0600, SOMEBODY);
	check(scratch.own, 0700, SOMEBODY);
	check(path, geteuid() == 0 ? 0710 : 0700, 0);
	ck_assert_int_eq(scratch_make(&again, data, path, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, path));
	scratch_done(&again);
	ck_assert_int_eq(access(binlog, F_OK), 0);
	scratch_remove(&scratch, "binlog");
	ck_assert_int_eq(access(binlog, F_OK), -1);
	free(log);
	free(binlog);
}
END_TEST

/* The owner of the data directory puts a link in its place, and one into it. */
START_TEST(nobodys_links_are_followed)
{
	char *moved = mem_printf("%s/moved", data), *there = mem_printf("%s/moved/binlog", data);
	char *link = mem_printf("%s/moved/log", data), *victim = mem_printf("%s/victim", dir);
	bool empty = false;
	struct stat st;
	ck_ok(fsio_replace(victim, "precious", 8, 0600, &err), err);
	ck_assert(rename(path, moved) == 0 && symlink(elsewhere, path) == 0);
	ck_assert_int_eq(symlink(victim, link), 0);
	put("binlog", true);
	put("log", true);
	ck_ok(fsio_is_empty_dir(elsewhere, &empty, &err), err);
	ck_assert(empty && access(there, F_OK) == 0);
	ck_assert(stat(victim, &st) == 0 && st.st_size == 8 && st.st_uid == geteuid());
	ck_assert(lstat(link, &st) == 0 && S_ISREG(st.st_mode));
	scratch_done(&scratch);
	ck_assert(access(elsewhere, F_OK) == 0 && lstat(path, &st) < 0);
	free(moved);
	free(there);
	free(link);
	free(victim);
}
END_TEST

static void said(const char *text, const char *want)
{
	ck_ok(scratch_write(&scratch, "log", text, strlen(text), &err), err);
	char *got = scratch_last_words(&scratch, "log");
	ck_assert_str_eq(got, want);
	free(got);
}

START_TEST(last_words)
{
	char *none = scratch_last_words(&scratch, "nothing");
	char *much = mem_printf("%9000s\nERROR 1050 (42S01) at line 7: there\n", "x");
	ck_assert_str_eq(none, "");
	said("", "");
	said("gone\n\n", "gone");
	said("say\nERROR 1 at line 1: a\nERROR 2 at line 2: b\nc\n", "ERROR 2 at line 2: b\nc");
	said(much, "ERROR 1050 (42S01) at line 7: there");
	free(none);
	free(much);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("server/replay");
	TCase *c = tcase_create("scratch");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, who_may_what);
	tcase_add_test(c, nobodys_links_are_followed);
	tcase_add_test(c, last_words);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
