#include "job/binlog_state.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "binlog/archive.h"
#include "binlog/window.h"
#include "job/pitr.h"

static bool same_run(const struct pitr_place *a, const struct pitr_place *b)
{
	return a->lineage == b->lineage &&
	       pitr_run_end(a->lineage, a->segment) == pitr_run_end(b->lineage, b->segment);
}

/* Backups between the first and the last of a window; one whose parent is gone lies there,
 * too, but nothing can be made of it. */
static void add_stands(const struct catalog *c, const struct archive_catalog *a,
                       const struct recovery_windows *w, struct binlog_state *s)
{
	for (size_t i = 0; i < c->backups.n; i++) {
		const struct manifest *m = c->backups.v[i], **chain = NULL;
		struct pitr_place at, first;
		size_t n;
		if (!pitr_locate(a, m, &at) || catalog_chain(c, m->id, &chain, &n, NULL) < 0)
			continue;
		free(chain);
		for (size_t k = 0; k < w->list.n; k++) {
			if (!pitr_locate(a, w->list.v[k].first, &first) || !same_run(&at, &first))
				continue;
			struct binlog_stand *stand = vec_push(&s->stands);
			*stand =
			    (struct binlog_stand){.window = k, .begins = m == w->list.v[k].first};
			memcpy(stand->id, m->id, sizeof stand->id);
		}
	}
}

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
	add_stands(c, a, &w, s);
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

/* Those before the first full, or of backups that are gone.  Where there is none, nothing
 * tells what is needed. */
static void count_unneeded(const struct catalog *c, const struct archive_catalog *a,
                           struct binlog_state *s)
{
	size_t n = c->backups.n, keep_n;
	struct expire_verdict *kept = n ? mem_zalloc(n * sizeof *kept) : NULL;
	struct segment_keep *keeps = NULL;

	if (!kept)
		return;
	for (size_t i = 0; i < n; i++)
		kept[i].backup = c->backups.v[i];
	window_keep(a, kept, n, &keeps, &keep_n);
	for (size_t i = 0; i < keep_n; i++) {
		const struct lineage *l = keeps[i].lineage;
		for (size_t k = 0; k < l->segments.n; k++)
			s->unneeded +=
			    !keeps[i].keep_from ||
			    archive_file_order(l->segments.v[k].file, keeps[i].keep_from) < 0;
	}
	free(keeps);
	free(kept);
}

/* It was taken behind what is archived: the stream is a moment late.  Times of creation are
 * whole seconds: one that stands in what was archived before is behind nothing. */
static bool is_ahead(const struct archive_catalog *a, const struct lineage *l, size_t begin,
                     const struct manifest *m)
{
	const struct segment *first = &l->segments.v[begin],
	                     *last = &l->segments.v[l->segments.n - 1];

	return m->binlog.file && !window_segment(a, m, NULL) &&
	       m->finished_us >= (int64_t)first->created * CLOCK_US &&
	       (!m->binlog.created || m->binlog.created >= first->created) &&
	       archive_file_order(m->binlog.file, last->file) >= 0;
}

/* The server wrote no binlog when it was taken, later than the archived ones: there is
 * nothing that a full could stand behind. */
static bool has_ended(const struct lineage *l, size_t begin, const struct manifest *m)
{
	return !m->binlog.file &&
	       m->finished_us >= (int64_t)l->segments.v[begin].created * CLOCK_US;
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
	if ((!gap && a->lineages.n == 1) || is_ahead(a, l, begin, newest) ||
	    has_ended(l, begin, newest))
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

static struct archive_catalog *remembered(struct binlog_memory *m, const char *url,
                                          const char *instance)
{
	for (size_t i = 0; i < m->list.n; i++)
		if (!strcmp(m->list.v[i].url, url) && !strcmp(m->list.v[i].instance, instance))
			return &m->list.v[i].archive;
	struct binlog_memory_of *one = vec_push(&m->list);
	*one = (struct binlog_memory_of){.url = mem_strdup(url), .instance = mem_strdup(instance)};
	return &one->archive;
}

void binlog_memory_done(struct binlog_memory *m)
{
	for (size_t i = 0; i < m->list.n; i++) {
		archive_catalog_done(&m->list.v[i].archive);
		free(m->list.v[i].url);
		free(m->list.v[i].instance);
	}
	vec_done(&m->list);
}

int binlog_state_load(struct repo *r, const char *instance, const struct catalog *c,
                      struct binlog_memory *memory, struct binlog_state *ret, struct err *err)
{
	struct archive_catalog own = {0};
	struct archive_catalog *a = memory ? remembered(memory, r->url, instance) : &own;
	int64_t now = clock_wall_us();

	if (archive_refresh(r, instance, a, err) < 0)
		return -1;
	*ret = (struct binlog_state){.seen_us = now};
	if (a->lineages.n)
		memcpy(ret->lineage, a->lineages.v[a->lineages.n - 1].name, sizeof ret->lineage);
	add_windows(c, a, ret);
	count(a, ret);
	count_unneeded(c, a, ret);
	judge(c, a, ret);
	archive_catalog_done(&own);
	return 0;
}

void binlog_state_done(struct binlog_state *s)
{
	vec_done(&s->windows);
	vec_done(&s->stands);
}

static json_t *time_json(int64_t us)
{
	char buf[32];

	return json_string(clock_format(buf, sizeof buf, us));
}

json_t *binlog_state_json(const struct binlog_state *s, const char *id, int64_t newest_us)
{
	for (size_t i = 0; i < s->stands.n; i++) {
		const struct binlog_stand *one = &s->stands.v[i];
		struct binlog_window w = s->windows.v[one->window];
		if (strcmp(one->id, id) != 0)
			continue;
		if (s->open_ended && one->window + 1 == s->windows.n && w.to_us < newest_us)
			w.to_us = newest_us;
		return json_pack("{s:o, s:o, s:b}", "oldest", time_json(w.from_us), "newest",
		                 time_json(w.to_us), "begins", one->begins);
	}
	return json_null();
}
