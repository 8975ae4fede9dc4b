#include "source/aria.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fsio.h"
#include "base/str.h"
#include "source/mariadb_names.h"

#define ARIA_PAGE 8192ull
/* The server writes its log through 8 buffers of 1 MiB (ma_loghandler.c,
 * TRANSLOG_BUFFERS_NO, TRANSLOG_WRITE_BUFFER): nothing before them changes. */
#define ARIA_TAIL (9ull << 20)
#define CONTROL_MAX 65536u
#define READ_MAX (256ull << 20) /* what may be held in memory of one file */

static int read_range(const char *path, int fd, uint64_t off, uint64_t n, unsigned char **ret,
                      struct err *err)
{
	size_t got;
	if (n > READ_MAX)
		return err_set(err, ERR_REFUSED, "%s grew by %llu bytes while commits were blocked",
		               path, (unsigned long long)n);
	unsigned char *bytes = mem_alloc(n ? n : 1);
	if (fsio_pread(fd, bytes, n, off, &got, path, err) != 0) {
		free(bytes);
		return -1;
	}
	if (got != n) {
		free(bytes);
		return err_set(err, ERR_DAMAGED, "%s became shorter while it was read", path);
	}
	*ret = bytes;
	return 0;
}

static int open_now(const struct manifest *out, uint16_t root, const char *path, char **ret_abs,
                    struct file_stamp *ret_stamp, int *ret_fd, struct err *err)
{
	char *absolute = scan_absolute(out, root, path);
	int fd = open(absolute, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || scan_stamp(out, fd, ret_stamp) != 0) {
		err_sys(err, errno, "cannot read %s", absolute);
		if (fd >= 0)
			close(fd);
		free(absolute);
		return -1;
	}
	*ret_abs = absolute;
	*ret_fd = fd;
	return 0;
}

int aria_begin(struct aria *a, const struct manifest *out, uint16_t root, struct err *err)
{
	char *absolute = NULL;
	int fd = -1;
	struct file_stamp stamp;

	*a = (struct aria){0};
	if (open_now(out, root, "aria_log_control", &absolute, &stamp, &fd, err) != 0) {
		if (err->kind != ERR_NOT_FOUND)
			return -1;
		err_clear(err); /* a server without Aria logs */
		return 0;
	}
	struct stat st;
	int rc = fstat(fd, &st) == 0 ? 0 : err_sys(err, errno, "fstat %s", absolute);
	if (rc == 0 && stamp.size > CONTROL_MAX)
		rc = err_set(err, ERR_DAMAGED, "%s is %llu bytes long", absolute,
		             (unsigned long long)stamp.size);
	if (rc == 0)
		rc = read_range(absolute, fd, 0, stamp.size, &a->control, err);
	if (rc == 0) {
		a->control_n = stamp.size;
		a->found = (struct found){.path = mem_strdup("aria_log_control"),
		                          .root = root,
		                          .kind = FOUND_PLAIN,
		                          .mode = st.st_mode & 07777u,
		                          .uid = st.st_uid,
		                          .gid = st.st_gid,
		                          .stamp = stamp};
	}
	close(fd);
	free(absolute);
	return rc;
}

void aria_done(struct aria *a)
{
	free(a->control);
	free(a->found.path);
	*a = (struct aria){0};
}

void aria_plan_control(struct aria *a, struct work *w)
{
	if (!a->control)
		return;
	work_add_memory(w, &a->found, a->control, a->control_n);
	a->control = NULL;
}

void aria_plan_log(struct work *w, struct found *f)
{
	uint64_t size = f->stamp.size;
	struct work_file *x = work_add(w, f);
	x->from = ARIA_PAGE;
	x->to =
	    size > ARIA_PAGE + ARIA_TAIL ? (size - ARIA_TAIL) / ARIA_PAGE * ARIA_PAGE : ARIA_PAGE;
}

/* First page and tail of a log whose body was handed out, or all of a new one. */
static int seal_log(struct work *w, uint16_t root, const char *name, uint32_t number,
                    uint64_t body_to, struct err *err)
{
	char *absolute = NULL;
	int fd = -1;
	struct file_stamp now;
	unsigned char *head = NULL, *tail = NULL;

	if (open_now(w->out, root, name, &absolute, &now, &fd, err) != 0)
		return -1;
	uint64_t head_n = now.size < ARIA_PAGE ? now.size : ARIA_PAGE;
	uint64_t tail_n = now.size > body_to ? now.size - body_to : 0;
	int rc = read_range(absolute, fd, 0, head_n, &head, err);
	if (rc == 0 && tail_n)
		rc = read_range(absolute, fd, body_to, tail_n, &tail, err);
	if (rc == 0) {
		w->out->files.v[number].size = now.size;
		work_add_range(w, number, 0, head, head_n);
		if (tail)
			work_add_range(w, number, body_to, tail, tail_n);
		head = tail = NULL;
	}
	free(head);
	free(tail);
	close(fd);
	free(absolute);
	return rc;
}

static struct work_file *find_log(struct work *w, const char *name)
{
	for (size_t i = 0; i < w->files.n; i++)
		if (w->files.v[i].found.kind == FOUND_LOG &&
		    strcmp(w->files.v[i].found.path, name) == 0)
			return &w->files.v[i];
	return NULL;
}

/* A log that was begun after the scan: everything of it is tail. */
static int seal_new_log(struct work *w, uint16_t root, const char *name, struct err *err)
{
	char *absolute = NULL;
	int fd = -1;
	struct stat st;
	struct found f = {.path = mem_strdup(name), .root = root, .kind = FOUND_PLAIN};
	int rc = open_now(w->out, root, name, &absolute, &f.stamp, &fd, err);
	if (rc == 0 && fstat(fd, &st) == 0) {
		unsigned char *bytes = NULL;
		f.mode = st.st_mode & 07777u;
		f.uid = st.st_uid;
		f.gid = st.st_gid;
		rc = read_range(absolute, fd, 0, f.stamp.size, &bytes, err);
		if (rc == 0)
			work_add_memory(w, &f, bytes, f.stamp.size);
	}
	if (fd >= 0)
		close(fd);
	free(absolute);
	free(f.path);
	return rc;
}

int aria_seal(struct work *w, uint16_t root, struct err *err)
{
	const char *dir = w->out->roots.v[root].path;
	DIR *d = opendir(dir);
	int rc = 0;
	if (!d)
		return err_sys(err, errno, "cannot read directory %s", dir);
	for (struct dirent *e; rc == 0 && (e = readdir(d));) {
		if (!str_starts(e->d_name, "aria_log."))
			continue;
		struct work_file *x = find_log(w, e->d_name);
		if (x && x->state == WORK_TAKEN)
			rc = seal_log(w, root, e->d_name, x->number, x->to, err);
		else
			rc = seal_new_log(w, root, e->d_name, err);
	}
	closedir(d);
	return rc;
}

int aria_seal_statistics(struct work *w, struct err *err)
{
	for (size_t i = 0; i < w->files.n; i++) {
		struct work_file *x = &w->files.v[i];
		char *absolute = NULL;
		int fd = -1;
		struct file_stamp now;
		unsigned char *bytes = NULL;

		if ((x->state != WORK_TAKEN && x->state != WORK_UNCHANGED) || x->found.root != 0 ||
		    !mariadb_names_statistics(x->found.path))
			continue;
		if (open_now(w->out, 0, x->found.path, &absolute, &now, &fd, err) != 0)
			return -1;
		int rc = 0;
		if (!stamp_unchanged(&x->found.stamp, &now)) {
			rc = read_range(absolute, fd, 0, now.size, &bytes, err);
			if (rc == 0) {
				w->out->files.v[x->number].kind = FILE_GONE;
				x->found.stamp = now;
				x->number = work_add_memory(w, &x->found, bytes, now.size);
			}
		}
		close(fd);
		free(absolute);
		if (rc != 0)
			return -1;
	}
	return 0;
}
