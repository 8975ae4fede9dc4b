/*
 * One segment in memory: the facts of a closed one from its index, those of an open one by
 * walking its events.
 */
#include <stdlib.h>
#include <string.h>

#include "binlog/archive_json.h"
#include "binlog/archive_parts.h"

void segment_done(struct segment *s)
{
	if (s->gap)
		free(s->gap->from_file);
	free(s->gap);
	free(s->previous);
	free(s->file);
	vec_done(&s->points);
	*s = (struct segment){0};
}

struct segment_gap *segment_gap_copy(const struct segment_gap *gap)
{
	struct segment_gap *copy = gap ? mem_dup(gap, sizeof *gap) : NULL;

	if (copy)
		copy->from_file = mem_strdup(gap->from_file);
	return copy;
}

void segment_copy(struct segment *to, const struct segment *from)
{
	*to = *from;
	to->file = mem_strdup(from->file);
	to->previous = mem_strdup(from->previous);
	to->gap = segment_gap_copy(from->gap);
	to->points.v = from->points.n
	                   ? mem_dup(from->points.v, from->points.n * sizeof *from->points.v)
	                   : NULL;
	to->points.cap = from->points.n;
}

static int load_head(const struct archive_at *at, const struct archive_item *item,
                     struct segment *ret, struct err *err)
{
	char *name = archive_object(at, item->file, ARCHIVE_JSON);
	size_t n = item->json < ARCHIVE_HEAD_MAX ? (size_t)item->json : ARCHIVE_HEAD_MAX;
	char *text = mem_alloc(n + 1);
	int rc = repo_read(at->repo, name, 0, text, n, err);

	if (rc == 0 && segment_read_head(text, n, ret, err) < 0)
		rc = err_add(err, "%s", name);
	free(text);
	free(name);
	return rc;
}

int segment_load(const struct archive_at *at, const struct archive_item *item, struct segment *ret,
                 struct err *err)
{
	struct segment s = {0};

	if (load_head(at, item, &s, err) < 0)
		return -1;
	if (!s.file || strcmp(s.file, item->file) != 0)
		err_set(err, ERR_DAMAGED, "binlog %s: its index is that of %s", item->file,
		        s.file ? s.file : "another");
	else if (item->zst == ARCHIVE_NONE)
		err_set(err, ERR_DAMAGED, "binlog %s: its index is there, but not its bytes",
		        item->file);
	else if (item->zst != s.stored)
		err_set(err, ERR_DAMAGED, "binlog %s: %llu bytes are stored, its index says %llu",
		        item->file, (unsigned long long)item->zst, (unsigned long long)s.stored);
	else {
		*ret = s;
		return 0;
	}
	segment_done(&s);
	return -1;
}

/* Without a word of what came before it, a gap too many is better than one too few. */
static void fear_gap(struct segment *s)
{
	s->gap = mem_zalloc(sizeof *s->gap);
	s->gap->from_file = mem_strdup(s->file);
}

static int load_open(const struct archive_at *at, const struct archive_item *item,
                     struct segment *s, struct err *err)
{
	unsigned char *text = NULL;
	struct err why = ERR_INIT;
	char *name = archive_object(at, item->file, ARCHIVE_OPEN);
	size_t n;
	int rc = repo_get_all(at->repo, name, ARCHIVE_HEAD_MAX, &text, &n, &why);

	s->file = mem_strdup(item->file);
	s->open = true;
	if (rc == 0)
		rc = segment_read_open((char *)text, n, s, &why);
	if (rc < 0 && (why.kind == ERR_NOT_FOUND || why.kind == ERR_DAMAGED)) {
		fear_gap(s);
		rc = 0;
	}
	if (rc < 0 && err)
		*err = why;
	free(text);
	free(name);
	return rc;
}

/* Up to where no whole event follows. */
static int measure(struct segment_bytes *b, uint64_t end, bool strict, struct segment *s,
                   const struct cancel *cancel, struct err *err)
{
	struct err why = ERR_INIT;
	struct binlog_event e;
	uint64_t pos;
	int got;

	if (s->size == 0 && segment_walk_format(b, end, s, err) < 0)
		return -1;
	struct segment_walk w = {b, s->checksum, s->size, end};
	while ((got = segment_walk_next(&w, strict, &pos, &e, &why)) > 0) {
		if (cancel_check(cancel, err) < 0)
			return -1;
		segment_count(s, &e);
	}
	s->stored = s->size;
	if (got == 0 || why.kind == ERR_DAMAGED)
		return 0;
	if (err)
		*err = why;
	return -1;
}

int segment_measure(const struct archive_at *at, const struct archive_item *item, bool strict,
                    struct segment *ret, const struct cancel *cancel, struct err *err)
{
	struct segment_bytes *b = NULL;
	struct segment s = {0}, part = {.file = item->file, .open = true, .size = item->part};
	int rc = 0;

	if (ret->size)
		segment_copy(&s, ret);
	else
		rc = load_open(at, item, &s, err);
	if (rc == 0)
		rc = segment_bytes_open(at, &part, &b, err);
	if (rc == 0 && measure(b, item->part, strict, &s, cancel, err) < 0)
		rc = err_add(err, "%s" ARCHIVE_PART, item->file);
	segment_bytes_free(b);
	if (rc == 0) {
		segment_done(ret);
		*ret = s;
	} else {
		segment_done(&s);
	}
	return rc;
}
