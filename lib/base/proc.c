#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

extern char **environ;

/* Everything the child needs, made before fork: between fork and exec in a
 * program with threads only async-signal-safe calls are allowed. */
struct launch {
	const char *program;
	char *const *argv;
	char **env;
	const struct proc_how *how;
	int in_fd, out_fd, err_fd; /* err_fd -1: stderr stays */
	int report_fd;             /* errno and step go here when exec fails */
	pid_t parent;
};

struct report {
	int errnum;
	char step[16];
};

static _Noreturn void child_failed(const struct launch *l, const char *step)
{
	struct report r = {.errnum = errno};
	memcpy(r.step, step, strlen(step) + 1);
	ssize_t done = write(l->report_fd, &r, sizeof r);
	(void)done;
	_exit(127);
}

static void close_on_exec_from(unsigned first)
{
	if (close_range(first, UINT_MAX, CLOSE_RANGE_CLOEXEC) == 0)
		return;
	/* Kernels before 5.11. */
	long most = sysconf(_SC_OPEN_MAX);
	for (long fd = first; fd < (most > 0 ? most : 1024); fd++)
		fcntl((int)fd, F_SETFD, FD_CLOEXEC);
}

static _Noreturn void child_run(const struct launch *l)
{
	for (int s = 1; s < NSIG; s++) {
		if (s != SIGKILL && s != SIGSTOP)
			signal(s, SIG_DFL);
	}
	/* A group of its own: a wrapper script and what it started are stopped together,
	 * and Ctrl-C on the terminal is for this program alone to act on. */
	bool detached = l->how->detached;
	if (detached)
		setsid();
	else
		setpgid(0, 0);
	/* Before the next line, which a change of user would undo. */
	if (l->how->user && proc_become(l->how->user) < 0)
		child_failed(l, "user");
	if (!detached && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		child_failed(l, "prctl");
	if (!detached && getppid() != l->parent) /* died before the line above */
		_exit(127);
	if (dup2(l->in_fd, 0) < 0 || dup2(l->out_fd, 1) < 0 ||
	    (l->err_fd >= 0 && dup2(l->err_fd, 2) < 0))
		child_failed(l, "dup2");
	close_on_exec_from(3);
	if (l->how->cwd && chdir(l->how->cwd) < 0)
		child_failed(l, "chdir");
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve(l->program, l->argv, l->env);
	child_failed(l, "exec");
}

/* The environment with `extra` ("K=V") in place of what had the same name. */
static char **env_with(const char *const extra[])
{
	VEC(char *) env = {0};
	for (char **e = environ; e && *e; e++) {
		bool replaced = false;
		size_t key = strcspn(*e, "=") + 1;
		for (size_t i = 0; extra && extra[i]; i++)
			replaced |= strncmp(extra[i], *e, key) == 0;
		if (!replaced)
			*vec_push(&env) = *e;
	}
	for (size_t i = 0; extra && extra[i]; i++) {
		union {
			const char *in;
			char *out;
		} item = {extra[i]};
		*vec_push(&env) = item.out;
	}
	*vec_push(&env) = NULL;
	return env.v;
}

/* Waits for exec to succeed (the pipe closes) or for the report of a failure. */
static int read_report(int fd, const struct launch *l, pid_t pid, struct err *err)
{
	struct report r;
	ssize_t n;
	do
		n = read(fd, &r, sizeof r);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof r)
		return 0;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (strcmp(r.step, "chdir") == 0)
		return err_sys(err, r.errnum, "cannot start %s in directory %s", l->program,
		               l->how->cwd);
	const struct proc_user *user = l->how->user;
	if (user && strcmp(r.step, "user") == 0)
		return err_sys(err, r.errnum, "cannot run %s as user %u, group %u", l->program,
		               (unsigned)user->uid, (unsigned)user->gid);
	return err_sys(err, r.errnum, "cannot run %s", l->program);
}

/* Descriptors 0, 1, 2 may be closed in a daemon: a new descriptor that landed there
 * would be overwritten by dup2 in the child. */
static int above_stdio(int fd)
{
	if (fd < 0 || fd > 2)
		return fd;
	int higher = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	close(fd);
	return higher;
}

static int launch(struct launch *l, pid_t *ret_pid, struct err *err)
{
	int pipe_fd[2];
	if (pipe2(pipe_fd, O_CLOEXEC) < 0)
		return err_sys(err, errno, "cannot make a pipe to run %s", l->program);
	pipe_fd[0] = above_stdio(pipe_fd[0]);
	pipe_fd[1] = above_stdio(pipe_fd[1]);
	l->report_fd = pipe_fd[1];
	l->parent = getpid();
	/* No handler of ours may run in the child. */
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid_t pid = fork();
	if (pid == 0)
		child_run(l);
	int errnum = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	close(pipe_fd[1]);
	int rc = pid < 0 ? err_sys(err, errnum, "cannot fork to run %s", l->program)
	                 : read_report(pipe_fd[0], l, pid, err);
	close(pipe_fd[0]);
	if (rc < 0)
		return -1;
	*ret_pid = pid;
	return 0;
}

/* in_fd -1: /dev/null. */
static int start(const char *const argv[], const struct proc_how *how, int in_fd, int out_fd,
                 int err_fd, pid_t *ret_pid, struct err *err)
{
	int rc = -1;
	union {
		const char *const *in;
		char *const *out;
	} args = {argv};
	static const struct proc_how plain = {0};
	char *program = proc_find(argv[0]);
	struct launch l = {
	    .argv = args.out, .how = how ? how : &plain, .out_fd = out_fd, .err_fd = err_fd};
	int null_fd = in_fd < 0 ? above_stdio(open("/dev/null", O_RDONLY | O_CLOEXEC)) : -1;
	l.in_fd = in_fd < 0 ? null_fd : in_fd;
	if (!program) {
		err_set(err, ERR_NOT_FOUND, "no program %s that can be run", argv[0]);
		err_hint(err, "install it, or put its folder into PATH");
		goto out;
	}
	if (l.in_fd < 0) {
		err_sys(err, errno, "cannot open /dev/null");
		goto out;
	}
	l.program = program;
	l.env = env_with(l.how->extra_env);
	rc = launch(&l, ret_pid, err);
	free(l.env);
out:
	if (null_fd >= 0)
		close(null_fd);
	free(program);
	return rc;
}

int proc_start(const char *const argv[], const struct proc_how *how, int log_fd, pid_t *ret_pid,
               struct err *err)
{
	int fd = fcntl(log_fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return err_sys(err, errno, "cannot hand a log over to %s", argv[0]);
	int rc = start(argv, how, -1, fd, fd, ret_pid, err);
	close(fd);
	return rc;
}

static void close_some(const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

int proc_start_piped(const char *const argv[], const struct proc_how *how, int in_fd, int out_fd,
                     int err_fd, pid_t *ret_pid, struct err *err)
{
	/* Copies above 2: dup2 in the child must not overwrite one that is still to come. */
	int fds[3] = {-1, fcntl(out_fd, F_DUPFD_CLOEXEC, 3), fcntl(err_fd, F_DUPFD_CLOEXEC, 3)};
	int rc;
	if (in_fd >= 0)
		fds[0] = fcntl(in_fd, F_DUPFD_CLOEXEC, 3);
	if ((in_fd >= 0 && fds[0] < 0) || fds[1] < 0 || fds[2] < 0)
		rc = err_sys(err, errno, "cannot hand descriptors over to %s", argv[0]);
	else
		rc = start(argv, how, fds[0], fds[1], fds[2], ret_pid, err);
	close_some(fds, 3);
	return rc;
}

/* Collect until end of file or deadline; what goes beyond max is thrown away.
 * 1: end of file, 0: time is up. */
static int collect(int fd, uint64_t deadline_ns, size_t max, struct str *out)
{
	char buf[4096];
	for (;;) {
		uint64_t now = clock_mono_ns();
		if (now >= deadline_ns)
			return 0;
		uint64_t left_ms = (deadline_ns - now) / 1000000 + 1;
		struct pollfd p = {.fd = fd, .events = POLLIN};
		if (poll(&p, 1, left_ms > 60000 ? 60000 : (int)left_ms) <= 0)
			continue;
		ssize_t n = read(fd, buf, sizeof buf);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return 1;
		size_t room = max - out->n;
		str_addn(out, buf, (size_t)n < room ? (size_t)n : room);
	}
}

static void kill_and_reap(pid_t pid, int *ret_status)
{
	kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
	while (waitpid(pid, ret_status, 0) < 0 && errno == EINTR)
		;
}

int proc_capture(const char *const argv[], bool with_stderr, unsigned timeout_s, size_t max,
                 char **ret_output, int *ret_status, struct err *err)
{
	int pipe_fd[2], rc = -1, status = 0;
	pid_t pid = 0;
	struct str out = {0};
	uint64_t deadline = clock_mono_ns() + (uint64_t)timeout_s * 1000000000ull;
	if (pipe2(pipe_fd, O_CLOEXEC) < 0)
		return err_sys(err, errno, "cannot make a pipe to run %s", argv[0]);
	pipe_fd[0] = above_stdio(pipe_fd[0]);
	pipe_fd[1] = above_stdio(pipe_fd[1]);
	rc = start(argv, NULL, -1, pipe_fd[1], with_stderr ? pipe_fd[1] : -1, &pid, err);
	close(pipe_fd[1]);
	if (rc < 0)
		goto out;
	int ended = collect(pipe_fd[0], deadline, max, &out);
	uint64_t now = clock_mono_ns();
	unsigned left_ms = now < deadline ? (unsigned)((deadline - now) / 1000000) : 0;
	if (!ended || proc_wait(pid, left_ms, &status, NULL) != 1) {
		kill_and_reap(pid, &status);
		rc = err_set(err, ERR_FAILED, "%s did not end within %u s and was killed", argv[0],
		             timeout_s);
		goto out;
	}
	*ret_output = str_take(&out);
	*ret_status = status;
out:
	close(pipe_fd[0]);
	str_done(&out);
	return rc;
}

int proc_wait(pid_t pid, unsigned timeout_ms, int *ret_status, struct err *err)
{
	uint64_t deadline = clock_mono_ns() + (uint64_t)timeout_ms * 1000000ull;
	for (unsigned pause_ms = 1;; pause_ms = pause_ms < 20 ? pause_ms * 2 : 20) {
		int status;
		pid_t got = waitpid(pid, &status, WNOHANG);
		if (got == pid) {
			*ret_status = status;
			return 1;
		}
		if (got < 0 && errno != EINTR)
			return err_sys(err, errno, "cannot wait for process %ld", (long)pid);
		if (clock_mono_ns() >= deadline)
			return 0;
		clock_sleep_ms(pause_ms);
	}
}

int proc_stop(pid_t pid, unsigned grace_ms)
{
	int status = 0;
	if (kill(-pid, SIGTERM) < 0)
		kill(pid, SIGTERM);
	if (proc_wait(pid, grace_ms, &status, NULL) == 0)
		kill_and_reap(pid, &status);
	return status;
}

const char *proc_status_text(char *buf, size_t size, int status)
{
	if (WIFEXITED(status))
		snprintf(buf, size, "exit code %d", WEXITSTATUS(status));
	else if (WIFSIGNALED(status)) {
		const char *name = sigdescr_np(WTERMSIG(status));
		snprintf(buf, size, "killed by signal %d (%s)", WTERMSIG(status),
		         name ? name : "unknown");
	} else
		snprintf(buf, size, "wait status %d", status);
	return buf;
}

static bool is_program(const char *path)
{
	struct stat st;
	return access(path, X_OK) == 0 && stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static char *find_below(const char *folders, const char *name)
{
	for (const char *s = folders; s && *s;) {
		size_t n = strcspn(s, ":");
		/* An empty part would be the present directory: not a place to trust. */
		if (n > 0) {
			char *path = mem_printf("%.*s/%s", (int)n, s, name);
			if (is_program(path))
				return path;
			free(path);
		}
		s += n + (s[n] == ':');
	}
	return NULL;
}

char *proc_find(const char *name)
{
	if (!*name)
		return NULL;
	if (strchr(name, '/'))
		return is_program(name) ? mem_strdup(name) : NULL;
	char *path = find_below(getenv("PATH"), name);
	return path ? path : find_below("/usr/sbin:/usr/local/sbin:/usr/libexec", name);
}
