#include "job/expire_binlog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "binlog/window.h"

#define DAY_US (86400 * CLOCK_US)

/* The time in a backup's id; -1: none. */
static int64_t id_time(const char *id)
{
	char text[32];
	int64_t us;

	if (!backup_id_valid(id))
		return -1;
	snprintf(text, sizeof text, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", id, id + 4, id + 6, id + 9,
	         id + 11, id + 13);
	return clock_parse(text, &us) ? -1 : us;
}

static bool begun_before(const struct lineage *l, int64_t us)
{
	return l->segments.n && l->segments.v[0].created * CLOCK_US < us;
}

/* The segment that was being written then, or NULL: the lineage had ended, for the next
 * one (or NULL) had begun. */
static const struct segment *written_at(const struct lineage *l, const struct lineage *next,
                                        int64_t us)
{
	for (size_t i = 0; i + 1 < l->segments.n; i++)
		if (l->segments.v[i + 1].created * CLOCK_US >= us)
			return &l->segments.v[i];
	const struct segment *last = l->segments.n ? &l->segments.v[l->segments.n - 1] : NULL;
	return last && (last->last_us >= us || !next || !begun_before(next, us)) ? last : NULL;
}

/* A manifest that cannot be read now may be readable tomorrow: then it needs the binlogs
 * from its time on. */
static void keep_for_damaged(const struct expire_binlog_plan *p, struct segment_keep *keeps,
                             size_t n)
{
	for (size_t d = 0; d < p->catalog->damaged_n; d++) {
		int64_t at = id_time(p->catalog->damaged[d].id);
		if (at < 0 || clock_wall_us() - at > (int64_t)p->full_days * DAY_US)
			continue;
		for (size_t i = 0; i < n; i++) {
			const struct lineage *next = i + 1 < n ? keeps[i + 1].lineage : NULL;
			const struct segment *s = written_at(keeps[i].lineage, next, at);
			if (s && (!keeps[i].keep_from ||
			          archive_file_order(s->file, keeps[i].keep_from) < 0))
				keeps[i].keep_from = s->file;
		}
	}
}

static bool has_backups(const struct expire_binlog_plan *p)
{
	return p->catalog->backups.n || p->catalog->damaged_n;
}

/* Where there is no backup (not yet, or not any more) nothing tells what is needed. */
static void keep_all(struct segment_keep *keeps, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct lineage *l = keeps[i].lineage;
		keeps[i].keep_from = l->segments.n ? l->segments.v[0].file : NULL;
		for (size_t k = 0; k < l->damaged.n; k++)
			if (!keeps[i].keep_from ||
			    archive_file_order(l->damaged.v[k].file, keeps[i].keep_from) < 0)
				keeps[i].keep_from = l->damaged.v[k].file;
	}
}

static bool is_last(const struct archive_catalog *a, const struct segment_keep *k)
{
	const struct lineage *l = k->lineage;

	return l == &a->lineages.v[a->lineages.n - 1] && l->segments.n && k->keep_from &&
	       !strcmp(l->segments.v[l->segments.n - 1].file, k->keep_from);
}

/* The oldest kept backup whose position lies in the first segment that stays. */
static void say_why(const struct expire_binlog_plan *p, const struct archive_catalog *a,
                    const struct segment_keep *k, struct expire_binlog *line)
{
	for (size_t i = p->catalog->backups.n; line->remove == false && i-- > 0;) {
		const struct expire_verdict *v = &p->verdicts[i];
		const struct lineage *l;
		const struct segment *s = v->remove ? NULL : window_segment(a, v->backup, &l);
		if (!s || l != k->lineage || !k->keep_from || strcmp(s->file, k->keep_from) != 0)
			continue;
		snprintf(line->reason, sizeof line->reason, "needed by %s", v->backup->id);
		return;
	}
	snprintf(line->reason, sizeof line->reason, "%s",
	         line->remove      ? "no kept backup needs them"
	         : !has_backups(p) ? "there is no backup"
	         : is_last(a, k)   ? "the stream goes on here"
	                           : "a backup may need them: it, or one of them, cannot be read");
}

static void add_lines(const struct expire_binlog_plan *p, const struct archive_catalog *a,
                      const struct segment_keep *k, struct expire_result *result)
{
	const struct lineage *l = k->lineage;
	struct expire_binlog *line = NULL;

	for (size_t i = 0; i < l->segments.n; i++) {
		const struct segment *s = &l->segments.v[i];
		bool remove = !k->keep_from || archive_file_order(s->file, k->keep_from) < 0;
		if (!line || line->remove != remove) {
			line = vec_push(&result->binlogs);
			*line =
			    (struct expire_binlog){.remove = remove, .first = mem_strdup(s->file)};
			memcpy(line->lineage, l->name, sizeof line->lineage);
			say_why(p, a, k, line);
		}
		free(line->last);
		line->last = mem_strdup(s->file);
		line->segments++;
		line->stored_bytes += s->stored;
		if (remove && p->dry_run)
			result->freed_bytes += s->stored;
	}
}

static int remove_front(const struct expire_binlog_plan *p, const struct segment_keep *k,
                        struct expire_result *result, struct err *err)
{
	uint64_t freed = 0;

	if (cancel_check(p->cancel, err) < 0)
		return -1;
	int rc = archive_remove_before(p->repo, p->instance, k->lineage, k->keep_from, &freed, err);
	result->freed_bytes += freed;
	return rc;
}

int expire_binlogs(const struct expire_binlog_plan *p, struct expire_result *result,
                   struct err *err)
{
	struct archive_catalog archive = {0};
	struct segment_keep *keeps = NULL;
	size_t n = 0;

	if (archive_load(p->repo, p->instance, &archive, err) < 0)
		return -1;
	window_keep(&archive, p->verdicts, p->catalog->backups.n, &keeps, &n);
	keep_for_damaged(p, keeps, n);
	if (!has_backups(p))
		keep_all(keeps, n);
	int rc = 0;
	for (size_t i = 0; i < n && rc == 0; i++) {
		add_lines(p, &archive, &keeps[i], result);
		if (!p->dry_run)
			rc = remove_front(p, &keeps[i], result, err);
	}
	free(keeps);
	archive_catalog_done(&archive);
	return rc;
}
