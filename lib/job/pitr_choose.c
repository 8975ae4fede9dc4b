#include "job/pitr_choose.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "binlog/window.h"

struct spot { /* in the archive */
	const struct lineage *lineage;
	size_t segment;
	uint64_t pos;
};

/* ---- what can be reached, for whoever asked for something else */

static void add_windows(const struct pitr_request *req, const struct archive_catalog *a,
                        struct str *out)
{
	struct recovery_windows w = {0};
	char from[64], to[64];

	window_find(req->catalog, a, req->caught_up_us, &w);
	for (size_t i = 0; i < w.list.n; i++)
		str_addf(out, "%s%s to %s", i ? ", and from " : "any second can be from ",
		         clock_format_local(from, sizeof from, w.list.v[i].from_us),
		         clock_format_local(to, sizeof to, w.list.v[i].to_us));
	if (!w.list.n)
		str_add(out, "no binlogs follow any backup");
	recovery_windows_done(&w);
}

int pitr_unreachable(const struct pitr_request *req, const struct archive_catalog *a,
                     const char *why, struct err *err)
{
	struct str point = {0}, windows = {0};

	point_text(req->point, &point);
	add_windows(req, a, &windows);
	err_set(err, ERR_NOT_FOUND, "%s cannot be restored: %s; %s", str_text(&point), why,
	        str_text(&windows));
	str_done(&point);
	str_done(&windows);
	return err_hint(err, "mybakctl binlog list shows what is archived; without a point its "
	                     "end is restored.");
}

bool pitr_is_wanted(const struct restore_point *p, const char *gtid)
{
	for (unsigned i = 0; p->kind == POINT_GTID && i < p->gtid_n; i++)
		if (!strcmp(p->gtids[i], gtid))
			return true;
	return false;
}

/* ---- a backup and nothing else */

static int check_newest(const struct pitr_request *req, const struct manifest *newest,
                        struct err *err)
{
	for (size_t i = 0; i < req->catalog->damaged_n; i++) {
		const struct catalog_damaged *d = &req->catalog->damaged[i];
		if (newest && strcmp(d->id, newest->id) < 0)
			continue;
		err_set(err, ERR_DAMAGED, "the newest backup %s cannot be read: %s", d->id,
		        d->why.text);
		if (!newest)
			return -1;
		return err_hint(err, "the newest one that can be read is %s: name it with --backup",
		                newest->id);
	}
	if (!newest)
		return err_set(err, ERR_NOT_FOUND, "instance %s has no backups", req->instance);
	return 0;
}

int pitr_choose_backup(const struct pitr_request *req, struct pitr_plan *plan, struct err *err)
{
	const struct manifest *newest = catalog_newest(req->catalog);

	if (!req->backup || !strcmp(req->backup, "latest")) {
		if (check_newest(req, newest, err) < 0)
			return -1;
		plan->backup = newest;
		return 0;
	}
	plan->backup = catalog_find(req->catalog, req->backup);
	if (plan->backup)
		return 0;
	for (size_t i = 0; i < req->catalog->damaged_n; i++)
		if (!strcmp(req->catalog->damaged[i].id, req->backup))
			return err_set(err, ERR_DAMAGED, "backup %s cannot be read: %s",
			               req->backup, req->catalog->damaged[i].why.text);
	err_set(err, ERR_NOT_FOUND, "instance %s has no backup %s", req->instance, req->backup);
	return err_hint(err, "mybakctl list shows the backups there are");
}

/* ---- times */

int64_t pitr_known_until(const struct pitr_request *req, const struct archive_catalog *a,
                         const struct pitr_place *place)
{
	const struct lineage *l = place->lineage;
	size_t end = pitr_run_end(l, place->segment);
	int64_t until = (int64_t)l->segments.v[end].created * CLOCK_US;

	for (size_t i = place->segment; i <= end; i++)
		if (l->segments.v[i].last_us > until)
			until = l->segments.v[i].last_us;
	if (end + 1 == l->segments.n && l == &a->lineages.v[a->lineages.n - 1] &&
	    req->caught_up_us > until)
		until = req->caught_up_us;
	/* A later backup's position on this run says that nothing else came before it. */
	for (size_t i = 0; i < req->catalog->backups.n; i++) {
		const struct manifest *m = req->catalog->backups.v[i];
		struct pitr_place at;
		if (window_backup_until_us(m) > until && pitr_locate(a, m, &at) &&
		    at.lineage == l && at.segment >= place->segment && at.segment <= end)
			until = window_backup_until_us(m);
	}
	return until;
}

/* ---- GTIDs */

/* "0-1-42": number 42 of domain "0"; "uuid:tag:7": 7 of "uuid:tag".  Returns the length
 * of what it is a number of, 0 for no GTID. */
static size_t split_gtid(const char *gtid, uint64_t *number)
{
	const char *colon = strrchr(gtid, ':'), *dash = strrchr(gtid, '-');
	const char *last = colon ? colon : dash;

	if (!last)
		return 0;
	*number = strtoull(last + 1, NULL, 10);
	return colon ? (size_t)(colon - gtid) : strcspn(gtid, "-");
}

/* Of the same row of numbers, and no larger. */
static bool not_behind(const char *other, const char *gtid)
{
	uint64_t a, b;
	size_t n = split_gtid(gtid, &b);

	return n && split_gtid(other, &a) == n && !memcmp(other, gtid, n) && a <= b;
}

/* Numbers normally grow: whether the segment is the one to look at first. */
static bool likely(const struct segment *s, const char *gtid)
{
	uint64_t number, first, last;
	size_t n = split_gtid(gtid, &number);

	if (!n || split_gtid(s->first_gtid, &first) != n || split_gtid(s->last_gtid, &last) != n ||
	    memcmp(s->first_gtid, gtid, n) != 0 || memcmp(s->last_gtid, gtid, n) != 0)
		return s->groups > 0 || s->open;
	return number >= first && number <= last;
}

struct gtid_search {
	const char *gtid;
	bool found;
	uint64_t pos;
};

static int look_for_gtid(void *arg, uint64_t pos, const struct binlog_event *e, struct err *err)
{
	struct gtid_search *s = arg;
	char gtid[BINLOG_GTID_MAX];

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

/* The last point of its domain with a number that is not larger: it should come soon. */
static int begin_near(const struct pitr_request *req, const struct lineage *l,
                      const struct segment *s, const char *gtid, uint64_t *ret, struct err *err)
{
	struct segment own = *s;

	*ret = BINLOG_MAGIC_SIZE;
	if (!s->points.n) {
		own.points.v = NULL;
		own.points.n = own.points.cap = 0;
		if (archive_points(req->repo, req->instance, l, &own, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < own.points.n; i++)
		if (not_behind(own.points.v[i].gtid, gtid))
			*ret = own.points.v[i].pos;
	if (!s->points.n)
		vec_done(&own.points);
	return 0;
}

/* From where it should be, and then, as numbers need not grow, from the begin. */
static int look_in_segment(const struct pitr_request *req, const struct lineage *l,
                           const struct segment *s, struct gtid_search *search, struct err *err)
{
	uint64_t from;

	if (begin_near(req, l, s, search->gtid, &from, err) < 0 ||
	    archive_walk(req->repo, req->instance, l, s, from, look_for_gtid, search, req->cancel,
	                 err) < 0)
		return -1;
	if (search->found || from == BINLOG_MAGIC_SIZE)
		return 0;
	return archive_walk(req->repo, req->instance, l, s, BINLOG_MAGIC_SIZE, look_for_gtid,
	                    search, req->cancel, err);
}

/* 1 found, 0 not, -1. */
static int find_gtid(const struct pitr_request *req, const struct archive_catalog *a,
                     const char *gtid, struct spot *ret, struct err *err)
{
	struct gtid_search s = {.gtid = gtid};

	for (int unlikely = 0; unlikely < 2; unlikely++)
		for (size_t i = a->lineages.n; i-- > 0;) {
			const struct lineage *l = &a->lineages.v[i];
			for (size_t k = l->segments.n; k-- > 0;) {
				if (likely(&l->segments.v[k], gtid) == unlikely)
					continue;
				if (look_in_segment(req, l, &l->segments.v[k], &s, err) < 0)
					return -1;
				if (s.found) {
					*ret = (struct spot){l, k, s.pos};
					return 1;
				}
			}
		}
	return 0;
}

static bool earlier(const struct spot *a, const struct spot *b)
{
	return a->segment < b->segment || (a->segment == b->segment && a->pos < b->pos);
}

/* The first of the GTIDs asked for. */
static int first_gtid(const struct pitr_request *req, const struct archive_catalog *a,
                      struct spot *ret, struct err *err)
{
	const struct restore_point *p = req->point;
	struct spot first = {0}, one;

	for (unsigned i = 0; i < p->gtid_n; i++) {
		int found = find_gtid(req, a, p->gtids[i], &one, err);
		if (found < 0)
			return -1;
		if (!found)
			return pitr_unreachable(req, a, "no archived binlog holds it", err);
		if (first.lineage && first.lineage != one.lineage)
			return pitr_unreachable(req, a, "they are of different histories", err);
		if (!first.lineage || earlier(&one, &first))
			first = one;
	}
	*ret = first;
	return 0;
}

static int find_position(const struct pitr_request *req, const struct archive_catalog *a,
                         struct spot *ret, struct err *err)
{
	const struct restore_point *p = req->point;
	const struct lineage *l = NULL;
	const struct segment *s = archive_find(a, p->file, p->pos, 0, &l);

	if (!s)
		return pitr_unreachable(req, a, "no archived binlog holds it", err);
	*ret = (struct spot){l, (size_t)(s - l->segments.v), p->pos};
	return 0;
}

/* ---- the backup */

/* Could the restore begin with m? */
static bool fits(const struct pitr_request *req, const struct archive_catalog *a,
                 const struct manifest *m, const struct spot *spot, struct pitr_place *ret)
{
	struct pitr_place place;

	if (!pitr_locate(a, m, &place))
		return false;
	*ret = place;
	if (req->point->kind == POINT_TIME)
		return window_backup_from_us(m) <= req->point->time_us &&
		       pitr_known_until(req, a, &place) >= req->point->time_us;
	struct spot from = {place.lineage, place.segment, m->binlog.pos};
	return place.lineage == spot->lineage && !earlier(spot, &from) &&
	       pitr_run_end(place.lineage, place.segment) >= spot->segment;
}

static int choose_fitting(const struct pitr_request *req, const struct archive_catalog *a,
                          const struct spot *spot, struct pitr_plan *plan,
                          struct pitr_place *ret_place, struct err *err)
{
	if (req->backup && pitr_choose_backup(req, plan, err) < 0)
		return -1;
	if (plan->backup) {
		if (fits(req, a, plan->backup, spot, ret_place))
			return 0;
		return pitr_unreachable(
		    req, a, "binlogs do not lead there from the backup that was named", err);
	}
	for (size_t i = req->catalog->backups.n; i-- > 0;) {
		const struct manifest *m = req->catalog->backups.v[i];
		if (fits(req, a, m, spot, ret_place)) {
			plan->backup = m;
			return 0;
		}
	}
	return pitr_unreachable(req, a, "no backup stands before it with all binlogs in between",
	                        err);
}

/* More is archived, but nothing leads over a gap. */
static char *gap_note(const struct pitr_place *place)
{
	const struct lineage *l = place->lineage;
	size_t end = pitr_run_end(l, place->segment);

	if (end + 1 == l->segments.n)
		return NULL;
	const struct segment_gap *gap = l->segments.v[end + 1].gap;
	return mem_printf("binlogs from %s:%llu on are missing and no backup stands behind them: "
	                  "the restore ends there, what is archived from %s on is left out",
	                  gap->from_file ? gap->from_file : l->segments.v[end].file,
	                  (unsigned long long)gap->from_pos, l->segments.v[end + 1].file);
}

static int choose_latest(const struct pitr_request *req, const struct archive_catalog *a,
                         struct pitr_plan *plan, struct pitr_place *ret_place, struct err *err)
{
	if (pitr_choose_backup(req, plan, err) < 0)
		return -1;
	if (!pitr_locate(a, plan->backup, ret_place)) {
		*ret_place = (struct pitr_place){0};
		plan->note = mem_printf("no archived binlogs follow backup %s: the restore ends "
		                        "with it",
		                        plan->backup->id);
	} else if (ret_place->lineage != &a->lineages.v[a->lineages.n - 1]) {
		plan->note = mem_printf("the server has begun a new history of binlogs (%s), and "
		                        "no backup stands in it: the restore ends with the one "
		                        "before",
		                        a->lineages.v[a->lineages.n - 1].name);
	} else {
		plan->note = gap_note(ret_place);
	}
	return 0;
}

int pitr_choose(const struct pitr_request *req, const struct archive_catalog *a,
                struct pitr_plan *plan, struct pitr_place *ret_place, struct err *err)
{
	struct spot spot = {0};

	if (req->point->kind == POINT_LATEST)
		return choose_latest(req, a, plan, ret_place, err);
	if (req->point->kind == POINT_GTID && first_gtid(req, a, &spot, err) < 0)
		return -1;
	if (req->point->kind == POINT_POSITION && find_position(req, a, &spot, err) < 0)
		return -1;
	return choose_fitting(req, a, &spot, plan, ret_place, err);
}
