#include "job/pitr_choose.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "binlog/window.h"
#include "job/pitr_pick.h"

void pitr_note(struct pitr_plan *plan, const char *fmt, ...)
{
	char *before = plan->note, text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	plan->note = before ? mem_printf("%s; %s", before, text) : mem_strdup(text);
	free(before);
}

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
                     struct pitr_plan *plan, const char *why, struct err *err)
{
	struct str point = {0}, windows = {0};

	point_text(req->point, &point);
	add_windows(req, a, &windows);
	err_set(err, ERR_NOT_FOUND, "%s cannot be restored: %s; %s", str_text(&point), why,
	        str_text(&windows));
	str_done(&point);
	str_done(&windows);
	plan->unreachable = true;
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

/* Up to when it is known that nothing but what is archived happened, on the run that
 * `place` stands in. */
static int64_t known_until(const struct pitr_request *req, const struct archive_catalog *a,
                           const struct pitr_place *place)
{
	const struct lineage *l = place->lineage;
	size_t end = pitr_run_end(l, place->segment);
	int64_t until = (int64_t)l->segments.v[end].created * CLOCK_US;

	for (size_t i = place->segment; i <= end; i++)
		if (window_last_us(l, i) > until)
			until = window_last_us(l, i);
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

/* ---- the backup */

static bool has_parents(const struct pitr_request *req, const struct manifest *m)
{
	const struct manifest **chain = NULL;
	size_t n;

	if (catalog_chain(req->catalog, m->id, &chain, &n, NULL) < 0)
		return false;
	free(chain);
	return true;
}

bool pitr_pick_add(const struct pitr_request *req, struct pitr_pick *pick, const struct manifest *m,
                   const struct pitr_place *place)
{
	if (has_parents(req, m)) {
		pick->m = m;
		pick->place = *place;
		return false;
	}
	if (!pick->skipped)
		pick->skipped = m;
	return true;
}

static void note_history(const struct archive_catalog *a, const struct pitr_place *place,
                         struct pitr_plan *plan)
{
	const struct lineage *newest = &a->lineages.v[a->lineages.n - 1];

	if (place->lineage != newest)
		pitr_note(plan,
		          "this is of the history of binlogs %s; the server has begun a new one "
		          "since, %s",
		          place->lineage->name, newest->name);
}

int pitr_take(const struct archive_catalog *a, const struct pitr_pick *pick, struct pitr_plan *plan,
              struct pitr_place *ret_place)
{
	plan->backup = pick->m;
	*ret_place = pick->place;
	if (pick->skipped)
		pitr_note(plan,
		          "backup %s is nearer, but something it stands on is missing or cannot be "
		          "read: it was passed over",
		          pick->skipped->id);
	note_history(a, &pick->place, plan);
	return 0;
}

int pitr_no_way_from_named(const struct pitr_request *req, const struct archive_catalog *a,
                           struct pitr_plan *plan, struct err *err)
{
	return pitr_unreachable(req, a, plan,
	                        "binlogs do not lead there from the backup that was named", err);
}

int pitr_no_backup_before(const struct pitr_request *req, const struct archive_catalog *a,
                          struct pitr_plan *plan, struct err *err)
{
	return pitr_unreachable(req, a, plan,
	                        "no backup stands before it with all binlogs in between", err);
}

/* ---- a time */

int64_t pitr_time_limit(const struct pitr_request *req, const struct segment *s)
{
	int64_t us = req->point->time_us;

	return s->mariadb ? us - us % CLOCK_US : us;
}

static bool fits_time(const struct pitr_request *req, const struct archive_catalog *a,
                      const struct manifest *m, struct pitr_place *ret)
{
	if (!pitr_locate(a, m, ret))
		return false;
	int64_t limit = pitr_time_limit(req, &ret->lineage->segments.v[ret->segment]);
	return window_backup_from_us(m) <= limit && known_until(req, a, ret) >= limit;
}

static int take_for_time(const struct pitr_request *req, const struct archive_catalog *a,
                         const struct pitr_pick *pick, struct pitr_plan *plan,
                         struct pitr_place *ret_place)
{
	const struct segment *s = &pick->place.lineage->segments.v[pick->place.segment];
	int64_t limit = pitr_time_limit(req, s);
	char when[64];

	if (limit != req->point->time_us)
		pitr_note(plan,
		          "the binlog tells whole seconds only: what was committed in the second "
		          "%s is left out",
		          clock_format_local(when, sizeof when, limit));
	return pitr_take(a, pick, plan, ret_place);
}

static int choose_by_time(const struct pitr_request *req, const struct archive_catalog *a,
                          struct pitr_plan *plan, struct pitr_place *ret_place, struct err *err)
{
	struct pitr_pick pick = {0};
	struct pitr_place place;

	if (req->backup) {
		if (pitr_choose_backup(req, plan, err) < 0)
			return -1;
		if (!fits_time(req, a, plan->backup, &pick.place))
			return pitr_no_way_from_named(req, a, plan, err);
		pick.m = plan->backup;
		return take_for_time(req, a, &pick, plan, ret_place);
	}
	for (size_t i = req->catalog->backups.n; i-- > 0;)
		if (fits_time(req, a, req->catalog->backups.v[i], &place) &&
		    !pitr_pick_add(req, &pick, req->catalog->backups.v[i], &place))
			return take_for_time(req, a, &pick, plan, ret_place);
	return pitr_no_backup_before(req, a, plan, err);
}

/* ---- the end of what is archived */

/* More is archived, but nothing leads over a gap. */
static void note_gap(const struct pitr_place *place, struct pitr_plan *plan)
{
	const struct lineage *l = place->lineage;
	size_t end = pitr_run_end(l, place->segment);

	if (end + 1 == l->segments.n)
		return;
	const struct segment_gap *gap = l->segments.v[end + 1].gap;
	pitr_note(plan,
	          "binlogs from %s:%llu on are missing and no backup stands behind them: the "
	          "restore ends there, what is archived from %s on is left out",
	          gap->from_file ? gap->from_file : l->segments.v[end].file,
	          (unsigned long long)gap->from_pos, l->segments.v[end + 1].file);
}

/* The same end is reached from an older backup in the same run. */
static void replace_broken(const struct pitr_request *req, const struct archive_catalog *a,
                           struct pitr_plan *plan, struct pitr_place *place)
{
	size_t end = pitr_run_end(place->lineage, place->segment);
	struct pitr_pick pick = {0};
	struct pitr_place at;

	for (size_t i = req->catalog->backups.n; i-- > 0 && !pick.m;) {
		const struct manifest *m = req->catalog->backups.v[i];
		if (pitr_locate(a, m, &at) && at.lineage == place->lineage &&
		    pitr_run_end(at.lineage, at.segment) == end)
			pitr_pick_add(req, &pick, m, &at);
	}
	if (pick.m)
		pitr_take(a, &pick, plan, place);
}

static int choose_latest(const struct pitr_request *req, const struct archive_catalog *a,
                         struct pitr_plan *plan, struct pitr_place *ret_place, struct err *err)
{
	if (pitr_choose_backup(req, plan, err) < 0)
		return -1;
	if (!pitr_locate(a, plan->backup, ret_place)) {
		*ret_place = (struct pitr_place){0};
		pitr_note(plan, "no archived binlogs follow backup %s: the restore ends with it",
		          plan->backup->id);
		return 0;
	}
	if (!req->backup && !has_parents(req, plan->backup))
		replace_broken(req, a, plan, ret_place);
	if (ret_place->lineage != &a->lineages.v[a->lineages.n - 1])
		pitr_note(
		    plan,
		    "the server has begun a new history of binlogs (%s), and no backup stands "
		    "in it: the restore ends with the one before",
		    a->lineages.v[a->lineages.n - 1].name);
	else
		note_gap(ret_place, plan);
	return 0;
}

int pitr_choose(const struct pitr_request *req, const struct archive_catalog *a,
                struct pitr_plan *plan, struct pitr_place *ret_place, struct err *err)
{
	if (req->point->kind == POINT_LATEST)
		return choose_latest(req, a, plan, ret_place, err);
	if (req->point->kind == POINT_TIME)
		return choose_by_time(req, a, plan, ret_place, err);
	return req->backup ? pitr_choose_from_named(req, a, plan, ret_place, err)
	                   : pitr_choose_by_place(req, a, plan, ret_place, err);
}
