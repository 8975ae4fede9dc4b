#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fsio.h"
#include "base/mem.h"
#include "base/str.h"
#include "repo/repo_dir.h"

/* Write-back is started piece by piece, so that the fsync at the end finds little
 * left to do; what lies further behind than the lag is waited for and dropped from
 * the page cache, so that a backup neither piles up dirty memory nor pushes out
 * what the server needs cached. */
#define FLUSH_PIECE (8ull << 20)
#define FLUSH_LAG (64ull << 20)

struct put_sink {
	struct sink sink;
	int fd;
	char *root, *path, *tmp; /* tmp NULL: no longer there under that name */
	uint64_t written, started, dropped;
};

/* The wait reports, once, an error of earlier write-back: were it ignored here, the
 * fsync at the end would no longer see it. */
static int flush_range(const struct put_sink *s, uint64_t off, uint64_t n, unsigned how,
                       struct err *err)
{
	int rc;
	do
		rc = sync_file_range(s->fd, (off_t)off, (off_t)n, how);
	while (rc < 0 && errno == EINTR);
	if (rc == 0 || errno == ENOSYS || errno == EINVAL || errno == ESPIPE)
		return 0;
	return err_sys(err, errno, "cannot write %s", s->path);
}

static int flush_behind(struct put_sink *s, struct err *err)
{
	if (s->written - s->started < FLUSH_PIECE)
		return 0;
	if (flush_range(s, s->started, s->written - s->started, SYNC_FILE_RANGE_WRITE, err) < 0)
		return -1;
	s->started = s->written;
	if (s->started - s->dropped < FLUSH_LAG + FLUSH_PIECE)
		return 0;
	uint64_t n = s->started - FLUSH_LAG - s->dropped;
	if (flush_range(s, s->dropped, n,
	                SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
	                    SYNC_FILE_RANGE_WAIT_AFTER,
	                err) < 0)
		return -1;
	posix_fadvise(s->fd, (off_t)s->dropped, (off_t)n, POSIX_FADV_DONTNEED);
	s->dropped += n;
	return 0;
}

static int put_write(struct sink *sink, const void *bytes, size_t n, struct err *err)
{
	struct put_sink *s = (struct put_sink *)sink;
	if (fsio_write(s->fd, bytes, n, s->path, err) < 0)
		return repo_dir_failed(s->root, err);
	s->written += n;
	return flush_behind(s, err) < 0 ? repo_dir_failed(s->root, err) : 0;
}

static int exists_already(const char *path, struct err *err)
{
	err_set(err, ERR_BUSY, "%s is there already, and objects are written once", path);
	return err_hint(err, "see whether another mybakd writes into this repository");
}

/* From the temporary to the final name, which must be free. */
static int take_name(struct put_sink *s, struct err *err)
{
	if (renameat2(AT_FDCWD, s->tmp, AT_FDCWD, s->path, RENAME_NOREPLACE) == 0)
		goto taken;
	if (errno == EINVAL || errno == ENOSYS) {
		/* NFS and some FUSE file systems know no flags, but a link fails as well when
		 * the name is taken. */
		if (link(s->tmp, s->path) == 0) {
			unlink(s->tmp);
			goto taken;
		}
	}
	return errno == EEXIST ? exists_already(s->path, err)
	                       : err_sys(err, errno, "cannot give %s its name", s->path);
taken:
	free(s->tmp);
	s->tmp = NULL;
	return 0;
}

static int put_finish(struct sink *sink, struct err *err)
{
	struct put_sink *s = (struct put_sink *)sink;
	if (fsio_sync(s->fd, s->path, err) < 0 || take_name(s, err) < 0)
		return repo_dir_failed(s->root, err);
	posix_fadvise(s->fd, 0, 0, POSIX_FADV_DONTNEED);
	if (fsio_sync_parent(s->path, err) < 0) {
		/* A name that may not survive must not be relied upon by anything. */
		unlink(s->path);
		return repo_dir_failed(s->root, err);
	}
	return 0;
}

static void put_free(struct sink *sink)
{
	struct put_sink *s = (struct put_sink *)sink;
	if (s->fd >= 0)
		close(s->fd);
	if (s->tmp)
		unlink(s->tmp);
	free(s->tmp);
	free(s->path);
	free(s->root);
	free(s);
}

static const struct sink_ops put_ops = {
    .name = "repo_dir",
    .write = put_write,
    .finish = put_finish,
    .free = put_free,
};

int repo_dir_set_mode(int fd, const char *path, struct err *err)
{
	struct stat st;
	/* The umask has no say; where the file system knows no modes that is fine too. */
	if (fstat(fd, &st) == 0 && (st.st_mode & 0777) != REPO_DIR_FILE_MODE &&
	    fchmod(fd, REPO_DIR_FILE_MODE) < 0 && errno != EPERM && errno != EOPNOTSUPP)
		return err_sys(err, errno, "cannot set the mode of %s", path);
	return 0;
}

static int open_tmp(struct put_sink *s, const char *dir, struct err *err)
{
	unsigned char b[8];
	char hex[17];
	if (getrandom(b, sizeof b, 0) != (ssize_t)sizeof b)
		return err_set(err, ERR_FAILED, "no random bytes for a temporary name");
	str_hex(hex, b, sizeof b);
	char *tmp = mem_printf("%s/%s%s", dir, REPO_DIR_TMP, hex);
	s->fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, REPO_DIR_FILE_MODE);
	if (s->fd < 0) {
		err_sys(err, errno, "cannot make a file in %s", dir);
		free(tmp);
		return -1;
	}
	s->tmp = tmp;
	return repo_dir_set_mode(s->fd, tmp, err);
}

int repo_dir_put_new(const char *root, const char *path, struct sink **ret, struct err *err)
{
	struct stat st;
	/* Said now as well as at finish: nobody writes a gigabyte to be told then. */
	if (lstat(path, &st) == 0)
		return exists_already(path, err);
	struct put_sink *s = mem_zalloc(sizeof *s);
	char *dir = mem_strndup(path, (size_t)(strrchr(path, '/') - path));
	s->sink.ops = &put_ops;
	s->fd = -1;
	s->root = mem_strdup(root);
	s->path = mem_strdup(path);
	int rc = fsio_mkdirs(dir, REPO_DIR_MODE, err);
	if (rc == 0)
		rc = open_tmp(s, dir, err);
	if (rc == 0) {
		*ret = &s->sink;
	} else {
		repo_dir_failed(root, err);
		put_free(&s->sink);
	}
	free(dir);
	return rc;
}
