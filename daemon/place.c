#include "daemon/place.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fsio.h"
#include "base/log.h"
#include "base/mem.h"

static int lock_busy(int fd, const char *state_dir, struct err *err)
{
	char who[64] = "";
	ssize_t n = pread(fd, who, sizeof who - 1, 0);
	who[n > 0 ? strcspn(who, "\n") : 0] = '\0';
	err_set(err, ERR_BUSY, "another mybakd (%s) uses the state directory %s",
	        who[0] ? who : "pid not known", state_dir);
	return err_hint(err, "stop it first, or give this one its own --state-dir and --socket");
}

int place_take(struct place *p, const char *state_dir, struct err *err)
{
	if (fsio_mkdirs(state_dir, 0750, err) < 0)
		return -1;
	char *path = mem_printf("%s/mybakd.lock", state_dir);
	int rc = -1;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0) {
		err_sys(err, errno, "cannot open %s", path);
		err_hint(err, "the state directory must belong to the user the daemon runs as");
		goto out;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		rc = errno == EWOULDBLOCK ? lock_busy(fd, state_dir, err)
		                          : err_sys(err, errno, "cannot lock %s", path);
		goto out;
	}
	char who[64];
	int n = snprintf(who, sizeof who, "pid %ld\n", (long)getpid());
	if (ftruncate(fd, 0) < 0 || pwrite(fd, who, (size_t)n, 0) != n)
		log_msg(LOG_LEVEL_WARN, "cannot write the lock file", "file=%s", path);
	p->lock_fd = fd;
	fd = -1;
	rc = 0;
out:
	if (fd >= 0)
		close(fd);
	free(path);
	return rc;
}

static int address(const char *path, struct sockaddr_un *ret, struct err *err)
{
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof ret->sun_path) {
		err_set(err, ERR_USAGE, "the socket path %s is longer than %zu bytes", path,
		        sizeof ret->sun_path - 1);
		return err_hint(err, "choose a shorter --socket");
	}
	memcpy(ret->sun_path, path, strlen(path) + 1);
	return 0;
}

/* Whoever holds the lock may still find the socket of a daemon with another state
 * directory: that one answers and is left alone. */
static int clear_stale(const struct sockaddr_un *at, struct err *err)
{
	struct stat st;
	if (lstat(at->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : err_sys(err, errno, "cannot look at %s", at->sun_path);
	if (!S_ISSOCK(st.st_mode)) {
		err_set(err, ERR_REFUSED, "%s is there and is not a socket", at->sun_path);
		return err_hint(err, "choose another --socket or remove it");
	}
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(err, errno, "cannot make a socket");
	int rc = connect(fd, (const struct sockaddr *)at, sizeof *at);
	int e = errno;
	close(fd);
	if (rc == 0 || e != ECONNREFUSED) {
		err_set(err, ERR_BUSY, "another daemon answers on %s", at->sun_path);
		return err_hint(err, "stop it first, or choose another --socket");
	}
	return fsio_unlink(at->sun_path, err);
}

static int bind_private(int fd, const struct sockaddr_un *at, struct err *err)
{
	/* Nobody may connect between bind and the right group and mode. */
	mode_t old = umask(0177);
	int rc = bind(fd, (const struct sockaddr *)at, sizeof *at), e = errno;
	umask(old);
	if (rc == 0)
		return 0;
	err_sys(err, e, "cannot bind the socket %s", at->sun_path);
	if (e == EACCES || e == ENOENT)
		err_hint(err, "the directory must exist and belong to the user the daemon runs as");
	return -1;
}

static int open_to_group(const char *path, struct err *err)
{
	const struct group *g = getgrnam(PLACE_GROUP);
	if (g && lchown(path, (uid_t)-1, g->gr_gid) < 0)
		log_msg(LOG_LEVEL_WARN,
		        "cannot give the socket to the group " PLACE_GROUP
		        ": only root and this user can connect",
		        "socket=%s", path);
	if (chmod(path, 0660) < 0)
		return err_sys(err, errno, "cannot change the mode of %s", path);
	return 0;
}

static int make_parent(const char *path, struct err *err)
{
	char *copy = mem_strdup(path);
	int rc = fsio_mkdirs(dirname(copy), 0755, err);
	free(copy);
	return rc;
}

int place_listen(struct place *p, const char *socket_path, struct err *err)
{
	struct sockaddr_un at;
	int fd = -1;
	if (address(socket_path, &at, err) < 0 || make_parent(socket_path, err) < 0 ||
	    clear_stale(&at, err) < 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(err, errno, "cannot make a socket");
	if (bind_private(fd, &at, err) < 0)
		goto fail;
	p->socket = mem_strdup(socket_path);
	if (lstat(socket_path, &p->socket_stat) < 0 || listen(fd, 128) < 0) {
		err_sys(err, errno, "cannot listen on %s", socket_path);
		goto fail;
	}
	if (open_to_group(socket_path, err) < 0)
		goto fail;
	p->listen_fd = fd;
	return 0;
fail:
	close(fd);
	return -1;
}

void place_leave(struct place *p)
{
	struct stat st;
	if (p->socket && lstat(p->socket, &st) == 0 && st.st_ino == p->socket_stat.st_ino &&
	    st.st_dev == p->socket_stat.st_dev)
		unlink(p->socket);
	if (p->listen_fd >= 0)
		close(p->listen_fd);
	if (p->lock_fd >= 0)
		close(p->lock_fd);
	free(p->socket);
	*p = PLACE_INIT;
}
