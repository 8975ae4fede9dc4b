#include "job/restore_plan_builder.h"

#include <stdlib.h>
#include <string.h>

#include "job/restore_redo.h"

struct range {
	uint64_t from, to;
};
struct ranges {
	struct range *v;
	size_t n, cap;
};

#define NO_FILE UINT32_MAX

/* A file to be restored, as seen from the backup that is being read now. */
struct dest {
	uint32_t here;       /* its number in this backup, NO_FILE: needs nothing any more */
	uint32_t next;       /* another dest with the same `here`, NO_FILE: none */
	uint64_t limit;      /* bytes beyond this are not wanted from here on */
	struct ranges cover; /* what newer backups gave */
};

/* What this backup gives a file, whether as bytes or as zeros. */
struct claim {
	uint32_t dest;
	struct range range;
};

struct plan_builder {
	struct restore_plan *plan;
	const struct manifest *newest, *m;
	struct dest *dests;
	size_t dest_n;
	uint32_t *heads; /* per file of m: first dest that wants it, or NO_FILE */
	uint32_t redo;   /* number of the redo in the newest backup, or NO_FILE */
	VEC(struct claim) claims;
};

struct plan_builder *plan_builder_new(struct restore_plan *plan, const struct manifest *newest)
{
	struct plan_builder *b = mem_zalloc(sizeof *b);

	b->plan = plan;
	b->newest = newest;
	b->dest_n = newest->files.n;
	b->dests = mem_zalloc((b->dest_n + 1) * sizeof *b->dests);
	b->redo = NO_FILE;
	plan->stored = mem_zalloc((b->dest_n + 1) * sizeof *plan->stored);
	for (size_t i = 0; i < b->dest_n; i++) {
		const struct manifest_file *f = &newest->files.v[i];
		bool data = f->kind == FILE_PLAIN || f->kind == FILE_INNODB;
		b->dests[i].here = data ? (uint32_t)i : NO_FILE;
		b->dests[i].limit = f->size;
		if (f->kind == FILE_REDO)
			b->redo = (uint32_t)i;
	}
	return b;
}

void plan_builder_free(struct plan_builder *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->dest_n; i++)
		vec_done(&b->dests[i].cover);
	free(b->dests);
	free(b->heads);
	vec_done(&b->claims);
	free(b);
}

static int check_base(const struct plan_builder *b, size_t dest, const struct manifest *m,
                      struct err *err)
{
	uint32_t here = b->dests[dest].here;

	if (here < m->files.n &&
	    (m->files.v[here].kind == FILE_PLAIN || m->files.v[here].kind == FILE_INNODB))
		return 0;
	return err_set(err, ERR_DAMAGED,
	               "%s stands on file %u of backup %s, which is not a data file there",
	               b->newest->files.v[dest].path, here, m->id);
}

int plan_level_begin(struct plan_builder *b, const struct manifest *m, struct err *err)
{
	b->m = m;
	free(b->heads);
	b->heads = mem_alloc((m->files.n + 1) * sizeof *b->heads);
	memset(b->heads, 0xff, (m->files.n + 1) * sizeof *b->heads);
	for (size_t i = 0; i < b->dest_n; i++) {
		struct dest *d = &b->dests[i];
		if (d->here == NO_FILE)
			continue;
		if (check_base(b, i, m, err) < 0)
			return -1;
		if (d->limit > m->files.v[d->here].size)
			d->limit = m->files.v[d->here].size;
		d->next = b->heads[d->here];
		b->heads[d->here] = (uint32_t)i;
	}
	return 0;
}

void plan_pack_begin(struct plan_builder *b, const char *object_name)
{
	*vec_push(&b->plan->packs) = mem_strdup(object_name);
}

static void add_claim(struct plan_builder *b, uint32_t dest, uint64_t from, uint64_t to)
{
	if (b->claims.n) {
		struct claim *last = &b->claims.v[b->claims.n - 1];
		if (last->dest == dest && last->range.to == from) {
			last->range.to = to;
			return;
		}
	}
	*vec_push(&b->claims) = (struct claim){dest, {from, to}};
}

static void add_piece(struct plan_builder *b, size_t first, uint32_t dest, uint64_t off,
                      uint32_t raw_off, uint32_t len)
{
	struct restore_plan *p = b->plan;

	p->bytes += len;
	if (p->pieces.n > first) {
		struct restore_piece *last = &p->pieces.v[p->pieces.n - 1];
		if (last->file == dest && last->off + last->len == off &&
		    last->raw_off + last->len == raw_off) {
			last->len += len;
			return;
		}
	}
	*vec_push(&p->pieces) = (struct restore_piece){off, dest, raw_off, len};
}

/* First range that ends behind `off`. */
static size_t range_find(const struct ranges *r, uint64_t off)
{
	size_t lo = 0, hi = r->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (r->v[mid].to <= off)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void extent_to_dest(struct plan_builder *b, size_t first, uint32_t dest,
                           const struct extent *e, uint32_t raw_off)
{
	const struct dest *d = &b->dests[dest];
	uint64_t at = e->off, to;

	if (e->off >= d->limit || e->len == 0)
		return;
	to = e->len > d->limit - e->off ? d->limit : e->off + e->len;
	add_claim(b, dest, at, to);
	if (e->zero)
		return;
	for (size_t i = range_find(&d->cover, at); at < to; i++) {
		uint64_t gap_to =
		    i < d->cover.n && d->cover.v[i].from < to ? d->cover.v[i].from : to;
		if (at < gap_to)
			add_piece(b, first, dest, at, raw_off + (uint32_t)(at - e->off),
			          (uint32_t)(gap_to - at));
		at = i < d->cover.n ? d->cover.v[i].to : to;
	}
}

static void add_redo(struct plan_builder *b, const struct frame *f, const struct extent *e,
                     uint32_t raw_off)
{
	struct restore_redo_piece *p = vec_push(&b->plan->redo);

	*p =
	    (struct restore_redo_piece){.off = e->off, .raw_off = raw_off, .len = (uint32_t)e->len};
	frame_ref_set(&p->frame, f, (uint32_t)b->plan->packs.n - 1);
}

static void keep_frame(struct plan_builder *b, const struct frame *f, size_t first)
{
	struct restore_plan *p = b->plan;

	frame_ref_set(vec_push(&p->frames), f, (uint32_t)p->packs.n - 1);
	*vec_push(&p->first_piece) = first;
	for (size_t i = first; i < p->pieces.n; i++)
		p->stored[p->pieces.v[i].file] += (uint64_t)f->stored * p->pieces.v[i].len / f->raw;
}

int plan_frame(struct plan_builder *b, const struct frame *f, struct err *err)
{
	size_t first = b->plan->pieces.n;
	uint64_t raw_off = 0;

	for (uint32_t i = 0; i < f->extent_n; i++) {
		const struct extent *e = &f->extents[i];
		uint64_t stored_len = e->zero ? 0 : e->len;
		if (e->file >= b->m->files.n || stored_len > f->raw - raw_off)
			return err_set(
			    err, ERR_DAMAGED,
			    "backup %s, pack %u, frame at byte %llu: extent %u does not fit",
			    b->m->id, f->pack, (unsigned long long)f->at, i);
		if (b->m == b->newest && e->file == b->redo && !e->zero)
			add_redo(b, f, e, (uint32_t)raw_off);
		for (uint32_t d = b->heads[e->file]; d != NO_FILE; d = b->dests[d].next)
			extent_to_dest(b, first, d, e, (uint32_t)raw_off);
		raw_off += stored_len;
	}
	if (b->plan->pieces.n > first)
		keep_frame(b, f, first);
	return 0;
}

static int claim_order(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;

	if (x->dest != y->dest)
		return x->dest < y->dest ? -1 : 1;
	return x->range.from < y->range.from ? -1 : x->range.from > y->range.from;
}

static void range_append(struct ranges *r, struct range add)
{
	if (r->n && add.from <= r->v[r->n - 1].to) {
		struct range *last = &r->v[r->n - 1];
		last->to = add.to > last->to ? add.to : last->to;
	} else {
		*vec_push(r) = add;
	}
}

/* cover becomes the union of cover and claims [0, n) of the same file, both sorted. */
static void cover_merge(struct ranges *cover, const struct claim *claims, size_t n)
{
	struct ranges out = {0};
	size_t i = 0, k = 0;

	while (i < cover->n || k < n) {
		if (k == n || (i < cover->n && cover->v[i].from < claims[k].range.from))
			range_append(&out, cover->v[i++]);
		else
			range_append(&out, claims[k++].range);
	}
	vec_done(cover);
	*cover = out;
}

/* Two frames of one backup must not both claim a byte: what is restored would
 * depend on the order of threads. */
static int merge_claims(struct plan_builder *b, struct err *err)
{
	struct claim *c = b->claims.v;
	size_t n = b->claims.n, from = 0;

	if (n)
		qsort(c, n, sizeof *c, claim_order);
	for (size_t i = 1; i <= n; i++) {
		if (i < n && c[i].dest == c[from].dest) {
			if (c[i].range.from < c[i - 1].range.to)
				return err_set(err, ERR_DAMAGED,
				               "backup %s holds byte %llu of %s twice", b->m->id,
				               (unsigned long long)c[i].range.from,
				               b->newest->files.v[c[i].dest].path);
			continue;
		}
		cover_merge(&b->dests[c[from].dest].cover, &c[from], i - from);
		from = i;
	}
	b->claims.n = 0;
	return 0;
}

static bool is_covered(const struct dest *d)
{
	return d->limit == 0 ||
	       (d->cover.n && d->cover.v[0].from == 0 && d->cover.v[0].to >= d->limit);
}

int plan_level_end(struct plan_builder *b, bool *ret_more, struct err *err)
{
	bool more = false;

	if (merge_claims(b, err) < 0)
		return -1;
	for (size_t i = 0; i < b->dest_n; i++) {
		struct dest *d = &b->dests[i];
		if (d->here == NO_FILE)
			continue;
		int64_t base = b->m->files.v[d->here].base;
		if (base >= NO_FILE)
			return err_set(err, ERR_DAMAGED,
			               "backup %s: the base of %s is out of range", b->m->id,
			               b->m->files.v[d->here].path);
		d->here = base < 0 || is_covered(d) ? NO_FILE : (uint32_t)base;
		more |= d->here != NO_FILE;
	}
	b->m = NULL;
	*ret_more = more;
	return 0;
}

static int redo_order(const void *a, const void *b)
{
	const struct restore_redo_piece *x = a, *y = b;

	return x->off < y->off ? -1 : x->off > y->off;
}

int plan_redo_end(struct plan_builder *b, struct err *err)
{
	struct restore_plan *p = b->plan;
	const struct manifest *m = b->newest;
	uint64_t want, have = 0;

	if (b->redo == NO_FILE)
		return 0;
	want = restore_redo_captured(m);
	if (p->redo.n)
		qsort(p->redo.v, p->redo.n, sizeof *p->redo.v, redo_order);
	for (size_t i = 0; i < p->redo.n; i++) {
		if (p->redo.v[i].off != have)
			break;
		have += p->redo.v[i].len;
	}
	p->redo_bytes = want;
	if (m->lsn_end < m->lsn_checkpoint || have < want)
		return err_set(err, ERR_DAMAGED,
		               "backup %s holds %llu bytes of redo without a gap, but needs %llu "
		               "(LSN %llu to %llu)",
		               m->id, (unsigned long long)have, (unsigned long long)want,
		               (unsigned long long)m->lsn_checkpoint,
		               (unsigned long long)m->lsn_end);
	return 0;
}
