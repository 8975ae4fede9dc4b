/* Packs and their index: what goes in comes back, and no index does harm. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/bytes.h"
#include "base/fsio.h"
#include "base/mem.h"
#include "repo/index.h"
#include "repo/pack.h"
#include "tests/unit/unit.h"

#define ID "20261122T020000Z-full"

static char dir[64];
static struct repo *repo;
static struct manifest *m;
static struct pack_set set;

static void setup(void)
{
	struct err e = ERR_INIT;
	struct repo_options o = {.create = true};
	char url[80];
	strcpy(dir, "/tmp/unit-pack-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(url, sizeof url, "file://%s", dir);
	ck_ok(repo_open(url, &o, &repo, &e), e);
	m = manifest_new();
	m->instance = mem_strdup("main");
	strcpy(m->id, ID);
	set = (struct pack_set){.repo = repo, .instance = "main", .id = ID};
}

static void teardown(void)
{
	manifest_free(m);
	repo_close(repo);
	fsio_remove_tree(dir, NULL);
}

static struct frame frame_of(const struct extent *x, uint32_t n, uint32_t stored)
{
	struct frame f = {.stored = stored, .extents = x, .extent_n = n};
	for (uint32_t i = 0; i < n; i++)
		f.raw += x[i].zero ? 0 : (uint32_t)x[i].len;
	memset(f.stored_hash, stored ? 0x5a : 0, sizeof f.stored_hash);
	memset(f.raw_hash, stored ? 0xa5 : 0, sizeof f.raw_hash);
	return f;
}

/* Two ordinary frames, one of zeros only, one of two files. */
static void write_pack(void)
{
	struct err e = ERR_INIT;
	static const struct extent a[] = {{0, 0, 0, 16384}, {0, 0, 65536, 16384}},
	                           z[] = {{1, 1, 1ull << 40, 1ull << 33}},
	                           b[] = {{1, 0, 0, 7}, {0, 1, 9, 9}},
	                           c[] = {{2, 0, 3, FRAME_RAW_MAX}};
	struct frame f[] = {frame_of(a, 2, 100), frame_of(z, 1, 0), frame_of(b, 2, 20),
	                    frame_of(c, 1, FRAME_RAW_MAX + INDEX_STORED_OVER)};
	struct pack_writer *w = pack_writer_new(&set);
	unsigned char *bytes = mem_zalloc(f[3].stored);
	memset(bytes, 'x', f[3].stored);
	for (size_t i = 0; i < 4; i++)
		ck_ok(pack_writer_add(w, &f[i], bytes, &e), e);
	ck_assert_uint_eq(f[2].at, 100);
	ck_ok(pack_writer_finish(w, m, &e), e);
	pack_writer_free(w);
	free(bytes);
}

static void add_files(size_t n)
{
	for (size_t i = 0; i < n; i++)
		*vec_push(&m->files) = (struct manifest_file){.path = mem_strdup("f"), .base = -1};
}

struct seen {
	unsigned frames;
	uint64_t at[8];
	struct extent last[8];
};

static int see(void *arg, const struct frame *f, struct err *err)
{
	struct seen *s = arg;
	(void)err;
	if (s->frames < 8) {
		s->at[s->frames] = f->at;
		s->last[s->frames] = f->extents[f->extent_n - 1];
	}
	s->frames++;
	return 0;
}

START_TEST(what_was_written_is_read)
{
	struct err e = ERR_INIT;
	struct seen s = {0};
	write_pack();
	add_files(3);
	ck_assert_uint_eq(m->packs.n, 1);
	const struct manifest_pack *p = &m->packs.v[0];
	ck_assert_uint_eq(p->frames, 4);
	ck_assert_uint_eq(p->bytes, 120 + FRAME_RAW_MAX + INDEX_STORED_OVER);
	ck_ok(pack_read_index(repo, m, p, see, &s, &e), e);
	ck_assert_uint_eq(s.frames, 4);
	ck_assert_uint_eq(s.at[0], 0);
	ck_assert_uint_eq(s.at[1], 100);
	ck_assert_uint_eq(s.at[2], 100);
	ck_assert_uint_eq(s.at[3], 120);
	ck_assert_uint_eq(s.last[0].off, 65536);
	ck_assert_uint_eq(s.last[1].zero, 1);
	ck_assert_uint_eq(s.last[1].len, 1ull << 33);
	ck_assert_uint_eq(s.last[2].file, 0);
	uint64_t size;
	ck_ok(repo_size(repo, "main/backups/" ID "/pack.000", &size, &e), e);
	ck_assert_uint_eq(size, p->bytes);
	char got;
	ck_ok(repo_read(repo, "main/backups/" ID "/pack.000", 119, &got, 1, &e), e);
	ck_assert_int_eq(got, 'x');
}
END_TEST

START_TEST(the_layout_is_the_documented_one)
{
	struct err e = ERR_INIT;
	unsigned char *b = NULL;
	size_t n;
	write_pack();
	ck_ok(repo_get_all(repo, "main/backups/" ID "/index.000", 10000, &b, &n, &e), e);
	ck_assert_uint_eq(n, 16 + 4 * 48 + 6 * 24);
	ck_assert_mem_eq(b, "MYBAKIDX\1\0\0\0\0\0\0\0", 16);
	ck_assert_mem_eq(b + 16, "\144\0\0\0\0\200\0\0\2\0\0\0\0\0\0\0", 16);
	ck_assert_int_eq(b[32], 0x5a);
	ck_assert_int_eq(b[48], 0xa5);
	/* second extent of the first frame */
	ck_assert_mem_eq(b + 64 + 24, "\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\100\0\0\0\0\0\0", 24);
	/* zero extent */
	ck_assert_mem_eq(b + 112 + 48, "\1\0\0\0\1\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\2\0\0\0", 24);
	XXH128_canonical_t h;
	XXH128_canonicalFromHash(&h, XXH3_128bits(b, n));
	ck_assert_mem_eq(m->packs.v[0].index_hash, h.digest, 16);
	free(b);
}
END_TEST

static int count(void *arg, const char *name, uint64_t bytes, struct err *err)
{
	(void)name;
	(void)bytes;
	(void)err;
	++*(unsigned *)arg;
	return 0;
}

START_TEST(nothing_is_made_of_nothing_and_nothing_left_without_finish)
{
	struct err e = ERR_INIT;
	unsigned objects = 0;
	static const struct extent x[] = {{0, 0, 0, 10}};
	struct frame f = frame_of(x, 1, 10);
	struct pack_writer *w = pack_writer_new(&set);
	ck_ok(pack_writer_finish(w, m, &e), e);
	ck_assert_uint_eq(m->packs.n, 0);
	ck_ok(pack_writer_add(w, &f, "0123456789", &e), e);
	pack_writer_free(w);
	pack_writer_free(NULL);
	ck_ok(repo_list(repo, "main/backups/" ID "/", count, &objects, &e), e);
	ck_assert_uint_eq(objects, 0);
	char path[128];
	bool empty = false;
	snprintf(path, sizeof path, "%s/main/backups/%s", dir, ID);
	ck_ok(fsio_is_empty_dir(path, &empty, &e), e);
	ck_assert(empty);
}
END_TEST

START_TEST(a_full_pack_is_followed_by_the_next)
{
	struct err e = ERR_INIT;
	static const struct extent x[] = {{0, 0, 0, FRAME_RAW_MAX}};
	uint64_t free_bytes = 0, total;
	repo_space(repo, &free_bytes, &total, &e);
	if (free_bytes < 3 * PACK_BYTES) {
		printf("skipped: a_full_pack_is_followed_by_the_next: too little space in /tmp\n");
		return;
	}
	unsigned char *bytes = mem_zalloc(FRAME_RAW_MAX);
	struct pack_writer *a = pack_writer_new(&set), *b = pack_writer_new(&set);
	struct frame f;
	for (unsigned i = 0; i < PACK_BYTES / FRAME_RAW_MAX + 2; i++) {
		f = frame_of(x, 1, FRAME_RAW_MAX);
		ck_ok(pack_writer_add(a, &f, bytes, &e), e);
		if (i == 0)
			ck_ok(pack_writer_add(b, &f, bytes, &e), e);
	}
	ck_assert_uint_eq(f.pack, 2);
	ck_assert_uint_eq(f.at, FRAME_RAW_MAX);
	ck_ok(pack_writer_finish(a, m, &e), e);
	ck_ok(pack_writer_finish(b, m, &e), e);
	ck_assert_uint_eq(m->packs.n, 3);
	ck_assert_uint_eq(m->packs.v[0].bytes, PACK_BYTES);
	add_files(1);
	for (size_t i = 0; i < 3; i++) {
		struct seen s = {0};
		ck_ok(pack_read_index(repo, m, &m->packs.v[i], see, &s, &e), e);
		ck_assert_uint_eq(s.frames, m->packs.v[i].frames);
	}
	pack_writer_free(a);
	pack_writer_free(b);
	free(bytes);
}
END_TEST

START_TEST(a_changed_index_is_damaged)
{
	struct err e = ERR_INIT;
	struct seen s = {0};
	write_pack();
	struct manifest_pack p = m->packs.v[0];
	p.frames++;
	ck_assert_int_eq(pack_read_index(repo, m, &p, see, &s, &e), -1);
	ck_assert_int_eq(e.kind, ERR_DAMAGED);
	p = m->packs.v[0];
	p.bytes--;
	ck_assert_int_eq(pack_read_index(repo, m, &p, see, &s, &e), -1);
	ck_assert_int_eq(e.kind, ERR_DAMAGED);
	ck_assert_ptr_nonnull(strstr(e.text, "index.000"));
	p = m->packs.v[0];
	p.index_bytes = UINT64_MAX;
	ck_assert_int_eq(pack_read_index(repo, m, &p, see, &s, &e), -1);
	ck_assert_int_eq(e.kind, ERR_DAMAGED);
	p = m->packs.v[0];
	p.number = 7;
	ck_assert_int_eq(pack_read_index(repo, m, &p, see, &s, &e), -1);
	ck_assert_int_eq(e.kind, ERR_NOT_FOUND);
	/* Nothing is handed out of an index whose hash is wrong. */
	s.frames = 0;
	p = m->packs.v[0];
	p.index_hash[3] ^= 1;
	ck_assert_int_eq(pack_read_index(repo, m, &p, see, &s, &e), -1);
	ck_assert_int_eq(e.kind, ERR_DAMAGED);
	ck_assert_uint_eq(s.frames, 0);
	add_files(2); /* the pack names a third */
	ck_assert_int_eq(pack_read_index(repo, m, &m->packs.v[0], see, &s, &e), -1);
	ck_assert_int_eq(e.kind, ERR_DAMAGED);
}
END_TEST

static int stop(void *arg, const struct frame *f, struct err *err)
{
	(void)arg;
	(void)f;
	return err_set(err, ERR_CANCELLED, "cancelled");
}

START_TEST(the_callers_reason_is_passed_on_as_it_is)
{
	struct err e = ERR_INIT;
	write_pack();
	ck_assert_int_eq(pack_read_index(repo, m, &m->packs.v[0], stop, NULL, &e), -1);
	ck_assert_int_eq(e.kind, ERR_CANCELLED);
	ck_assert_str_eq(e.text, "cancelled");
}
END_TEST

/* Reads an index to its end; what it hands out must keep its promises. */
static int read_all(const unsigned char *bytes, size_t n, uint64_t pack_bytes, struct err *e)
{
	struct index_reader *in = mem_alloc(sizeof *in);
	/* An exact copy, so that a byte read too far is seen by the sanitizer. */
	unsigned char *copy = mem_dup(bytes, n);
	struct frame f;
	uint64_t at = 0;
	int rc = index_reader_init(in, copy, n, 0, pack_bytes, 3, e);
	while (rc == 0 && (rc = index_reader_next(in, &f, e)) > 0) {
		uint64_t raw = 0;
		ck_assert_uint_eq(f.at, at);
		at += f.stored;
		ck_assert_uint_le(at, pack_bytes);
		ck_assert_uint_le(f.raw, FRAME_RAW_MAX);
		ck_assert(f.extent_n > 0 && f.extent_n <= FRAME_EXTENTS_MAX);
		for (uint32_t i = 0; i < f.extent_n; i++) {
			const struct extent *x = &f.extents[i];
			ck_assert_uint_lt(x->file, 3);
			ck_assert(x->len > 0 && x->off <= INT64_MAX - x->len);
			raw += x->zero ? 0 : x->len;
		}
		ck_assert_uint_eq(raw, f.raw);
		rc = 0;
	}
	if (rc < 0)
		ck_assert(e->text[0] && (e->kind == ERR_DAMAGED || e->kind == ERR_REFUSED));
	free(copy);
	free(in);
	return rc;
}

START_TEST(no_index_does_harm)
{
	struct err e = ERR_INIT;
	unsigned char *b = NULL;
	size_t n;
	write_pack();
	uint64_t pack_bytes = m->packs.v[0].bytes;
	ck_ok(repo_get_all(repo, "main/backups/" ID "/index.000", 10000, &b, &n, &e), e);
	ck_assert_int_eq(read_all(b, n, pack_bytes, &e), 0);
	for (size_t cut = 0; cut < n; cut++)
		ck_assert_msg(read_all(b, cut, pack_bytes, &e) == -1, "cut at %zu", cut);
	static const unsigned char flips[] = {1, 0x80, 0xff, 0x7f};
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < sizeof flips; k++) {
			b[i] ^= flips[k];
			read_all(b, n, pack_bytes, &e);
			b[i] ^= flips[k];
		}
	}
	free(b);
}
END_TEST

START_TEST(lies_about_numbers_are_seen)
{
	static const struct {
		size_t at;
		uint32_t value;
		const char *why;
	} lies[] = {
	    {8, 2, "newer version"},
	    {8, 0, "no version"},
	    {12, 1, "another pack"},
	    {16, 0, "stored 0 with raw bytes"},
	    {16, UINT32_MAX, "stored beyond the pack"},
	    {16, 32768 + INDEX_STORED_OVER + 1, "stored far larger than raw"},
	    {20, 0, "raw 0 with stored bytes"},
	    {20, FRAME_RAW_MAX + 1, "raw too large"},
	    {20, 16384, "extents do not add up"},
	    {24, 0, "no extents"},
	    {24, FRAME_EXTENTS_MAX + 1, "too many extents"},
	    {24, FRAME_EXTENTS_MAX, "more extents than bytes"},
	    {28, 1, "reserved field"},
	    {64, 3, "unknown file"},
	    {64, UINT32_MAX, "unknown file"},
	    {68, 2, "unknown flag"},
	    {68, 1, "data turned into zeros"},
	    {64 + 12, UINT32_MAX, "offset that is negative when signed"},
	    {64 + 16, 0, "no length"},
	    {64 + 20, 0x7fffffff, "longer than a frame"},
	    {160 + 20, 0x7fffffff, "zeros that end beyond any file"},
	};
	struct err e = ERR_INIT;
	unsigned char *b = NULL;
	size_t n;
	write_pack();
	ck_ok(repo_get_all(repo, "main/backups/" ID "/index.000", 10000, &b, &n, &e), e);
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		unsigned char *copy = mem_dup(b, n);
		le32_put(copy + lies[i].at, lies[i].value);
		ck_assert_msg(read_all(copy, n, m->packs.v[0].bytes, &e) == -1, "%s", lies[i].why);
		free(copy);
	}
	free(b);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("repo_pack");
	TCase *t = tcase_create("pack");
	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, what_was_written_is_read);
	tcase_add_test(t, the_layout_is_the_documented_one);
	tcase_add_test(t, nothing_is_made_of_nothing_and_nothing_left_without_finish);
	tcase_add_test(t, a_full_pack_is_followed_by_the_next);
	tcase_add_test(t, a_changed_index_is_damaged);
	tcase_add_test(t, the_callers_reason_is_passed_on_as_it_is);
	tcase_add_test(t, no_index_does_harm);
	tcase_add_test(t, lies_about_numbers_are_seen);
	suite_add_tcase(s, t);
	return s;
}
UNIT_MAIN(suite)
