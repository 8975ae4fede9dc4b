/* proc: other programs, started, heard out, waited for and stopped. */
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/proc.h"
#include "base/str.h"
#include "tests/unit/unit.h"

#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})

START_TEST(output_and_status_come_back)
{
	struct err e = ERR_INIT;
	char *out = NULL, text[64];
	int status = -1;
	ck_ok(proc_capture(ARGV("sh", "-c", "echo one; echo two >&2; exit 3"), true, 20, 1000, &out,
	                   &status, &e),
	      e);
	ck_assert_str_eq(out, "one\ntwo\n");
	ck_assert_str_eq(proc_status_text(text, sizeof text, status), "exit code 3");
	free(out);
	ck_ok(proc_capture(ARGV("sh", "-c", "kill -9 $$"), true, 20, 1000, &out, &status, &e), e);
	ck_assert_str_eq(proc_status_text(text, sizeof text, status),
	                 "killed by signal 9 (Killed)");
	free(out);
}
END_TEST

START_TEST(arguments_meet_no_shell)
{
	struct err e = ERR_INIT;
	char *out = NULL;
	int status;
	const char *const *argv = ARGV("printf", "%s", "$(id); `id` *");
	ck_ok(proc_capture(argv, false, 20, 1000, &out, &status, &e), e);
	ck_assert_str_eq(out, "$(id); `id` *");
	free(out);
}
END_TEST

START_TEST(output_is_bounded)
{
	struct err e = ERR_INIT;
	char *out = NULL;
	int status = -1;
	ck_ok(proc_capture(ARGV("head", "-c", "1000000", "/dev/zero"), false, 20, 100, &out,
	                   &status, &e),
	      e);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(out[99], 0);
	free(out);
}
END_TEST

START_TEST(a_missing_program_is_named)
{
	struct err e = ERR_INIT;
	char *out = NULL;
	int status;
	ck_assert_int_eq(
	    proc_capture(ARGV("no-such-program-here"), false, 5, 100, &out, &status, &e), -1);
	ck_assert_int_eq(e.kind, ERR_NOT_FOUND);
	ck_assert_ptr_nonnull(strstr(e.text, "no-such-program-here"));
	ck_assert_ptr_null(out);
	ck_assert_ptr_null(proc_find("/etc/passwd"));
	ck_assert_ptr_null(proc_find("/usr"));
	ck_assert_ptr_null(proc_find(""));
	char *sh = proc_find("sh");
	ck_assert(str_ends(sh, "/sh"));
	free(sh);
}
END_TEST

START_TEST(a_file_that_is_no_program_is_reported_by_exec)
{
	struct err e = ERR_INIT;
	char path[] = "/tmp/unit-proc-XXXXXX", *out = NULL;
	int status, fd = mkstemp(path);
	ck_assert_int_eq(write(fd,
	                       "\x7f"
	                       "ELFx",
	                       5),
	                 5);
	fchmod(fd, 0700);
	close(fd);
	ck_assert_int_eq(proc_capture(ARGV(path), false, 5, 100, &out, &status, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, path));
	unlink(path);
}
END_TEST

/* A daemon may have been started with 0, 1 and 2 closed. */
START_TEST(a_failed_exec_is_seen_without_standard_descriptors)
{
	char path[] = "/tmp/unit-proc-XXXXXX";
	int status = -1, fd = mkstemp(path);
	ck_assert_int_eq(write(fd,
	                       "\x7f"
	                       "ELFx",
	                       5),
	                 5);
	fchmod(fd, 0700);
	close(fd);
	pid_t pid = fork();
	if (pid == 0) {
		struct err e = ERR_INIT;
		char *out = NULL;
		int s;
		close(0);
		close(1);
		close(2);
		_exit(proc_capture(ARGV(path), false, 5, 100, &out, &s, &e) == 0);
	}
	waitpid(pid, &status, 0);
	unlink(path);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(too_long_is_killed_with_all_it_started)
{
	struct err e = ERR_INIT;
	char *out = NULL;
	int status;
	uint64_t before = clock_mono_ns();
	/* The grandchild holds the pipe open: it has to go too. */
	ck_assert_int_eq(proc_capture(ARGV("sh", "-c", "sleep 50 & sleep 50; :"), true, 1, 100,
	                              &out, &status, &e),
	                 -1);
	ck_assert_uint_lt(clock_mono_ns() - before, 15000000000ull);
	ck_assert_ptr_nonnull(strstr(e.text, "within 1 s"));
}
END_TEST

START_TEST(a_child_inherits_nothing)
{
	struct err e = ERR_INIT;
	char *out = NULL;
	int status, fd = fcntl(1, F_DUPFD, 77); /* not close-on-exec */
	ck_assert_int_ge(fd, 77);
	signal(SIGPIPE, SIG_IGN);
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	ck_ok(proc_capture(ARGV("sh", "-c",
	                        "ls /proc/$$/fd | sort -n | tr '\\n' ' '; "
	                        "exec grep -E 'Sig(Blk|Ign)' /proc/self/status"),
	                   true, 20, 1000, &out, &status, &e),
	      e);
	ck_assert_msg(str_starts(out, "0 1 2 "), "%s", out);
	char name[16];
	snprintf(name, sizeof name, " %d ", fd);
	ck_assert_ptr_null(strstr(out, name));
	ck_assert_ptr_nonnull(strstr(out, "SigBlk:\t0000000000000000"));
	/* Two signals are glibc's own, out of a program's reach; posix_spawn (make's, say)
	 * leaves one or both ignored. */
	const char *ignored = strstr(out, "SigIgn:\t");
	ck_assert_ptr_nonnull(ignored);
	ck_assert_msg((strtoull(ignored + 8, NULL, 16) & ~0x180000000ull) == 0, "%s", out);
	free(out);
	close(fd);
}
END_TEST

static void wait_for_size(int fd, size_t size)
{
	struct stat st = {0};

	for (int i = 0; i < 1000 && (size_t)st.st_size < size; i++) {
		clock_sleep_ms(10);
		ck_assert_int_eq(fstat(fd, &st), 0);
	}
	ck_assert_uint_ge((size_t)st.st_size, size);
}

START_TEST(a_server_is_started_and_stopped)
{
	struct err e = ERR_INIT;
	char path[] = "/tmp/unit-proc-XXXXXX", text[64], line[64] = "";
	int status = -1, fd = mkstemp(path);
	pid_t pid = -1;
	const char *const env[] = {"UNIT_VALUE=seen", "HOME=/elsewhere", NULL};
	struct proc_how how = {.cwd = "/usr", .extra_env = env};
	ck_ok(proc_start(ARGV("sh", "-c", "echo $UNIT_VALUE $HOME $PWD; exec sleep 50"), &how, fd,
	                 &pid, &e),
	      e);
	wait_for_size(fd, strlen("seen /elsewhere /usr\n"));
	ck_assert_int_eq(proc_wait(pid, 100, &status, &e), 0);
	status = proc_stop(pid, 5000);
	ck_assert_str_eq(proc_status_text(text, sizeof text, status),
	                 "killed by signal 15 (Terminated)");
	ck_assert_int_gt(pread(fd, line, sizeof line - 1, 0), 0);
	ck_assert_str_eq(line, "seen /elsewhere /usr\n");
	ck_assert_int_eq(proc_wait(pid, 0, &status, &e), -1);
	ck_ok(proc_start(ARGV("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done"),
	                 NULL, fd, &pid, &e),
	      e);
	wait_for_size(fd, strlen("seen /elsewhere /usr\nready\n"));
	status = proc_stop(pid, 100);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	how.cwd = "/no/such/dir";
	ck_assert_int_eq(proc_start(ARGV("sh"), &how, fd, &pid, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "/no/such/dir"));
	close(fd);
	unlink(path);
}
END_TEST

#define SOMEBODY 64123

static bool cannot_be_somebody(void)
{
	if (geteuid() == 0)
		return false;
	fprintf(stderr, "skipped: only root can start programs as another user\n");
	return true;
}

START_TEST(a_program_runs_as_another_user)
{
	const struct proc_user user = {SOMEBODY, SOMEBODY + 1};
	const struct proc_how how = {.cwd = "/", .user = &user};
	struct err e = ERR_INIT;
	char path[] = "/tmp/unit-proc-XXXXXX", said[400] = "";
	gid_t before[64];
	int status = -1, fd;
	pid_t pid;

	if (cannot_be_somebody())
		return;
	fd = mkstemp(path);
	unlink(path);
	int n = getgroups(64, before);
	ck_assert_int_ge(n, 0);
	ck_assert_int_eq(setgroups(2, (gid_t[]){0, 4}), 0);
	ck_ok(proc_start(ARGV("grep", "-E", "^(Uid|Gid|Groups|CapEff):", "/proc/self/status"), &how,
	                 fd, &pid, &e),
	      e);
	ck_assert_int_eq(proc_wait(pid, 10000, &status, &e), 1);
	setgroups((size_t)n, before);
	ck_assert_int_gt(pread(fd, said, sizeof said - 1, 0), 0);
	close(fd);
	ck_assert_msg(strstr(said, "Uid:\t64123\t64123\t64123\t64123\n") != NULL, "%s", said);
	ck_assert_msg(strstr(said, "Gid:\t64124\t64124\t64124\t64124\n") != NULL, "%s", said);
	ck_assert_msg(strstr(said, "Groups:\t \n") || strstr(said, "Groups:\t\n"), "%s", said);
	ck_assert_msg(strstr(said, "CapEff:\t0000000000000000\n") != NULL, "%s", said);
	ck_assert_int_eq(geteuid(), 0);
}
END_TEST

START_TEST(fed_through_a_pipe_as_another_user)
{
	const struct proc_user user = {SOMEBODY, SOMEBODY};
	static const char *const env[] = {"UNIT_PIPED=yes", NULL};
	const struct proc_how how = {.cwd = "/usr", .user = &user, .extra_env = env};
	struct err e = ERR_INIT;
	char said[200] = "";
	int in[2], out[2], status = -1;
	pid_t pid;

	if (cannot_be_somebody())
		return;
	ck_assert(pipe(in) == 0 && pipe(out) == 0);
	ck_ok(proc_start_piped(ARGV("sh", "-c", "read a; echo $a $(id -u) $UNIT_PIPED; pwd >&2"),
	                       &how, in[0], out[1], out[1], &pid, &e),
	      e);
	ck_assert_int_eq(write(in[1], "fed\n", 4), 4);
	ck_assert_int_eq(proc_wait(pid, 10000, &status, &e), 1);
	ck_assert_int_gt(read(out[0], said, sizeof said - 1), 0);
	ck_assert_str_eq(said, "fed 64123 yes\n/usr\n");
	for (int i = 0; i < 2; i++)
		close(in[i]), close(out[i]);
}
END_TEST

/* Gone, or about to be reaped by whoever inherited it. */
static bool has_ended(pid_t pid)
{
	char name[64], state = 'Z';
	snprintf(name, sizeof name, "/proc/%ld/stat", (long)pid);
	FILE *f = fopen(name, "re");
	if (f && fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
		state = 'Z';
	if (f)
		fclose(f);
	return state == 'Z' || state == 'X';
}

static bool ends_with_its_starter(bool detached)
{
	const struct proc_user user = {SOMEBODY, SOMEBODY};
	const struct proc_how how = {.cwd = "/", .user = &user, .detached = detached};
	int pipe_fd[2], status = -1;
	pid_t pid = -1, starter;
	bool ended = false;

	ck_assert_int_eq(pipe(pipe_fd), 0);
	starter = fork();
	if (starter == 0) {
		int failed = proc_start(ARGV("sleep", "50"), &how, 2, &pid, NULL);
		ssize_t done = write(pipe_fd[1], &pid, sizeof pid);
		_exit(failed || done != sizeof pid);
	}
	ck_assert_int_eq(waitpid(starter, &status, 0), starter);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(read(pipe_fd[0], &pid, sizeof pid), sizeof pid);
	close(pipe_fd[0]);
	close(pipe_fd[1]);
	for (int i = 0; i < (detached ? 10 : 200) && !ended; i++) {
		clock_sleep_ms(20);
		ended = has_ended(pid);
	}
	kill(pid, SIGKILL);
	return ended;
}

START_TEST(another_user_dies_with_us_too)
{
	if (cannot_be_somebody())
		return;
	ck_assert(ends_with_its_starter(false));
	ck_assert(!ends_with_its_starter(true));
}
END_TEST

static void expect_barrier(const char *path, const char *want)
{
	const struct proc_user user = {SOMEBODY, SOMEBODY};
	struct err e = ERR_INIT;
	char *barrier = NULL;

	ck_ok(proc_user_barrier(&user, path, &barrier, &e), e);
	ck_assert_msg(want ? barrier && !strcmp(barrier, want) : !barrier, "%s: %s", path,
	              barrier ? barrier : "nothing");
	free(barrier);
}

START_TEST(what_keeps_a_user_out_is_named)
{
	char top[] = "/tmp/unit-proc-XXXXXX", shut[64], in[64], missing[64];

	if (cannot_be_somebody())
		return;
	ck_assert_ptr_nonnull(mkdtemp(top));
	chmod(top, 0711);
	snprintf(shut, sizeof shut, "%s/shut", top);
	snprintf(in, sizeof in, "%s/shut/in", top);
	snprintf(missing, sizeof missing, "%s/missing/x", top);
	ck_assert_int_eq(mkdir(shut, 0750), 0);
	ck_assert_int_eq(mkdir(in, 0755), 0);
	expect_barrier("/", NULL);
	expect_barrier(top, NULL);
	expect_barrier(missing, NULL);
	expect_barrier(shut, shut);
	expect_barrier(in, shut);
	ck_assert_int_eq(chown(shut, 0, SOMEBODY), 0);
	expect_barrier(in, NULL);
	rmdir(in);
	rmdir(shut);
	rmdir(top);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("base_proc");
	TCase *t = tcase_create("proc");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, output_and_status_come_back);
	tcase_add_test(t, arguments_meet_no_shell);
	tcase_add_test(t, output_is_bounded);
	tcase_add_test(t, a_missing_program_is_named);
	tcase_add_test(t, a_file_that_is_no_program_is_reported_by_exec);
	tcase_add_test(t, a_failed_exec_is_seen_without_standard_descriptors);
	tcase_add_test(t, too_long_is_killed_with_all_it_started);
	tcase_add_test(t, a_child_inherits_nothing);
	tcase_add_test(t, a_server_is_started_and_stopped);
	tcase_add_test(t, a_program_runs_as_another_user);
	tcase_add_test(t, fed_through_a_pipe_as_another_user);
	tcase_add_test(t, another_user_dies_with_us_too);
	tcase_add_test(t, what_keeps_a_user_out_is_named);
	suite_add_tcase(s, t);
	return s;
}
UNIT_MAIN(suite)
