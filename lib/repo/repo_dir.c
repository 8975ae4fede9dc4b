#include "repo/repo_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fsio.h"
#include "base/mem.h"
#include "base/str.h"

#define GET_CHUNK (256u << 10)

struct dir_repo {
	struct repo repo;
	char *root;
	/* Held open so that the file system cannot be unmounted under a running job, whose
	 * next object would then land in the empty mount point. */
	int pin_fd;
};

static const struct dir_repo *of(const struct repo *r)
{
	return (const struct dir_repo *)r;
}

static char *path_of(const struct repo *r, const char *name)
{
	return mem_printf("%s/%s", of(r)->root, name);
}

int repo_dir_failed(const char *root, struct err *err)
{
	if (err && err->kind == ERR_NO_SPACE)
		err_hint(err,
		         "make room in the repository %s: expire backups (mybakctl expire), keep "
		         "fewer of them (retention), or give it a larger disk or quota",
		         root);
	return -1;
}

static int dir_put(struct repo *r, const char *name, struct sink **ret, struct err *err)
{
	char *path = path_of(r, name);
	int rc = repo_dir_put_new(of(r)->root, path, ret, err);
	free(path);
	return rc;
}

static int dir_append(struct repo *r, const char *name, struct repo_append **ret, struct err *err)
{
	char *path = path_of(r, name);
	int rc = repo_dir_append_open(of(r)->root, path, ret, err);
	free(path);
	return rc;
}

/* Open for reading, with the size. */
static int open_object(const char *path, int *ret_fd, uint64_t *ret_size, struct err *err)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_sys(err, errno, "cannot open %s", path);
	if (fstat(fd, &st) < 0) {
		err_sys(err, errno, "cannot look at %s", path);
		close(fd);
		return -1;
	}
	if (!S_ISREG(st.st_mode)) {
		close(fd);
		return err_set(err, ERR_DAMAGED, "%s is not a regular file", path);
	}
	*ret_fd = fd;
	*ret_size = (uint64_t)st.st_size;
	return 0;
}

static int too_short(const char *path, uint64_t size, uint64_t off, uint64_t len, struct err *err)
{
	return err_set(err, ERR_DAMAGED,
	               "%s has %llu bytes, and %llu bytes at offset %llu were asked for", path,
	               (unsigned long long)size, (unsigned long long)len, (unsigned long long)off);
}

static int copy_range(int fd, const char *path, uint64_t off, uint64_t len, struct sink *to,
                      struct err *err)
{
	int rc = 0;
	unsigned char *buf = mem_alloc(GET_CHUNK);
	while (rc == 0 && len > 0) {
		size_t want = len < GET_CHUNK ? (size_t)len : GET_CHUNK, got;
		rc = fsio_pread(fd, buf, want, off, &got, path, err);
		if (rc == 0 && got < want)
			rc = too_short(path, off + got, off, len, err);
		if (rc == 0)
			rc = sink_write(to, buf, got, err);
		off += want;
		len -= want;
	}
	free(buf);
	return rc;
}

static int dir_get(struct repo *r, const char *name, uint64_t off, uint64_t len, struct sink *to,
                   struct err *err)
{
	int fd = -1, rc = -1;
	uint64_t size;
	char *path = path_of(r, name);
	if (open_object(path, &fd, &size, err) < 0)
		goto out;
	if (len == UINT64_MAX && off <= size)
		len = size - off;
	if (off > size || len > size - off)
		rc = too_short(path, size, off, len, err);
	else
		rc = copy_range(fd, path, off, len, to, err);
out:
	if (fd >= 0)
		close(fd);
	free(path);
	return rc;
}

static int dir_read(struct repo *r, const char *name, uint64_t off, void *buf, size_t len,
                    struct err *err)
{
	int fd = -1, rc = -1;
	uint64_t size;
	size_t got;
	char *path = path_of(r, name);
	if (open_object(path, &fd, &size, err) < 0)
		goto out;
	if (off > size || len > size - off) {
		too_short(path, size, off, len, err);
		goto out;
	}
	/* One request to the disk instead of many the size of its read-ahead. */
	posix_fadvise(fd, (off_t)off, (off_t)len, POSIX_FADV_WILLNEED);
	rc = fsio_pread(fd, buf, len, off, &got, path, err);
	if (rc == 0 && got < len)
		rc = too_short(path, off + got, off, len, err);
out:
	if (fd >= 0)
		close(fd);
	free(path);
	return rc;
}

static int dir_size(struct repo *r, const char *name, uint64_t *ret_bytes, struct err *err)
{
	struct stat st;
	int rc = 0;
	char *path = path_of(r, name);
	if (stat(path, &st) < 0)
		rc = err_sys(err, errno, "cannot look at %s", path);
	else if (!S_ISREG(st.st_mode))
		rc = err_set(err, ERR_DAMAGED, "%s is not a regular file", path);
	else
		*ret_bytes = (uint64_t)st.st_size;
	free(path);
	return rc;
}

static int list_entry(DIR *d, const char *path, const char *name, repo_each *each, void *arg,
                      struct err *err)
{
	struct stat st;
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || str_starts(name, REPO_DIR_TMP))
		return 0;
	if (fstatat(dirfd(d), name, &st, 0) < 0) {
		/* Removed since it was listed, or a link to nowhere: not an object. */
		if (errno == ENOENT || errno == ELOOP)
			return 0;
		return err_sys(err, errno, "cannot look at %s/%s", path, name);
	}
	if (S_ISREG(st.st_mode))
		return each(arg, name, (uint64_t)st.st_size, err);
	if (!S_ISDIR(st.st_mode))
		return 0;
	char *dir = mem_printf("%s/", name);
	int rc = each(arg, dir, 0, err);
	free(dir);
	return rc;
}

static int dir_list(struct repo *r, const char *prefix, repo_each *each, void *arg, struct err *err)
{
	int rc = 0;
	char *path = path_of(r, prefix);
	DIR *d = opendir(path);
	if (!d) {
		if (errno != ENOENT)
			rc = err_sys(err, errno, "cannot read directory %s", path);
		goto out;
	}
	while (rc == 0) {
		errno = 0;
		struct dirent *e = readdir(d);
		if (!e) {
			if (errno)
				rc = err_sys(err, errno, "cannot read directory %s", path);
			break;
		}
		rc = list_entry(d, path, e->d_name, each, arg, err);
	}
	closedir(d);
out:
	free(path);
	return rc;
}

static int dir_sweep(struct repo *r, const char *prefix, struct err *err)
{
	int rc = 0;
	struct dirent *e;
	char *path = path_of(r, prefix);
	DIR *d = opendir(path);
	if (!d && errno != ENOENT)
		rc = err_sys(err, errno, "cannot read directory %s", path);
	while (d && rc == 0 && (e = readdir(d)))
		if (str_starts(e->d_name, REPO_DIR_TMP) && unlinkat(dirfd(d), e->d_name, 0) < 0 &&
		    errno != ENOENT)
			rc = err_sys(err, errno, "cannot remove %s%s", path, e->d_name);
	if (d)
		closedir(d);
	free(path);
	return rc;
}

static int dir_remove(struct repo *r, const char *name, struct err *err)
{
	int rc = 0;
	char *path = path_of(r, name);
	if (unlink(path) == 0)
		rc = fsio_sync_parent(path, err);
	else if (errno != ENOENT && errno != ENOTDIR)
		rc = err_sys(err, errno, "cannot remove %s", path);
	free(path);
	return rc;
}

static int dir_remove_all(struct repo *r, const char *prefix, struct err *err)
{
	int rc = 0;
	struct stat st;
	char *path = path_of(r, prefix);
	path[strlen(path) - 1] = '\0'; /* the '/': a link is removed, not followed */
	if (lstat(path, &st) == 0) {
		rc = fsio_remove_tree(path, err);
		if (rc == 0)
			rc = fsio_sync_parent(path, err);
	} else if (errno != ENOENT && errno != ENOTDIR) {
		rc = err_sys(err, errno, "cannot look at %s", path);
	}
	free(path);
	return rc;
}

static int dir_lock(struct repo *r, const char *name, bool exclusive, const char *what,
                    void **ret_lock, struct err *err)
{
	int rc = 0;
	char *path = path_of(r, name);
	if (exclusive) {
		/* A reader of an instance that is not there must not make it. */
		char *dir = mem_strndup(path, (size_t)(strrchr(path, '/') - path));
		rc = fsio_mkdirs(dir, REPO_DIR_MODE, err);
		free(dir);
	}
	if (rc == 0)
		rc = repo_lock_take(path, exclusive, what, ret_lock, err);
	if (rc < 0)
		repo_dir_failed(of(r)->root, err);
	free(path);
	return rc;
}

static void dir_unlock(struct repo *r, void *lock)
{
	(void)r;
	repo_lock_release(lock);
}

static int dir_space(struct repo *r, uint64_t *ret_free, uint64_t *ret_total, struct err *err)
{
	return fsio_space(of(r)->root, ret_free, ret_total, err);
}

static void dir_close(struct repo *r)
{
	struct dir_repo *d = (struct dir_repo *)r;
	close(d->pin_fd);
	free(d->root);
	free(d);
}

static const struct repo_ops dir_ops = {
    .put = dir_put,
    .append = dir_append,
    .sweep = dir_sweep,
    .get = dir_get,
    .read = dir_read,
    .size = dir_size,
    .list = dir_list,
    .remove = dir_remove,
    .remove_all = dir_remove_all,
    .lock = dir_lock,
    .unlock = dir_unlock,
    .space = dir_space,
    .close = dir_close,
};

int repo_dir_open(const char *path, const struct repo_options *o, struct repo **ret,
                  struct err *err)
{
	if (o->must_be_mounted && repo_mount_check(path, err) < 0)
		return -1;
	if (o->create && fsio_mkdirs(path, REPO_DIR_MODE, err) < 0)
		return repo_dir_failed(path, err);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		int errnum = errno;
		err_sys(err, errnum, "cannot open repository %s", path);
		return errnum == ENOENT ? err_hint(err, "check the path, and that its file system "
		                                        "is mounted")
		                        : -1;
	}
	struct dir_repo *d = mem_zalloc(sizeof *d);
	d->repo.ops = &dir_ops;
	d->pin_fd = fd;
	d->root = mem_strdup(path);
	for (size_t n = strlen(d->root); n > 1 && d->root[n - 1] == '/'; n--)
		d->root[n - 1] = '\0';
	*ret = &d->repo;
	return 0;
}
