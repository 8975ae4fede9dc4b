/* repo on a directory: the one kind of object that grows. */
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fsio.h"
#include "base/mem.h"
#include "repo/repo.h"
#include "tests/unit/unit.h"

static char dir[64], url[128];
static struct repo *repo;

static void setup(void)
{
	struct err e = ERR_INIT;
	struct repo_options o = {.create = true};
	strcpy(dir, "/tmp/unit-append-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(url, sizeof url, "file://%s/repo", dir);
	umask(077);
	ck_ok(repo_open(url, &o, &repo, &e), e);
}

static void teardown(void)
{
	struct err e = ERR_INIT;
	repo_close(repo);
	ck_ok(fsio_remove_tree(dir, &e), e);
}

static const char *in(const char *name)
{
	static char path[256];
	snprintf(path, sizeof path, "%s/repo/%s", dir, name);
	return path;
}

static void check_is(const char *name, const char *text)
{
	struct err e = ERR_INIT;
	unsigned char *bytes = NULL;
	size_t n;
	ck_ok(repo_get_all(repo, name, 1000, &bytes, &n, &e), e);
	ck_assert_uint_eq(n, strlen(text));
	ck_assert_mem_eq(bytes, text, n);
	free(bytes);
}

START_TEST(it_is_there_at_once_and_grows)
{
	struct err e = ERR_INIT;
	struct repo_append *a = NULL;
	struct stat st;
	ck_ok(repo_append(repo, "main/b/x.part", &a, &e), e);
	ck_assert_uint_eq(a->size, 0);
	check_is("main/b/x.part", "");
	ck_assert_int_eq(stat(in("main/b/x.part"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0640);
	ck_ok(repo_append_write(a, "hello ", 6, &e), e);
	ck_ok(repo_append_write(a, "world", 5, &e), e);
	ck_ok(repo_append_sync(a, &e), e);
	check_is("main/b/x.part", "hello world");
	repo_append_close(a);
	/* Opened again it goes on. */
	ck_ok(repo_append(repo, "main/b/x.part", &a, &e), e);
	ck_assert_uint_eq(a->size, 11);
	ck_ok(repo_append_cut(a, 6, &e), e);
	ck_ok(repo_append_write(a, "you", 3, &e), e);
	check_is("main/b/x.part", "hello you");
	ck_assert_int_eq(repo_append_cut(a, 10, &e), -1);
	ck_assert_int_eq(e.kind, ERR_USAGE);
	ck_ok(repo_append_cut(a, 0, &e), e);
	ck_ok(repo_append_sync(a, &e), e);
	check_is("main/b/x.part", "");
	repo_append_close(a);
	repo_append_close(NULL);
	ck_ok(repo_remove(repo, "main/b/x.part", &e), e);
	ck_assert_int_ne(access(in("main/b/x.part"), F_OK), 0);
}
END_TEST

START_TEST(names_and_kinds_are_checked)
{
	struct err e = ERR_INIT;
	struct repo_append *a = NULL;
	ck_assert_int_eq(repo_append(repo, "../x", &a, &e), -1);
	ck_assert_int_eq(e.kind, ERR_USAGE);
	ck_assert_int_eq(repo_sweep(repo, "../", &e), -1);
	ck_assert_int_eq(e.kind, ERR_USAGE);
	ck_ok(fsio_mkdirs(in("main/dir"), 0750, &e), e);
	ck_assert_int_eq(repo_append(repo, "main/dir", &a, &e), -1);
	ck_assert_int_eq(symlink("/etc/passwd", in("main/link")), 0);
	ck_assert_int_eq(repo_append(repo, "main/link", &a, &e), -1);
	ck_assert_ptr_null(a);
}
END_TEST

START_TEST(only_what_never_appeared_is_swept)
{
	struct err e = ERR_INIT;
	ck_ok(repo_put_bytes(repo, "main/b/x", "x", 1, &e), e);
	ck_ok(repo_put_bytes(repo, "main/b/sub/y", "y", 1, &e), e);
	ck_ok(fsio_replace(in("main/b/.tmp-00"), "z", 1, 0600, &e), e);
	ck_ok(fsio_replace(in("main/b/sub/.tmp-01"), "z", 1, 0600, &e), e);
	ck_ok(repo_sweep(repo, "main/b/", &e), e);
	ck_ok(repo_sweep(repo, "main/nothing/", &e), e);
	ck_assert_int_ne(access(in("main/b/.tmp-00"), F_OK), 0);
	ck_assert_int_eq(access(in("main/b/sub/.tmp-01"), F_OK), 0);
	check_is("main/b/x", "x");
}
END_TEST

START_TEST(a_full_file_system_leaves_the_last_whole_write)
{
	struct err e = ERR_INIT, why = ERR_INIT;
	struct repo_options o = {.create = true};
	struct repo *small = NULL;
	struct repo_append *a = NULL;
	if (geteuid() != 0 || mount("unit", dir, "tmpfs", 0, "size=1m") < 0) {
		printf("skipped: a_full_file_system: mounting a tmpfs needs root\n");
		return;
	}
	char *bytes = mem_zalloc(300000);
	int rc = repo_open(url, &o, &small, &e), writes = 0;
	uint64_t size = 0, after = 0;
	if (rc == 0)
		rc = repo_append(small, "main/x.part", &a, &e);
	while (rc == 0 && repo_append_write(a, bytes, 300000, &why) == 0)
		writes++;
	if (rc == 0) {
		rc = repo_size(small, "main/x.part", &size, &e);
		repo_append_cut(a, 100000, &e);
		if (rc == 0)
			rc = repo_append_write(a, bytes, 300000, &e);
		if (rc == 0)
			rc = repo_append_sync(a, &e);
		after = a->size;
	}
	free(bytes);
	repo_append_close(a);
	repo_close(small);
	umount(dir);
	ck_assert_msg(rc == 0, "%s", e.text);
	ck_assert_int_eq(why.kind, ERR_NO_SPACE);
	ck_assert_ptr_nonnull(strstr(why.text, "x.part"));
	ck_assert_ptr_nonnull(strstr(why.hint, "expire"));
	ck_assert_int_gt(writes, 1);
	ck_assert_uint_eq(size, 300000u * (unsigned)writes);
	ck_assert_uint_eq(after, 400000);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("repo_append");
	TCase *t = tcase_create("append");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, it_is_there_at_once_and_grows);
	tcase_add_test(t, names_and_kinds_are_checked);
	tcase_add_test(t, only_what_never_appeared_is_swept);
	tcase_add_test(t, a_full_file_system_leaves_the_last_whole_write);
	suite_add_tcase(s, t);
	return s;
}
UNIT_MAIN(suite)
