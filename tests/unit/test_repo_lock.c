/* Locks of a repository: between processes, let go by death, named in errors. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fsio.h"
#include "repo/backups.h"
#include "repo/repo.h"
#include "tests/unit/unit.h"

static char dir[64], url[80];
static struct repo *repo;

static void setup(void)
{
	struct err e = ERR_INIT;
	struct repo_options o = {.create = true};
	strcpy(dir, "/tmp/unit-lock-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(url, sizeof url, "file://%s", dir);
	ck_ok(repo_open(url, &o, &repo, &e), e);
}

static void teardown(void)
{
	repo_close(repo);
	fsio_remove_tree(dir, NULL);
}

/* A second process that takes a lock and keeps it until it is killed. */
static pid_t holder(const char *name, bool exclusive, const char *what)
{
	int p[2];
	char c = 0;
	ck_assert_int_eq(pipe(p), 0);
	pid_t pid = fork();
	if (pid == 0) {
		void *lock;
		struct err e = ERR_INIT;
		c = repo_lock(repo, name, exclusive, what, &lock, &e) == 0 ? 'y' : 'n';
		if (write(p[1], &c, 1) == 1)
			pause();
		_exit(0);
	}
	ck_assert_int_eq(read(p[0], &c, 1), 1);
	ck_assert_int_eq(c, 'y');
	close(p[0]);
	close(p[1]);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

START_TEST(the_holder_is_named_and_death_lets_go)
{
	struct err e = ERR_INIT;
	void *lock = NULL;
	char pid_text[32], host[256];
	gethostname(host, sizeof host);
	pid_t pid = holder("main/writer.lock", true, "full backup \"x\"\n");
	ck_assert_int_eq(repo_lock(repo, "main/writer.lock", true, "mine", &lock, &e), -1);
	ck_assert_int_eq(e.kind, ERR_BUSY);
	snprintf(pid_text, sizeof pid_text, "pid %d", (int)pid);
	ck_assert_ptr_nonnull(strstr(e.text, pid_text));
	ck_assert_ptr_nonnull(strstr(e.text, host));
	ck_assert_ptr_nonnull(strstr(e.text, "full backup"));
	ck_assert_str_ne(e.hint, "");
	ck_assert_int_eq(repo_lock(repo, "main/writer.lock", false, "mine", &lock, &e), -1);
	ck_assert_int_eq(e.kind, ERR_BUSY);
	ck_assert_ptr_null(lock);
	end(pid);
	ck_ok(repo_lock(repo, "main/writer.lock", true, "mine", &lock, &e), e);
	repo_unlock(repo, lock);
	repo_unlock(repo, NULL);
}
END_TEST

START_TEST(two_threads_of_one_process_exclude_each_other)
{
	struct err e = ERR_INIT;
	void *a = NULL, *b = NULL;
	ck_ok(repo_lock(repo, "main/writer.lock", true, "a", &a, &e), e);
	ck_assert_int_eq(repo_lock(repo, "main/writer.lock", true, "b", &b, &e), -1);
	repo_unlock(repo, a);
	ck_ok(repo_lock(repo, "main/writer.lock", true, "b", &b, &e), e);
	repo_unlock(repo, b);
}
END_TEST

START_TEST(readers_share_and_keep_the_remover_out)
{
	struct err e = ERR_INIT;
	void *a = NULL, *b = NULL, *x = NULL;
	ck_ok(repo_put_bytes(repo, "main/x", "x", 1, &e), e);
	ck_ok(repo_lock(repo, "main/reader.lock", false, "restore", &a, &e), e);
	pid_t pid = holder("main/reader.lock", false, "verify");
	ck_assert_int_eq(repo_lock(repo, "main/reader.lock", true, "expire", &x, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "verify"));
	end(pid);
	/* The one left over is not taken for the one that is gone. */
	ck_assert_int_eq(repo_lock(repo, "main/reader.lock", true, "expire", &x, &e), -1);
	ck_assert_int_eq(e.kind, ERR_BUSY);
	ck_assert_ptr_null(strstr(e.text, "verify"));
	ck_ok(repo_lock(repo, "main/reader.lock", false, "restore", &b, &e), e);
	repo_unlock(repo, a);
	repo_unlock(repo, b);
	ck_ok(repo_lock(repo, "main/reader.lock", true, "expire", &x, &e), e);
	repo_unlock(repo, x);
}
END_TEST

START_TEST(a_reader_leaves_no_trace_of_an_instance_that_is_not_there)
{
	struct err e = ERR_INIT;
	void *lock = NULL;
	char path[128];
	ck_ok(repo_lock(repo, "nobody/reader.lock", false, "restore", &lock, &e), e);
	repo_unlock(repo, lock);
	snprintf(path, sizeof path, "%s/nobody", dir);
	ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

START_TEST(a_reader_gets_by_on_a_read_only_file_system)
{
	struct err e = ERR_INIT, why = ERR_INIT;
	void *a = NULL, *b = NULL, *x = NULL;
	struct repo *ro = NULL;
	struct repo_options o = {0};
	if (geteuid() != 0 || mount(dir, dir, NULL, MS_BIND, NULL) < 0) {
		printf("skipped: a_reader_gets_by_on_a_read_only_file_system: needs root\n");
		return;
	}
	repo_put_bytes(repo, "main/x", "x", 1, &e);
	repo_put_bytes(repo, "other/reader.lock", "", 0, &e);
	mount(NULL, dir, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL);
	int rc_open = repo_open(url, &o, &ro, &e);
	int rc_a = rc_open ? -1 : repo_lock(ro, "main/reader.lock", false, "restore", &a, &e);
	int rc_b = rc_open ? -1 : repo_lock(ro, "other/reader.lock", false, "restore", &b, &e);
	int rc_x = rc_open ? 0 : repo_lock(ro, "main/writer.lock", true, "backup", &x, &why);
	if (a)
		repo_unlock(ro, a);
	if (b)
		repo_unlock(ro, b);
	repo_close(ro);
	umount(dir);
	ck_assert_msg(rc_open == 0 && rc_a == 0 && rc_b == 0, "%s", e.text);
	ck_assert_int_eq(rc_x, -1);
	ck_assert_ptr_nonnull(strstr(why.text, "writer.lock"));
}
END_TEST

/* root restores while the daemon runs as somebody else, to whom the repository
 * belongs: they must be able to lock afterwards. */
START_TEST(a_lock_made_by_root_belongs_to_whom_the_repository_does)
{
	struct err e = ERR_INIT;
	char path[128];
	void *lock = NULL;
	struct stat st;
	int status = -1;
	mode_t old = umask(0077);
	if (geteuid() != 0) {
		printf("skipped: a_lock_made_by_root_belongs_to_whom_the_repository_does\n");
		return;
	}
	ck_ok(repo_put_bytes(repo, "main/x", "x", 1, &e), e);
	snprintf(path, sizeof path, "%s/main", dir);
	ck_assert_int_eq(chown(dir, 65534, 65534) | chown(path, 65534, 65534), 0);
	ck_ok(repo_lock(repo, "main/reader.lock", false, "restore", &lock, &e), e);
	repo_unlock(repo, lock);
	snprintf(path, sizeof path, "%s/main/reader.lock", dir);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_uid, 65534);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
	pid_t pid = fork();
	if (pid == 0) {
		if (setgid(65534) || setuid(65534))
			_exit(2);
		_exit(repo_lock(repo, "main/reader.lock", true, "expire", &lock, &e) != 0);
	}
	waitpid(pid, &status, 0);
	ck_assert_int_eq(status, 0);
	umask(old);
}
END_TEST

START_TEST(a_lock_file_with_any_bytes_is_no_obstacle)
{
	static const char *const texts[] = {"",
	                                    "garbage",
	                                    "{}",
	                                    "{\"host\":1,\"pid\":\"x\"}",
	                                    "{\"host\":\"h\",\"pid\":1,\"since\":\"s\"}",
	                                    "[[[[["};
	struct err e = ERR_INIT;
	char path[128];
	void *lock = NULL;
	snprintf(path, sizeof path, "%s/l", dir);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		pid_t pid = holder("l", true, "x");
		FILE *f = fopen(path, "w");
		fputs(texts[i], f);
		fclose(f);
		ck_assert_int_eq(repo_lock(repo, "l", true, "x", &lock, &e), -1);
		ck_assert_int_eq(e.kind, ERR_BUSY);
		end(pid);
		ck_ok(repo_lock(repo, "l", true, "x", &lock, &e), e);
		repo_unlock(repo, lock);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("repo_lock");
	TCase *t = tcase_create("lock");
	tcase_set_timeout(t, 30);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, the_holder_is_named_and_death_lets_go);
	tcase_add_test(t, two_threads_of_one_process_exclude_each_other);
	tcase_add_test(t, readers_share_and_keep_the_remover_out);
	tcase_add_test(t, a_reader_leaves_no_trace_of_an_instance_that_is_not_there);
	tcase_add_test(t, a_reader_gets_by_on_a_read_only_file_system);
	tcase_add_test(t, a_lock_made_by_root_belongs_to_whom_the_repository_does);
	tcase_add_test(t, a_lock_file_with_any_bytes_is_no_obstacle);
	suite_add_tcase(s, t);
	return s;
}
UNIT_MAIN(suite)
