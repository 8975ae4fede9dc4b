#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fsio.h"
#include "base/mem.h"
#include "base/str.h"
#include "repo/repo_dir.h"

#define WHO_MAX 4096

struct dir_lock {
	int fd; /* -1: nothing to lock, see repo_lock_take */
	bool exclusive;
};

static void host_name(char name[256])
{
	if (gethostname(name, 256) < 0)
		strcpy(name, "?");
	name[255] = '\0';
}

static void cut(int fd, size_t n)
{
	int rc = ftruncate(fd, (off_t)n);
	(void)rc;
}

/* Tells others who has it.  They can do without: a full disk is no reason not to
 * expire backups. */
static void write_who(int fd, const char *what)
{
	char host[256], since[32];
	host_name(host);
	clock_format(since, sizeof since, clock_wall_us());
	json_t *who = json_pack("{s:s, s:i, s:s, s:s}", "host", host, "pid", (int)getpid(), "since",
	                        since, "what", what);
	char *text = who ? json_dumps(who, JSON_COMPACT) : NULL;
	json_decref(who);
	if (!text)
		return;
	size_t n = strlen(text);
	if (n < WHO_MAX && fsio_pwrite(fd, text, n, 0, "lock", NULL) == 0)
		cut(fd, n);
	free(text);
}

/* Shared holders overwrite each other's lines and leave them behind: one whose
 * process is gone tells nothing. */
static bool is_gone(const char *host, int pid)
{
	char own[256];
	host_name(own);
	return strcmp(own, host) == 0 && (pid <= 0 || (kill(pid, 0) < 0 && errno == ESRCH));
}

/* "by host db1, pid 4711, since 2026-…: full backup" */
static void read_who(int fd, struct str *out)
{
	char text[WHO_MAX];
	size_t n = 0;
	const char *host, *since, *what;
	int pid;
	json_t *who = NULL;
	if (fsio_pread(fd, text, sizeof text, 0, &n, "lock", NULL) == 0)
		who = json_loadb(text, n, 0, NULL);
	if (who &&
	    json_unpack(who, "{s:s, s:i, s:s, s:s}", "host", &host, "pid", &pid, "since", &since,
	                "what", &what) == 0 &&
	    !is_gone(host, pid))
		str_addf(out, "by host %s, pid %d, since %s: %s", host, pid, since, what);
	else
		str_add(out, "by another process, which did not leave its name");
	json_decref(who);
}

/* Whatever the umask, and made by root (a restore) in somebody else's repository it is
 * theirs: their daemon must be able to lock it afterwards. */
static int make_lock(const char *path)
{
	struct stat dir;
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, REPO_DIR_FILE_MODE);
	if (fd < 0)
		return errno == EEXIST ? open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW) : -1;
	int rc = fchmod(fd, REPO_DIR_FILE_MODE);
	char *parent = mem_strndup(path, (size_t)(strrchr(path, '/') - path));
	if (geteuid() == 0 && stat(parent, &dir) == 0)
		rc |= fchown(fd, dir.st_uid, dir.st_gid);
	(void)rc; /* where the file system knows neither, all are equal */
	free(parent);
	return fd;
}

static int open_lock(const char *path, bool exclusive, int *ret_fd, struct err *err)
{
	/* Not readable by others means not lockable by others: a lock that anybody could
	 * take would let anybody stop the backups. */
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		fd = make_lock(path);
	int errnum = errno;
	if (fd < 0 && !exclusive) {
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		/* Cannot be made and is not there, or cannot even be read. */
		if (fd < 0 && (errnum == EROFS || errnum == EACCES || errnum == EPERM ||
		               errnum == ENOENT || errnum == ENOTDIR)) {
			*ret_fd = -1;
			return 0;
		}
	}
	if (fd < 0)
		return err_sys(err, errnum, "cannot open lock %s", path);
	*ret_fd = fd;
	return 0;
}

static int busy(const char *path, int fd, struct err *err)
{
	struct str who = {0};
	read_who(fd, &who);
	err_set(err, ERR_BUSY, "%s is held %s", path, str_text(&who));
	str_done(&who);
	return err_hint(err, "wait until it is done, or cancel it, and try again");
}

int repo_lock_take(const char *path, bool exclusive, const char *what, void **ret_lock,
                   struct err *err)
{
	int fd, rc;
	if (open_lock(path, exclusive, &fd, err) < 0)
		return -1;
	if (fd >= 0) {
		do
			rc = flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB);
		while (rc < 0 && errno == EINTR);
		if (rc < 0) {
			rc = errno == EWOULDBLOCK ? busy(path, fd, err)
			                          : err_sys(err, errno, "cannot lock %s", path);
			close(fd);
			return rc;
		}
		write_who(fd, what);
	}
	struct dir_lock *lock = mem_zalloc(sizeof *lock);
	*lock = (struct dir_lock){.fd = fd, .exclusive = exclusive};
	*ret_lock = lock;
	return 0;
}

void repo_lock_release(void *lock)
{
	struct dir_lock *l = lock;
	if (!l)
		return;
	if (l->fd >= 0) {
		/* Before the lock is let go, or the next holder's line would be lost. */
		if (l->exclusive)
			cut(l->fd, 0);
		close(l->fd);
	}
	free(l);
}
