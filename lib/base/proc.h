/*
 * proc: run another program by argv, never through a shell.
 *
 * The child gets no open descriptors but 0, 1, 2, default signal handlers and an
 * empty signal mask.  All are usable from any thread.
 */
#ifndef BASE_PROC_H
#define BASE_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

/* Run to the end and collect stdout (and stderr if `with_stderr`), at most max
 * bytes, NUL-terminated, owned by the caller.  *ret_status is the wait status.
 * -1 only if it could not be started or did not end in timeout_s (it is then
 * killed). */
int proc_capture(const char *const argv[], bool with_stderr, unsigned timeout_s, size_t max,
                 char **ret_output, int *ret_status, struct err *err);

/* Who a program is to run as: these ids and no other groups. */
struct proc_user {
	uid_t uid;
	gid_t gid;
};

struct proc_how {
	const char *cwd;              /* NULL: the present one */
	const char *const *extra_env; /* NULL, or "K=V" …, NULL-terminated: added to ours */
	const struct proc_user *user; /* NULL: as ourselves; else we must be root */
	bool detached;
};

/* Start and go on.  stdout and stderr go to log_fd.  The child dies with this
 * process, or with the thread that started it if that ends first
 * (PR_SET_PDEATHSIG), and is in a process group of its own; detached, it has a
 * session of its own and outlives this process.  `how` may be NULL. */
int proc_start(const char *const argv[], const struct proc_how *how, int log_fd, pid_t *ret_pid,
               struct err *err);

/* Become that user for good.  For a child between fork and exec: async-signal-safe;
 * the reason of -1 is in errno.  Clears PR_SET_PDEATHSIG. */
int proc_become(const struct proc_user *user);

/* May `user` enter (a directory) or run (a program) what is at `path`?  We must be
 * root.  *ret: new string, the first part of the path that shuts him out, or NULL:
 * nothing does.  `path` is absolute and free of links; what does not exist shuts
 * nobody out. */
int proc_user_barrier(const struct proc_user *user, const char *path, char **ret, struct err *err);

/* The same as proc_start with all three standard descriptors given (borrowed); in_fd
 * -1: /dev/null. */
int proc_start_piped(const char *const argv[], const struct proc_how *how, int in_fd, int out_fd,
                     int err_fd, pid_t *ret_pid, struct err *err);

/* Wait up to timeout_ms; 1 ended (*ret_status set), 0 still running, -1 error. */
int proc_wait(pid_t pid, unsigned timeout_ms, int *ret_status, struct err *err);

/* SIGTERM, wait, then SIGKILL; returns the wait status. */
int proc_stop(pid_t pid, unsigned grace_ms);

/* "exit code 1", "killed by signal 9 (Killed)". */
const char *proc_status_text(char *buf, size_t size, int status);

/* Look a program up: a name with '/' must be executable; else PATH, then
 * /usr/sbin, /usr/local/sbin, /usr/libexec.  New string or NULL. */
char *proc_find(const char *name);

#endif
