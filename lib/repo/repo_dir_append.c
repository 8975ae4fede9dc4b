#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fsio.h"
#include "base/mem.h"
#include "repo/repo_dir.h"

struct dir_append {
	struct repo_append append;
	int fd;
	char *root, *path;
};

static int append_write(struct repo_append *append, const void *bytes, size_t n, struct err *err)
{
	struct dir_append *a = (struct dir_append *)append;
	if (fsio_pwrite(a->fd, bytes, n, append->size, a->path, err) == 0) {
		append->size += n;
		return 0;
	}
	/* What came through in part is in the way of nobody, but takes room that is
	 * short: the next write goes to the same place anyway. */
	int rc = ftruncate(a->fd, (off_t)append->size);
	(void)rc;
	return repo_dir_failed(a->root, err);
}

static int append_cut(struct repo_append *append, uint64_t size, struct err *err)
{
	struct dir_append *a = (struct dir_append *)append;
	int rc;
	if (size > append->size)
		return err_set(err, ERR_USAGE, "%s has %llu bytes and cannot be cut to %llu",
		               a->path, (unsigned long long)append->size, (unsigned long long)size);
	do
		rc = ftruncate(a->fd, (off_t)size);
	while (rc < 0 && errno == EINTR);
	if (rc < 0)
		return err_sys(err, errno, "cannot cut %s to %llu bytes", a->path,
		               (unsigned long long)size);
	append->size = size;
	return 0;
}

static int append_sync(struct repo_append *append, struct err *err)
{
	struct dir_append *a = (struct dir_append *)append;
	return fsio_sync(a->fd, a->path, err) < 0 ? repo_dir_failed(a->root, err) : 0;
}

static void append_close(struct repo_append *append)
{
	struct dir_append *a = (struct dir_append *)append;
	if (a->fd >= 0)
		close(a->fd);
	free(a->path);
	free(a->root);
	free(a);
}

static const struct repo_append_ops append_ops = {
    .write = append_write,
    .cut = append_cut,
    .sync = append_sync,
    .close = append_close,
};

static int open_file(struct dir_append *a, struct err *err)
{
	struct stat st;
	a->fd = open(a->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
	             REPO_DIR_FILE_MODE);
	if (a->fd < 0)
		return err_sys(err, errno, "cannot open %s", a->path);
	if (fstat(a->fd, &st) < 0)
		return err_sys(err, errno, "cannot look at %s", a->path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_DAMAGED, "%s is not a regular file", a->path);
	a->append.size = (uint64_t)st.st_size;
	if (repo_dir_set_mode(a->fd, a->path, err) < 0)
		return -1;
	/* Always: who made it may have been killed before the name was durable. */
	return fsio_sync_parent(a->path, err);
}

int repo_dir_append_open(const char *root, const char *path, struct repo_append **ret,
                         struct err *err)
{
	struct dir_append *a = mem_zalloc(sizeof *a);
	char *dir = mem_strndup(path, (size_t)(strrchr(path, '/') - path));
	a->append.ops = &append_ops;
	a->fd = -1;
	a->root = mem_strdup(root);
	a->path = mem_strdup(path);
	int rc = fsio_mkdirs(dir, REPO_DIR_MODE, err);
	if (rc == 0)
		rc = open_file(a, err);
	if (rc == 0) {
		*ret = &a->append;
	} else {
		repo_dir_failed(root, err);
		append_close(&a->append);
	}
	free(dir);
	return rc;
}
