#include "binlog/stream_history.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

#define FLAGS_AT 17
#define SUM_SIZE 4u

/* ---- the event mark */

/* Of an event without checksum all bytes are summed up; else its own sum says it. */
static uint32_t sum_of(const unsigned char *event, size_t n, bool checksum)
{
	if (checksum && n >= BINLOG_HEADER_SIZE + SUM_SIZE)
		return le32_get(event + n - SUM_SIZE);
	return binlog_crc32(event, n);
}

static void mark_head(struct event_mark *m, const unsigned char *head)
{
	memcpy(m->head, head, BINLOG_HEADER_SIZE);
	m->head[FLAGS_AT] &= (unsigned char)~BINLOG_FLAG_IN_USE;
}

void event_mark_set(struct event_mark *m, uint64_t pos, const unsigned char *event, size_t n,
                    bool checksum)
{
	struct binlog_event e = {0};
	uint64_t to;

	m->pos = pos;
	m->size = (uint32_t)n;
	mark_head(m, event);
	m->sum = sum_of(event, n, checksum);
	m->next[0] = '\0';
	if (event[4] == BINLOG_ROTATE && binlog_event_parse(event, n, checksum, &e, NULL) == 0 &&
	    binlog_rotate_parse(&e, m->next, &to, NULL) < 0)
		m->next[0] = '\0';
}

bool event_mark_is(const struct event_mark *m, const unsigned char *event, size_t n, bool checksum)
{
	struct event_mark is;

	mark_head(&is, event);
	return n == m->size && memcmp(is.head, m->head, sizeof is.head) == 0 &&
	       sum_of(event, n, checksum) == m->sum;
}

/* ---- what is archived */

struct learn {
	struct repo *repo;
	const char *instance;
	const struct cancel *cancel;
};

struct last_event {
	uint64_t pos;
	uint32_t size;
};

static int note_last(void *arg, uint64_t pos, const struct binlog_event *e, struct err *err)
{
	struct last_event *last = arg;

	(void)err;
	*last = (struct last_event){.pos = pos, .size = e->size};
	return 0;
}

static int learn_mark(const struct learn *w, const struct lineage *l, const struct segment *s,
                      struct event_mark *ret, struct err *err)
{
	uint64_t from = s->points.n > 0 ? s->points.v[s->points.n - 1].pos : 0;
	struct last_event last = {0};
	struct sink_memory m;
	int rc = -1;

	if (archive_walk(w->repo, w->instance, l, s, from, note_last, &last, w->cancel, err) < 0)
		return -1;
	if (last.size == 0)
		return err_set(err, ERR_DAMAGED, "%s in the archive has no whole event", s->file);
	sink_memory_init(&m, last.size);
	if (archive_read(w->repo, w->instance, l, s, last.pos, last.pos + last.size, &m.sink, err) <
	    0)
		goto out;
	if (m.n != last.size) {
		err_set(err, ERR_DAMAGED, "%s in the archive ends early", s->file);
		goto out;
	}
	event_mark_set(ret, last.pos, m.bytes, m.n, s->checksum);
	rc = 0;
out:
	sink_memory_done(&m);
	return rc;
}

static int64_t last_commit(const struct lineage *l, const struct segment *s)
{
	for (; s >= l->segments.v; s--)
		if (s->last_us)
			return s->last_us;
	return 0;
}

/* The last one is closed, or has no transaction yet: the others must be asked. */
static int learn_from_catalog(const struct learn *w, struct history *h, struct err *err)
{
	struct archive_catalog c = {0};
	const struct lineage *l = NULL;
	int rc = -1;

	if (archive_load(w->repo, w->instance, &c, err) < 0)
		return -1;
	const struct segment *found = archive_find(&c, h->file, h->pos, h->created, &l);
	if (!found) {
		err_set(err, ERR_DAMAGED, "%s:%" PRIu64 ", where the archive ends, is not in it",
		        h->file, h->pos);
		goto out;
	}
	h->last_us = last_commit(l, found);
	/* From where to read: not from the begin of what may be a gigabyte. */
	if (archive_points(w->repo, w->instance, l, &l->segments.v[found - l->segments.v], err) < 0)
		goto out;
	rc = learn_mark(w, l, found, &h->last, err);
out:
	archive_catalog_done(&c);
	return rc;
}

static int learn_last(const struct learn *w, const struct archive *a, struct history *h,
                      struct err *err)
{
	const struct segment *s = archive_current(a);
	struct lineage l = {0};

	if (!s || !s->last_us)
		return learn_from_catalog(w, h, err);
	snprintf(l.name, sizeof l.name, "%s", archive_lineage(a));
	h->last_us = s->last_us;
	return learn_mark(w, &l, s, &h->last, err);
}

int history_learn(struct repo *r, const char *instance, struct archive *a,
                  const struct cancel *cancel, struct history *ret, struct err *err)
{
	const struct learn w = {r, instance, cancel};
	struct archive_tail tail = {0};
	struct history h = {0};

	if (archive_tail(a, &tail, err) < 0)
		return -1;
	if (tail.file) {
		h.any = true;
		snprintf(h.file, sizeof h.file, "%s", tail.file);
		h.pos = tail.pos;
		h.created = tail.created;
		h.server_id = tail.server_id;
	}
	free(tail.file);
	if (h.any && learn_last(&w, a, &h, err) < 0)
		return -1;
	*ret = h;
	return 0;
}
