#include "server/replay_scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fsio.h"
#include "base/mem.h"
#include "server/private_room.h"

#define OWN "own"
#define SAID_MAX 4096 /* of what a failing program said last */

/* Nobody may have put another one in its place since it was made. */
static int open_dir(struct replay_scratch *s, struct err *err)
{
	struct stat st;

	s->fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s->fd < 0 || fstat(s->fd, &st) < 0)
		return err_sys(err, errno, "cannot open directory %s", s->dir);
	if (st.st_uid != geteuid())
		return err_set(err, ERR_REFUSED, "directory %s was replaced while it was made",
		               s->dir);
	return 0;
}

int scratch_make(struct replay_scratch *s, const char *datadir, const char *dir, struct err *err)
{
	int other = private_owner(datadir, &s->user, err);

	s->fd = -1;
	if (other < 0)
		return -1;
	s->other = other;
	if (mkdir(dir, 0700) < 0)
		return err_sys(err, errno, "cannot make the directory %s", dir);
	s->dir = mem_strdup(dir);
	s->own = mem_printf("%s/" OWN, dir);
	if (open_dir(s, err) < 0)
		return -1;
	if (mkdirat(s->fd, OWN, 0700) < 0)
		return err_sys(err, errno, "cannot make the directory %s", s->own);
	if (!s->other)
		return 0;
	if (fchownat(s->fd, OWN, s->user.uid, s->user.gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, errno, "cannot set the owner of %s", s->own);
	if (fchown(s->fd, (uid_t)-1, s->user.gid) < 0 || fchmod(s->fd, 0710) < 0)
		return err_sys(err, errno, "cannot open %s to its user", s->dir);
	return 0;
}

void scratch_done(struct replay_scratch *s)
{
	if (s->dir) {
		fsio_remove_tree(s->dir, NULL);
		if (s->fd >= 0)
			close(s->fd);
	}
	free(s->dir);
	free(s->own);
	*s = (struct replay_scratch){.fd = -1};
}

int scratch_create(const struct replay_scratch *s, const char *name, bool give, struct err *err)
{
	scratch_remove(s, name);
	int fd = openat(s->fd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_sys(err, errno, "cannot create %s/%s", s->dir, name);
	if (give && s->other && fchown(fd, s->user.uid, s->user.gid) < 0) {
		err_sys(err, errno, "cannot set the owner of %s/%s", s->dir, name);
		close(fd);
		return -1;
	}
	return fd;
}

int scratch_write(const struct replay_scratch *s, const char *name, const char *text, size_t n,
                  struct err *err)
{
	int fd = scratch_create(s, name, true, err), rc;

	if (fd < 0)
		return -1;
	rc = fsio_pwrite(fd, text, n, 0, name, err);
	close(fd);
	return rc;
}

void scratch_remove(const struct replay_scratch *s, const char *name)
{
	unlinkat(s->fd, name, 0);
}

char *scratch_last_words(const struct replay_scratch *s, const char *name)
{
	char buf[SAID_MAX + 1];
	size_t n = 0;
	struct stat st;
	int fd = openat(s->fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0 && fstat(fd, &st) == 0) {
		uint64_t from = st.st_size > SAID_MAX ? (uint64_t)st.st_size - SAID_MAX : 0;
		if (fsio_pread(fd, buf, SAID_MAX, from, &n, name, NULL) < 0)
			n = 0;
	}
	if (fd >= 0)
		close(fd);
	while (n > 0 && buf[n - 1] == '\n')
		n--;
	buf[n] = '\0';
	char *line = strstr(buf, "ERROR "), *next = line;
	while (next && (next = strstr(next + 1, "\nERROR ")))
		line = next + 1;
	return mem_strdup(line ? line : buf);
}
