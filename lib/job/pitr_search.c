#include "job/pitr_search.h"

#include <stdlib.h>
#include <string.h>

#include "job/pitr_gtids.h"

bool pitr_spot_earlier(const struct pitr_spot *a, const struct pitr_spot *b)
{
	return a->segment < b->segment || (a->segment == b->segment && a->pos < b->pos);
}

/* ---- GTIDs */

/* Numbers normally grow: whether the segment is one to look at first. */
static bool likely(const struct segment *s, const char *gtid)
{
	struct gtid g, first, last;

	if (!gtid_split(gtid, &g) || !gtid_split(s->first_gtid, &first) ||
	    !gtid_split(s->last_gtid, &last) || !gtid_same_row(&first, &g) ||
	    !gtid_same_row(&last, &g))
		return s->groups > 0 || s->open;
	return g.number >= first.number && g.number <= last.number;
}

struct gtid_search {
	const char *gtid;
	bool found;
	uint64_t pos, end; /* found there; do not look from there on */
};

static int look_for_gtid(void *arg, uint64_t pos, const struct binlog_event *e, struct err *err)
{
	struct gtid_search *s = arg;
	char gtid[BINLOG_GTID_MAX];

	if (pos >= s->end)
		return 1;
	if (!binlog_begins_group(e))
		return 0;
	if (binlog_gtid_text(e, gtid, err) < 0)
		return -1;
	if (strcmp(gtid, s->gtid) != 0)
		return 0;
	s->found = true;
	s->pos = pos;
	return 1;
}

/* The last point of its row with a number that is not larger: it should come soon. */
static int begin_near(const struct pitr_request *req, const struct lineage *l,
                      const struct segment *s, const char *gtid, uint64_t *ret, struct err *err)
{
	struct segment own = *s;
	struct gtid wanted, g;

	*ret = BINLOG_MAGIC_SIZE;
	if (!s->points.n) {
		own.points.v = NULL;
		own.points.n = own.points.cap = 0;
		if (archive_points(req->repo, req->instance, l, &own, err) < 0)
			return -1;
	}
	bool known = gtid_split(gtid, &wanted);
	for (size_t i = 0; known && i < own.points.n; i++)
		if (gtid_split(own.points.v[i].gtid, &g) && gtid_same_row(&g, &wanted) &&
		    g.number <= wanted.number)
			*ret = own.points.v[i].pos;
	if (!s->points.n)
		vec_done(&own.points);
	return 0;
}

/* From where it should be, and then, as numbers need not grow, what is before that. */
static int look_in_segment(const struct pitr_request *req, const struct lineage *l,
                           const struct segment *s, struct gtid_search *search, struct err *err)
{
	uint64_t from;

	search->end = UINT64_MAX;
	if (begin_near(req, l, s, search->gtid, &from, err) < 0 ||
	    archive_walk(req->repo, req->instance, l, s, from, look_for_gtid, search, req->cancel,
	                 err) < 0)
		return -1;
	if (search->found || from == BINLOG_MAGIC_SIZE)
		return 0;
	search->end = from;
	return archive_walk(req->repo, req->instance, l, s, BINLOG_MAGIC_SIZE, look_for_gtid,
	                    search, req->cancel, err) < 0
	           ? -1
	           : 0;
}

static int search_gtid(const struct pitr_request *req, struct pitr_match *m, unsigned which,
                       bool unlikely, struct err *err)
{
	const struct lineage *l = m->lineage;
	struct gtid_search s = {.gtid = req->point->gtids[which]};

	for (size_t k = l->segments.n; k-- > 0;) {
		if (likely(&l->segments.v[k], s.gtid) == unlikely)
			continue;
		if (look_in_segment(req, l, &l->segments.v[k], &s, err) < 0)
			return -1;
		if (s.found) {
			m->of[which].found = true;
			m->of[which].spot = (struct pitr_spot){k, s.pos};
			return 0;
		}
	}
	return 0;
}

static bool claims_gtid(const struct lineage *l, const char *gtid)
{
	struct gtid g, first;

	for (size_t i = 0; gtid_split(gtid, &g) && i < l->segments.n; i++)
		if (gtid_split(l->segments.v[i].first_gtid, &first) && gtid_same_row(&first, &g))
			return g.number >= first.number;
	return false;
}

/* ---- positions */

static void search_position(const struct restore_point *p, struct pitr_match *m)
{
	const struct lineage *l = m->lineage;

	for (size_t i = 0; i < l->segments.n; i++)
		if (!strcmp(l->segments.v[i].file, p->file) && p->pos <= l->segments.v[i].size) {
			m->of[0].found = true;
			m->of[0].spot = (struct pitr_spot){i, p->pos};
		}
}

static size_t stem(const char *file)
{
	const char *dot = strrchr(file, '.');

	return dot ? (size_t)(dot - file) : strlen(file);
}

static bool claims_file(const struct lineage *l, const char *file)
{
	const char *first = l->segments.n ? l->segments.v[0].file : NULL;

	return first && stem(first) == stem(file) && !strncmp(first, file, stem(file)) &&
	       archive_file_order(file, first) >= 0;
}

/* ---- either */

int pitr_search(const struct pitr_request *req, struct pitr_match *m, bool unlikely,
                struct err *err)
{
	const struct restore_point *p = req->point;
	int rc = 0;

	if (p->kind == POINT_POSITION)
		search_position(p, m);
	for (unsigned i = 0; p->kind == POINT_GTID && i < p->gtid_n && rc == 0; i++)
		if (!m->of[i].found && !m->of[i].settled)
			rc = search_gtid(req, m, i, unlikely, err);
	return rc;
}

bool pitr_search_claims(const struct restore_point *p, const struct pitr_match *m)
{
	bool claims = p->kind == POINT_POSITION && claims_file(m->lineage, p->file);

	for (unsigned i = 0; p->kind == POINT_GTID && i < p->gtid_n; i++)
		claims = claims || claims_gtid(m->lineage, p->gtids[i]);
	return claims;
}
