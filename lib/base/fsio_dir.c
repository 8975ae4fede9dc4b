#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fsio.h"
#include "base/mem.h"

int fsio_sync_dir(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno, "cannot open directory %s", path);
	int rc = 0;
	/* EINVAL: a file system that knows no fsync of directories (some CIFS and FUSE
	 * mounts); there is nothing more one could do. */
	if (fsync(fd) < 0 && errno != EINVAL)
		rc = err_sys(err, errno, "cannot make directory %s durable", path);
	close(fd);
	return rc;
}

/* The directory that holds `path`, as a new string. */
static char *parent_of(const char *path)
{
	size_t n = strlen(path);
	while (n > 1 && path[n - 1] == '/')
		n--;
	while (n > 0 && path[n - 1] != '/')
		n--;
	if (n == 0)
		return mem_strdup(".");
	while (n > 1 && path[n - 1] == '/')
		n--;
	return mem_strndup(path, n);
}

int fsio_sync_parent(const char *path, struct err *err)
{
	char *parent = parent_of(path);
	int rc = fsio_sync_dir(parent, err);
	free(parent);
	return rc;
}

static int make_one(const char *path, mode_t mode, struct err *err)
{
	struct stat st;
	if (mkdir(path, mode) == 0) {
		/* The umask of whoever started the process decides nothing here; where a
		 * file system has no modes of its own that is fine too. */
		if (chmod(path, mode) < 0 && errno != EPERM && errno != EOPNOTSUPP)
			return err_sys(err, errno, "cannot set the mode of directory %s", path);
		return fsio_sync_parent(path, err);
	}
	int errnum = errno;
	/* A read-only or forbidden ancestor that is there is good enough. */
	if (stat(path, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			return 0;
		errnum = ENOTDIR;
	}
	return err_sys(err, errnum, "cannot make directory %s", path);
}

int fsio_mkdirs(const char *path, mode_t mode, struct err *err)
{
	struct stat st;
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	int rc = 0;
	char *p = mem_strdup(path);
	for (char *s = p + 1; rc == 0 && p[0] && *s; s++) {
		if (*s != '/' || s[-1] == '/')
			continue;
		*s = '\0';
		rc = make_one(p, mode, err);
		*s = '/';
	}
	if (rc == 0)
		rc = make_one(p, mode, err);
	free(p);
	return rc;
}

/* Works on descriptors from the top down, so that a link put in place of a
 * directory meanwhile leads nowhere. */
static int remove_below(int dirfd, const char *path, struct err *err);

static int remove_entry(int dirfd, const char *name, const char *path, struct err *err)
{
	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return err_sys(err, errno, "cannot remove %s", path);
	int errnum = errno;
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0
		                       : err_sys(err, errno == ENOTDIR ? errnum : errno,
		                                 "cannot remove %s", path);
	if (remove_below(fd, path, err) < 0)
		return -1;
	if (unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return err_sys(err, errno, "cannot remove directory %s", path);
	return 0;
}

/* Takes dirfd over. */
static int remove_below(int dirfd, const char *path, struct err *err)
{
	DIR *d = fdopendir(dirfd);
	if (!d) {
		err_sys(err, errno, "cannot read directory %s", path);
		close(dirfd);
		return -1;
	}
	int rc = 0;
	for (;;) {
		errno = 0;
		struct dirent *e = readdir(d);
		if (!e) {
			if (errno)
				rc = err_sys(err, errno, "cannot read directory %s", path);
			break;
		}
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		char *name = mem_printf("%s/%s", path, e->d_name);
		rc = remove_entry(dirfd, e->d_name, name, err);
		free(name);
		if (rc < 0)
			break;
	}
	closedir(d);
	return rc;
}

int fsio_remove_tree(const char *path, struct err *err)
{
	return remove_entry(AT_FDCWD, path, path, err);
}

int fsio_is_empty_dir(const char *path, bool *ret_empty, struct err *err)
{
	DIR *d = opendir(path);
	if (!d) {
		if (errno != ENOENT)
			return err_sys(err, errno, "cannot read directory %s", path);
		*ret_empty = true;
		return 0;
	}
	bool empty = true;
	struct dirent *e;
	errno = 0;
	while (empty && (e = readdir(d)))
		empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
	int errnum = errno;
	closedir(d);
	if (empty && errnum)
		return err_sys(err, errnum, "cannot read directory %s", path);
	*ret_empty = empty;
	return 0;
}
