/*
 * A segment's events one after the other, and what is counted of them.
 */
#include <string.h>

#include "binlog/archive_parts.h"

/* Larger ones are stepped over when only the headers are wanted: what begins a group,
 * and what describes the format, is smaller. */
#define SMALL_EVENT 65536u

int segment_check_place(uint64_t pos, const struct binlog_event *e, struct err *err)
{
	uint64_t next = pos + e->size;

	/* The field has 32 bits; beyond, some servers count on modulo 2^32, some write 0.
	 * MariaDB 11.8 writes 0 inside of every transaction: there the next event that
	 * says its place is the check. */
	if ((uint32_t)next == e->next_pos || e->next_pos == 0)
		return 0;
	return err_set(err, ERR_DAMAGED,
	               "the event at offset %llu has %u bytes, but says that the next one is at %u",
	               (unsigned long long)pos, e->size, e->next_pos);
}

static int next_event(struct segment_walk *w, bool whole, struct binlog_event *ret, struct err *err)
{
	const unsigned char *p;
	struct binlog_event e;

	if (w->end - w->pos < BINLOG_HEADER_SIZE)
		return err_set(err, ERR_DAMAGED, "%llu bytes are less than an event",
		               (unsigned long long)(w->end - w->pos));
	if (segment_bytes_at(w->bytes, w->pos, BINLOG_HEADER_SIZE, &p, err) < 0 ||
	    binlog_header_parse(p, BINLOG_HEADER_SIZE, &e, err) < 0)
		return -1;
	if (e.size > w->end - w->pos)
		return err_set(err, ERR_DAMAGED, "an event of %u bytes, and %llu are left", e.size,
		               (unsigned long long)(w->end - w->pos));
	if (segment_check_place(w->pos, &e, err) < 0)
		return -1;
	if ((whole || e.size <= SMALL_EVENT) &&
	    (segment_bytes_at(w->bytes, w->pos, e.size, &p, err) < 0 ||
	     binlog_event_parse(p, e.size, w->checksum, &e, err) < 0))
		return -1;
	*ret = e;
	return 0;
}

int segment_walk_next(struct segment_walk *w, bool whole, uint64_t *ret_pos,
                      struct binlog_event *ret, struct err *err)
{
	if (w->pos >= w->end)
		return 0;
	if (next_event(w, whole, ret, err) < 0)
		return err_add(err, "offset %llu", (unsigned long long)w->pos);
	*ret_pos = w->pos;
	w->pos += ret->size;
	return 1;
}

void segment_set_format(struct segment *s, const struct binlog_format *f)
{
	s->mariadb = f->mariadb;
	s->checksum = f->checksum;
	s->created = f->created;
	s->server_id = f->server_id;
	memcpy(s->version, f->version, sizeof s->version);
}

int segment_walk_format(struct segment_bytes *b, uint64_t end, struct segment *s, struct err *err)
{
	struct segment_walk w = {b, false, BINLOG_MAGIC_SIZE, end};
	struct binlog_event e = {0};
	struct binlog_format f = {0};
	const unsigned char *p;

	if (end < BINLOG_MAGIC_SIZE)
		return err_set(err, ERR_DAMAGED, "it has %llu bytes", (unsigned long long)end);
	if (segment_bytes_at(b, 0, BINLOG_MAGIC_SIZE, &p, err) < 0)
		return -1;
	if (memcmp(p, BINLOG_MAGIC, BINLOG_MAGIC_SIZE) != 0)
		return err_set(err, ERR_DAMAGED, "it does not begin as a binlog does");
	if (w.end == w.pos)
		return err_set(err, ERR_DAMAGED, "it has no event");
	if (next_event(&w, true, &e, err) < 0 || segment_bytes_at(b, w.pos, e.size, &p, err) < 0 ||
	    binlog_format_parse(p, e.size, &f, err) < 0)
		return err_add(err, "its format event");
	segment_set_format(s, &f);
	s->size = BINLOG_MAGIC_SIZE;
	segment_count(s, &e);
	return 0;
}

static void count_group(struct segment *s, const struct binlog_event *e)
{
	int64_t us = binlog_commit_time_us(e);

	/* A GTID of a form that is not known yet is no reason to lose the event. */
	if (binlog_gtid_text(e, s->last_gtid, NULL) < 0)
		s->last_gtid[0] = '\0';
	s->last_us = us;
	if (s->groups++ == 0) {
		s->first_us = us;
		memcpy(s->first_gtid, s->last_gtid, sizeof s->first_gtid);
	}
	if (s->points.n && s->size - s->points.v[s->points.n - 1].pos < ARCHIVE_POINT_EVERY)
		return;
	struct segment_point *p = vec_push(&s->points);
	*p = (struct segment_point){.pos = s->size, .commit_us = us};
	memcpy(p->gtid, s->last_gtid, sizeof p->gtid);
}

void segment_count(struct segment *s, const struct binlog_event *e)
{
	if (e->body && binlog_begins_group(e))
		count_group(s, e);
	s->events++;
	s->size += e->size;
}
