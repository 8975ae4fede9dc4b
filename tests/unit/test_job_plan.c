/* restore_plan against a model that keeps every byte of every file of a chain. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "job/restore_plan_builder.h"
#include "tests/unit/unit.h"

#define LEVELS 4
#define FILES 6
#define SIZE 120

static unsigned rnd_state;

static unsigned rnd(unsigned n)
{
	rnd_state = rnd_state * 1103515245u + 12345u;
	return (rnd_state >> 8) % n;
}

struct stored_frame {
	struct frame f;
	struct extent extents[16];
	unsigned char raw[4096];
};

/* One backup of the chain: its manifest, what its files hold, its frames. */
struct level {
	struct manifest *m;
	unsigned char bytes[FILES][SIZE];
	VEC(struct stored_frame) frames;
};

static struct manifest *make_manifest(unsigned k, unsigned files)
{
	struct manifest *m = manifest_new();

	snprintf(m->id, sizeof m->id, "20261122T0%u0000Z-%s", k, k ? "incr" : "full");
	m->instance = mem_strdup("main");
	for (unsigned i = 0; i < files; i++)
		*vec_push(&m->files) = (struct manifest_file){
		    .path = mem_printf("db/t%u.ibd", i), .kind = FILE_PLAIN, .base = -1};
	return m;
}

static struct stored_frame *new_frame(struct level *l)
{
	struct stored_frame *s = vec_push(&l->frames);

	memset(s, 0, sizeof *s);
	s->f.at = l->frames.n - 1;
	return s;
}

static void add_extent(struct level *l, unsigned file, unsigned off, unsigned len, bool zero)
{
	struct stored_frame *s = l->frames.n ? &l->frames.v[l->frames.n - 1] : NULL;

	if (!s || s->f.extent_n == 16 || rnd(5) == 0)
		s = new_frame(l);
	s->extents[s->f.extent_n++] =
	    (struct extent){.file = file, .zero = zero, .off = off, .len = len};
	for (unsigned i = 0; i < len; i++) {
		unsigned char byte = zero ? 0 : (unsigned char)(1 + rnd(255));
		if (off + i < SIZE)
			l->bytes[file][off + i] = byte;
		if (!zero)
			s->raw[s->f.raw++] = byte;
	}
	s->f.stored = s->f.raw;
}

/* Extents of a file in order of offset, with gaps, some beyond its end (a file that
 * was cut while it was read). */
static void fill_file(struct level *l, unsigned i)
{
	unsigned size = (unsigned)l->m->files.v[i].size;

	for (unsigned off = rnd(20); off < size; off += rnd(25)) {
		unsigned len = 1 + rnd(40);
		if (off + len > size && rnd(2))
			len = size - off;
		add_extent(l, i, off, len, rnd(4) == 0);
		off += len;
	}
	memset(l->bytes[i] + size, 0, SIZE - size);
}

static void make_level(struct level *l, const struct level *parent, unsigned k)
{
	l->m = make_manifest(k, FILES);
	for (unsigned i = 0; i < FILES; i++) {
		struct manifest_file *f = &l->m->files.v[i];
		f->size = rnd(6) ? rnd(SIZE) : 0;
		f->base = parent && rnd(5) ? (int64_t)rnd(FILES) : -1;
		if (f->base >= 0) /* never more than the parent's file had */
			memcpy(l->bytes[i], parent->bytes[f->base],
			       parent->m->files.v[f->base].size);
		memset(l->bytes[i] + f->size, 0, SIZE - f->size);
		fill_file(l, i);
	}
}

static void free_level(struct level *l)
{
	manifest_free(l->m);
	vec_done(&l->frames);
}

static int plan_level(struct plan_builder *b, const struct level *l, bool *more, struct err *err)
{
	if (plan_level_begin(b, l->m, err) < 0)
		return -1;
	plan_pack_begin(b, l->m->id);
	for (size_t i = 0; i < l->frames.n; i++) {
		struct frame f = l->frames.v[i].f;
		f.extents = l->frames.v[i].extents;
		if (plan_frame(b, &f, err) < 0)
			return -1;
	}
	return plan_level_end(b, more, err);
}

static void apply(const struct restore_plan *p, const struct level *levels, unsigned n,
                  unsigned char out[FILES][SIZE], unsigned char wrote[FILES][SIZE])
{
	for (size_t i = 0; i < p->frames.n; i++) {
		const struct frame_ref *r = &p->frames.v[i];
		const struct level *l = &levels[n - 1 - r->pack];
		ck_assert(restore_plan_end(p, i) > p->first_piece.v[i]);
		for (size_t k = p->first_piece.v[i]; k < restore_plan_end(p, i); k++) {
			const struct restore_piece *pc = &p->pieces.v[k];
			ck_assert(pc->off + pc->len <= SIZE);
			memcpy(out[pc->file] + pc->off, l->frames.v[r->at].raw + pc->raw_off,
			       pc->len);
			for (unsigned x = 0; x < pc->len; x++)
				ck_assert_msg(!wrote[pc->file][pc->off + x]++, "written twice");
		}
	}
}

START_TEST(test_random_chains)
{
	for (unsigned seed = 1; seed <= 3000; seed++) {
		struct level levels[LEVELS] = {0};
		unsigned char out[FILES][SIZE] = {0}, wrote[FILES][SIZE] = {0};
		struct restore_plan p = {0};
		struct err err = ERR_INIT;
		bool more = true;
		rnd_state = seed;
		unsigned n = 1 + rnd(LEVELS);

		for (unsigned k = 0; k < n; k++)
			make_level(&levels[k], k ? &levels[k - 1] : NULL, k);
		struct plan_builder *b = plan_builder_new(&p, levels[n - 1].m);
		for (unsigned k = n; k-- > 0 && more;)
			ck_ok(plan_level(b, &levels[k], &more, &err), err);
		ck_assert(!more);
		apply(&p, levels, n, out, wrote);
		for (unsigned i = 0; i < FILES; i++)
			ck_assert_msg(!memcmp(out[i], levels[n - 1].bytes[i], SIZE),
			              "seed %u, file %u differs", seed, i);
		plan_builder_free(b);
		restore_plan_done(&p);
		for (unsigned k = 0; k < n; k++)
			free_level(&levels[k]);
	}
}
END_TEST

/* Shrunk and grown again: the bytes in between are zero, not the grandparent's. */
START_TEST(test_shrunk_and_grown)
{
	struct level l[3] = {0};
	struct restore_plan p = {0};
	struct err err = ERR_INIT;
	bool more;
	static const uint64_t sizes[] = {100, 40, 100};

	for (unsigned k = 0; k < 3; k++) {
		l[k].m = make_manifest(k, 1);
		l[k].m->files.v[0].size = sizes[k];
		l[k].m->files.v[0].base = k ? 0 : -1;
	}
	add_extent(&l[0], 0, 0, 100, false);
	struct plan_builder *b = plan_builder_new(&p, l[2].m);
	for (unsigned k = 3; k-- > 0;)
		ck_ok(plan_level(b, &l[k], &more, &err), err);
	ck_assert_uint_eq(p.pieces.n, 1);
	ck_assert_uint_eq(p.pieces.v[0].off, 0);
	ck_assert_uint_eq(p.pieces.v[0].len, 40);
	ck_assert_uint_eq(p.bytes, 40);
	plan_builder_free(b);
	restore_plan_done(&p);
	for (unsigned k = 0; k < 3; k++)
		free_level(&l[k]);
}
END_TEST

/* A renamed table: number and name differ, the bytes are the parent's.  And what a
 * newer backup covers whole asks nothing of the older one. */
START_TEST(test_renamed_and_covered)
{
	struct level l[2] = {0};
	struct restore_plan p = {0};
	struct err err = ERR_INIT;
	bool more;

	l[0].m = make_manifest(0, 3);
	l[1].m = make_manifest(1, 2);
	for (unsigned i = 0; i < 3; i++)
		l[0].m->files.v[i].size = 50;
	l[1].m->files.v[0].size = l[1].m->files.v[1].size = 50;
	l[1].m->files.v[0].base = 2;
	l[1].m->files.v[1].base = 1;
	new_frame(&l[0]);
	add_extent(&l[0], 2, 0, 50, false);
	new_frame(&l[0]);
	add_extent(&l[0], 1, 0, 50, false);
	add_extent(&l[1], 1, 0, 20, false);
	add_extent(&l[1], 1, 20, 30, true);
	struct plan_builder *b = plan_builder_new(&p, l[1].m);
	ck_ok(plan_level(b, &l[1], &more, &err), err);
	ck_assert(more);
	ck_ok(plan_level(b, &l[0], &more, &err), err);
	ck_assert(!more);
	ck_assert_uint_eq(p.frames.n, 2);
	ck_assert_uint_eq(p.bytes, 20 + 50);
	ck_assert_uint_eq(p.pieces.v[1].file, 0);
	plan_builder_free(b);
	restore_plan_done(&p);
	free_level(&l[0]);
	free_level(&l[1]);
}
END_TEST

static enum err_kind plan_fails(struct level *l, unsigned n)
{
	struct restore_plan p = {0};
	struct err err = ERR_INIT;
	bool more = true;
	int rc = 0;
	struct plan_builder *b = plan_builder_new(&p, l[n - 1].m);

	for (unsigned k = n; k-- > 0 && rc == 0 && more;)
		rc = plan_level(b, &l[k], &more, &err);
	ck_assert_int_eq(rc, -1);
	ck_assert(strstr(err.text, "2026"));
	plan_builder_free(b);
	restore_plan_done(&p);
	return err.kind;
}

START_TEST(test_contradictions)
{
	struct level l[2] = {0};

	l[0].m = make_manifest(0, 2);
	l[1].m = make_manifest(1, 1);
	l[0].m->files.v[0].size = l[1].m->files.v[0].size = 50;
	l[0].m->files.v[1].kind = FILE_GONE;
	/* a base that is not there, and one that is no data file */
	l[1].m->files.v[0].base = 7;
	ck_assert_int_eq(plan_fails(l, 2), ERR_DAMAGED);
	l[1].m->files.v[0].base = 1;
	ck_assert_int_eq(plan_fails(l, 2), ERR_DAMAGED);
	/* the same byte twice in one backup */
	add_extent(&l[0], 0, 0, 30, false);
	add_extent(&l[0], 0, 29, 10, true);
	ck_assert_int_eq(plan_fails(l, 1), ERR_DAMAGED);
	/* more bytes than the frame has, and a file that does not exist */
	l[0].frames.n = 0;
	add_extent(&l[0], 0, 0, 30, false);
	l[0].frames.v[0].f.raw = 29;
	ck_assert_int_eq(plan_fails(l, 1), ERR_DAMAGED);
	l[0].frames.v[0].f.raw = 30;
	l[0].frames.v[0].extents[0].file = 2;
	ck_assert_int_eq(plan_fails(l, 1), ERR_DAMAGED);
	free_level(&l[0]);
	free_level(&l[1]);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("job_plan");
	TCase *t = tcase_create("plan");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, test_random_chains);
	tcase_add_test(t, test_shrunk_and_grown);
	tcase_add_test(t, test_renamed_and_covered);
	tcase_add_test(t, test_contradictions);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
