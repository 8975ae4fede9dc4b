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

/* Start and go on.  stdout and stderr go to log_fd.  The child dies with this
 * process, or with the thread that started it if that ends first
 * (PR_SET_PDEATHSIG), is in a process group of its own, and starts in `cwd` (NULL: the present one).
 * extra_env: NULL, or a NULL-terminated list of "K=V" added to the environment. */
int proc_start(const char *const argv[], const char *cwd, const char *const extra_env[],
               int log_fd, pid_t *ret_pid, struct err *err);

/* The same, but the child has a session of its own and outlives this process. */
int proc_start_detached(const char *const argv[], const char *cwd, const char *const extra_env[],
                        int log_fd, pid_t *ret_pid, struct err *err);

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
