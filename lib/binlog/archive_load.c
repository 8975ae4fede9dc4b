/*
 * The catalog of an archive: what there is, from the first lines of its indexes.
 */
#include <stdlib.h>
#include <string.h>

#include "binlog/archive_parts.h"

#define RELIST_MAX 5 /* a segment that is closed while we look is looked at again */

static void lineage_done(struct lineage *l)
{
	for (size_t i = 0; i < l->segments.n; i++)
		segment_done(&l->segments.v[i]);
	for (size_t i = 0; i < l->damaged.n; i++)
		free(l->damaged.v[i].file);
	vec_done(&l->segments);
	vec_done(&l->damaged);
}

void archive_catalog_done(struct archive_catalog *c)
{
	for (size_t i = 0; i < c->lineages.n; i++)
		lineage_done(&c->lineages.v[i]);
	vec_done(&c->lineages);
}

const struct segment *lineage_segment(const struct lineage *l, const char *file)
{
	size_t lo = 0, hi = l ? l->segments.n : 0;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int order = archive_file_order(file, l->segments.v[mid].file);
		if (order == 0)
			return &l->segments.v[mid];
		if (order < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

static void add_damaged(struct lineage *l, const char *file, const struct err *why)
{
	*vec_push(&l->damaged) = (struct segment_damaged){mem_strdup(file), *why};
}

/* 0, 1: gone since it was listed, -1. */
static int add_closed(const struct archive_at *at, const struct archive_item *item,
                      const struct segment *known, struct lineage *l, struct err *err)
{
	struct segment s = {0};
	struct err why = ERR_INIT;

	if (known && !known->open && known->stored == item->zst) {
		segment_copy(vec_push(&l->segments), known);
		return 0;
	}
	if (segment_load(at, item, &s, &why) == 0) {
		*vec_push(&l->segments) = s;
		return 0;
	}
	if (why.kind == ERR_DAMAGED || why.kind == ERR_REFUSED) {
		add_damaged(l, item->file, &why);
		return 0;
	}
	if (why.kind == ERR_NOT_FOUND)
		return 1;
	if (err)
		*err = why;
	return -1;
}

static int add_open(const struct archive_at *at, const struct archive_item *item,
                    const struct segment *known, struct lineage *l, struct err *err)
{
	struct segment s = {0};
	struct err why = ERR_INIT;

	if (known && known->open && known->size <= item->part)
		segment_copy(&s, known);
	if (segment_measure(at, item, false, &s, NULL, &why) == 0) {
		*vec_push(&l->segments) = s;
		return 0;
	}
	segment_done(&s);
	if (why.kind == ERR_DAMAGED) {
		/* not even its format is there: it is about to be, or was */
		if (item->part > ARCHIVE_UNBORN_MAX)
			add_damaged(l, item->file, &why);
		return 0;
	}
	if (why.kind == ERR_NOT_FOUND)
		return 1;
	if (err)
		*err = why;
	return -1;
}

/* When the last transaction before segment i, or the first from it on, was committed. */
static int64_t time_before(const struct lineage *l, size_t i)
{
	while (i-- > 0)
		if (l->segments.v[i].groups)
			return l->segments.v[i].last_us;
	return 0;
}

static int64_t time_from(const struct lineage *l, size_t i)
{
	for (; i < l->segments.n; i++)
		if (l->segments.v[i].groups)
			return l->segments.v[i].first_us;
	return 0;
}

static struct segment_gap *lost_between(const struct segment *before)
{
	struct segment_gap *g = mem_zalloc(sizeof *g);

	*g = (struct segment_gap){
	    .from_file = mem_strdup(before->file), .from_pos = before->size, .lost = true};
	return g;
}

/* Each segment names the one before it: if that is not there, something is lost. */
static void find_gaps(struct lineage *l)
{
	for (size_t i = 0; i < l->segments.n; i++) {
		struct segment *s = &l->segments.v[i];
		const struct segment *before = i ? s - 1 : NULL;
		if (s->gap && s->gap->lost) { /* from an earlier look */
			free(s->gap->from_file);
			free(s->gap);
			s->gap = NULL;
		}
		if (!s->gap && before && (!s->previous || strcmp(s->previous, before->file) != 0))
			s->gap = lost_between(before);
		if (!s->gap)
			continue;
		if (!s->gap->from_us)
			s->gap->from_us = time_before(l, i);
		if (!s->gap->to_us)
			s->gap->to_us = time_from(l, i);
	}
}

/* An expire removes from the front: with nothing read before it, what is left is whole.  To
 * look again and again would only be to run after it. */
static bool is_expired(const struct archive_item *item, const struct lineage *l)
{
	return item->json != ARCHIVE_NONE && item->part == ARCHIVE_NONE && !l->segments.n &&
	       !l->damaged.n;
}

static int load_lineage(const struct archive_at *at, const struct lineage *known,
                        struct lineage *ret, struct err *err)
{
	struct archive_items items = {0};
	int rc = archive_items_list(at, &items, err);

	for (size_t i = 0; rc == 0 && i < items.list.n; i++) {
		const struct archive_item *item = &items.list.v[i];
		const struct segment *was = lineage_segment(known, item->file);
		if (item->json != ARCHIVE_NONE)
			rc = add_closed(at, item, was, ret, err);
		else if (item->part != ARCHIVE_NONE)
			rc = add_open(at, item, was, ret, err);
		if (rc > 0 && is_expired(item, ret))
			rc = 0;
	}
	archive_items_done(&items);
	if (rc == 0)
		find_gaps(ret);
	return rc;
}

static const struct lineage *known_lineage(const struct archive_catalog *c, const char *name)
{
	for (size_t i = 0; i < c->lineages.n; i++)
		if (!strcmp(c->lineages.v[i].name, name))
			return &c->lineages.v[i];
	return NULL;
}

static int add_lineage(struct repo *r, const char *instance, const struct lineage_name *name,
                       const struct archive_catalog *known, struct archive_catalog *to,
                       struct err *err)
{
	struct archive_at at = {r, instance, name->name};
	struct lineage l = {.number = name->number};
	int rc = 1;

	memcpy(l.name, name->name, sizeof l.name);
	for (int i = 0; rc > 0 && i < RELIST_MAX; i++) {
		lineage_done(&l);
		rc = load_lineage(&at, known_lineage(known, l.name), &l, err);
	}
	if (rc > 0)
		rc = err_set(err, ERR_BUSY,
		             "lineage %s changes while it is read, however often that is tried",
		             l.name);
	/* One of which nothing is left, or nothing has come yet, is none. */
	if (rc == 0 && (l.segments.n || l.damaged.n))
		*vec_push(&to->lineages) = l;
	else
		lineage_done(&l);
	return rc;
}

int archive_refresh(struct repo *r, const char *instance, struct archive_catalog *c,
                    struct err *err)
{
	struct lineage_names names = {0};
	struct archive_catalog fresh = {0};
	int rc = archive_lineages(r, instance, &names, err);

	for (size_t i = 0; rc == 0 && i < names.list.n; i++)
		rc = add_lineage(r, instance, &names.list.v[i], c, &fresh, err);
	vec_done(&names.list);
	if (rc < 0) {
		archive_catalog_done(&fresh);
		return err_add(err, "binlog archive of instance %s", instance);
	}
	archive_catalog_done(c);
	*c = fresh;
	return 0;
}

int archive_load(struct repo *r, const char *instance, struct archive_catalog *ret, struct err *err)
{
	struct archive_catalog c = {0};

	if (archive_refresh(r, instance, &c, err) < 0)
		return -1;
	*ret = c;
	return 0;
}

static bool holds(const struct segment *s, const char *file, uint64_t pos, uint32_t created)
{
	return !strcmp(s->file, file) && pos <= s->size && (created == 0 || s->created == created);
}

const struct segment *archive_find(const struct archive_catalog *c, const char *file, uint64_t pos,
                                   uint32_t created, const struct lineage **ret_lineage)
{
	for (size_t i = c->lineages.n; i-- > 0;) {
		const struct segment *s = lineage_segment(&c->lineages.v[i], file);
		if (!s || !holds(s, file, pos, created))
			continue;
		if (ret_lineage)
			*ret_lineage = &c->lineages.v[i];
		return s;
	}
	return NULL;
}
