/* What the host tells us about running a private server on it. */
#include <errno.h>
#include <fts.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "server/private_room.h"

#define MIB (UINT64_C(1) << 20)
#define POOL_MIN (128 * MIB)
#define POOL_MAX (8192 * MIB)

uint64_t private_pool_size(uint64_t free_memory, uint64_t data_size)
{
	uint64_t pool = free_memory / 4;

	if (pool > data_size + data_size / 5)
		pool = data_size + data_size / 5;
	if (pool > POOL_MAX)
		pool = POOL_MAX;
	if (pool < POOL_MIN)
		pool = POOL_MIN;
	return pool / MIB * MIB;
}

uint64_t private_free_memory(void)
{
	char line[256];
	unsigned long long kib = 0;
	FILE *f = fopen("/proc/meminfo", "re");

	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return (uint64_t)kib * 1024;
}

uint64_t private_data_size(const char *datadir)
{
	char *root = mem_strdup(datadir);
	char *const roots[] = {root, NULL};
	uint64_t size = 0;
	FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);

	for (FTSENT *e; walk && (e = fts_read(walk)) != NULL;)
		if (e->fts_info == FTS_F)
			size += (uint64_t)e->fts_statp->st_blocks * 512;
	if (walk)
		fts_close(walk);
	free(root);
	return size;
}

static bool has_messages(const char *prefix)
{
	static const char *const places[] = {"share/mysql/english", "share/mariadb/english",
	                                     "share/english"};
	bool found = false;

	for (size_t i = 0; i < sizeof places / sizeof *places && !found; i++) {
		char *path = mem_printf("%s/%s/errmsg.sys", prefix, places[i]);
		found = access(path, R_OK) == 0;
		free(path);
	}
	return found;
}

char *private_basedir(const char *binary)
{
	static const char *const folders[] = {"/bin", "/sbin", "/libexec"};
	char *path = realpath(binary, NULL);
	char *slash = path ? strrchr(path, '/') : NULL;
	char *prefix = NULL;

	if (slash)
		*slash = '\0';
	for (size_t i = 0; slash && i < sizeof folders / sizeof *folders; i++)
		if (str_ends(path, folders[i]))
			prefix = mem_strndup(path, strlen(path) - strlen(folders[i]));
	if (prefix && !has_messages(prefix)) {
		free(prefix);
		prefix = NULL;
	}
	free(path);
	return prefix;
}

/* What the server reads comes from a repository: root's rights are not for that.  A
 * server cannot give them up by itself (--user) and still die with us. */
int private_owner(const char *datadir, struct proc_user *ret, struct err *err)
{
	struct stat st;

	if (stat(datadir, &st) < 0)
		return err_sys(err, errno, "data directory %s", datadir);
	*ret = (struct proc_user){st.st_uid, st.st_gid};
	return geteuid() == 0 && st.st_uid != 0;
}

/* The socket exists before the server serves it: only a greeting (protocol 10)
 * says that recovery is over.  An error packet ("too many connections") is none. */
bool private_answers(const char *socket_path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	unsigned char head[5];
	size_t n = 0;

	if (strlen(socket_path) >= sizeof addr.sun_path)
		return false;
	memcpy(addr.sun_path, socket_path, strlen(socket_path) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	if (connect(fd, (const struct sockaddr *)&addr, sizeof addr) == 0) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		while (n < sizeof head && poll(&p, 1, 250) == 1) {
			ssize_t got = recv(fd, head + n, sizeof head - n, 0);
			if (got <= 0)
				break;
			n += (size_t)got;
		}
	}
	close(fd);
	return n == sizeof head && head[4] == 10;
}
