#include "job/restore_redo.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "innodb/mysql_redo.h"
#include "job/restore_redo_forms.h"

static const struct redo_form *form_of(const struct manifest *m)
{
	return manifest_is_mysql(m) ? &redo_form_mysql : &redo_form_mariadb;
}

int restore_redo_check(const struct manifest *m, const struct places *p, struct err *err)
{
	return form_of(m)->check(m, p, err);
}

uint64_t restore_redo_captured(const struct manifest *m)
{
	return form_of(m)->captured(m);
}

uint64_t restore_redo_space(const struct manifest *m, const struct places *p)
{
	return form_of(m)->space(m, p);
}

bool restore_redo_wants_no_sums(const struct manifest *m)
{
	return manifest_is_mysql(m) &&
	       !bytes_all_zero(m->redo.encryption, sizeof m->redo.encryption);
}

int restore_redo_write(const struct manifest *m, const struct places *p,
                       const struct redo_source *from, const char *path,
                       const struct cancel *cancel, struct err *err)
{
	return form_of(m)->write(m, p, from, path, cancel, err);
}

int redo_take(const struct redo_source *from, uint64_t *left, redo_taker *take, void *arg,
              const struct cancel *cancel, struct err *err)
{
	const unsigned char *bytes;
	size_t n;
	int more = 1;

	while (*left > 0 && more > 0) {
		if (cancel_check(cancel, err) < 0)
			return -1;
		more = from->next(from->arg, &bytes, &n, err);
		if (more <= 0)
			break;
		if (n > *left)
			n = (size_t)*left;
		*left -= n;
		if (take(arg, bytes, n, err) < 0)
			return -1;
	}
	return more < 0 ? -1 : 0;
}

static int reserve(int fd, uint64_t size, const char *path, struct err *err)
{
	int rc;

	do
		rc = fallocate(fd, 0, 0, (off_t)size);
	while (rc < 0 && errno == EINTR);
	if (rc < 0 && (errno == EOPNOTSUPP || errno == ENOSYS))
		rc = ftruncate(fd, (off_t)size);
	return rc < 0 ? err_sys(err, errno, "cannot reserve %llu bytes for %s",
	                        (unsigned long long)size, path)
	              : 0;
}

static int dress(const struct manifest *m, int fd, const char *path, struct err *err)
{
	uint32_t mode = 0660;

	for (size_t i = 0; i < m->files.n; i++)
		if (m->files.v[i].kind == FILE_REDO && m->files.v[i].mode)
			mode = m->files.v[i].mode & 07777;
	if (geteuid() == 0 && fchown(fd, m->roots.v[0].uid, m->roots.v[0].gid) < 0)
		return err_sys(err, errno, "cannot set the owner of %s", path);
	if (fchmod(fd, mode | 0600) < 0)
		return err_sys(err, errno, "cannot set the mode of %s", path);
	return 0;
}

int redo_file_make(const struct manifest *m, const char *path, uint64_t size, struct err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_sys(err, errno, "cannot make %s", path);
	if (reserve(fd, size, path, err) < 0 || dress(m, fd, path, err) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}
