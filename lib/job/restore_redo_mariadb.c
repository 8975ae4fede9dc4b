#include "job/restore_redo_mariadb.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fsio.h"
#include "base/mem.h"
#include "job/restore_redo_forms.h"

/* The server compares positions in the ring with some room to spare. */
#define RING_ROOM 8192u
#define LINEAR_MIN (4u << 20)
#define LINEAR_ROOM (1u << 20)
/* No mini-transaction comes near this; a walk that wants more is lost. */
#define WALK_MAX (256u << 20)

int restore_redo_geometry(const struct manifest *m, struct mariadb_redo *ret, struct err *err)
{
	struct mariadb_redo said = {.first_lsn = m->redo.first_lsn,
	                            .file_size = m->redo.file_size,
	                            .capacity = m->redo.capacity,
	                            .checkpoint = m->lsn_checkpoint,
	                            .checkpoint_end = m->redo.checkpoint_end_lsn};
	unsigned char *head = mem_alloc(MARIADB_REDO_START);
	struct err why = ERR_INIT;
	int rc;

	/* What cannot be read back from its own header block is no log. */
	memcpy(said.header, m->redo.header, sizeof said.header);
	mariadb_redo_make_head(&said, false, head);
	rc = mariadb_redo_read(head, MARIADB_REDO_START, said.file_size, ret, &why);
	free(head);
	if (rc == 0 && ret->first_lsn == said.first_lsn && ret->capacity == said.capacity &&
	    ret->checkpoint == said.checkpoint && m->lsn_end >= said.checkpoint)
		return 0;
	return err_set(err, ERR_DAMAGED,
	               "backup %s: its redo log (size %llu, capacity %llu, first LSN %llu, "
	               "checkpoint %llu, end %llu) contradicts itself%s%s",
	               m->id, (unsigned long long)said.file_size, (unsigned long long)said.capacity,
	               (unsigned long long)said.first_lsn, (unsigned long long)said.checkpoint,
	               (unsigned long long)m->lsn_end, rc < 0 ? ": " : "", why.text);
}

static int check(const struct manifest *m, const struct places *p, struct err *err)
{
	struct mariadb_redo redo;

	if (restore_redo_geometry(m, &redo, err) < 0)
		return -1;
	if (!redo.names_hidden || !places_renames_redo(p))
		return 0;
	err_set(
	    err, ERR_REFUSED,
	    "the redo log of backup %s is encrypted with all names in it, so its tables outside "
	    "the data directory can only go where they were",
	    m->id);
	return err_hint(err, "map each such directory to itself, on a host where it is free");
}

static bool is_linear(const struct mariadb_redo *redo, uint64_t bytes, const struct places *p)
{
	return redo->capacity <= RING_ROOM || bytes >= redo->capacity - RING_ROOM ||
	       places_renames_redo(p);
}

/* Of the file that will be written. */
static uint64_t size_of(const struct mariadb_redo *redo, uint64_t bytes, bool linear)
{
	uint64_t size = (MARIADB_REDO_START + bytes + LINEAR_ROOM + 4095) / 4096 * 4096;

	if (!linear)
		return redo->file_size;
	return size < LINEAR_MIN ? LINEAR_MIN : size;
}

struct writer {
	const struct manifest *m;
	const struct mariadb_redo *redo;
	struct places *places;
	const char *path;
	int fd;
	bool linear;
	struct redo_walk walk;
	uint64_t left;      /* bytes of redo still to come from the source */
	unsigned char *buf; /* bytes that are not walked yet */
	size_t n, cap;
};

static int put(struct writer *w, uint64_t lsn, const unsigned char *bytes, size_t n,
               struct err *err)
{
	if (w->linear)
		return fsio_pwrite(w->fd, bytes, n,
		                   MARIADB_REDO_START + (lsn - w->redo->checkpoint), w->path, err);
	while (n > 0) {
		uint64_t off = mariadb_redo_offset(w->redo, lsn);
		size_t part = w->redo->file_size - off < n ? (size_t)(w->redo->file_size - off) : n;
		if (fsio_pwrite(w->fd, bytes, part, off, w->path, err) < 0)
			return -1;
		bytes += part;
		n -= part;
		lsn += part;
	}
	return 0;
}

/* Walk and write what is in the buffer as far as it goes. */
static int drain(struct writer *w, struct err *err)
{
	uint64_t at = w->walk.lsn;
	size_t used = 0;

	if (redo_walk_feed(&w->walk, w->buf, w->n, w->left == 0, w->linear,
	                   w->linear ? places_redo_name : NULL, w->places, &used, err) < 0)
		return err_add(err, "the redo of backup %s", w->m->id);
	if (put(w, at, w->buf, used, err) < 0)
		return -1;
	memmove(w->buf, w->buf + used, w->n - used);
	w->n -= used;
	if (w->n > WALK_MAX)
		return err_set(err, ERR_DAMAGED,
		               "the redo of backup %s makes no sense from LSN %llu on", w->m->id,
		               (unsigned long long)w->walk.lsn);
	return 0;
}

static int append(void *arg, const unsigned char *bytes, size_t n, struct err *err)
{
	struct writer *w = arg;

	if (n > w->cap - w->n) {
		w->cap = 2 * w->cap + n;
		w->buf = mem_resize(w->buf, w->cap, 1);
	}
	if (n)
		memcpy(w->buf + w->n, bytes, n);
	w->n += n;
	return drain(w, err);
}

static int copy_all(struct writer *w, const struct redo_source *from, const struct cancel *cancel,
                    struct err *err)
{
	if (redo_take(from, &w->left, append, w, cancel, err) < 0)
		return -1;
	if (w->left == 0 && w->n == 0 && w->walk.lsn == w->m->lsn_end)
		return 0;
	return err_set(err, ERR_DAMAGED,
	               "the redo of backup %s ends at LSN %llu, in the middle of something: "
	               "it must end at %llu",
	               w->m->id, (unsigned long long)w->walk.lsn,
	               (unsigned long long)w->m->lsn_end);
}

static int write_head(const struct writer *w, struct err *err)
{
	unsigned char *head = mem_alloc(MARIADB_REDO_START);
	int rc;

	mariadb_redo_make_head(w->redo, w->linear, head);
	rc = fsio_pwrite(w->fd, head, MARIADB_REDO_START, 0, w->path, err);
	free(head);
	return rc;
}

static int write_log(const struct manifest *m, const struct places *p,
                     const struct redo_source *from, const char *path, const struct cancel *cancel,
                     struct err *err)
{
	struct mariadb_redo redo;
	struct places names = *p;
	struct writer w = {.m = m, .redo = &redo, .places = &names, .path = path, .fd = -1};
	int rc = -1;

	if (restore_redo_geometry(m, &redo, err) < 0)
		return -1;
	w.left = m->lsn_end - m->lsn_checkpoint;
	w.linear = is_linear(&redo, w.left, p);
	redo_walk_init(&w.walk, &redo, m->lsn_checkpoint);
	w.fd = redo_file_make(m, path, size_of(&redo, w.left, w.linear), err);
	if (w.fd < 0)
		return -1;
	if (copy_all(&w, from, cancel, err) == 0)
		rc = write_head(&w, err);
	if (close(w.fd) < 0 && rc == 0)
		rc = err_sys(err, errno, "cannot close %s", path);
	free(w.buf);
	return rc;
}

static uint64_t captured(const struct manifest *m)
{
	return m->lsn_end - m->lsn_checkpoint;
}

static uint64_t space(const struct manifest *m, const struct places *p)
{
	uint64_t bytes = captured(m);
	struct mariadb_redo redo;

	if (restore_redo_geometry(m, &redo, NULL) < 0)
		return bytes; /* said when it is written */
	return size_of(&redo, bytes, is_linear(&redo, bytes, p));
}

const struct redo_form redo_form_mariadb = {check, captured, space, write_log};
