#include "binlog/window.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "binlog/archive_parts.h"

const struct segment *window_segment(const struct archive_catalog *a, const struct manifest *m,
                                     const struct lineage **ret_lineage)
{
	const struct position *p = &m->binlog;

	for (size_t i = a->lineages.n; p->file && i-- > 0;) {
		const struct lineage *l = &a->lineages.v[i];
		const struct segment *s = lineage_segment(l, p->file);
		if (!s || p->pos > s->size || (p->created && p->created != s->created) ||
		    (!p->created && s->created * CLOCK_US > m->finished_us))
			continue;
		if (ret_lineage)
			*ret_lineage = l;
		return s;
	}
	return NULL;
}

/* ---- windows */

/* Transactions have times in whole seconds.  Where it is not known when the position was
 * taken, that was at some time while the backup ran. */
int64_t window_backup_from_us(const struct manifest *m)
{
	int64_t taken = m->binlog.taken_us;

	return taken ? taken - taken % CLOCK_US + CLOCK_US : m->finished_us;
}

int64_t window_backup_until_us(const struct manifest *m)
{
	int64_t taken = m->binlog.taken_us;

	return taken ? taken - taken % CLOCK_US : m->started_us;
}

#define SKEW_US (60 * CLOCK_US) /* between the clocks of the server and of this host */

/* The latest time in the segment that is not after `limit`. */
static int64_t believable(const struct segment *s, int64_t limit)
{
	int64_t us = s->created * CLOCK_US;

	if (s->first_us > us && s->first_us <= limit)
		us = s->first_us;
	for (size_t i = 0; i < s->points.n; i++)
		if (s->points.v[i].commit_us > us && s->points.v[i].commit_us <= limit)
			us = s->points.v[i].commit_us;
	return us;
}

int64_t window_last_us(const struct lineage *l, size_t i)
{
	const struct segment *s = &l->segments.v[i];
	const struct segment *next = i + 1 < l->segments.n ? s + 1 : NULL;
	int64_t limit = next ? next->created * CLOCK_US : clock_wall_us() + SKEW_US;

	if (s->last_us <= limit)
		return s->last_us;
	return next && !next->gap ? limit : believable(s, limit);
}

/* Segments that follow one another without a gap. */
struct run {
	const struct lineage *lineage;
	size_t from, to; /* [from, to) */
};
struct runs {
	VEC(struct run) list;
};

static void find_runs(const struct archive_catalog *a, struct runs *ret)
{
	for (size_t i = 0; i < a->lineages.n; i++) {
		const struct lineage *l = &a->lineages.v[i];
		for (size_t k = 0; k < l->segments.n; k++) {
			if (k == 0 || l->segments.v[k].gap)
				*vec_push(&ret->list) = (struct run){l, k, k};
			ret->list.v[ret->list.n - 1].to = k + 1;
		}
	}
}

static bool can_be_restored(const struct catalog *c, const struct manifest *m)
{
	const struct manifest **chain = NULL;
	size_t n;

	if (catalog_chain(c, m->id, &chain, &n, NULL) != 0)
		return false;
	free(chain);
	return true;
}

static bool is_in(const struct run *r, const struct lineage *l, const struct segment *s)
{
	size_t i = (size_t)(s - l->segments.v);

	return r->lineage == l && i >= r->from && i < r->to;
}

static int64_t last_commit(const struct run *r)
{
	for (size_t i = r->to; i-- > r->from;)
		if (r->lineage->segments.v[i].groups)
			return window_last_us(r->lineage, i);
	return 0;
}

#define NO_RUN ((size_t)-1)

/* For each backup the run its position lies in. */
static size_t *place_backups(const struct catalog *c, const struct archive_catalog *a,
                             const struct runs *runs)
{
	size_t *of = mem_alloc((c->backups.n + 1) * sizeof *of);

	for (size_t i = 0; i < c->backups.n; i++) {
		const struct lineage *l;
		const struct segment *s = window_segment(a, c->backups.v[i], &l);
		of[i] = NO_RUN;
		if (!s || !can_be_restored(c, c->backups.v[i]))
			continue;
		for (size_t k = 0; k < runs->list.n && of[i] == NO_RUN; k++)
			if (is_in(&runs->list.v[k], l, s))
				of[i] = k;
	}
	return of;
}

static void add_window(const struct catalog *c, const size_t *of, const struct runs *runs, size_t k,
                       int64_t known_until_us, struct recovery_windows *ret)
{
	const struct run *r = &runs->list.v[k];
	struct recovery_window w = {.lineage = r->lineage};

	for (size_t i = 0; i < c->backups.n; i++) {
		if (of[i] != k)
			continue;
		w.first = w.first ? w.first : c->backups.v[i];
		w.last = c->backups.v[i];
	}
	if (!w.first)
		return;
	w.from_us = window_backup_from_us(w.first);
	w.to_us = last_commit(r);
	if (w.to_us < known_until_us)
		w.to_us = known_until_us;
	if (w.to_us < window_backup_until_us(w.last))
		w.to_us = window_backup_until_us(w.last);
	if (w.to_us < w.from_us)
		w.to_us = w.from_us;
	*vec_push(&ret->list) = w;
}

void window_find(const struct catalog *c, const struct archive_catalog *a, int64_t caught_up_us,
                 struct recovery_windows *ret)
{
	struct runs runs = {0};

	*ret = (struct recovery_windows){0};
	find_runs(a, &runs);
	size_t *of = place_backups(c, a, &runs);
	for (size_t i = 0; i < runs.list.n; i++)
		add_window(c, of, &runs, i, i + 1 == runs.list.n ? caught_up_us : 0, ret);
	free(of);
	vec_done(&runs.list);
}

void recovery_windows_done(struct recovery_windows *w)
{
	vec_done(&w->list);
}

/* ---- retention */

static void keep(struct segment_keep *k, const char *file)
{
	if (!k->keep_from || archive_file_order(file, k->keep_from) < 0)
		k->keep_from = file;
}

/* A segment that cannot be read may be what a backup's position lies in. */
static void keep_damaged(const struct archive_catalog *a, const char *file,
                         struct segment_keep *keeps)
{
	for (size_t i = 0; i < a->lineages.n; i++)
		for (size_t k = 0; k < a->lineages.v[i].damaged.n; k++)
			if (!strcmp(a->lineages.v[i].damaged.v[k].file, file))
				keep(&keeps[i], a->lineages.v[i].damaged.v[k].file);
}

void window_keep(const struct archive_catalog *a, const struct expire_verdict *verdicts, size_t n,
                 struct segment_keep **ret, size_t *ret_n)
{
	size_t lineage_n = a->lineages.n;
	struct segment_keep *keeps = mem_zalloc((lineage_n + 1) * sizeof *keeps);

	for (size_t i = 0; i < lineage_n; i++)
		keeps[i].lineage = &a->lineages.v[i];
	for (size_t i = 0; i < n; i++) {
		const struct manifest *m = verdicts[i].backup;
		const struct lineage *l;
		if (verdicts[i].remove || !m->binlog.file)
			continue;
		const struct segment *s = window_segment(a, m, &l);
		if (s)
			keep(&keeps[l - a->lineages.v], s->file);
		else
			keep_damaged(a, m->binlog.file, keeps);
	}
	if (lineage_n && !keeps[lineage_n - 1].keep_from) {
		const struct lineage *l = &a->lineages.v[lineage_n - 1];
		if (l->segments.n)
			keeps[lineage_n - 1].keep_from = l->segments.v[l->segments.n - 1].file;
		else
			keeps[lineage_n - 1].keep_from = l->damaged.v[0].file;
	}
	*ret = keeps;
	*ret_n = lineage_n;
}
