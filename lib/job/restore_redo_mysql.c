/*
 * The files #innodb_redo/#ib_redo0, … of MySQL: the captured blocks as they are, each
 * one checked, behind heads that name the start checkpoint.
 *
 * What the server wants of a log it did not write itself (log0files_io.cc,
 * log0files_finder.cc): files of 64 KiB to 16 GiB whose size is a multiple of
 * innodb_page_size; LSN ranges that adjoin; all but the last one marked as full.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fsio.h"
#include "base/mem.h"
#include "innodb/mysql_redo.h"
#include "job/restore_redo_forms.h"

#define SIZE_UNIT 65536u /* a multiple of every innodb_page_size */
#define SIZE_MIN (1u << 20)
#define SIZE_ONE (64u << 20) /* what does not fit one file of this size is split … */
#define FILES 32u            /* … into about as many as a server has */
#define SIZE_MAX_FILE (16ull << 30)
#define BUFFER (256u << 10)

struct writer {
	const struct manifest *m;
	const char *path; /* of file 0; its last byte is the number */
	uint64_t file_size;
	uint64_t lsn;  /* of the block that comes next */
	uint64_t left; /* bytes still to come from the source */
	uint64_t at;   /* bytes of blocks written */
	VEC(int) fds;
	unsigned char *buf;
	size_t n;
};

static uint64_t captured(const struct manifest *m)
{
	return mysql_redo_bytes(m->lsn_checkpoint, m->lsn_end);
}

static uint64_t round_up(uint64_t n, uint64_t unit)
{
	return (n + unit - 1) / unit * unit;
}

/* Blocks of the log: those captured, and an empty one where it ends between two. */
static uint64_t block_bytes(const struct manifest *m)
{
	return captured(m) + (mysql_redo_is_inside(m->lsn_end) ? 0 : MYSQL_REDO_BLOCK);
}

static uint64_t size_of_file(const struct manifest *m)
{
	uint64_t bytes = block_bytes(m), size = round_up(MYSQL_REDO_HEAD + bytes, SIZE_UNIT);

	if (size > SIZE_ONE)
		size = round_up(bytes / FILES + MYSQL_REDO_HEAD, SIZE_UNIT);
	if (size < SIZE_MIN)
		return SIZE_MIN;
	if (bytes > SIZE_ONE - MYSQL_REDO_HEAD && size < SIZE_ONE)
		return SIZE_ONE;
	return size < SIZE_MAX_FILE ? size : SIZE_MAX_FILE;
}

static uint64_t space(const struct manifest *m, const struct places *p)
{
	uint64_t size = size_of_file(m);

	(void)p;
	return (block_bytes(m) + size - MYSQL_REDO_HEAD - 1) / (size - MYSQL_REDO_HEAD) * size;
}

/* The log names no file by its path: the server looks for tablespaces by their ids.
 * So nothing in it ever has to change. */
static int check(const struct manifest *m, const struct places *p, struct err *err)
{
	unsigned char head[MYSQL_REDO_HEAD];
	struct mysql_redo redo;
	struct err why = ERR_INIT;

	(void)p;
	if (m->lsn_end >= m->lsn_checkpoint && m->lsn_checkpoint >= m->redo.first_lsn &&
	    m->redo.first_lsn % MYSQL_REDO_BLOCK == 0) {
		memset(head, 0, sizeof head);
		memcpy(head, m->redo.header, sizeof m->redo.header);
		if (mysql_redo_read(head, sizeof head, SIZE_MIN, &redo, &why) == 0 &&
		    redo.start_lsn == m->redo.first_lsn)
			return 0;
	}
	return err_set(err, ERR_DAMAGED,
	               "backup %s: its redo log (first LSN %llu, checkpoint %llu, end %llu) "
	               "contradicts itself%s%s",
	               m->id, (unsigned long long)m->redo.first_lsn,
	               (unsigned long long)m->lsn_checkpoint, (unsigned long long)m->lsn_end,
	               why.text[0] ? ": " : "", why.text);
}

static char *file_path(const struct writer *w, size_t i)
{
	return mem_printf("%.*s%zu", (int)strlen(w->path) - 1, w->path, i);
}

static int put(struct writer *w, const unsigned char *bytes, size_t n, struct err *err)
{
	uint64_t room = w->file_size - MYSQL_REDO_HEAD;

	while (n > 0) {
		size_t i = (size_t)(w->at / room);
		uint64_t off = w->at % room;
		size_t part = room - off < n ? (size_t)(room - off) : n;
		char *path = file_path(w, i);
		int rc = 0;
		if (i == w->fds.n) {
			int fd = redo_file_make(w->m, path, w->file_size, err);
			rc = fd < 0 ? -1 : 0;
			if (fd >= 0)
				*vec_push(&w->fds) = fd;
		}
		if (rc == 0)
			rc =
			    fsio_pwrite(w->fds.v[i], bytes, part, MYSQL_REDO_HEAD + off, path, err);
		free(path);
		if (rc < 0)
			return -1;
		bytes += part;
		n -= part;
		w->at += part;
	}
	return 0;
}

/* Full, but for the last one of a log that ends inside of it: that holds just what it
 * must. */
static int check_block(const struct writer *w, unsigned char *block, struct err *err)
{
	struct mysql_block b = mysql_block_check(block, w->lsn);
	unsigned want = MYSQL_REDO_BLOCK;

	if (w->lsn == mysql_redo_align(w->m->lsn_end))
		want = (unsigned)(w->m->lsn_end % MYSQL_REDO_BLOCK);
	if ((b.state != MYSQL_BLOCK_FULL && b.state != MYSQL_BLOCK_PARTIAL) || b.data_len != want)
		return err_set(err, ERR_DAMAGED,
		               "the redo of backup %s: the block at LSN %llu is not what was "
		               "written there (it holds %u bytes, %u are expected)",
		               w->m->id, (unsigned long long)w->lsn, b.data_len, want);
	/* The server that recovers this need not be one that goes without sums. */
	if (b.unsummed)
		mysql_block_seal(block);
	return 0;
}

/* Whole blocks at the front of the buffer go into the log. */
static int drain(struct writer *w, struct err *err)
{
	size_t whole = w->n / MYSQL_REDO_BLOCK * MYSQL_REDO_BLOCK;

	for (size_t i = 0; i < whole; i += MYSQL_REDO_BLOCK, w->lsn += MYSQL_REDO_BLOCK)
		if (check_block(w, w->buf + i, err) < 0)
			return -1;
	if (put(w, w->buf, whole, err) < 0)
		return -1;
	memmove(w->buf, w->buf + whole, w->n - whole);
	w->n -= whole;
	return 0;
}

static int append(void *arg, const unsigned char *bytes, size_t n, struct err *err)
{
	struct writer *w = arg;

	while (n > 0) {
		size_t part = BUFFER - w->n < n ? BUFFER - w->n : n;
		memcpy(w->buf + w->n, bytes, part);
		w->n += part;
		bytes += part;
		n -= part;
		if (drain(w, err) < 0)
			return -1;
	}
	return 0;
}

static int copy_all(struct writer *w, const struct redo_source *from, const struct cancel *cancel,
                    struct err *err)
{
	if (redo_take(from, &w->left, append, w, cancel, err) < 0)
		return -1;
	if (w->left > 0)
		return err_set(
		    err, ERR_DAMAGED, "the redo of backup %s ends at LSN %llu, it must end at %llu",
		    w->m->id, (unsigned long long)w->lsn, (unsigned long long)w->m->lsn_end);
	return 0;
}

static int put_end(struct writer *w, struct err *err)
{
	unsigned char block[MYSQL_REDO_BLOCK];

	if (mysql_redo_is_inside(w->m->lsn_end))
		return 0;
	mysql_block_make_empty(w->lsn, block);
	return put(w, block, sizeof block, err);
}

static int write_heads(struct writer *w, struct err *err)
{
	uint64_t start = mysql_redo_align(w->m->lsn_checkpoint);
	unsigned char head[MYSQL_REDO_HEAD];
	int rc = 0;

	for (size_t i = 0; i < w->fds.n && rc == 0; i++) {
		char *path = file_path(w, i);
		mysql_redo_make_head(w->m->redo.header, w->m->redo.encryption,
		                     start + i * (w->file_size - MYSQL_REDO_HEAD),
		                     i == 0 ? w->m->lsn_checkpoint : 0, i + 1 == w->fds.n, head);
		rc = fsio_pwrite(w->fds.v[i], head, sizeof head, 0, path, err);
		free(path);
	}
	return rc;
}

/* As the server would: it belongs to whom the data directory does. */
static int make_dir(const struct manifest *m, const char *path, struct err *err)
{
	const struct manifest_root *root = &m->roots.v[0];
	char *dir = mem_strndup(path, (size_t)(strrchr(path, '/') - path));
	int rc = 0;

	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		rc = err_sys(err, errno, "cannot make directory %s", dir);
	if (rc == 0 && geteuid() == 0 && chown(dir, root->uid, root->gid) < 0)
		rc = err_sys(err, errno, "cannot set the owner of %s", dir);
	if (rc == 0 && chmod(dir, (root->mode & 07777) | 0700) < 0)
		rc = err_sys(err, errno, "cannot set the mode of %s", dir);
	free(dir);
	return rc;
}

static int write_log(const struct manifest *m, const struct places *p,
                     const struct redo_source *from, const char *path, const struct cancel *cancel,
                     struct err *err)
{
	struct writer w = {.m = m,
	                   .path = path,
	                   .file_size = size_of_file(m),
	                   .lsn = mysql_redo_align(m->lsn_checkpoint),
	                   .left = captured(m)};
	int rc = -1;

	if (check(m, p, err) < 0 || make_dir(m, path, err) < 0)
		return -1;
	w.buf = mem_alloc(BUFFER);
	if (copy_all(&w, from, cancel, err) == 0 && put_end(&w, err) == 0)
		rc = write_heads(&w, err);
	for (size_t i = 0; i < w.fds.n; i++)
		if (close(w.fds.v[i]) < 0 && rc == 0)
			rc = err_sys(err, errno, "cannot close %s", path);
	vec_done(&w.fds);
	free(w.buf);
	return rc;
}

const struct redo_form redo_form_mysql = {check, captured, space, write_log};
