/*
 * The archive's writing side.
 */
#include "binlog/archive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
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

int archive_open(struct repo *r, const char *instance, struct archive **ret, struct err *err)
{
	return archive_open_until(r, instance, NULL, ret, err);
}

int archive_open_until(struct repo *r, const char *instance, const struct cancel *cancel,
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

/* A name no lineage has: of two that begin in the same second, as after a RESET MASTER,
 * the second gets a number. */
static int name_lineage(struct archive *a, const struct binlog_format *f, struct err *err)
{
	struct lineage_names l = {0};
	char time[32], name[LINEAGE_MAX];
	bool taken = true;

	if (archive_lineages(a->repo, a->instance, &l, err) < 0)
		return -1;
	clock_format_id(time, sizeof time, f->created * CLOCK_US);
	for (unsigned n = 1; taken; n++) {
		snprintf(name, sizeof name, n > 1 ? "%s-%u-%u" : "%s-%u", time, f->server_id, n);
		taken = false;
		for (size_t i = 0; i < l.list.n; i++)
			taken |= !strcmp(l.list.v[i].name, name);
	}
	for (size_t i = 0; i < l.list.n; i++)
		if (l.list.v[i].number > a->number)
			a->number = l.list.v[i].number;
	vec_done(&l.list);
	memcpy(a->lineage, name, sizeof name);
	a->number++;
	return 0;
}

static int put_text(struct archive *a, char *name, const struct str *text, struct err *err)
{
	int rc = repo_put_bytes(a->repo, name, str_text(text), text->n, err);
	free(name);
	return rc;
}

static int begin_lineage(struct archive *a, const struct binlog_format *f, struct err *err)
{
	struct str text = {0};

	if (name_lineage(a, f, err) < 0)
		return -1;
	lineage_write(a->number, &text);
	int rc = put_text(a, mem_printf("%s/binlogs/%s/" ARCHIVE_LINEAGE, a->instance, a->lineage),
	                  &text, err);
	str_done(&text);
	return rc;
}

/* Of one object of a file: its size, ARCHIVE_NONE if it is not there. */
static int look_at(struct archive *a, const char *file, const char *suffix, uint64_t *ret,
                   struct err *err)
{
	struct archive_at at = archive_here(a);
	struct err why = ERR_INIT;
	char *name = archive_object(&at, file, suffix);
	int rc = repo_size(a->repo, name, ret, &why);

	free(name);
	if (rc == 0)
		return 0;
	*ret = ARCHIVE_NONE;
	if (why.kind == ERR_NOT_FOUND)
		return 0;
	if (err)
		*err = why;
	return -1;
}

static int remove_object(struct archive *a, const char *file, const char *suffix, struct err *err)
{
	struct archive_at at = archive_here(a);
	char *name = archive_object(&at, file, suffix);
	int rc = repo_remove(a->repo, name, err);

	free(name);
	return rc;
}

/* Only a closed segment whose index cannot be read may be replaced. */
static int make_way(struct archive *a, char *file, struct err *err)
{
	struct archive_at at = archive_here(a);
	struct archive_item item = {file, ARCHIVE_NONE, ARCHIVE_NONE, ARCHIVE_NONE, ARCHIVE_NONE};
	struct segment s = {0};
	struct err why = ERR_INIT;

	if (look_at(a, file, ARCHIVE_JSON, &item.json, err) < 0)
		return -1;
	if (item.json == ARCHIVE_NONE)
		return 0;
	if (look_at(a, file, ARCHIVE_ZST, &item.zst, err) < 0)
		return -1;
	if (segment_load(&at, &item, &s, &why) == 0 || why.kind != ERR_DAMAGED) {
		segment_done(&s);
		return err_set(err, ERR_BUSY, "binlog %s is in lineage %s already", file,
		               a->lineage);
	}
	if (remove_object(a, file, ARCHIVE_JSON, err) < 0 ||
	    remove_object(a, file, ARCHIVE_ZST, err) < 0)
		return -1;
	return 0;
}

static int put_open(struct archive *a, const struct segment *s, struct err *err)
{
	struct archive_at at = archive_here(a);
	struct str text = {0};

	segment_write_open(s, &text);
	int rc = put_text(a, archive_object(&at, s->file, ARCHIVE_OPEN), &text, err);
	str_done(&text);
	return rc;
}

static int make_objects(struct archive *a, const struct segment *s, struct err *err)
{
	struct archive_at at = archive_here(a);

	if (make_way(a, s->file, err) < 0 || put_open(a, s, err) < 0)
		return -1;
	char *part = archive_object(&at, s->file, ARCHIVE_PART);
	int rc = repo_append(a->repo, part, &a->part, err);
	free(part);
	return rc == 0 && a->part->size ? repo_append_cut(a->part, 0, err) : rc;
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
	if (first && begin_lineage(a, &f, err) < 0)
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
	if (make_objects(a, &a->s, err) < 0)
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
