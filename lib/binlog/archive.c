/*
 * The archive's writing side.
 */
#include "binlog/archive.h"

#include <stdlib.h>
#include <string.h>

#include "binlog/archive_writer.h"

/* After a restart with a long .part the press has to catch up, a bit each time. */
#define PRESS_AT_ONCE 2

void archive_drop(struct archive *a)
{
	press_drop(&a->press);
	repo_append_close(a->part);
	a->part = NULL;
	segment_done(&a->s);
	free(a->pending);
	a->pending = NULL;
	if (a->pending_gap)
		free(a->pending_gap->from_file);
	free(a->pending_gap);
	a->pending_gap = NULL;
	a->buf_n = 0;
	a->durable = 0;
	a->lineage[0] = '\0';
	a->fresh = false;
	a->settled = false;
}

int archive_open(struct repo *r, const char *instance, const struct cancel *cancel,
                 struct archive **ret, struct err *err)
{
	struct archive *a = mem_zalloc(sizeof *a);
	char *lock = archive_lock_name(instance);
	int rc = repo_lock(r, lock, true, "binlog archive", &a->lock, err);

	free(lock);
	a->repo = r;
	a->cancel = cancel;
	a->press.cancel = cancel;
	a->instance = mem_strdup(instance);
	a->buf = mem_alloc(ARCHIVE_BUFFER);
	if (rc == 0)
		rc = press_init(&a->press, err);
	if (rc == 0)
		rc = archive_settle(a, err);
	if (rc == 0)
		*ret = a;
	else
		archive_free(a);
	return rc;
}

void archive_free(struct archive *a)
{
	if (!a)
		return;
	archive_drop(a);
	press_done(&a->press);
	repo_unlock(a->repo, a->lock);
	free(a->buf);
	free(a->instance);
	free(a);
}

bool archive_has_failed(const struct archive *a)
{
	return !a->settled;
}

void archive_new_lineage(struct archive *a)
{
	a->fresh = true;
}

const struct segment *archive_current(const struct archive *a)
{
	return a->part ? &a->s : NULL;
}

const char *archive_lineage(const struct archive *a)
{
	return a->lineage;
}

static int must_settle(struct err *err)
{
	return err_set(err, ERR_FAILED,
	               "the binlog archive failed before, and was not asked where to go on");
}

/* ---- writing to the open segment */

static int flush(struct archive *a, struct err *err)
{
	struct archive_at at = archive_here(a);
	struct err why = ERR_INIT;

	if (a->buf_n == 0)
		return 0;
	if (repo_append_write(a->part, a->buf, a->buf_n, &why) < 0) {
		/* What is compressed already takes room, and can be made again. */
		bool again = why.kind == ERR_NO_SPACE && a->press.out;
		press_drop(&a->press);
		a->press.given_up = true;
		if (!again || repo_append_write(a->part, a->buf, a->buf_n, &why) < 0) {
			a->settled = false;
			if (err)
				*err = why;
			return -1;
		}
	}
	a->buf_n = 0;
	press_some(&a->press, &at, a->s.file, a->part->size, PRESS_AT_ONCE);
	return 0;
}

static int put_bytes(struct archive *a, const void *bytes, size_t n, struct err *err)
{
	const unsigned char *p = bytes;

	while (n > 0) {
		size_t some = ARCHIVE_BUFFER - a->buf_n;
		if (some > n)
			some = n;
		memcpy(a->buf + a->buf_n, p, some);
		a->buf_n += some;
		p += some;
		n -= some;
		if (a->buf_n == ARCHIVE_BUFFER && flush(a, err) < 0)
			return -1;
	}
	return 0;
}

/* What it says is durable: whoever goes on from there reads the segment to learn about
 * its end, and takes all before it for kept. */
int archive_tail(struct archive *a, struct archive_tail *ret, struct err *err)
{
	uint64_t pos;

	/* A failure is healed as any other. */
	if (a->settled && !a->pending)
		archive_sync(a, &pos, NULL);
	if ((!a->settled || a->pending) && archive_settle(a, err) < 0)
		return -1;
	a->fresh = false;
	*ret = (struct archive_tail){
	    .file = mem_strdup(a->s.file),
	    .pos = a->s.size,
	    .created = a->s.created,
	    .server_id = a->s.server_id,
	};
	return 0;
}

int archive_sync(struct archive *a, uint64_t *ret_pos, struct err *err)
{
	if (!a->settled)
		return must_settle(err);
	if (a->part && a->durable < a->s.size) {
		if (flush(a, err) < 0)
			return -1;
		if (repo_append_sync(a->part, err) < 0) {
			/* Nothing is known of what came since; it must not look as if it
			 * had been kept. */
			repo_append_cut(a->part, a->durable, NULL);
			a->settled = false;
			return -1;
		}
		a->durable = a->s.size;
	}
	*ret_pos = a->part && !a->pending ? a->durable : 0;
	return 0;
}

/* ---- from one file to the next */

static int close_open(struct archive *a, struct err *err)
{
	struct archive_at at = archive_here(a);
	uint64_t pos;

	if (archive_sync(a, &pos, err) < 0)
		return -1;
	if (press_close(&a->press, &at, &a->s, err) < 0) {
		a->settled = false;
		return -1;
	}
	repo_append_close(a->part);
	a->part = NULL;
	return 0;
}

static int check_order(const struct archive *a, const char *file, struct err *err)
{
	const char *last = a->s.file;
	size_t base = (size_t)(strrchr(file, '.') - file);

	if (a->fresh || !last)
		return 0;
	if ((size_t)(strrchr(last, '.') - last) == base && !strncmp(last, file, base) &&
	    archive_file_order(last, file) < 0)
		return 0;
	return err_set(err, ERR_DAMAGED,
	               "binlog %s cannot follow %s in one history: a lineage must begin", file,
	               last);
}

int archive_begin_file(struct archive *a, const char *file, const struct segment_gap *gap,
                       struct err *err)
{
	if (!a->settled)
		return must_settle(err);
	if (!archive_file_valid(file))
		return err_set(err, ERR_DAMAGED, "\"%s\" is not the name of a binlog", file);
	if (check_order(a, file, err) < 0)
		return -1;
	if (a->part && close_open(a, err) < 0)
		return -1;
	free(a->pending);
	a->pending = mem_strdup(file);
	if (a->pending_gap)
		free(a->pending_gap->from_file);
	free(a->pending_gap);
	a->pending_gap = segment_gap_copy(gap);
	return 0;
}

/* The pending file comes into being with its first event. */
static int create(struct archive *a, const void *event, size_t n, struct err *err)
{
	struct binlog_format f;
	struct binlog_event e;
	struct segment s = {.open = true, .size = BINLOG_MAGIC_SIZE};

	if (binlog_format_parse(event, n, &f, err) < 0 ||
	    binlog_event_parse(event, n, false, &e, err) < 0 ||
	    segment_check_place(BINLOG_MAGIC_SIZE, &e, err) < 0)
		return err_add(err, "binlog %s", a->pending);
	a->settled = false; /* unless all of it succeeds */
	bool first = a->fresh || !a->s.file;
	if (first && archive_begin_lineage(a, &f, err) < 0)
		return -1;
	s.file = a->pending;
	s.gap = a->pending_gap;
	s.previous = first ? NULL : mem_strdup(a->s.file);
	a->pending = NULL;
	a->pending_gap = NULL;
	segment_set_format(&s, &f);
	segment_done(&a->s);
	a->s = s;
	a->durable = 0;
	if (archive_make_objects(a, &a->s, err) < 0)
		return -1;
	a->fresh = false;
	a->settled = true;
	if (put_bytes(a, BINLOG_MAGIC, BINLOG_MAGIC_SIZE, err) < 0 ||
	    put_bytes(a, event, n, err) < 0)
		return -1;
	segment_count(&a->s, &e);
	return 0;
}

int archive_append(struct archive *a, const void *event, size_t n, struct err *err)
{
	struct binlog_event e;

	if (!a->settled)
		return must_settle(err);
	if (a->pending)
		return create(a, event, n, err);
	if (!a->part)
		return err_set(err, ERR_FAILED, "an event came before the binlog it is of");
	if (binlog_event_parse(event, n, a->s.checksum, &e, err) < 0 ||
	    segment_check_place(a->s.size, &e, err) < 0)
		return err_add(err, "binlog %s, offset %llu", a->s.file,
		               (unsigned long long)a->s.size);
	if (put_bytes(a, event, n, err) < 0)
		return -1;
	segment_count(&a->s, &e);
	a->s.stored = a->s.size;
	return 0;
}
