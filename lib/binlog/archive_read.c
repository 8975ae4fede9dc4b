#include <stdlib.h>
#include <string.h>

#include "binlog/archive_json.h"
#include "binlog/archive_parts.h"

static struct archive_at at_of(struct repo *r, const char *instance, const struct lineage *l)
{
	return (struct archive_at){r, instance, l->name};
}

int archive_read(struct repo *r, const char *instance, const struct lineage *l,
                 const struct segment *s, uint64_t from, uint64_t to, struct sink *to_sink,
                 struct err *err)
{
	struct archive_at at = at_of(r, instance, l);
	struct segment_bytes *b = NULL;
	uint64_t end = to == UINT64_MAX ? s->size : to;
	const unsigned char *p;
	size_t n;

	if (from > end || end > s->size)
		return err_set(err, ERR_USAGE,
		               "binlog %s: it has %llu bytes, wanted are %llu to %llu", s->file,
		               (unsigned long long)s->size, (unsigned long long)from,
		               (unsigned long long)end);
	int rc = segment_bytes_open(&at, s, &b, err);
	for (uint64_t pos = from; rc == 0 && pos < end; pos += n) {
		n = 0;
		rc = segment_bytes_some(b, pos, &p, &n, err);
		if (n > end - pos)
			n = (size_t)(end - pos);
		if (rc == 0)
			rc = sink_write(to_sink, p, n, err);
	}
	segment_bytes_free(b);
	return rc;
}

static int walk(struct segment_bytes *b, const struct segment *s, uint64_t from,
                archive_event *each, void *arg, const struct cancel *cancel, struct err *err)
{
	struct segment_walk w = {b, s->checksum,
	                         from < BINLOG_MAGIC_SIZE ? BINLOG_MAGIC_SIZE : from, s->size};
	struct binlog_event e;
	uint64_t pos;
	int got, rc = 0;

	while (rc == 0) {
		if (cancel_check(cancel, err) < 0)
			return -1;
		got = segment_walk_next(&w, true, &pos, &e, err);
		if (got <= 0)
			return got < 0 ? err_add(err, "binlog %s", s->file) : 0;
		rc = each(arg, pos, &e, err);
	}
	return rc < 0 ? -1 : 0;
}

int archive_walk(struct repo *r, const char *instance, const struct lineage *l,
                 const struct segment *s, uint64_t from, archive_event *each, void *arg,
                 const struct cancel *cancel, struct err *err)
{
	struct archive_at at = at_of(r, instance, l);
	struct segment_bytes *b = NULL;

	if (from > s->size)
		return err_set(err, ERR_USAGE, "binlog %s ends at %llu, before %llu", s->file,
		               (unsigned long long)s->size, (unsigned long long)from);
	int rc = segment_bytes_open(&at, s, &b, err);
	if (rc == 0)
		rc = walk(b, s, from, each, arg, cancel, err);
	segment_bytes_free(b);
	return rc;
}

static int read_points(const struct archive_at *at, struct segment *s, struct err *err)
{
	unsigned char *text = NULL;
	char *name = archive_object(at, s->file, ARCHIVE_JSON);
	size_t n;
	int rc = repo_get_all(at->repo, name, ARCHIVE_INDEX_MAX, &text, &n, err);

	if (rc == 0 && segment_read_index((char *)text, n, s, NULL, s, err) < 0)
		rc = err_add(err, "%s", name);
	free(text);
	free(name);
	return rc;
}

int archive_points(struct repo *r, const char *instance, const struct lineage *l, struct segment *s,
                   struct err *err)
{
	struct archive_at at = at_of(r, instance, l);

	return s->open || s->points.n || s->groups == 0 ? 0 : read_points(&at, s, err);
}

/* ---- verification */

static int unlike(struct err *err, const char *what)
{
	return err_set(err, ERR_DAMAGED, "its index says something else of its %s than its events",
	               what);
}

static int compare_points(const struct segment *is, const struct segment *said, struct err *err)
{
	if (is->points.n != said->points.n)
		return unlike(err, "points");
	for (size_t i = 0; i < is->points.n; i++) {
		const struct segment_point *a = &is->points.v[i], *b = &said->points.v[i];
		if (a->pos != b->pos || a->commit_us != b->commit_us ||
		    strcmp(a->gtid, b->gtid) != 0)
			return unlike(err, "points");
	}
	return 0;
}

static int compare(const struct segment *is, const struct segment *said, struct err *err)
{
	if (is->size != said->size)
		return unlike(err, "size");
	if (is->created != said->created || is->server_id != said->server_id ||
	    is->mariadb != said->mariadb || is->checksum != said->checksum ||
	    strcmp(is->version, said->version) != 0)
		return unlike(err, "server");
	if (is->first_us != said->first_us || is->last_us != said->last_us)
		return unlike(err, "times");
	if (strcmp(is->first_gtid, said->first_gtid) != 0 ||
	    strcmp(is->last_gtid, said->last_gtid) != 0)
		return unlike(err, "GTIDs");
	if (is->events != said->events || is->groups != said->groups)
		return unlike(err, "number of events");
	return compare_points(is, said, err);
}

static int count_all(struct segment_bytes *b, const struct segment *said, struct segment *is,
                     const struct cancel *cancel, struct err *err)
{
	struct binlog_event e;
	uint64_t pos;
	int got;

	if (segment_walk_format(b, said->size, is, err) < 0)
		return -1;
	struct segment_walk w = {b, is->checksum, is->size, said->size};
	while ((got = segment_walk_next(&w, true, &pos, &e, err)) > 0) {
		if (cancel_check(cancel, err) < 0)
			return -1;
		segment_count(is, &e);
	}
	return got;
}

int archive_check(struct repo *r, const char *instance, const struct lineage *l,
                  const struct segment *s, const struct cancel *cancel, struct err *err)
{
	struct archive_at at = at_of(r, instance, l);
	struct segment_bytes *b = NULL;
	struct segment is = {0}, said = *s;
	int rc;

	/* Its own points, whatever the catalog was asked for; all else is borrowed. */
	said.points.v = NULL;
	said.points.n = said.points.cap = 0;
	rc = segment_bytes_open(&at, s, &b, err);
	if (rc == 0)
		rc = count_all(b, s, &is, cancel, err);
	if (rc == 0 && !s->open)
		rc = read_points(&at, &said, err);
	if (rc == 0 && !s->open)
		rc = compare(&is, &said, err);
	if (rc < 0 && err && err->kind != ERR_CANCELLED)
		err_add(err, "%s of lineage %s", s->file, l->name);
	vec_done(&said.points);
	segment_done(&is);
	segment_bytes_free(b);
	return rc;
}
