/* restore_target: who uses a directory, and what room it has. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fsio.h"
#include "base/mem.h"
#include "job/restore_target_parts.h"

bool target_is_within(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return !strncmp(path, dir, n) && (!path[n] || path[n] == '/' || !strcmp(dir, "/"));
}

static bool is_locked(const char *path)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	bool locked = false;

	if (fd < 0)
		return false;
	if (fcntl(fd, F_GETLK, &lock) == 0)
		locked = lock.l_type != F_UNLCK;
	close(fd);
	return locked;
}

static char *find_locked(const char *dir)
{
	static const char *const names[] = {"ibdata1", "aria_log_control"};
	char *found = NULL;

	for (size_t i = 0; i < 2 && !found; i++) {
		char *path = mem_printf("%s/%s", dir, names[i]);
		if (is_locked(path))
			found = mem_printf("a running server holds a lock on %s", path);
		free(path);
	}
	return found;
}

/* A regular file below `dir` that process `pid` has open, or NULL. */
static char *find_open_of(long pid, const char *dir)
{
	char *fds = mem_printf("/proc/%ld/fd", pid), to[PATH_MAX], *found = NULL;
	DIR *d = opendir(fds);
	struct dirent *e;

	while (d && !found && (e = readdir(d))) {
		ssize_t n = readlinkat(dirfd(d), e->d_name, to, sizeof to - 1);
		struct stat st;
		if (n <= 0)
			continue;
		to[n] = '\0';
		if (target_is_within(to, dir) && stat(to, &st) == 0 && S_ISREG(st.st_mode))
			found = mem_printf("process %ld has %s open", pid, to);
	}
	if (d)
		closedir(d);
	free(fds);
	return found;
}

static char *find_open(const char *dir)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	char *found = NULL;

	while (d && !found && (e = readdir(d))) {
		long pid = strtol(e->d_name, NULL, 10);
		if (pid > 0 && pid != (long)getpid())
			found = find_open_of(pid, dir);
	}
	if (d)
		closedir(d);
	return found;
}

char *target_in_use(const char *dir)
{
	char *found = find_locked(dir);

	return found ? found : find_open(dir);
}

/* A database of a running server: as long as nobody uses its tables, nothing in it
 * is locked or open. */
int target_check_above(const char *path, struct err *err)
{
	char *above = mem_strdup(path), *slash, *how = NULL;
	int rc = 0;

	while (!how && (slash = strrchr(above, '/')) && slash != above) {
		*slash = '\0';
		how = find_locked(above);
	}
	if (how) {
		err_set(err, ERR_REFUSED, "%s lies in a data directory that is in use: %s", path,
		        how);
		rc = err_hint(err, "restore into a directory of its own");
	}
	free(how);
	free(above);
	return rc;
}

int target_check_use(const char *path, struct err *err)
{
	char *how = target_in_use(path);

	if (!how)
		return 0;
	err_set(err, ERR_REFUSED, "%s is in use: %s", path, how);
	free(how);
	return err_hint(err, "stop that server first, or restore into another directory");
}

int target_space(const char *path, uint64_t *ret_dev, uint64_t *ret_free, struct err *err)
{
	char *p = mem_strdup(path);
	struct stat st;
	uint64_t total;
	int rc;

	while (stat(p, &st) < 0) {
		char *slash = strrchr(p, '/');
		if (!slash)
			break;
		slash[slash == p] = '\0';
		if (slash == p)
			break;
	}
	rc = stat(p, &st) < 0 ? err_sys(err, errno, "cannot look at %s", p) : 0;
	if (rc == 0)
		rc = fsio_space(p, ret_free, &total, err);
	if (rc == 0)
		*ret_dev = (uint64_t)st.st_dev;
	free(p);
	return rc;
}
