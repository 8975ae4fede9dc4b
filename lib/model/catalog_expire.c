/*
 * What retention keeps and why.
 *
 * Every backup gets a reason of its own first (age, number, date); then children
 * are looked at before their parents, and what is kept keeps its parent.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "model/catalog.h"

#define DAY_US (86400 * CLOCK_US)
#define DAYS_MAX 1000000u /* the sum with a date stays within 64 bits */

struct expiry {
	const struct catalog *c;
	struct expire_verdict *by_age; /* as in the catalog, oldest first */
	size_t *parent;                /* index of the parent, or NONE */
	size_t *children;              /* that were not written to the answer yet */
	bool *written;
};

#define NONE ((size_t)-1)

static int64_t days_us(unsigned days)
{
	return (int64_t)(days < DAYS_MAX ? days : DAYS_MAX) * DAY_US;
}

static void judge_age(struct expire_verdict *v, const struct policy_retention *r, int64_t now_us)
{
	bool full = v->backup->kind == BACKUP_FULL;
	unsigned days = full ? r->full_days : r->incremental_days;

	if (v->backup->finished_us > now_us) {
		snprintf(v->reason, sizeof v->reason, "dated in the future");
		return;
	}
	v->remove = now_us - v->backup->finished_us > days_us(days);
	snprintf(v->reason, sizeof v->reason, "%s %s %u days", backup_kind_name(v->backup->kind),
	         v->remove ? "older than" : "kept", days);
}

__attribute__((format(printf, 2, 3))) static void keep(struct expire_verdict *v, const char *reason,
                                                       ...)
{
	va_list ap;

	if (!v->remove)
		return;
	v->remove = false;
	va_start(ap, reason);
	vsnprintf(v->reason, sizeof v->reason, reason, ap);
	va_end(ap);
}

/* Only what can be read is in the catalog's list, so a damaged full never counts.
 * One dated in the future stays anyway and takes nobody's place. */
static void keep_fulls(struct expiry *e, unsigned min_full, int64_t now_us)
{
	unsigned left = min_full ? min_full : 1;

	for (size_t i = e->c->backups.n; i-- > 0 && left > 0;) {
		const struct manifest *m = e->by_age[i].backup;
		if (m->kind != BACKUP_FULL || m->finished_us > now_us)
			continue;
		left--;
		if (min_full > 1)
			keep(&e->by_age[i], "one of the last %u fulls", min_full);
		else
			keep(&e->by_age[i], "last full");
	}
}

static int64_t id_time(const char *id)
{
	char text[32];
	int64_t us = -1;

	if (!backup_id_valid(id))
		return -1;
	snprintf(text, sizeof text, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", id, id + 4, id + 6, id + 9,
	         id + 11, id + 13);
	return clock_parse(text, &us) ? -1 : us;
}

/* A manifest that cannot be read today may be readable tomorrow (a disk that came
 * late, a cable).  Its parent is not known then, but it was the newest backup at
 * that time, so that one stays as long as the damaged one would. */
static void keep_for_damaged(struct expiry *e, const struct policy_retention *r, int64_t now_us)
{
	for (size_t d = 0; d < e->c->damaged_n; d++) {
		const char *id = e->c->damaged[d].id;
		int64_t at = id_time(id);
		size_t i = e->c->backups.n;

		if (at < 0 || !str_ends(id, "-incr") || now_us - at > days_us(r->incremental_days))
			continue;
		while (i > 0 && strcmp(e->by_age[i - 1].backup->id, id) >= 0)
			i--;
		if (i > 0)
			keep(&e->by_age[i - 1], "may be the parent of %s, which cannot be read",
			     id);
	}
}

static void find_parents(struct expiry *e)
{
	for (size_t i = 0; i < e->c->backups.n; i++) {
		const char *parent = e->c->backups.v[i]->parent;
		e->parent[i] = NONE;
		for (size_t lo = 0, hi = e->c->backups.n; parent[0] && lo < hi;) {
			size_t mid = lo + (hi - lo) / 2;
			int cmp = strcmp(parent, e->c->backups.v[mid]->id);
			if (cmp == 0) {
				e->parent[i] = mid;
				e->children[mid]++;
				break;
			}
			if (cmp < 0)
				hi = mid;
			else
				lo = mid + 1;
		}
	}
}

/* Newest first, as far as nobody goes before its children: a clock that was set
 * back can make a child look older than its parent, and then it takes another
 * sweep.  Returns how many were written. */
static size_t sweep(struct expiry *e, struct expire_verdict *out)
{
	size_t n = 0;

	for (size_t i = e->c->backups.n; i-- > 0;) {
		if (e->written[i] || e->children[i])
			continue;
		if (e->parent[i] != NONE) {
			e->children[e->parent[i]]--;
			if (!e->by_age[i].remove)
				keep(&e->by_age[e->parent[i]], "parent of %s",
				     e->by_age[i].backup->id);
		}
		e->written[i] = true;
		out[n++] = e->by_age[i];
	}
	return n;
}

static void write_circles(struct expiry *e, struct expire_verdict *out)
{
	for (size_t i = e->c->backups.n; i-- > 0;) {
		if (e->written[i])
			continue;
		keep(&e->by_age[i], "the chain of parents of %s is a circle",
		     e->by_age[i].backup->id);
		*out++ = e->by_age[i];
	}
}

void catalog_expire(const struct catalog *c, const struct policy_retention *r, int64_t now_us,
                    struct expire_verdict **ret)
{
	size_t n = c->backups.n, done = 0, more;
	struct expiry e = {
	    .c = c,
	    .by_age = mem_zalloc((n + 1) * sizeof *e.by_age),
	    .parent = mem_zalloc((n + 1) * sizeof *e.parent),
	    .children = mem_zalloc((n + 1) * sizeof *e.children),
	    .written = mem_zalloc((n + 1) * sizeof *e.written),
	};
	struct expire_verdict *out = mem_zalloc((n + 1) * sizeof *out);

	for (size_t i = 0; i < n; i++) {
		e.by_age[i].backup = c->backups.v[i];
		judge_age(&e.by_age[i], r, now_us);
	}
	keep_fulls(&e, r->min_full, now_us);
	keep_for_damaged(&e, r, now_us);
	find_parents(&e);
	while ((more = sweep(&e, out + done)) > 0)
		done += more;
	write_circles(&e, out + done);
	free(e.by_age);
	free(e.parent);
	free(e.children);
	free(e.written);
	*ret = out;
}
