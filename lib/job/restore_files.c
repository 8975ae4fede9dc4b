#include "job/restore_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fsio.h"
#include "base/str.h"
#include "job/restore_fds.h"

/* Below this a file is written in one go anyhow; asking for its blocks first only
 * costs time, twenty thousand times. */
#define PREALLOCATE_FROM (1u << 20)
/* Holes are kept in units a file system can leave out. */
#define HOLE_UNIT 4096u
/* Ranges whose write-back is started at once: by the end little is left to wait for. */
#define WRITE_BACK_FROM (128u << 10)

static bool has_bytes(const struct manifest_file *f)
{
	return f->kind == FILE_PLAIN || f->kind == FILE_INNODB;
}

/* The parents of `path` below `dir`; they get their own mode when their turn comes. */
static int make_parents(const char *dir, char *path, struct err *err)
{
	for (char *s = path + strlen(dir) + 1; (s = strchr(s, '/')); s++) {
		*s = '\0';
		int rc = mkdir(path, 0700);
		int errnum = errno;
		if (rc < 0 && errnum != EEXIST) {
			err_sys(err, errnum, "cannot make directory %s", path);
			*s = '/';
			return -1;
		}
		*s = '/';
	}
	return 0;
}

static int make_dir(const struct place *pl, char *path, struct err *err)
{
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return 0;
	if (errno != ENOENT)
		return err_sys(err, errno, "cannot make directory %s", path);
	if (make_parents(pl->dir, path, err) < 0)
		return -1;
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_sys(err, errno, "cannot make directory %s", path);
	return 0;
}

static int set_size(int fd, const struct manifest_file *f, const char *path, struct err *err)
{
	if (f->size == 0)
		return 0;
	if (!f->sparse && f->size >= PREALLOCATE_FROM) {
		int rc;
		do
			rc = fallocate(fd, 0, 0, (off_t)f->size);
		while (rc < 0 && errno == EINTR);
		if (rc == 0)
			return 0;
		if (errno != EOPNOTSUPP && errno != ENOSYS)
			return err_sys(err, errno, "cannot reserve %llu bytes for %s",
			               (unsigned long long)f->size, path);
	}
	if (ftruncate(fd, (off_t)f->size) < 0)
		return err_sys(err, errno, "cannot set the size of %s", path);
	return 0;
}

static int set_owner(int fd, const struct manifest_file *f, const char *path, struct err *err)
{
	/* Writable for us until the end, whatever it was. */
	if (geteuid() == 0 && fchown(fd, f->uid, f->gid) < 0)
		return err_sys(err, errno, "cannot set the owner of %s", path);
	if (fchmod(fd, (f->mode & 07777) | 0600) < 0)
		return err_sys(err, errno, "cannot set the mode of %s", path);
	return 0;
}

static int make_file(const struct place *pl, const struct manifest_file *f, char *path,
                     struct err *err)
{
	int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int fd = open(path, flags, 0600);

	if (fd < 0 && errno == ENOENT) {
		if (make_parents(pl->dir, path, err) < 0)
			return -1;
		fd = open(path, flags, 0600);
	}
	if (fd < 0)
		return err_sys(err, errno, "cannot make %s", path);
	int rc = set_size(fd, f, path, err) < 0 || set_owner(fd, f, path, err) < 0 ? -1 : 0;
	if (close(fd) < 0 && rc == 0)
		rc = err_sys(err, errno, "cannot close %s", path);
	return rc;
}

int restore_files_create(const struct restore_files *r, struct err *err)
{
	for (size_t i = 0; i < r->m->files.n; i++) {
		const struct manifest_file *f = &r->m->files.v[i];
		const struct place *pl = &r->places->v[f->root];
		int rc = cancel_check(r->cancel, err);
		char *path = NULL;
		if (rc == 0 && (has_bytes(f) || f->kind == FILE_DIR)) {
			path = places_path(r->places, f);
			rc = f->kind == FILE_DIR ? make_dir(pl, path, err)
			                         : make_file(pl, f, path, err);
		}
		free(path);
		if (rc < 0)
			return -1;
	}
	return 0;
}

struct copy {
	const struct restore_files *files;
	const struct restore_plan *plan;
	struct restore_fds *fds;
};

static int open_file(void *arg, uint32_t file, struct err *err)
{
	const struct restore_files *r = arg;
	char *path = places_path(r->places, &r->m->files.v[file]);
	int fd = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		err_sys(err, errno, "cannot open %s", path);
	free(path);
	return fd;
}

/* Where the next unit of the file begins, at most `end`. */
static uint64_t unit_end(uint64_t off, uint64_t end)
{
	uint64_t next = (off / HOLE_UNIT + 1) * HOLE_UNIT;

	return next < end ? next : end;
}

/* Runs of whole zero units stay unwritten. */
static int write_sparse(int fd, const unsigned char *raw, uint64_t off, uint64_t len,
                        const char *name, struct err *err)
{
	uint64_t at = off, end = off + len;

	while (at < end) {
		uint64_t to = at, next;
		while (to < end && (next = unit_end(to, end)) &&
		       !bytes_all_zero(raw + (to - off), next - to))
			to = next;
		if (to > at && fsio_pwrite(fd, raw + (at - off), to - at, at, name, err) < 0)
			return -1;
		at = to < end ? unit_end(to, end) : end;
	}
	return 0;
}

static int write_piece(const struct copy *c, int fd, const struct restore_piece *p,
                       const unsigned char *raw, struct err *err)
{
	const struct manifest_file *f = &c->files->m->files.v[p->file];
	int rc;

	if (f->sparse)
		rc = write_sparse(fd, raw + p->raw_off, p->off, p->len, f->path, err);
	else
		rc = fsio_pwrite(fd, raw + p->raw_off, p->len, p->off, f->path, err);
	if (rc == 0 && p->len >= WRITE_BACK_FROM)
		sync_file_range(fd, (off_t)p->off, p->len, SYNC_FILE_RANGE_WRITE);
	return rc;
}

static int write_frame(void *arg, size_t i, const unsigned char *raw, struct err *err)
{
	const struct copy *c = arg;
	const struct restore_plan *plan = c->plan;
	size_t end = restore_plan_end(plan, i);
	uint64_t bytes = 0;

	for (size_t k = plan->first_piece.v[i]; k < end;) {
		uint32_t file = plan->pieces.v[k].file;
		int fd, rc = 0;
		if (restore_fds_get(c->fds, file, &fd, err) < 0)
			return -1;
		for (; rc == 0 && k < end && plan->pieces.v[k].file == file; k++) {
			rc = write_piece(c, fd, &plan->pieces.v[k], raw, err);
			bytes += plan->pieces.v[k].len;
		}
		restore_fds_put(c->fds, file);
		if (rc < 0)
			return -1;
	}
	if (c->files->progress)
		progress_add(c->files->progress, bytes);
	return 0;
}

int restore_files_copy(const struct restore_files *r, struct repo *repo,
                       const struct restore_plan *plan, unsigned threads, struct err *err)
{
	struct restore_files files = *r;
	struct copy c = {.files = r, .plan = plan};
	struct frames_job job = {
	    .repo = repo,
	    .packs = plan->packs.v,
	    .frames = plan->frames.v,
	    .n = plan->frames.n,
	    .threads = threads,
	    .cancel = r->cancel,
	    .good = write_frame,
	    .arg = &c,
	};
	int rc;

	c.fds = restore_fds_new(r->m->files.n, open_file, &files);
	rc = frames_read(&job, err);
	restore_fds_free(c.fds);
	return rc;
}
