/* pitr: binlogs out of the archive, one after the other, through the server's tools. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fsio.h"
#include "job/pitr_local.h"
#include "job/pitr_memory.h"

/* Bytes to their own offsets of a file. */
struct file_sink {
	struct sink sink;
	int fd;
	uint64_t at;
	const char *path;
	const struct cancel *cancel;
};

static int file_write(struct sink *s, const void *bytes, size_t n, struct err *err)
{
	struct file_sink *f = (struct file_sink *)s;

	if (cancel_check(f->cancel, err) < 0)
		return -1;
	if (fsio_pwrite(f->fd, bytes, n, f->at, f->path, err) < 0)
		return -1;
	f->at += n;
	return 0;
}

static int file_finish(struct sink *s, struct err *err)
{
	(void)s, (void)err;
	return 0;
}

static void file_free(struct sink *s)
{
	(void)s;
}

static const struct sink_ops file_ops = {"file", file_write, file_finish, file_free};

struct job {
	const struct pitr_request *req;
	const struct pitr_plan *plan;
	const struct memory_tables *memory;
	struct archive_catalog archive;
};

static int read_range(struct job *j, const struct pitr_piece *p, uint64_t from, uint64_t to,
                      struct sink *sink, struct err *err)
{
	const struct lineage *l = NULL;
	const struct segment *s = pitr_segment(&j->archive, j->plan->lineage, p->file, &l);

	if (!s)
		return err_set(err, ERR_NOT_FOUND, "binlog %s is no longer in the repository",
		               p->file);
	return archive_read(j->req->repo, j->req->instance, l, s, from, to, sink, err);
}

static int read_header(struct job *j, const struct pitr_piece *p, uint64_t at,
                       struct binlog_event *ret, struct err *err)
{
	struct sink_memory m;
	int rc;

	sink_memory_init(&m, BINLOG_HEADER_SIZE);
	rc = read_range(j, p, at, at + BINLOG_HEADER_SIZE, &m.sink, err);
	if (rc == 0 && m.n != BINLOG_HEADER_SIZE)
		rc = err_set(err, ERR_DAMAGED, "binlog %s is too short", p->file);
	if (rc == 0)
		rc = binlog_header_parse(m.bytes, m.n, ret, err);
	sink_memory_done(&m);
	return rc;
}

/* The magic and the format event: every reader begins with them.  MySQL's goes on to the
 * first event that is neither that nor the set of GTIDs before. */
static int read_head(struct job *j, const struct pitr_piece *p, struct file_sink *f,
                     struct err *err)
{
	uint64_t end = BINLOG_MAGIC_SIZE;
	struct binlog_event e;

	do {
		if (read_header(j, p, end, &e, err) < 0)
			return -1;
		end += e.size;
	} while (end < p->from &&
	         (e.type == BINLOG_FORMAT || e.type == BINLOG_MYSQL_PREVIOUS_GTIDS));
	f->at = 0;
	return read_range(j, p, 0, end, &f->sink, err);
}

static int change_local(struct job *j, const struct pitr_piece *p, int fd, struct err *err)
{
	const struct lineage *l = NULL;
	const struct segment *s = pitr_segment(&j->archive, j->plan->lineage, p->file, &l);

	return pitr_local_change(j->plan, p, s && s->checksum, fd, err);
}

/* What stands before `from` stays a hole: nobody reads it. */
static int materialise(struct job *j, const struct pitr_piece *p, struct replay *r, struct err *err)
{
	struct file_sink f = {.sink = {&file_ops}, .path = p->file, .cancel = j->req->cancel};
	int rc;

	f.fd = replay_create(r, p->file, err);
	if (f.fd < 0)
		return -1;
	rc = read_head(j, p, &f, err);
	if (rc == 0) {
		f.at = p->from;
		rc = read_range(j, p, p->from, p->to, &f.sink, err);
	}
	if (rc == 0)
		rc = change_local(j, p, f.fd, err);
	close(f.fd);
	return rc;
}

/* The catalog is loaded anew for each binlog: the newest one may have been closed
 * since the restore began, and has another name in the repository then. */
static int fetch(struct job *j, const struct pitr_piece *p, struct replay *r, struct err *err)
{
	struct err why = ERR_INIT;

	for (int attempt = 0; attempt < 2; attempt++) {
		err_clear(&why);
		if (materialise(j, p, r, &why) == 0)
			return 0;
		if (why.kind != ERR_NOT_FOUND)
			break;
		archive_catalog_done(&j->archive);
		j->archive = (struct archive_catalog){0};
		if (archive_load(j->req->repo, j->req->instance, &j->archive, &why) < 0)
			break;
	}
	if (err)
		*err = why;
	return -1;
}

/* What changes tables in memory by itself, and all else by itself. */
static int apply_parts(struct job *j, const struct pitr_piece *p, struct replay *r, struct err *err)
{
	const struct lineage *l = NULL;
	const struct segment *s = pitr_segment(&j->archive, j->plan->lineage, p->file, &l);
	struct memory_parts parts = {0};
	int rc =
	    s ? memory_split(j->req, l, s, p, j->memory, &parts, err)
	      : err_set(err, ERR_NOT_FOUND, "binlog %s is no longer in the repository", p->file);

	for (size_t i = 0; i < parts.list.n && rc == 0; i++) {
		const struct memory_part *part = &parts.list.v[i];
		rc = replay_idempotent(r, part->memory, j->req->cancel, err);
		if (rc == 0)
			rc = replay_file(r, p->file, part->from, part->to, j->req->cancel, err);
	}
	vec_done(&parts.list);
	return rc;
}

static int apply(struct job *j, const struct pitr_piece *p, struct replay *r, struct err *err)
{
	int rc = fetch(j, p, r, err);

	if (rc == 0 && p->anew && p != j->plan->pieces.v)
		rc = replay_anew(r, j->req->cancel, err);
	if (rc == 0)
		rc = apply_parts(j, p, r, err);
	replay_remove(r, p->file);
	return rc;
}

int pitr_replay(const struct pitr_request *req, const struct pitr_plan *plan,
                const struct memory_tables *memory, struct replay *r, struct progress *progress,
                struct err *err)
{
	struct job j = {.req = req, .plan = plan, .memory = memory};
	int rc = archive_load(req->repo, req->instance, &j.archive, err);

	replay_expect(r, plan->errors.v, plan->errors.n);
	for (size_t i = 0; i < plan->pieces.n && rc == 0; i++) {
		const struct pitr_piece *p = &plan->pieces.v[i];
		rc = apply(&j, p, r, err);
		if (rc == 0 && progress)
			progress_add(progress, p->to - p->from);
	}
	if (rc == 0)
		rc = replay_finish(r, req->cancel, err);
	archive_catalog_done(&j.archive);
	return rc;
}
