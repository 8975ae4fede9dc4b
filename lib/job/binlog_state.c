#include "job/binlog_state.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "binlog/archive.h"
#include "binlog/window.h"
#include "job/pitr.h"

static void add_windows(const struct catalog *c, const struct archive_catalog *a,
                        struct binlog_state *s)
{
	struct recovery_windows w = {0};
	struct pitr_place at;

	window_find(c, a, 0, &w);
	for (size_t i = 0; i < w.list.n; i++)
		*vec_push(&s->windows) =
		    (struct binlog_window){w.list.v[i].from_us, w.list.v[i].to_us};
	if (w.list.n && pitr_locate(a, w.list.v[w.list.n - 1].last, &at))
		s->open_ended = at.lineage == &a->lineages.v[a->lineages.n - 1] &&
		                pitr_run_end(at.lineage, at.segment) + 1 == at.lineage->segments.n;
	recovery_windows_done(&w);
}

static void count(const struct archive_catalog *a, struct binlog_state *s)
{
	s->lineages = a->lineages.n;
	for (size_t i = 0; i < a->lineages.n; i++)
		for (size_t k = 0; k < a->lineages.v[i].segments.n; k++) {
			const struct segment *one = &a->lineages.v[i].segments.v[k];
			s->segments++;
			s->gaps += one->gap != NULL;
			s->size_bytes += one->size;
			s->stored_bytes += one->stored;
		}
}

/* It was taken behind what is archived: the stream is a moment late. */
static bool is_ahead(const struct lineage *l, size_t begin, const struct manifest *m)
{
	const struct segment *first = &l->segments.v[begin],
	                     *last = &l->segments.v[l->segments.n - 1];

	return m->binlog.file && m->finished_us >= (int64_t)first->created * CLOCK_US &&
	       (!m->binlog.created || m->binlog.created >= first->created) &&
	       archive_file_order(m->binlog.file, last->file) >= 0;
}

/* A gap, or a server that began anew, leaves what is archived from then on without a
 * backup to begin with. */
static void judge(const struct catalog *c, const struct archive_catalog *a, struct binlog_state *s)
{
	const struct manifest *newest = catalog_newest(c);
	const struct lineage *l = a->lineages.n ? &a->lineages.v[a->lineages.n - 1] : NULL;
	size_t begin;

	if (!newest || !l || !l->segments.n || s->open_ended)
		return;
	for (begin = l->segments.n - 1; begin > 0 && !l->segments.v[begin].gap; begin--)
		;
	const struct segment_gap *gap = l->segments.v[begin].gap;
	if ((!gap && a->lineages.n == 1) || is_ahead(l, begin, newest))
		return;
	if (gap)
		snprintf(s->full_due, sizeof s->full_due,
		         "binlogs from %.80s:%llu on are missing and no backup stands behind them",
		         gap->from_file, (unsigned long long)gap->from_pos);
	else
		snprintf(s->full_due, sizeof s->full_due,
		         "the server has begun a new history of binlogs (%s) and no backup stands "
		         "in it",
		         l->name);
}

int binlog_state_load(struct repo *r, const char *instance, const struct catalog *c,
                      struct binlog_state *ret, struct err *err)
{
	struct archive_catalog a = {0};

	if (archive_load(r, instance, &a, err) < 0)
		return -1;
	*ret = (struct binlog_state){0};
	add_windows(c, &a, ret);
	count(&a, ret);
	judge(c, &a, ret);
	archive_catalog_done(&a);
	return 0;
}

void binlog_state_done(struct binlog_state *s)
{
	vec_done(&s->windows);
}
