#include "source/work.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fsio.h"
#include "base/str.h"
#include "innodb/page.h"
#include "source/geometry.h"

#define RANGE_BYTES (64ull << 20)

void work_init(struct work *w)
{
	*w = (struct work){.fd = -1};
}

void work_done(struct work *w)
{
	for (size_t i = 0; i < w->files.n; i++)
		free(w->files.v[i].found.path);
	vec_done(&w->files);
	for (size_t i = 0; i < w->ready.n; i++) {
		free(w->ready.v[i].mem);
		if (w->ready.v[i].fd >= 0)
			close(w->ready.v[i].fd);
	}
	vec_done(&w->ready);
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}

struct work_file *work_add(struct work *w, struct found *f)
{
	struct work_file *x = vec_push(&w->files);
	*x = (struct work_file){.found = *f, .to = UINT64_MAX};
	f->path = NULL;
	return x;
}

static int larger_first(const void *a, const void *b)
{
	const struct work_file *x = a, *y = b;
	if (x->found.stamp.size != y->found.stamp.size)
		return x->found.stamp.size > y->found.stamp.size ? -1 : 1;
	return strcmp(x->found.path, y->found.path);
}

void work_sort(struct work *w)
{
	if (w->files.n)
		qsort(w->files.v, w->files.n, sizeof *w->files.v, larger_first);
}

static uint32_t add_manifest_file(struct manifest *out, const struct found *f, enum file_kind kind)
{
	struct manifest_file *m = vec_push(&out->files);
	*m = (struct manifest_file){
	    .path = mem_strdup(f->path),
	    .root = f->root,
	    .kind = (uint8_t)kind,
	    .sparse = f->sparse,
	    .mode = f->mode,
	    .uid = f->uid,
	    .gid = f->gid,
	    .size = kind == FILE_DIR ? 0 : f->stamp.size,
	    .base = -1,
	    .stamp = f->stamp,
	};
	return (uint32_t)(out->files.n - 1);
}

void work_add_range(struct work *w, uint32_t number, uint64_t off, unsigned char *bytes, uint64_t n)
{
	struct item *item = vec_push(&w->ready);
	*item = (struct item){
	    .file = number,
	    .name = w->out->files.v[number].path,
	    .fd = -1,
	    .off = off,
	    .len = n,
	    .file_size = off + n,
	};
	item->mem = bytes; /* freed by whoever takes the item */
}

uint32_t work_add_memory(struct work *w, const struct found *like, unsigned char *bytes, uint64_t n)
{
	uint32_t number = add_manifest_file(w->out, like, FILE_PLAIN);
	w->out->files.v[number].size = n;
	work_add_range(w, number, 0, bytes, n);
	return number;
}

uint32_t work_add_open(struct work *w, const struct found *like, int fd, uint64_t from, uint64_t n)
{
	uint32_t number = add_manifest_file(w->out, like, FILE_PLAIN);
	w->out->files.v[number].size = n;
	*vec_push(&w->ready) = (struct item){
	    .file = number,
	    .name = w->out->files.v[number].path,
	    .fd = fd,
	    .hurry = w->hurry,
	    .off = from,
	    .len = n - from,
	    .file_size = n,
	};
	return number;
}

/* A direct write moves the time stamps when it is submitted, not when it lands.  A
 * tablespace counts as unchanged only if the parent looked so long after its last
 * change that no disk held a write back until after it was read. */
#define WRITE_LANDED_NS 60000000000LL

static bool writes_had_landed(const struct file_stamp *was)
{
	return was->seen_ns - WRITE_LANDED_NS >= was->mtime_ns &&
	       was->seen_ns - WRITE_LANDED_NS >= was->ctime_ns;
}

/* Number of the parent's file that has every byte of this one, or -1. */
static int64_t find_unchanged(const struct work *w, const struct found *f)
{
	int64_t p;
	if (f->kind == FOUND_LOG || !w->parent->m)
		return -1;
	p = f->kind == FOUND_INNODB ? parent_find_innodb(w->parent, &f->stamp)
	                            : parent_find_plain(w->parent, w->out, f);
	if (p < 0)
		return -1;
	const struct manifest_file *was = &w->parent->m->files.v[p];
	if (!stamp_unchanged(&was->stamp, &f->stamp))
		return -1;
	if (f->kind == FOUND_INNODB && !writes_had_landed(&was->stamp))
		return -1;
	/* Stores into a mapped file do not always move its time stamps. */
	if (w->myisam_mmap && str_ends(f->path, ".MYD"))
		return -1;
	/* Another size: it was cut short while the parent read it. */
	return was->size == f->stamp.size ? p : -1;
}

/* A directory, or a file the parent has: nothing is opened. */
static bool take_unread(struct work *w, struct work_file *x)
{
	const struct found *f = &x->found;
	int64_t p = -1;

	if (f->kind != FOUND_DIR && (p = find_unchanged(w, f)) < 0)
		return false;
	enum file_kind kind = f->kind == FOUND_DIR      ? FILE_DIR
	                      : f->kind == FOUND_INNODB ? FILE_INNODB
	                                                : FILE_PLAIN;
	x->number = add_manifest_file(w->out, f, kind);
	x->state = WORK_UNCHANGED;
	if (p < 0)
		return true;
	const struct manifest_file *was = &w->parent->m->files.v[p];
	struct manifest_file *m = &w->out->files.v[x->number];
	m->base = p;
	m->page_size = was->page_size;
	m->space_id = was->space_id;
	m->fsp_flags = was->fsp_flags;
	return true;
}

/* 1 open and still the file that was seen; 0 it is not. */
static int open_same(struct work *w, struct work_file *x, int *ret_fd, struct err *err)
{
	char *path = scan_absolute(w->out, x->found.root, x->found.path);
	int rc = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOATIME);
	if (fd < 0 && errno == EPERM) /* O_NOATIME is for the owner only */
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		if (errno != ENOENT) {
			rc = err_sys(err, errno, "cannot open %s", path);
			err_hint(err, "run mybakd as the user that owns the data directory "
			              "(User=mysql in the "
			              "unit), or give it read access");
		}
	} else {
		struct file_stamp now;
		if (scan_stamp(w->out, fd, &now) != 0)
			rc = err_sys(err, errno, "statx %s", path);
		else if (stamp_same_file(&x->found.stamp, &now)) {
			x->found.stamp = now;
			*ret_fd = fd;
			fd = -1;
			rc = 1;
		}
		if (fd >= 0)
			close(fd);
	}
	free(path);
	return rc;
}

int work_vanished(const struct work *w, const struct found *f, struct err *err)
{
	char *path = scan_absolute(w->out, f->root, f->path);

	err_set(err, ERR_FAILED,
	        "the tablespace %s vanished or was exchanged although no DDL could run: it would "
	        "be missing from the backup",
	        path);
	free(path);
	return err_hint(err, "see that its disk is mounted and that nobody moves files of a "
	                     "running server, and start the backup again");
}

/* Files of the system tablespace after the first have no header of their own. */
static int system_header_fd(struct work *w, const struct work_file *x, int own_fd, int *ret_fd,
                            struct err *err)
{
	int k = names_system(w->names, x->found.path);
	*ret_fd = own_fd;
	if (k <= 0)
		return 0;
	w->model.first_page = 0;
	for (int i = 0; i < k; i++)
		w->model.first_page += w->names->system.v[i].size / w->server_page_size;
	char *path = scan_absolute(w->out, x->found.root, w->names->system.v[0].name);
	*ret_fd = open(path, O_RDONLY | O_CLOEXEC);
	int rc = *ret_fd < 0 ? err_sys(err, errno, "cannot open %s", path) : 0;
	free(path);
	return rc;
}

static void read_doublewrite(struct work *w, int fd, const char *name)
{
	uint32_t size = w->model.page_size;
	struct err ignored;
	size_t n;
	unsigned char *page = mem_alloc(size);
	if (fsio_pread(fd, page, size, 5ull * size, &n, name, &ignored) == 0 && n == size)
		page_doublewrite(page, size, &w->model.skip_from, &w->model.skip_to);
	free(page);
}

/* Geometry, base and choice of pages.  0: the file has to wait. */
static int open_innodb(struct work *w, struct work_file *x, int fd, struct err *err)
{
	struct page_space space;
	enum geometry state;
	int header_fd;

	if (system_header_fd(w, x, fd, &header_fd, err) != 0)
		return -1;
	int rc = geometry_read(header_fd, x->found.path, w->server_page_size, &space, &state, err);
	if (header_fd != fd)
		close(header_fd);
	if (rc != 0)
		return -1;
	if (state == GEOMETRY_NOTHING && x->may_wait)
		return 0;
	int64_t p = parent_find_innodb(w->parent, &x->found.stamp);
	x->number = add_manifest_file(w->out, &x->found, FILE_INNODB);
	struct manifest_file *m = &w->out->files.v[x->number];
	m->page_size = w->model.page_size = space.page_size;
	m->space_id = w->model.space_id = space.space_id;
	m->fsp_flags = w->model.fsp_flags = space.flags;
	if (state == GEOMETRY_NOTHING)
		x->to = 0; /* what is written from now on, redo has too */
	else if (p >= 0) {
		const struct manifest_file *was = &w->parent->m->files.v[p];
		if (was->space_id == space.space_id && was->page_size == space.page_size &&
		    was->fsp_flags == space.flags) {
			m->base = p;
			w->model.has_base = true;
			w->model.base_size = was->size;
			w->model.since_lsn = w->parent->m->lsn_checkpoint;
		}
	}
	if (names_system(w->names, x->found.path) == 0 && space.space_id == 0)
		read_doublewrite(w, fd, x->found.path);
	return 1;
}

/* 1: the file at `at` is open and its ranges can be taken; 0: go on to the next. */
static int open_next(struct work *w, struct err *err)
{
	struct work_file *x = &w->files.v[w->at];
	int fd = -1;
	int rc;

	if (take_unread(w, x))
		return 0;
	x->state = WORK_STALE;
	rc = open_same(w, x, &fd, err);
	if (rc == 0 && w->names_fixed && x->found.kind == FOUND_INNODB)
		return work_vanished(w, &x->found, err);
	if (rc <= 0)
		return rc;
	w->model = (struct item){.fd = -1, .file_size = x->found.stamp.size, .hurry = w->hurry};
	if (x->found.kind == FOUND_INNODB) {
		rc = open_innodb(w, x, fd, err);
		if (rc <= 0) {
			close(fd);
			return rc;
		}
	} else {
		x->number = add_manifest_file(w->out, &x->found, FILE_PLAIN);
		w->model.unstable = w->unstable(x->found.path);
	}
	x->state = WORK_TAKEN;
	w->model.file = x->number;
	w->model.name = x->found.path;
	w->fd = fd;
	w->off = x->from;
	return 1;
}

static uint64_t end_of(const struct work *w, const struct work_file *x)
{
	uint64_t end = x->to < w->model.file_size ? x->to : w->model.file_size;
	/* Half a page at the end is one that is just being added. */
	return w->model.page_size ? end - end % w->model.page_size : end;
}

int work_next(struct work *w, struct item *ret, struct err *err)
{
	if (w->ready.n) {
		*ret = w->ready.v[--w->ready.n];
		return 1;
	}
	for (; w->at < w->files.n; w->at++) {
		struct work_file *x = &w->files.v[w->at];
		if (w->fd < 0) {
			int rc = open_next(w, err);
			if (rc < 0)
				return -1;
			if (rc == 0)
				continue;
		}
		uint64_t end = end_of(w, x);
		if (w->off >= end) {
			close(w->fd);
			w->fd = -1;
			continue;
		}
		*ret = w->model;
		ret->off = w->off;
		ret->len = end - w->off < RANGE_BYTES ? end - w->off : RANGE_BYTES;
		w->off += ret->len;
		/* The last range takes the descriptor itself. */
		bool last = w->off >= end;
		ret->fd = last ? w->fd : fcntl(w->fd, F_DUPFD_CLOEXEC, 0);
		if (ret->fd < 0)
			return err_sys(err, errno, "cannot duplicate the descriptor of %s",
			               x->found.path);
		if (last) {
			w->fd = -1;
			w->at++;
		}
		return 1;
	}
	return 0;
}

bool work_space_id(const struct work *w, const struct found *f, uint32_t *ret)
{
	unsigned char head[38]; /* FIL_PAGE_SPACE_ID ends there */
	char *path = scan_absolute(w->out, f->root, f->path);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool read = fd >= 0 && pread(fd, head, sizeof head, 0) == (ssize_t)sizeof head;
	if (read)
		*ret = be32_get(head + 34);
	if (fd >= 0)
		close(fd);
	free(path);
	return read;
}

uint64_t work_bytes(const struct work *w)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < w->files.n; i++) {
		const struct found *f = &w->files.v[i].found;
		if (f->kind != FOUND_DIR && find_unchanged(w, f) < 0)
			sum += f->stamp.size;
	}
	return sum;
}
