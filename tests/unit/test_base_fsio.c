/* fsio: files whole and durable, or a reason that names the file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fsio.h"
#include "base/mem.h"
#include "tests/unit/unit.h"

static char dir[64];

static void setup(void)
{
	strcpy(dir, "/tmp/unit-fsio-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void teardown(void)
{
	struct err e = ERR_INIT;
	ck_ok(fsio_remove_tree(dir, &e), e);
	ck_assert_int_eq(access(dir, F_OK), -1);
}

static const char *in(const char *name)
{
	static char path[4][256];
	static int i;
	i = (i + 1) % 4;
	snprintf(path[i], sizeof path[i], "%s/%s", dir, name);
	return path[i];
}

static int entries(void)
{
	char cmd[128], buf[32] = "";
	snprintf(cmd, sizeof cmd, "ls -A %s | wc -l", dir);
	FILE *p = popen(cmd, "r");
	if (!fgets(buf, sizeof buf, p))
		buf[0] = '\0';
	pclose(p);
	return atoi(buf);
}

START_TEST(a_file_is_replaced_as_a_whole)
{
	struct err e = ERR_INIT;
	char *bytes = NULL;
	size_t n = 0;
	struct stat st;
	umask(077);
	ck_ok(fsio_replace(in("f"), "one", 3, 0640, &e), e);
	ck_ok(fsio_replace(in("f"), "two\0!", 5, 0640, &e), e);
	ck_ok(fsio_read_file(in("f"), 5, &bytes, &n, &e), e);
	ck_assert_uint_eq(n, 5);
	ck_assert_mem_eq(bytes, "two\0!\0", 6);
	free(bytes);
	stat(in("f"), &st);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
	ck_assert_int_eq(entries(), 1);
}
END_TEST

START_TEST(a_failed_replace_leaves_the_old_file_and_nothing_else)
{
	struct err e = ERR_INIT;
	mkdir(in("d"), 0755);
	close(open(in("d/x"), O_CREAT | O_WRONLY, 0600));
	/* A directory that is not empty stands at the name: rename fails at the end. */
	ck_assert_int_eq(fsio_replace(in("d"), "x", 1, 0600, &e), -1);
	ck_assert_int_eq(entries(), 1);
	ck_assert_int_eq(access(in("d/x"), F_OK), 0);
	ck_assert_int_eq(fsio_replace(in("no/f"), "x", 1, 0600, &e), -1);
	ck_assert_int_eq(e.kind, ERR_NOT_FOUND);
	ck_assert_ptr_nonnull(strstr(e.text, "no/f"));
}
END_TEST

START_TEST(too_large_and_missing_files_are_reasons)
{
	struct err e = ERR_INIT;
	char *bytes = NULL;
	size_t n = 7;
	ck_ok(fsio_replace(in("f"), "12345", 5, 0600, &e), e);
	ck_assert_int_eq(fsio_read_file(in("f"), 4, &bytes, &n, &e), -1);
	ck_assert_int_eq(e.kind, ERR_DAMAGED);
	ck_assert_int_eq(fsio_read_file(in("none"), 4, &bytes, &n, &e), -1);
	ck_assert_int_eq(e.kind, ERR_NOT_FOUND);
	ck_assert_int_eq(fsio_read_file(dir, 4, &bytes, &n, &e), -1);
	ck_assert_ptr_null(bytes);
	ck_assert_uint_eq(n, 7);
}
END_TEST

START_TEST(a_full_device_is_no_space_with_a_hint)
{
	struct err e = ERR_INIT;
	int fd = open("/dev/full", O_WRONLY);
	ck_assert_int_eq(fsio_write(fd, "x", 1, "the file", &e), -1);
	ck_assert_int_eq(e.kind, ERR_NO_SPACE);
	ck_assert_int_eq(e.sys, ENOSPC);
	ck_assert_ptr_nonnull(strstr(e.text, "the file"));
	ck_assert_str_ne(e.hint, "");
	err_clear(&e);
	ck_assert_int_eq(fsio_pwrite(fd, "x", 1, 0, "the file", &e), -1);
	ck_assert_int_eq(e.kind, ERR_NO_SPACE);
	close(fd);
}
END_TEST

START_TEST(reads_and_writes_are_completed)
{
	struct err e = ERR_INIT;
	char buf[10];
	size_t n = 0;
	int fd = open(in("f"), O_CREAT | O_RDWR, 0600);
	ck_ok(fsio_write(fd, "abc", 3, "f", &e), e);
	ck_ok(fsio_pwrite(fd, "xyz", 3, 6, "f", &e), e);
	ck_ok(fsio_sync(fd, "f", &e), e);
	ck_ok(fsio_pread(fd, buf, sizeof buf, 1, &n, "f", &e), e);
	ck_assert_uint_eq(n, 8);
	ck_assert_mem_eq(buf, "bc\0\0\0xyz", 8);
	ck_ok(fsio_pread(fd, buf, sizeof buf, 100, &n, "f", &e), e);
	ck_assert_uint_eq(n, 0);
	close(fd);
	ck_assert_int_eq(fsio_pread(fd, buf, 1, 0, &n, "f", &e), -1);
	ck_assert_int_eq(fsio_sync(fd, "f", &e), -1);
	/* A pipe takes a large write in pieces. */
	int p[2];
	ck_assert_int_eq(pipe(p), 0);
	size_t big = 1 << 20, got = 0;
	char *bytes = mem_zalloc(big);
	pid_t pid = fork();
	if (pid == 0) {
		close(p[0]);
		_exit(fsio_write(p[1], bytes, big, "pipe", NULL) == 0 ? 0 : 1);
	}
	close(p[1]);
	for (ssize_t r; (r = read(p[0], bytes, 5000)) > 0;)
		got += (size_t)r;
	int status = -1;
	waitpid(pid, &status, 0);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(got, big);
	close(p[0]);
	free(bytes);
}
END_TEST

START_TEST(directories_are_made_with_their_parents)
{
	struct err e = ERR_INIT;
	struct stat st;
	umask(077);
	ck_ok(fsio_mkdirs(in("a//b/c/"), 0750, &e), e);
	ck_ok(fsio_mkdirs(in("a/b/c"), 0700, &e), e);
	stat(in("a/b/c"), &st);
	ck_assert_uint_eq(st.st_mode & 07777, 0750);
	close(open(in("file"), O_CREAT | O_WRONLY, 0600));
	ck_assert_int_eq(fsio_mkdirs(in("file/x"), 0750, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "/file"));
	ck_assert_int_eq(fsio_mkdirs(in("file"), 0750, &e), -1);
	ck_assert_int_eq(fsio_mkdirs("", 0750, &e), -1);
	ck_assert_int_eq(fsio_mkdirs("/proc/x", 0750, &e), -1);
}
END_TEST

START_TEST(a_tree_is_removed_and_links_are_not_followed)
{
	struct err e = ERR_INIT;
	bool empty = false;
	ck_ok(fsio_mkdirs(in("keep"), 0700, &e), e);
	ck_ok(fsio_replace(in("keep/me"), "x", 1, 0600, &e), e);
	ck_ok(fsio_mkdirs(in("t/u/v"), 0700, &e), e);
	ck_ok(fsio_replace(in("t/u/f"), "x", 1, 0600, &e), e);
	ck_assert_int_eq(symlink(in("keep"), in("t/link")), 0);
	ck_assert_int_eq(symlink("/nowhere", in("t/u/dangling")), 0);
	ck_ok(fsio_is_empty_dir(in("t"), &empty, &e), e);
	ck_assert(!empty);
	ck_ok(fsio_remove_tree(in("t"), &e), e);
	ck_ok(fsio_remove_tree(in("t"), &e), e);
	ck_ok(fsio_is_empty_dir(in("t"), &empty, &e), e);
	ck_assert(empty);
	ck_assert_int_eq(access(in("keep/me"), F_OK), 0);
	ck_assert_int_eq(symlink(in("keep"), in("top")), 0);
	ck_ok(fsio_remove_tree(in("top"), &e), e);
	ck_assert_int_eq(access(in("keep/me"), F_OK), 0);
	ck_ok(fsio_unlink(in("keep/me"), &e), e);
	ck_ok(fsio_unlink(in("keep/me"), &e), e);
	ck_assert_int_eq(fsio_unlink(in("keep"), &e), -1);
	ck_assert_int_eq(fsio_is_empty_dir("/dev/null", &empty, &e), -1);
}
END_TEST

START_TEST(a_read_only_place_is_a_reason)
{
	struct err e = ERR_INIT;
	uint64_t free_bytes = 0, total = 0;
	if (geteuid() != 0 || mount("unit", dir, "tmpfs", 0, "size=1m") < 0) {
		printf("skipped: a_read_only_place_is_a_reason: mounting a tmpfs needs root\n");
		return;
	}
	ck_ok(fsio_space(dir, &free_bytes, &total, &e), e);
	ck_assert_uint_eq(total, 1 << 20);
	ck_ok(fsio_replace(in("f"), "old", 3, 0600, &e), e);
	char *big = mem_zalloc(2 << 20);
	int full = fsio_replace(in("f"), big, 2 << 20, 0600, &e);
	free(big);
	struct err why = e;
	int left = entries();
	mount(NULL, dir, NULL, MS_REMOUNT | MS_RDONLY, NULL);
	int ro = fsio_replace(in("f"), "new", 3, 0600, &e),
	    rodir = fsio_mkdirs(in("d"), 0700, NULL), rorm = fsio_unlink(in("f"), NULL);
	char *bytes = NULL;
	size_t n = 0;
	fsio_read_file(in("f"), 10, &bytes, &n, NULL);
	umount(dir);
	ck_assert_int_eq(full, -1);
	ck_assert_int_eq(why.kind, ERR_NO_SPACE);
	ck_assert_str_ne(why.hint, "");
	ck_assert_int_eq(left, 1);
	ck_assert_int_eq(ro, -1);
	ck_assert_int_eq(e.sys, EROFS);
	ck_assert_int_eq(rodir, -1);
	ck_assert_int_eq(rorm, -1);
	ck_assert_uint_eq(n, 3);
	ck_assert_mem_eq(bytes, "old", 3);
	free(bytes);
	ck_assert_int_eq(fsio_space(in("none"), &free_bytes, &total, &e), -1);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("base_fsio");
	TCase *t = tcase_create("fsio");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_file_is_replaced_as_a_whole);
	tcase_add_test(t, a_failed_replace_leaves_the_old_file_and_nothing_else);
	tcase_add_test(t, too_large_and_missing_files_are_reasons);
	tcase_add_test(t, a_full_device_is_no_space_with_a_hint);
	tcase_add_test(t, reads_and_writes_are_completed);
	tcase_add_test(t, directories_are_made_with_their_parents);
	tcase_add_test(t, a_tree_is_removed_and_links_are_not_followed);
	tcase_add_test(t, a_read_only_place_is_a_reason);
	suite_add_tcase(s, t);
	return s;
}
UNIT_MAIN(suite)
