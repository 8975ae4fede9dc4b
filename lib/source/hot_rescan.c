/*
 * The two scans of a hot copy.  In the second files are met again under whatever name they have
 * now; what is new or was replaced is copied, what is gone is marked.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "source/hot.h"

static int hot_scan(struct hot *h, bool settled, struct scan *ret, struct err *err)
{
	struct scan_plan plan = {.out = h->out,
	                         .follow_isl = h->rules->follow_isl,
	                         .settled = settled,
	                         .classify = h->rules->classify,
	                         .arg = &h->names};
	return scan_run(&plan, ret, err);
}

int hot_plan_first(struct hot *h, struct err *err)
{
	struct scan scan;
	if (hot_scan(h, false, &scan, err) != 0)
		return -1;
	for (size_t i = 0; i < scan.list.n; i++)
		if (scan.list.v[i].kind == FOUND_INNODB)
			work_add(&h->first, &scan.list.v[i])->may_wait = true;
	scan_done(&scan);
	work_sort(&h->first);
	hot_add_total(h, &h->first);
	return 0;
}

/* Files of stage 1 by inode, to meet them again under another name. */
struct met {
	struct hot *h;
	size_t *order;
	bool *seen;
};

static int met_compare(const void *a, const void *b, void *arg)
{
	const struct work *w = arg;
	uint64_t x = w->files.v[*(const size_t *)a].found.stamp.ino;
	uint64_t y = w->files.v[*(const size_t *)b].found.stamp.ino;
	return x < y ? -1 : x > y;
}

static void met_init(struct met *m, struct hot *h)
{
	size_t n = h->first.files.n;
	*m = (struct met){.h = h,
	                  .order = mem_resize(NULL, n ? n : 1, sizeof *m->order),
	                  .seen = mem_zalloc(n ? n : 1)};
	for (size_t i = 0; i < n; i++)
		m->order[i] = i;
	qsort_r(m->order, n, sizeof *m->order, met_compare, &h->first);
}

static void met_done(struct met *m)
{
	free(m->order);
	free(m->seen);
}

/* Is this what stage 1 copied?  An inode number can have been used again, and an
 * IMPORT TABLESPACE gives a file another space id without redo: a file that was
 * touched since must still be the same tablespace. */
static bool met_same(const struct hot *h, const struct work_file *x, const struct found *f)
{
	if (x->found.stamp.ctime_ns == f->stamp.ctime_ns)
		return true;
	uint32_t space_id;
	return work_space_id(&h->first, f, &space_id) &&
	       space_id == h->out->files.v[x->number].space_id;
}

static struct work_file *met_find(struct met *m, const struct found *f)
{
	struct work *w = &m->h->first;
	size_t lo = 0, hi = w->files.n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (w->files.v[m->order[mid]].found.stamp.ino < f->stamp.ino)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < w->files.n; lo++) {
		struct work_file *x = &w->files.v[m->order[lo]];
		if (x->found.stamp.ino != f->stamp.ino)
			break;
		/* Two names of one file are two files. */
		if (m->seen[m->order[lo]] || !stamp_same_file(&x->found.stamp, &f->stamp))
			continue;
		bool set_aside = x->state == WORK_STALE;
		m->seen[m->order[lo]] = set_aside || met_same(m->h, x, f);
		if (m->seen[m->order[lo]])
			return set_aside ? NULL : x;
	}
	return NULL;
}

static void rename_in_manifest(struct hot *h, const struct work_file *x, const struct found *f)
{
	struct manifest_file *m = &h->out->files.v[x->number];
	m->root = f->root;
	if (strcmp(m->path, f->path) != 0) {
		free(m->path);
		m->path = mem_strdup(f->path);
	}
}

static int mark_gone(struct hot *h, const struct met *m, struct err *err)
{
	for (size_t i = 0; i < h->first.files.n; i++) {
		const struct work_file *x = &h->first.files.v[i];
		if (m->seen[i])
			continue;
		if (h->rules->names_fixed)
			return work_vanished(&h->first, &x->found, err);
		if (x->state == WORK_TAKEN || x->state == WORK_UNCHANGED)
			h->out->files.v[x->number].kind = FILE_GONE;
	}
	return 0;
}

static void count_engines(struct hot *h, const struct scan *scan)
{
	const struct engine_suffix *e = h->rules->engines;
	size_t n = 0;
	while (e[n].suffix)
		n++;
	h->out->engines = mem_resize(NULL, n, sizeof *h->out->engines);
	for (size_t k = 0; k < n; k++) {
		uint64_t tables = 0;
		for (size_t i = 0; i < scan->list.n; i++)
			tables += str_ends(scan->list.v[i].path, e[k].suffix);
		if (!tables)
			continue;
		h->out->engines[h->out->engine_n].engine = mem_strdup(e[k].engine);
		h->out->engines[h->out->engine_n++].tables = tables;
	}
}

int hot_rescan(struct hot *h, struct err *err)
{
	struct scan scan;
	struct met met;
	if (hot_scan(h, true, &scan, err) != 0)
		return -1;
	met_init(&met, h);
	count_engines(h, &scan);
	if (h->rules->look)
		h->rules->look(&scan, h->out);
	for (size_t i = 0; i < scan.list.n; i++) {
		struct found *f = &scan.list.v[i];
		struct work_file *x = f->kind == FOUND_INNODB ? met_find(&met, f) : NULL;
		if (x)
			rename_in_manifest(h, x, f);
		else if (f->kind == FOUND_LOG)
			h->rules->plan_log(&h->second, f);
		else
			work_add(&h->second, f);
	}
	int rc = mark_gone(h, &met, err);
	met_done(&met);
	scan_done(&scan);
	if (rc != 0)
		return -1;
	work_sort(&h->second);
	hot_add_total(h, &h->second);
	h->work = &h->second;
	return 0;
}
