#include "source/mysql_log_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fsio.h"
#include "base/mem.h"
#include "base/str.h"

#define HEAD_TRIES 50
#define HEAD_PAUSE_MS 2

/* "#ib_redo7"; "#ib_redo8_tmp" is a spare one. */
static bool is_in_use(const char *name)
{
	const char *number = name + strlen("#ib_redo");
	return str_starts(name, "#ib_redo") && *number &&
	       strspn(number, "0123456789") == strlen(number);
}

static int read_head(const struct log_file *f, struct mysql_redo *ret, struct err *err)
{
	unsigned char head[MYSQL_REDO_HEAD];
	struct stat st;

	for (int i = 0;; i++) {
		size_t n;
		if (fstat(f->fd, &st) != 0)
			return err_sys(err, errno, "fstat %s", f->path);
		if (fsio_pread(f->fd, head, sizeof head, 0, &n, f->path, err) != 0)
			return -1;
		if (mysql_redo_read(head, n, (uint64_t)st.st_size, ret, err) == 0)
			return 0;
		/* The server writes it in place. */
		if ((err->kind != ERR_BUSY && err->kind != ERR_DAMAGED) || i >= HEAD_TRIES)
			return err_add(err, "%s", f->path);
		clock_sleep_ms(HEAD_PAUSE_MS);
	}
}

void log_file_close(struct log_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	free(f->path);
	*f = (struct log_file){.fd = -1};
}

/* 1 open, 0 it is gone by now, -1 */
static int open_file(const char *dir, const char *name, struct log_file *ret, struct err *err)
{
	struct log_file f = {.path = mem_printf("%s/%s", dir, name)};
	struct stat st;
	int rc = -1;

	f.fd = open(f.path, O_RDONLY | O_CLOEXEC);
	if (f.fd < 0 && errno == ENOENT)
		rc = 0;
	else if (f.fd < 0)
		err_sys(err, errno, "cannot open the redo log %s", f.path);
	else if (read_head(&f, &f.log, err) == 0)
		rc = 1;
	else if (err->kind != ERR_REFUSED && (stat(f.path, &st) != 0 || st.st_size == 0))
		rc = 0; /* became a spare one meanwhile */
	if (rc == 1)
		*ret = f;
	else
		log_file_close(&f);
	return rc;
}

static DIR *open_dir(const char *dir, struct err *err)
{
	DIR *d = opendir(dir);

	if (!d) {
		err_sys(err, errno, "cannot read the directory of the redo log, %s", dir);
		err_hint(err, "run mybakd on the database host, as the user that owns the "
		              "data directory");
	}
	return d;
}

/* 1 and the next file of the log, open; 0 that was all; -1 */
static int next_file(DIR *d, const char *dir, struct log_file *ret, struct err *err)
{
	for (struct dirent *e; (e = readdir(d));) {
		int rc = is_in_use(e->d_name) ? open_file(dir, e->d_name, ret, err) : 0;
		if (rc != 0)
			return rc;
	}
	return 0;
}

int log_dir_find(const char *dir, uint64_t lsn, struct log_file *ret, enum log_dir_state *ret_state,
                 struct err *err)
{
	struct log_file found = {.fd = -1}, f = {.fd = -1};
	bool later = false;
	int rc;
	DIR *d = open_dir(dir, err);

	if (!d)
		return -1;
	while ((rc = next_file(d, dir, &f, err)) == 1) {
		later |= f.log.start_lsn > lsn;
		if (f.log.start_lsn <= lsn && lsn < f.log.end_lsn && found.fd < 0)
			found = f;
		else
			log_file_close(&f);
	}
	closedir(d);
	if (rc < 0) {
		log_file_close(&found);
		return -1;
	}
	*ret_state = found.fd >= 0 ? LOG_DIR_FOUND : later ? LOG_DIR_GONE : LOG_DIR_NOT_YET;
	if (found.fd >= 0)
		*ret = found;
	return 0;
}

int log_dir_key(const char *dir, struct mysql_redo *ret, struct err *err)
{
	struct log_file f = {.fd = -1};
	uint64_t newest = 0;
	int rc;
	DIR *d = open_dir(dir, err);

	if (!d)
		return -1;
	while ((rc = next_file(d, dir, &f, err)) == 1) {
		if (f.log.has_encryption && f.log.start_lsn >= newest) {
			newest = f.log.start_lsn;
			memcpy(ret->encryption, f.log.encryption, sizeof ret->encryption);
			ret->has_encryption = true;
		}
		log_file_close(&f);
	}
	closedir(d);
	return rc;
}
