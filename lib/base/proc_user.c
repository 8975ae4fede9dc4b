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

int proc_user_barrier(const struct proc_user *user, const char *path, char **ret, struct err *err)
{
	int kept_out = is_kept_out(user, path, err);
	char *part = NULL;

	/* From the top down: everything below the first that is shut is shut as well. */
	for (size_t n = kept_out > 0 ? 1 : 0; n > 0;) {
		part = mem_strndup(path, n);
		kept_out = is_kept_out(user, part, err);
		if (kept_out != 0 || !path[n])
			break;
		free(part);
		n += strspn(path + n, "/");
		n += strcspn(path + n, "/");
	}
	if (kept_out > 0)
		*ret = part;
	else
		free(part);
	if (kept_out == 0)
		*ret = NULL;
	return kept_out < 0 ? -1 : 0;
}
