/* pitr: a backup before a GTID or a position, in the right one of several histories. */
#include "job/pitr_pick.h"

#include <stdlib.h>

#include "base/str.h"
#include "job/pitr_choose.h"
#include "job/pitr_gtids.h"
#include "job/pitr_search.h"

static unsigned wanted_n(const struct restore_point *p)
{
	return p->kind == POINT_GTID ? p->gtid_n : 1;
}

static const char *backup_gtids(const struct pitr_request *req, const struct archive_catalog *a,
                                size_t i, const struct lineage *l)
{
	struct pitr_place at;
	const struct manifest *m = req->catalog->backups.v[i];

	return pitr_locate(a, m, &at) && at.lineage == l ? m->binlog.gtid : NULL;
}

/* What is in all backups of the history need not be looked for: it is behind any of
 * them, and to stop there is not possible. */
static void settle(const struct pitr_request *req, const struct archive_catalog *a,
                   struct pitr_match *m)
{
	const struct restore_point *p = req->point;
	const char *oldest = NULL;

	for (size_t i = 0; !oldest && i < req->catalog->backups.n; i++)
		oldest = backup_gtids(req, a, i, m->lineage);
	for (unsigned k = 0; p->kind == POINT_GTID && !p->before && k < p->gtid_n; k++)
		m->of[k].settled = gtid_list_covers(oldest, p->gtids[k]);
}

/* In the binlogs of this history, or in one of its backups? */
static bool is_known(const struct pitr_request *req, const struct archive_catalog *a,
                     const struct pitr_match *m, unsigned k)
{
	bool known = m->of[k].found || m->of[k].settled;

	for (size_t i = 0; !known && !req->point->before && i < req->catalog->backups.n; i++)
		known = req->point->kind == POINT_GTID &&
		        gtid_list_covers(backup_gtids(req, a, i, m->lineage), req->point->gtids[k]);
	return known;
}

static bool is_here(const struct pitr_request *req, const struct archive_catalog *a,
                    const struct pitr_match *m)
{
	bool found = false, known = true;

	for (unsigned k = 0; k < wanted_n(req->point); k++) {
		found = found || m->of[k].found;
		known = known && is_known(req, a, m, k);
	}
	return found && known;
}

/* Where the replay ends: behind the last one, or before the first. */
static const struct pitr_spot *target(const struct pitr_request *req, const struct pitr_match *m)
{
	const struct pitr_spot *t = NULL;

	for (unsigned k = 0; k < wanted_n(req->point); k++) {
		const struct pitr_spot *one = &m->of[k].spot;
		if (!m->of[k].found)
			continue;
		if (!t ||
		    (req->point->before ? pitr_spot_earlier(one, t) : pitr_spot_earlier(t, one)))
			t = one;
	}
	return t;
}

static bool fits_place(const struct pitr_request *req, const struct archive_catalog *a,
                       const struct pitr_match *match, const struct manifest *m,
                       struct pitr_place *ret)
{
	const struct pitr_spot *to = target(req, match);

	if (!to || !pitr_locate(a, m, ret) || ret->lineage != match->lineage)
		return false;
	struct pitr_spot from = {ret->segment, m->binlog.pos};
	if (pitr_spot_earlier(to, &from) || pitr_run_end(ret->lineage, ret->segment) < to->segment)
		return false;
	for (unsigned k = 0; req->point->kind == POINT_GTID && k < req->point->gtid_n; k++)
		if (!match->of[k].found && !gtid_list_covers(m->binlog.gtid, req->point->gtids[k]))
			return false;
	return true;
}

/* So many of the wanted GTIDs the replay will not meet. */
static unsigned reached_by(const struct pitr_request *req, const struct pitr_match *m,
                           const struct pitr_pick *pick)
{
	struct pitr_spot from = {pick->place.segment, pick->m->binlog.pos};
	unsigned n = 0;

	for (unsigned k = 0; req->point->kind == POINT_GTID && k < req->point->gtid_n; k++)
		n += !m->of[k].found || pitr_spot_earlier(&m->of[k].spot, &from);
	return n;
}

static void pick_in(const struct pitr_request *req, const struct archive_catalog *a,
                    const struct pitr_match *match, struct pitr_pick *pick)
{
	struct pitr_place place;

	for (size_t i = req->catalog->backups.n; i-- > 0;)
		if (fits_place(req, a, match, req->catalog->backups.v[i], &place) &&
		    !pitr_pick_add(req, pick, req->catalog->backups.v[i], &place))
			return;
}

struct matches {
	struct pitr_match *v; /* newest history first */
	size_t n;
};

/* Where it ought not to be is only looked at if it is nowhere else. */
static int find_matches(const struct pitr_request *req, const struct archive_catalog *a,
                        const struct lineage *only, struct matches *ret, struct err *err)
{
	bool here = false;

	ret->v = mem_zalloc((a->lineages.n + 1) * sizeof *ret->v);
	for (size_t i = a->lineages.n; i-- > 0;) {
		if (only && only != &a->lineages.v[i])
			continue;
		struct pitr_match *m = &ret->v[ret->n++];
		*m = (struct pitr_match){.lineage = &a->lineages.v[i]};
		settle(req, a, m);
	}
	for (int unlikely = 0; unlikely < 2 && !here; unlikely++)
		for (size_t i = 0; i < ret->n; i++) {
			if (pitr_search(req, &ret->v[i], unlikely, err) < 0)
				return -1;
			here = here || is_here(req, a, &ret->v[i]);
		}
	return 0;
}

int pitr_choose_from_named(const struct pitr_request *req, const struct archive_catalog *a,
                           struct pitr_plan *plan, struct pitr_place *ret_place, struct err *err)
{
	struct pitr_pick pick = {0};
	struct matches all = {0};
	int rc = -1;

	if (pitr_choose_backup(req, plan, err) < 0)
		return -1;
	if (!pitr_locate(a, plan->backup, &pick.place))
		return pitr_no_way_from_named(req, a, plan, err);
	if (find_matches(req, a, pick.place.lineage, &all, err) < 0)
		goto out;
	if (!is_here(req, a, all.v)) {
		pitr_unreachable(req, a, plan,
		                 "no archived binlog holds it in the history of the backup that "
		                 "was named",
		                 err);
		goto out;
	}
	if (!fits_place(req, a, all.v, plan->backup, &pick.place)) {
		pitr_no_way_from_named(req, a, plan, err);
		goto out;
	}
	pick.m = plan->backup;
	plan->gtids_reached = reached_by(req, all.v, &pick);
	rc = pitr_take(a, &pick, plan, ret_place);
out:
	free(all.v);
	return rc;
}

/* Names and numbers begin again with a history: what is asked for has more than one
 * meaning, and to guess would be to bring back other data than was meant. */
static int ambiguous(const struct pitr_request *req, const struct pitr_match *newer, bool archived,
                     const struct pitr_match *older, const struct manifest *m, struct err *err)
{
	struct str point = {0};

	point_text(req->point, &point);
	err_set(err, ERR_USAGE,
	        "%s can be of more than one history of binlogs: of %s, %s, or of %s, which backup "
	        "%s leads to",
	        str_text(&point), newer->lineage->name,
	        archived ? "where it is archived" : "where it is not archived",
	        older->lineage->name, m->id);
	str_done(&point);
	return err_hint(err,
	                "Name a backup of the history that is meant: --backup %s for %s; mybakctl "
	                "binlog list shows the histories, mybakctl list the backups.",
	                m->id, older->lineage->name);
}

int pitr_choose_by_place(const struct pitr_request *req, const struct archive_catalog *a,
                         struct pitr_plan *plan, struct pitr_place *ret_place, struct err *err)
{
	const struct pitr_match *first = NULL; /* the newest that it can be of */
	struct matches all = {0};
	struct pitr_pick best = {0};
	bool archived = false;
	int rc = -1;

	if (find_matches(req, a, NULL, &all, err) < 0)
		goto out;
	for (size_t i = 0; i < all.n; i++) {
		const struct pitr_match *m = &all.v[i];
		struct pitr_pick pick = {0};
		bool here = is_here(req, a, m);
		if (here)
			pick_in(req, a, m, &pick);
		if (!first && (here || pitr_search_claims(req->point, m))) {
			first = m;
			best = pick;
			archived = here;
		} else if (first && pick.m) {
			ambiguous(req, first, archived, m, pick.m, err);
			goto out;
		}
	}
	if (!first || !(archived || first->of[0].settled)) {
		pitr_unreachable(req, a, plan, "no archived binlog holds it", err);
		goto out;
	}
	if (!best.m) {
		pitr_no_backup_before(req, a, plan, err);
		goto out;
	}
	plan->gtids_reached = reached_by(req, first, &best);
	rc = pitr_take(a, &best, plan, ret_place);
out:
	free(all.v);
	return rc;
}
