#include "source/mysql_binlog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fsio.h"
#include "source/mysql.h"
#include "source/mysql_log_status.h"
#include "source/mysql_names.h"

#define MAGIC_N 4u
#define ENCRYPTION_HEAD 512u /* before everything else, the magic of a plain one included */
#define EVENT_HEAD 19u
#define EVENT_FLAGS 17u
#define FLAG_IN_USE 1u

static const unsigned char plain_magic[MAGIC_N] = {0xfe, 'b', 'i', 'n'};
static const unsigned char encrypted_magic[MAGIC_N] = {0xfd, 'b', 'i', 'n'};

static unsigned char *flags_of(struct mysql_binlog *b)
{
	return b->head + b->offset + MAGIC_N + EVENT_FLAGS;
}

static int read_head(struct mysql_binlog *b, struct err *err)
{
	size_t n;

	if (fsio_pread(b->fd, b->head, sizeof b->head, 0, &n, b->path, err) != 0)
		return -1;
	if (n >= MAGIC_N && !memcmp(b->head, plain_magic, MAGIC_N))
		b->offset = 0;
	else if (n >= MAGIC_N && !memcmp(b->head, encrypted_magic, MAGIC_N))
		b->offset = ENCRYPTION_HEAD;
	else
		return err_set(err, ERR_DAMAGED, "%s does not begin as a binlog does", b->path);
	b->head_n = (size_t)b->offset + MAGIC_N + EVENT_HEAD;
	if (n < b->head_n)
		return err_set(err, ERR_DAMAGED, "%s is too short for a binlog: %zu bytes", b->path,
		               n);
	return 0;
}

/*
 * Of an encrypted one the flag cannot be read; but it is encrypted bit by bit, and the
 * server clears it before it uses another file.  So what was read is the flag set, unless
 * the server has another by now: then what is read again is the flag cleared.
 */
static int set_encrypted(struct mysql_binlog *b, const char *file, struct conn *side,
                         struct err *err)
{
	struct log_status now;
	int rc = 0;

	if (mysql_ask_status(side, &now, err) != 0)
		return -1;
	if (!now.binlog.file || strcmp(now.binlog.file, file) != 0) {
		rc = read_head(b, err);
		if (rc == 0)
			*flags_of(b) ^= FLAG_IN_USE;
	}
	log_status_done(&now);
	return rc;
}

int mysql_binlog_open(struct mysql_binlog *b, struct hot *h, struct conn *side, struct err *err)
{
	const char *basename = h->plan.facts->log_bin_basename;
	const char *slash = basename ? strrchr(basename, '/') : NULL;
	const char *file = h->out->binlog.file;

	if (!file)
		return 0;
	if (!slash) {
		err_set(err, ERR_SERVER,
		        "the server writes the binlog %s and does not say in which directory",
		        file);
		return err_hint(err,
		                "a restore needs it to decide open transactions: see what SELECT "
		                "@@log_bin_basename answers to the account of the backup");
	}
	b->path = mem_printf("%.*s/%s", (int)(slash - basename), basename, file);
	b->fd = open(b->path, O_RDONLY | O_CLOEXEC);
	if (b->fd < 0) {
		err_sys(err, errno, "cannot read the binlog %s", b->path);
		return err_hint(err, "a restore needs it to decide open transactions: run mybakd "
		                     "as the user that owns the server's files (User=mysql in the "
		                     "unit)");
	}
	if (read_head(b, err) != 0)
		return -1;
	if (b->offset)
		return set_encrypted(b, file, side, err);
	*flags_of(b) |= FLAG_IN_USE;
	h->out->binlog.created = le32_get(b->head + MAGIC_N);
	return 0;
}

static void describe_dir(struct manifest *out, const struct stat *datadir)
{
	*vec_push(&out->files) = (struct manifest_file){
	    .path = mem_strdup(MANIFEST_BINLOG_DIR),
	    .kind = FILE_DIR,
	    .base = -1,
	    .mode = datadir->st_mode & 07777u,
	    .uid = datadir->st_uid,
	    .gid = datadir->st_gid,
	};
}

static void add_work(struct mysql_binlog *b, struct hot *h, const struct stat *st, uint64_t size)
{
	struct found f = {
	    .path = mem_printf(MANIFEST_BINLOG_DIR "/%s", h->out->binlog.file),
	    .mode = st->st_mode & 07777u,
	    .uid = st->st_uid,
	    .gid = st->st_gid,
	};
	unsigned char *head = mem_alloc(b->head_n);

	memcpy(head, b->head, b->head_n);
	uint32_t number = work_add_open(&h->second, &f, b->fd, b->head_n, size);
	b->fd = -1;
	work_add_range(&h->second, number, 0, head, b->head_n);
	free(f.path);
}

int mysql_binlog_plan(struct mysql_binlog *b, struct hot *h, struct err *err)
{
	uint64_t size = b->offset + h->out->binlog.pos;
	struct stat st, datadir;

	if (b->fd < 0)
		return 0;
	if (fstat(b->fd, &st) != 0 || stat(h->out->roots.v[0].path, &datadir) != 0)
		return err_sys(err, errno, "cannot read the binlog %s", b->path);
	if ((uint64_t)st.st_size < size || size < b->head_n)
		return err_set(err, ERR_DAMAGED, "%s ends before the position %llu the server gave",
		               b->path, (unsigned long long)h->out->binlog.pos);
	describe_dir(h->out, &datadir);
	add_work(b, h, &st, size);
	return 0;
}

void mysql_binlog_close(struct mysql_binlog *b)
{
	if (b->fd >= 0)
		close(b->fd);
	b->fd = -1;
	free(b->path);
	b->path = NULL;
}
