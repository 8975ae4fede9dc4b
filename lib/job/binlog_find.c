#include "job/binlog_find.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "job/binlog_view.h"
#include "job/binlog_words.h"
#include "job/pitr_group.h"

#define NAME_SIZE 256
#define MAPS_MAX 64
/* Times of neighbours in a binlog can be out of order: a statement that ran for long
 * carries the time of its begin. */
#define SLACK_US (24 * 3600 * CLOCK_US)

struct search {
	const struct binlog_find_request *req;
	const struct lineage *lineage;
	const struct segment *segment;
	struct group_walk group;
	uint64_t maps[MAPS_MAX]; /* numbers the table has in this group */
	unsigned map_n;
	bool touched;
	struct binlog_hit hit;
};

static int query(struct search *s, const struct binlog_event *e, struct err *err)
{
	const char *db, *ignored;
	size_t db_n, n;
	char *sql = NULL;

	if (binlog_query_parse(e, &db, &db_n, &ignored, &n, err) < 0 ||
	    binlog_query_text(e, &sql, &n, err) < 0)
		return -1;
	char *text = mem_strndup(sql, n);
	const char *begin = words_begin(text);
	if (!words_are_control(begin) &&
	    words_name_table(begin, db, db_n, s->req->db, s->req->table) && !s->hit.what[0]) {
		s->touched = true;
		words_what(begin, s->hit.what, sizeof s->hit.what);
		snprintf(s->hit.sql, sizeof s->hit.sql, "%.*s", FIND_SQL_MAX - 1, begin);
	}
	free(text);
	free(sql);
	return 0;
}

static int table_map(struct search *s, const struct binlog_event *e, struct err *err)
{
	char db[NAME_SIZE], table[NAME_SIZE];
	uint64_t id;

	if (binlog_table_map_parse(e, db, sizeof db, table, sizeof table, err) < 0)
		return -1;
	if (strcasecmp(db, s->req->db) != 0 ||
	    (strcmp(s->req->table, "*") != 0 && strcasecmp(table, s->req->table) != 0))
		return 0;
	if (binlog_table_id(e, &id, err) < 0)
		return -1;
	if (s->map_n < MAPS_MAX)
		s->maps[s->map_n++] = id;
	return 0;
}

static int rows(struct search *s, const struct binlog_event *e, enum binlog_rows kind,
                struct err *err)
{
	uint64_t id;
	bool ours = false;

	if (s->map_n == 0)
		return 0;
	if (binlog_table_id(e, &id, err) < 0)
		return -1;
	for (unsigned i = 0; i < s->map_n; i++)
		ours = ours || s->maps[i] == id;
	if (!ours)
		return 0;
	s->touched = true;
	s->hit.inserts += kind == BINLOG_ROWS_INSERT;
	s->hit.updates += kind == BINLOG_ROWS_UPDATE;
	s->hit.deletes += kind == BINLOG_ROWS_DELETE;
	return 0;
}

static void describe_rows(struct binlog_hit *h)
{
	if (h->what[0])
		return;
	snprintf(h->what, sizeof h->what, "%s%s%s%s%s", h->inserts ? "insert" : "",
	         h->inserts && (h->updates || h->deletes) ? ", " : "", h->updates ? "update" : "",
	         h->updates && h->deletes ? ", " : "", h->deletes ? "delete" : "");
}

/* The group that s is about ends at `end`. */
static int finish_group(struct search *s, uint64_t end, struct err *err)
{
	const struct binlog_find_request *req = s->req;
	int64_t at = s->group.commit_us;
	int rc = 0;

	if (s->touched && s->group.open && at >= req->from_us && at <= req->until_us) {
		struct pitr_group *g = &s->hit.group;
		*g = (struct pitr_group){
		    .known = true, .pos = s->group.pos, .end = end, .commit_us = at};
		memcpy(g->gtid, s->group.gtid, sizeof g->gtid);
		snprintf(g->file, sizeof g->file, "%s", s->segment->file);
		memcpy(s->hit.lineage, s->lineage->name, sizeof s->hit.lineage);
		describe_rows(&s->hit);
		rc = req->hit(req->arg, &s->hit, err);
	}
	s->touched = false;
	s->map_n = 0;
	s->hit = (struct binlog_hit){0};
	return rc;
}

static int each_event(void *arg, uint64_t pos, const struct binlog_event *e, struct err *err)
{
	struct search *s = arg;
	enum binlog_rows kind = binlog_rows_kind(e->type);
	bool begins;
	int rc = 0;

	if (binlog_begins_group(e) && finish_group(s, pos, err) < 0)
		return -1;
	if (group_walk_event(&s->group, pos, e, &begins, err) < 0)
		return err_add(err, "%s at %llu", s->segment->file, (unsigned long long)pos);
	if (e->type == BINLOG_QUERY || e->type == BINLOG_MARIADB_QUERY_COMPRESSED)
		rc = query(s, e, err);
	else if (e->type == BINLOG_TABLE_MAP)
		rc = table_map(s, e, err);
	else if (kind != BINLOG_ROWS_NONE)
		rc = rows(s, e, kind, err);
	return rc < 0 ? err_add(err, "%s at %llu", s->segment->file, (unsigned long long)pos) : 0;
}

/* A segment without transactions has nothing; one without times may have anything. */
static bool concerns(const struct binlog_find_request *req, const struct segment *s)
{
	if (!s->first_us || !s->last_us)
		return s->open || s->groups;
	return s->first_us - SLACK_US <= req->until_us && s->last_us + SLACK_US >= req->from_us;
}

static int find_in(const struct binlog_find_request *req, const struct lineage *l, struct err *err)
{
	for (size_t k = 0; k < l->segments.n; k++) {
		struct search s = {.req = req, .lineage = l, .segment = &l->segments.v[k]};
		if (!concerns(req, s.segment))
			continue;
		if (archive_walk(req->repo, req->instance, l, s.segment, BINLOG_MAGIC_SIZE,
		                 each_event, &s, req->cancel, err) < 0 ||
		    finish_group(&s, s.segment->size, err) < 0)
			return -1;
	}
	return 0;
}

int binlog_find(const struct binlog_find_request *req, struct err *err)
{
	struct binlog_view v = {0};
	int rc = binlog_view_open(req->repo, req->instance, &v, err);

	if (rc == 0)
		rc = req->begin(req->arg, v.archive.lineages.n, err);
	for (size_t i = 0; i < v.archive.lineages.n && rc == 0; i++)
		rc = find_in(req, &v.archive.lineages.v[i], err);
	binlog_view_done(&v);
	return rc < 0 ? -1 : 0;
}
