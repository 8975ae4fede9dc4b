/* repo on a directory: objects whole, once and durable, or not at all. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fsio.h"
#include "base/mem.h"
#include "base/str.h"
#include "repo/backups.h"
#include "repo/repo.h"
#include "tests/unit/unit.h"

#define FULL "20261122T020000Z-full"
#define INCR "20261122T030000Z-incr"

static char dir[64], url[128];
static struct repo *repo;

static struct repo *open_repo(bool create, struct err *e)
{
	struct repo *got = NULL;
	struct repo_options o = {.create = create};
	err_clear(e);
	return repo_open(url, &o, &got, e) == 0 ? got : NULL;
}

static void setup(void)
{
	struct err e = ERR_INIT;
	strcpy(dir, "/tmp/unit-repo-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(url, sizeof url, "file://%s/repo", dir);
	umask(077);
	repo = open_repo(true, &e);
	ck_assert_msg(repo != NULL, "%s", e.text);
}

static void teardown(void)
{
	struct err e = ERR_INIT;
	repo_close(repo);
	ck_ok(fsio_remove_tree(dir, &e), e);
}

static const char *in(const char *name)
{
	static char path[4][256];
	static int i;
	i = (i + 1) % 4;
	snprintf(path[i], sizeof path[i], "%s/repo/%s", dir, name);
	return path[i];
}

static unsigned mode_of(const char *name)
{
	struct stat st;
	return stat(in(name), &st) == 0 ? st.st_mode & 07777 : 0;
}

static int add_name(void *arg, const char *name, uint64_t bytes, struct err *err)
{
	(void)err;
	str_addf(arg, "%s=%llu ", name, (unsigned long long)bytes);
	return 0;
}

/* What a list says; to be used at once. */
static const char *listed(const char *prefix)
{
	static struct str s;
	struct err e = ERR_INIT;
	str_reset(&s);
	ck_ok(repo_list(repo, prefix, add_name, &s, &e), e);
	return str_text(&s);
}

START_TEST(an_object_appears_at_finish)
{
	struct err e = ERR_INIT;
	struct sink *s = NULL;
	ck_ok(repo_put(repo, "main/backups/x/pack.000", &s, &e), e);
	ck_ok(sink_write(s, "hello ", 6, &e), e);
	ck_assert_str_eq(listed("main/backups/x/"), "");
	uint64_t size;
	ck_assert_int_eq(repo_size(repo, "main/backups/x/pack.000", &size, &e), -1);
	ck_assert_int_eq(e.kind, ERR_NOT_FOUND);
	ck_ok(sink_write(s, "world", 5, &e), e);
	ck_ok(sink_finish(s, &e), e);
	sink_free(s);
	ck_assert_str_eq(listed("main/backups/x/"), "pack.000=11 ");
	ck_assert_str_eq(listed("main/backups/"), "x/=0 ");
	ck_assert_uint_eq(mode_of("main/backups/x/pack.000"), 0640);
	ck_assert_uint_eq(mode_of("main/backups/x"), 0750);
	ck_assert_uint_eq(mode_of("mybak-repo.json"), 0640);
	ck_ok(repo_size(repo, "main/backups/x/pack.000", &size, &e), e);
	ck_assert_uint_eq(size, 11);
}
END_TEST

START_TEST(an_object_not_finished_leaves_nothing)
{
	struct err e = ERR_INIT;
	struct sink *s = NULL;
	ck_ok(repo_put(repo, "main/x", &s, &e), e);
	ck_ok(sink_write(s, "hello", 5, &e), e);
	sink_free(s);
	bool empty = false;
	ck_ok(fsio_is_empty_dir(in("main"), &empty, &e), e);
	ck_assert(empty);
}
END_TEST

START_TEST(an_object_is_written_once)
{
	struct err e = ERR_INIT;
	struct sink *a = NULL, *b = NULL, *c = NULL;
	unsigned char *bytes = NULL;
	size_t n;
	ck_ok(repo_put(repo, "x", &a, &e), e);
	ck_ok(repo_put(repo, "x", &b, &e), e);
	ck_ok(sink_write(a, "first", 5, &e), e);
	ck_ok(sink_write(b, "second", 6, &e), e);
	ck_ok(sink_finish(a, &e), e);
	ck_assert_int_eq(sink_finish(b, &e), -1);
	ck_assert_int_eq(e.kind, ERR_BUSY);
	sink_free(a);
	sink_free(b);
	ck_assert_int_eq(repo_put(repo, "x", &c, &e), -1);
	ck_assert_int_eq(e.kind, ERR_BUSY);
	ck_assert_ptr_null(c);
	ck_ok(repo_get_all(repo, "x", 100, &bytes, &n, &e), e);
	ck_assert_uint_eq(n, 5);
	ck_assert_mem_eq(bytes, "first", 5);
	free(bytes);
	ck_assert_str_eq(listed("main/"), "");
}
END_TEST

START_TEST(a_large_object_comes_back)
{
	struct err e = ERR_INIT;
	struct sink *s = NULL;
	size_t n = 1 << 20, back_n;
	unsigned char *mb = mem_alloc(n), *back = NULL;
	ck_ok(repo_put(repo, "big", &s, &e), e);
	for (int i = 0; i < 100; i++) { /* beyond where written pages are let go */
		memset(mb, i, n);
		ck_ok(sink_write(s, mb, n, &e), e);
	}
	ck_ok(sink_finish(s, &e), e);
	sink_free(s);
	ck_ok(repo_get_all(repo, "big", 100u << 20, &back, &back_n, &e), e);
	ck_assert_uint_eq(back_n, 100u << 20);
	for (size_t i = 0; i < 100; i++)
		ck_assert(back[i << 20] == i && back[((i + 1) << 20) - 1] == i);
	free(back);
	free(mb);
}
END_TEST

START_TEST(ranges_are_exact_or_damaged)
{
	struct err e = ERR_INIT;
	char buf[16];
	struct sink_memory m;
	unsigned char *all = NULL;
	size_t n;
	ck_ok(repo_put_bytes(repo, "x", "0123456789", 10, &e), e);
	ck_ok(repo_read(repo, "x", 3, buf, 4, &e), e);
	ck_assert_mem_eq(buf, "3456", 4);
	ck_ok(repo_read(repo, "x", 10, buf, 0, &e), e);
	ck_assert_int_eq(repo_read(repo, "x", 7, buf, 4, &e), -1);
	ck_assert_int_eq(e.kind, ERR_DAMAGED);
	ck_assert_int_eq(repo_read(repo, "x", UINT64_MAX - 1, buf, 4, &e), -1);
	ck_assert_int_eq(e.kind, ERR_DAMAGED);
	ck_assert_int_eq(repo_read(repo, "none", 0, buf, 1, &e), -1);
	ck_assert_int_eq(e.kind, ERR_NOT_FOUND);
	sink_memory_init(&m, 100);
	ck_ok(repo_get(repo, "x", 8, UINT64_MAX, &m.sink, &e), e);
	ck_ok(repo_get(repo, "x", 0, 2, &m.sink, &e), e);
	ck_assert_mem_eq(m.bytes, "8901", 4);
	ck_assert_int_eq(repo_get(repo, "x", 8, 3, &m.sink, &e), -1);
	ck_assert_int_eq(e.kind, ERR_DAMAGED);
	ck_assert_int_eq(repo_get(repo, "x", 11, UINT64_MAX, &m.sink, &e), -1);
	ck_assert_int_eq(e.kind, ERR_DAMAGED);
	sink_memory_done(&m);
	ck_assert_int_eq(repo_get_all(repo, "x", 9, &all, &n, &e), -1);
	ck_assert_int_eq(e.kind, ERR_DAMAGED);
	ck_ok(repo_put_bytes(repo, "empty", "", 0, &e), e);
	ck_ok(repo_get_all(repo, "empty", 9, &all, &n, &e), e);
	ck_assert_uint_eq(n, 0);
	free(all);
}
END_TEST

START_TEST(names_stay_inside_the_repository)
{
	struct err e = ERR_INIT;
	static const char *const bad[] = {"", "/etc/x", "../x", "main/../../x", "a//b", "a/"};
	struct sink *s = NULL;
	void *lock = NULL;
	char c;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		ck_assert_int_eq(repo_put(repo, bad[i], &s, &e), -1);
		ck_assert_int_eq(e.kind, ERR_USAGE);
		ck_assert_int_eq(repo_read(repo, bad[i], 0, &c, 1, &e), -1);
		ck_assert_int_eq(repo_remove(repo, bad[i], &e), -1);
		ck_assert_int_eq(repo_lock(repo, bad[i], true, "x", &lock, &e), -1);
	}
	ck_assert_int_eq(repo_remove_all(repo, "", &e), -1);
	ck_assert_int_eq(repo_remove_all(repo, "/", &e), -1);
	ck_assert_int_eq(repo_remove_all(repo, "../", &e), -1);
	ck_assert_int_eq(repo_list(repo, "../", add_name, NULL, &e), -1);
}
END_TEST

START_TEST(removing_what_is_not_there_is_fine)
{
	struct err e = ERR_INIT;
	ck_ok(repo_put_bytes(repo, "main/a/b/c", "x", 1, &e), e);
	ck_ok(repo_put_bytes(repo, "main/a/d", "x", 1, &e), e);
	ck_ok(repo_remove(repo, "main/a/d", &e), e);
	ck_ok(repo_remove(repo, "main/a/d", &e), e);
	ck_ok(repo_remove(repo, "no/such/thing", &e), e);
	ck_assert_str_eq(listed("main/a/"), "b/=0 ");
	ck_ok(repo_remove_all(repo, "main/a/", &e), e);
	ck_ok(repo_remove_all(repo, "main/a/", &e), e);
	ck_assert_str_eq(listed("main/"), "");
	ck_assert_str_eq(listed("no/such/"), "");
}
END_TEST

START_TEST(a_place_is_recognised)
{
	struct err e = ERR_INIT;
	struct repo *again = open_repo(false, &e);
	ck_assert_ptr_nonnull(again);
	repo_close(again);
	ck_ok(repo_put_bytes(repo, "main/x", "x", 1, &e), e);
	char id[2][200] = {"", ""};
	ck_assert_int_gt(repo_read(repo, "mybak-repo.json", 0, id[0], 60, &e), -1);
	repo_close(open_repo(true, &e));
	repo_read(repo, "mybak-repo.json", 0, id[1], 60, &e);
	ck_assert_str_eq(id[0], id[1]);
	/* Full of other things. */
	unlink(in("mybak-repo.json"));
	ck_assert_ptr_null(open_repo(true, &e));
	ck_assert_int_eq(e.kind, ERR_REFUSED);
	ck_assert_str_ne(e.hint, "");
	ck_ok(fsio_remove_tree(in("main"), &e), e);
	ck_assert_ptr_null(open_repo(false, &e));
	ck_assert_int_eq(e.kind, ERR_NOT_FOUND);
	ck_ok(fsio_remove_tree(in(""), &e), e);
	ck_assert_ptr_null(open_repo(false, &e));
	ck_assert_int_eq(e.kind, ERR_NOT_FOUND);
	ck_assert_int_eq(access(in(""), F_OK), -1);
	/* A fresh file system brings its own directory. */
	ck_ok(fsio_mkdirs(in("lost+found"), 0700, &e), e);
	again = open_repo(true, &e);
	ck_assert_msg(again != NULL, "%s", e.text);
	repo_close(again);
}
END_TEST

START_TEST(other_formats_are_refused)
{
	static const struct {
		const char *text;
		enum err_kind kind;
	} bad[] = {
	    {"{\"format\":2,\"cipher\":null}", ERR_REFUSED},
	    {"{\"format\":1,\"cipher\":{\"name\":\"x\"}}", ERR_REFUSED},
	    {"{\"format\":0}", ERR_DAMAGED},
	    {"{\"format\":\"1\"}", ERR_DAMAGED},
	    {"{}", ERR_DAMAGED},
	    {"[1]", ERR_DAMAGED},
	    {"", ERR_DAMAGED},
	    {"{\"format\":1", ERR_DAMAGED},
	};
	struct err e = ERR_INIT;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		ck_ok(
		    fsio_replace(in("mybak-repo.json"), bad[i].text, strlen(bad[i].text), 0640, &e),
		    e);
		ck_assert_ptr_null(open_repo(true, &e));
		ck_assert_msg(e.kind == bad[i].kind, "%s: %s", bad[i].text, e.text);
	}
	char *big = mem_zalloc(70000);
	ck_ok(fsio_replace(in("mybak-repo.json"), big, 70000, 0640, &e), e);
	free(big);
	ck_assert_ptr_null(open_repo(true, &e));
	ck_assert_int_eq(e.kind, ERR_DAMAGED);
}
END_TEST

START_TEST(other_urls_are_refused)
{
	static const struct {
		const char *url;
		enum err_kind kind;
	} bad[] = {{"s3://b/p", ERR_REFUSED},
	           {"file://relative", ERR_USAGE},
	           {"relative/path", ERR_USAGE},
	           {"", ERR_USAGE},
	           {"ftp://x/y", ERR_USAGE}};
	struct repo_options o = {.create = true};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err e = ERR_INIT;
		struct repo *got = NULL;
		ck_assert_int_eq(repo_open(bad[i].url, &o, &got, &e), -1);
		ck_assert_int_eq(e.kind, bad[i].kind);
		ck_assert_ptr_null(got);
	}
	struct err e = ERR_INIT;
	struct repo *got = NULL;
	ck_assert_int_eq(repo_open("file:///dev/null", &o, &got, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "/dev/null"));
}
END_TEST

static void put(const char *name)
{
	struct err e = ERR_INIT;
	ck_ok(repo_put_bytes(repo, name, "x", 1, &e), e);
}

START_TEST(backups_and_leftovers_are_told_apart)
{
	struct err e = ERR_INIT;
	struct name_list all = {0}, left = {0}, inst = {0};
	put("main/backups/" INCR "/manifest");
	put("main/backups/" FULL "/manifest");
	put("main/backups/" FULL "/pack.000");
	put("main/backups/20261122T040000Z-full/pack.000");
	put("main/backups/not-ours/pack.000");
	put("other/backups/" FULL "/manifest");
	put("no-instance/file");
	/* A run killed in the middle of an object. */
	pid_t pid = fork();
	if (pid == 0) {
		struct sink *s = NULL;
		repo_put(repo, "main/backups/20261122T050000Z-incr/pack.000", &s, &e);
		sink_write(s, "x", 1, &e);
		kill(getpid(), SIGKILL);
	}
	waitpid(pid, NULL, 0);
	ck_ok(backups_ids(repo, "main", &all, &left, &e), e);
	ck_assert_uint_eq(all.names.n, 2);
	ck_assert_str_eq(all.names.v[0], FULL);
	ck_assert_str_eq(all.names.v[1], INCR);
	ck_assert_uint_eq(left.names.n, 2);
	ck_assert_str_eq(left.names.v[0], "20261122T040000Z-full");
	name_list_done(&all);
	name_list_done(&left);
	ck_ok(backups_instances(repo, &inst, &e), e);
	ck_assert_uint_eq(inst.names.n, 2);
	ck_assert_str_eq(inst.names.v[0], "main");
	ck_assert_str_eq(inst.names.v[1], "other");
	name_list_done(&inst);

	unsigned removed = 7;
	ck_ok(backups_clean(repo, "main", &removed, &e), e);
	ck_assert_uint_eq(removed, 2);
	ck_assert_int_eq(access(in("main/backups/20261122T050000Z-incr"), F_OK), -1);
	ck_assert_int_eq(access(in("main/backups/20261122T040000Z-full"), F_OK), -1);
	ck_assert_int_eq(access(in("main/backups/not-ours/pack.000"), F_OK), 0);
	ck_assert_int_eq(access(in("main/backups/" FULL "/pack.000"), F_OK), 0);
	ck_ok(backups_remove(repo, "main", FULL, &e), e);
	ck_ok(backups_remove(repo, "main", FULL, &e), e);
	ck_ok(backups_ids(repo, "main", &all, &left, &e), e);
	ck_assert_uint_eq(all.names.n, 1);
	ck_assert_uint_eq(left.names.n, 0);
	name_list_done(&all);
	name_list_done(&left);
	ck_ok(backups_ids(repo, "nobody", &all, &left, &e), e);
	ck_assert_uint_eq(all.names.n + left.names.n, 0);
}
END_TEST

START_TEST(a_full_file_system_is_no_space_with_a_hint)
{
	struct err e = ERR_INIT, why = ERR_INIT;
	struct sink *s = NULL;
	if (geteuid() != 0 || mount("unit", dir, "tmpfs", 0, "size=1m") < 0) {
		printf("skipped: a_full_file_system: mounting a tmpfs needs root\n");
		return;
	}
	struct repo_options o = {.create = true, .must_be_mounted = true};
	struct repo *small = NULL;
	int rc_open = repo_open(url, &o, &small, &e), rc = 0;
	char *bytes = mem_zalloc(64 << 10);
	if (rc_open == 0 && repo_put(small, "main/backups/x/pack.000", &s, &e) == 0) {
		for (int i = 0; rc == 0 && i < 32; i++)
			rc = sink_write(s, bytes, 64 << 10, &why);
		sink_free(s);
	}
	/* What was given up is free again. */
	int again = rc_open == 0 ? repo_put_bytes(small, "y", bytes, 64 << 10, &e) : -1;
	uint64_t free_bytes = 0, total = 0;
	int space = rc_open == 0 ? repo_space(small, &free_bytes, &total, &e) : -1;
	free(bytes);
	repo_close(small);
	umount(dir);
	ck_assert_msg(rc_open == 0, "%s", e.text);
	ck_assert_int_eq(rc, -1);
	ck_assert_int_eq(why.kind, ERR_NO_SPACE);
	ck_assert_ptr_nonnull(strstr(why.text, "pack.000"));
	ck_assert_ptr_nonnull(strstr(why.hint, "expire"));
	ck_assert_msg(again == 0, "%s", e.text);
	ck_assert_int_eq(space, 0);
	ck_assert_uint_eq(total, 1 << 20);
	ck_assert_uint_lt(free_bytes, total);
}
END_TEST

START_TEST(an_empty_mount_point_is_refused)
{
	struct err e = ERR_INIT;
	struct repo *got = NULL;
	struct repo_options o = {.create = true, .must_be_mounted = true};
	char place[] = "/unit-repo-mount-XXXXXX", sub[64];
	if (geteuid() != 0 || !mkdtemp(place)) {
		printf("skipped: an_empty_mount_point_is_refused: needs a directory below /\n");
		return;
	}
	snprintf(sub, sizeof sub, "%s/not/yet there", place);
	int refused = repo_open(sub, &o, &got, &e), made = access(sub, F_OK), mounted = -1,
	    below = -1;
	struct err why = e;
	if (mount("unit", place, "tmpfs", 0, "size=1m") == 0) {
		below = repo_open(sub, &o, &got, &e);
		repo_close(got);
		got = NULL;
		umount(place);
		mkdir(sub, 0700);
	}
	/* Bound in from the same file system: still a mount. */
	if (mount(dir, place, NULL, MS_BIND, NULL) == 0) {
		mounted = repo_open(sub, &o, &got, &e);
		repo_close(got);
		umount(place);
	}
	rmdir(place);
	ck_assert_int_eq(refused, -1);
	ck_assert_int_eq(why.kind, ERR_REFUSED);
	ck_assert_str_ne(why.hint, "");
	ck_assert_int_eq(made, -1);
	ck_assert_msg(below == 0, "%s", e.text);
	ck_assert_msg(mounted == 0, "%s", e.text);
}
END_TEST

START_TEST(a_repository_pins_its_file_system)
{
	struct err e = ERR_INIT;
	if (geteuid() != 0 || mount("unit", dir, "tmpfs", 0, "size=1m") < 0) {
		printf("skipped: a_repository_pins_its_file_system: mounting needs root\n");
		return;
	}
	struct repo *small = open_repo(true, &e);
	int held = umount(dir);
	repo_close(small);
	int released = umount(dir);
	ck_assert_int_eq(held, -1);
	ck_assert_int_eq(released, 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("repo_dir");
	TCase *t = tcase_create("dir");
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, an_object_appears_at_finish);
	tcase_add_test(t, an_object_not_finished_leaves_nothing);
	tcase_add_test(t, an_object_is_written_once);
	tcase_add_test(t, a_large_object_comes_back);
	tcase_add_test(t, ranges_are_exact_or_damaged);
	tcase_add_test(t, names_stay_inside_the_repository);
	tcase_add_test(t, removing_what_is_not_there_is_fine);
	tcase_add_test(t, a_place_is_recognised);
	tcase_add_test(t, other_formats_are_refused);
	tcase_add_test(t, other_urls_are_refused);
	tcase_add_test(t, backups_and_leftovers_are_told_apart);
	tcase_add_test(t, a_full_file_system_is_no_space_with_a_hint);
	tcase_add_test(t, an_empty_mount_point_is_refused);
	tcase_add_test(t, a_repository_pins_its_file_system);
	suite_add_tcase(s, t);
	return s;
}
UNIT_MAIN(suite)
