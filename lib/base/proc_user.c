/* proc, second part: being another user, and what he may enter. */
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/proc.h"

int proc_become(const struct proc_user *user)
{
	/* Groups first: without root's rights they cannot be changed any more. */
	if (setgroups(0, NULL) < 0 || setresgid(user->gid, user->gid, user->gid) < 0)
		return -1;
	return setresuid(user->uid, user->uid, user->uid);
}

/* 1: kept out, 0: not.  The kernel itself is asked, by a child that is that user:
 * mode bits alone are not the whole answer (ACLs, file systems of other hosts). */
static int is_kept_out(const struct proc_user *user, const char *path, struct err *err)
{
	sigset_t all, before;
	int status = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid_t pid = fork();
	if (pid == 0) {
		if (proc_become(user) < 0)
			_exit(2);
		_exit(access(path, X_OK) < 0 && errno == EACCES);
	}
	int errnum = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (pid < 0)
		return err_sys(err, errnum, "cannot fork to look at %s", path);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) < 2)
		return WEXITSTATUS(status);
	return err_set(err, ERR_REFUSED, "cannot look at %s as user %u, group %u", path,
	               (unsigned)user->uid, (unsigned)user->gid);
}

/* The first part of `path` that shuts the user out.  From the top down: everything
 * below it is shut as well.  1: *ret is there, 0: nothing does any more, -1. */
static int find_shut(const struct proc_user *user, const char *path, char **ret, struct err *err)
{
	for (size_t n = 1;;) {
		char *part = mem_strndup(path, n);
		int kept_out = is_kept_out(user, part, err);
		if (kept_out > 0) {
			*ret = part;
			return 1;
		}
		free(part);
		if (kept_out < 0 || !path[n])
			return kept_out;
		n += strspn(path + n, "/");
		n += strcspn(path + n, "/");
	}
}

int proc_user_barrier(const struct proc_user *user, const char *path, char **ret, struct err *err)
{
	char *shut = NULL;
	int kept_out = is_kept_out(user, path, err);

	if (kept_out > 0)
		kept_out = find_shut(user, path, &shut, err);
	if (kept_out < 0)
		return -1;
	*ret = shut;
	return 0;
}
