#include "base/fsio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/mem.h"

static int write_failed(struct err *err, int errnum, const char *name)
{
	err_sys(err, errnum, "cannot write %s", name);
	if (errnum == ENOSPC)
		err_hint(err, "make room on the file system that holds %s", name);
	else if (errnum == EDQUOT)
		err_hint(err, "raise the quota for %s, or make room", name);
	return -1;
}

int fsio_write(int fd, const void *bytes, size_t n, const char *name, struct err *err)
{
	const char *p = bytes;
	while (n > 0) {
		ssize_t done = write(fd, p, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return write_failed(err, done < 0 ? errno : EIO, name);
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

int fsio_pwrite(int fd, const void *bytes, size_t n, uint64_t off, const char *name,
                struct err *err)
{
	const char *p = bytes;
	while (n > 0) {
		ssize_t done = pwrite(fd, p, n, (off_t)off);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return write_failed(err, done < 0 ? errno : EIO, name);
		p += done;
		off += (uint64_t)done;
		n -= (size_t)done;
	}
	return 0;
}

int fsio_pread(int fd, void *bytes, size_t n, uint64_t off, size_t *ret_n, const char *name,
               struct err *err)
{
	char *p = bytes;
	size_t got = 0;
	while (got < n) {
		ssize_t done = pread(fd, p + got, n - got, (off_t)(off + got));
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return err_sys(err, errno, "cannot read %s at offset %llu", name,
			               (unsigned long long)(off + got));
		if (done == 0)
			break;
		got += (size_t)done;
	}
	*ret_n = got;
	return 0;
}

int fsio_sync(int fd, const char *name, struct err *err)
{
	int rc;
	do
		rc = fsync(fd);
	while (rc < 0 && errno == EINTR);
	if (rc == 0)
		return 0;
	int errnum = errno;
	err_sys(err, errnum, "cannot make %s durable", name);
	if (errnum == ENOSPC)
		err_hint(err, "make room on the file system that holds %s", name);
	return -1;
}

/* The file may be a pipe or grow while it is read: what counts is what came. */
int fsio_read_file(const char *path, size_t max, char **ret_bytes, size_t *ret_n, struct err *err)
{
	int rc = -1;
	char *bytes = NULL;
	size_t n = 0, cap = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno, "cannot open %s", path);
	for (;;) {
		if (cap - n < 2) {
			cap = cap ? cap * 2 : 4096;
			bytes = mem_resize(bytes, cap, 1);
		}
		ssize_t done = read(fd, bytes + n, cap - n - 1);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0) {
			err_sys(err, errno, "cannot read %s", path);
			goto out;
		}
		if (done == 0)
			break;
		n += (size_t)done;
		if (n > max) {
			err_set(err, ERR_DAMAGED, "%s is larger than the %zu bytes it can be", path,
			        max);
			goto out;
		}
	}
	bytes[n] = '\0';
	*ret_bytes = bytes;
	*ret_n = n;
	bytes = NULL;
	rc = 0;
out:
	free(bytes);
	close(fd);
	return rc;
}

int fsio_replace(const char *path, const void *bytes, size_t n, mode_t mode, struct err *err)
{
	int rc = -1;
	char *tmp = mem_printf("%s.tmp-XXXXXX", path);
	int fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0) {
		err_sys(err, errno, "cannot make a file beside %s", path);
		goto out;
	}
	if (fchmod(fd, mode) < 0) {
		err_sys(err, errno, "cannot set the mode of %s", tmp);
		goto out;
	}
	if (fsio_write(fd, bytes, n, path, err) < 0 || fsio_sync(fd, path, err) < 0)
		goto out;
	if (rename(tmp, path) < 0) {
		err_sys(err, errno, "cannot rename %s to %s", tmp, path);
		goto out;
	}
	close(fd);
	fd = -1;
	rc = fsio_sync_parent(path, err);
out:
	if (fd >= 0) {
		unlink(tmp);
		close(fd);
	}
	free(tmp);
	return rc;
}

int fsio_unlink(const char *path, struct err *err)
{
	if (unlink(path) < 0 && errno != ENOENT)
		return err_sys(err, errno, "cannot remove %s", path);
	return 0;
}

int fsio_space(const char *path, uint64_t *ret_free, uint64_t *ret_total, struct err *err)
{
	struct statvfs v;
	if (statvfs(path, &v) < 0)
		return err_sys(err, errno, "cannot ask for the free space of %s", path);
	/* Root may use the blocks a file system keeps in reserve. */
	*ret_free = (uint64_t)(geteuid() == 0 ? v.f_bfree : v.f_bavail) * v.f_frsize;
	*ret_total = (uint64_t)v.f_blocks * v.f_frsize;
	return 0;
}
