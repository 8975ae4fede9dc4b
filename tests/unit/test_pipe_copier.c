/*
 * Files of pages made by the test go through a copier; what came out is laid back
 * into a buffer as a restore does it.
 */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/mem.h"
#include "innodb/page.h"
#include "pipe/codec.h"
#include "pipe/copier.h"
#include "pipe/settle.h"
#include "pipe/throttle.h"

#define PS 16384u
#define FLAGS 0x15u
#define FILES 4000u
#define BIG (6u << 20)

/* What the frames hold, per file: contents, and for each byte who wrote it (0 nobody,
 * 1 an extent, 2 a zero extent) for the first files. */
struct got {
	struct codec *codec;
	unsigned char *bytes[4], *cover[4];
	unsigned frames, extents, zero_extents, small_files;
	uint64_t raw;
	int fail_at; /* frame whose `out` fails */
};

static struct got got;
static struct copier *c;
static struct copier_plan plan;
static struct progress progress;
static struct cancel cancel;
static int fd;

static int out(void *arg, struct frame *f, const void *stored, struct err *err)
{
	static unsigned char raw[FRAME_RAW_MAX];
	struct got *g = arg;
	uint32_t at = 0;

	if (g->fail_at && (int)++g->frames == g->fail_at)
		return err_set(err, ERR_NO_SPACE, "full");
	ck_assert_uint_le(f->extent_n, FRAME_EXTENTS_MAX);
	ck_assert_uint_gt(f->extent_n, 0);
	ck_ok(codec_decode(g->codec, f, stored, raw, err), *err);
	for (uint32_t i = 0; i < f->extent_n; i++) {
		const struct extent *e = &f->extents[i];

		ck_assert_uint_gt(e->len, 0);
		g->extents++;
		g->zero_extents += e->zero;
		if (e->file < 4) {
			ck_assert_uint_le(e->off + e->len, BIG);
			ck_assert(bytes_all_zero(g->cover[e->file] + e->off, e->len));
			memset(g->cover[e->file] + e->off, e->zero ? 2 : 1, e->len);
			if (!e->zero)
				memcpy(g->bytes[e->file] + e->off, raw + at, e->len);
		} else {
			g->small_files++;
		}
		if (!e->zero)
			at += (uint32_t)e->len;
	}
	ck_assert_uint_eq(at, f->raw);
	g->raw += f->raw;
	if (!g->fail_at)
		g->frames++;
	return 0;
}

static void begin(void)
{
	struct err err = ERR_INIT;

	copier_free(c);
	c = NULL;
	for (int i = 0; i < 4; i++) {
		memset(got.bytes[i], 0, BIG);
		memset(got.cover[i], 0, BIG);
	}
	got.frames = got.extents = got.zero_extents = got.small_files = 0;
	got.raw = 0;
	ck_ok(copier_new(&plan, &c, &err), err);
}

static void setup(void)
{
	char path[] = "/tmp/test_copier.XXXXXX";
	struct err err = ERR_INIT;

	memset(&got, 0, sizeof got);
	ck_ok(codec_new(&got.codec, &err), err);
	for (int i = 0; i < 4; i++) {
		got.bytes[i] = mem_alloc(BIG);
		got.cover[i] = mem_alloc(BIG);
	}
	memset(&progress, 0, sizeof progress);
	memset(&cancel, 0, sizeof cancel);
	plan = (struct copier_plan){
	    .out = out, .arg = &got, .level = 1, .cancel = &cancel, .progress = &progress};
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	unlink(path);
	begin();
}

static void teardown(void)
{
	copier_free(c);
	c = NULL;
	codec_free(got.codec);
	for (int i = 0; i < 4; i++) {
		free(got.bytes[i]);
		free(got.cover[i]);
	}
	close(fd);
}

static void make_page(unsigned char *p, uint32_t no, uint64_t lsn)
{
	for (uint32_t i = 0; i < PS; i++)
		p[i] = (unsigned char)(i % 61 + no + lsn);
	be32_put(p, 0);
	be32_put(p + 4, no);
	be64_put(p + 16, lsn);
	memcpy(p + 24, "\x45\xbf", 2);
	memcpy(p + PS - 8, p + 20, 4);
	be32_put(p + PS - 4, innodb_crc32c(0, p, PS - 4));
}

static void put_page(uint32_t no, uint64_t lsn)
{
	unsigned char p[PS];

	make_page(p, no, lsn);
	ck_assert_int_eq(pwrite(fd, p, PS, (off_t)no * PS), PS);
}

static void put_zero(uint32_t no)
{
	static const unsigned char p[PS];

	ck_assert_int_eq(pwrite(fd, p, PS, (off_t)no * PS), PS);
}

static void tear_page(uint32_t no)
{
	ck_assert_int_eq(pwrite(fd, "torn", 4, (off_t)no * PS + 8000), 4);
}

static struct item pages(uint32_t file, uint32_t n)
{
	return (struct item){.file = file,
	                     .name = "t/t1.ibd",
	                     .fd = fd,
	                     .len = (uint64_t)n * PS,
	                     .page_size = PS,
	                     .fsp_flags = FLAGS,
	                     .space_id = 5};
}

static uint64_t copy(const struct item *item)
{
	struct err err = ERR_INIT;
	uint64_t end = 0;

	ck_ok(copier_item(c, item, &end, &err), err);
	ck_ok(copier_flush(c, &err), err);
	return end;
}

/* The file's pages [from, to) came out as they are in the file. */
static void check_pages(uint32_t file, uint32_t from, uint32_t to)
{
	unsigned char p[PS];

	for (uint32_t no = from; no < to; no++) {
		ck_assert_int_eq(pread(fd, p, PS, (off_t)no * PS), PS);
		ck_assert_msg(got.cover[file][no * PS] == 1, "page %u is missing", no);
		ck_assert_msg(memcmp(p, got.bytes[file] + no * PS, PS) == 0, "page %u", no);
	}
}

START_TEST(test_full)
{
	struct item it = pages(1, 200);

	for (uint32_t no = 0; no < 200; no++)
		put_page(no, 1000 + no);
	ck_assert_uint_eq(copy(&it), 200 * PS);
	check_pages(1, 0, 200);
	/* 3 MiB and a bit: whole frames, one extent in each */
	ck_assert_uint_eq(got.frames, 4);
	ck_assert_uint_eq(got.extents, 4);
	ck_assert_uint_eq(copier_counts(c)->pages, 200);
	ck_assert_uint_eq(copier_counts(c)->pages_stored, 200);
	ck_assert_uint_eq(copier_counts(c)->max_lsn, 1199);
	ck_assert_uint_eq(copier_counts(c)->read_bytes, 200 * PS);
	ck_assert_uint_eq(progress.bytes_done, 200 * PS);
}
END_TEST

START_TEST(test_range_of_a_file)
{
	struct item it = pages(1, 10);

	for (uint32_t no = 0; no < 40; no++)
		put_page(no, 1000);
	it.off = 20 * PS;
	ck_assert_uint_eq(copy(&it), 30 * PS);
	check_pages(1, 20, 30);
	ck_assert_int_eq(got.cover[1][20 * PS - 1], 0);
	ck_assert_int_eq(got.cover[1][30 * PS], 0);
	it.off = 20 * PS + 1;
	struct err err = ERR_INIT;
	uint64_t end = 7;
	ck_assert_int_eq(copier_item(c, &it, &end, &err), -1);
	ck_assert_uint_eq(end, 7);
	it.off = 0;
	it.page_size = 3000;
	ck_assert_int_eq(copier_item(c, &it, &end, &err), -1);
}
END_TEST

START_TEST(test_first_page)
{
	struct item it = pages(1, 3);

	/* the second file of a tablespace */
	for (uint32_t i = 0; i < 3; i++) {
		unsigned char p[PS];

		make_page(p, 640 + i, 5);
		ck_assert_int_eq(pwrite(fd, p, PS, i * PS), PS);
	}
	it.first_page = 640;
	copy(&it);
	check_pages(1, 0, 3);
}
END_TEST

START_TEST(test_zero_pages)
{
	struct item it = pages(1, 100);

	for (uint32_t no = 0; no < 100; no++)
		if (no >= 10 && no < 30)
			put_zero(no);
		else
			put_page(no, 1000);
	copy(&it);
	check_pages(1, 0, 10);
	check_pages(1, 30, 100);
	/* a full has a gap there */
	ck_assert_int_eq(got.cover[1][10 * PS], 0);
	ck_assert_uint_eq(got.zero_extents, 0);
	ck_assert_uint_eq(copier_counts(c)->pages_stored, 80);
	/* an incremental must say it, in one extent, up to the end of the base */
	begin();
	it.has_base = true;
	it.base_size = 25 * PS;
	it.since_lsn = 1001;
	copy(&it);
	ck_assert_uint_eq(got.zero_extents, 1);
	ck_assert_int_eq(got.cover[1][10 * PS - 1], 0);
	ck_assert_int_eq(got.cover[1][10 * PS], 2);
	ck_assert_int_eq(got.cover[1][25 * PS - 1], 2);
	ck_assert_int_eq(got.cover[1][25 * PS], 0);
	check_pages(1, 30, 100);
}
END_TEST

START_TEST(test_incremental_choice)
{
	struct item it = pages(1, 130);

	for (uint32_t no = 0; no < 130; no++)
		put_page(no, no % 10 == 3 ? 5000 : no % 10 == 4 ? 4999 : 100);
	it.has_base = true;
	it.since_lsn = 5000;
	it.base_size = 120 * PS;
	copy(&it);
	for (uint32_t no = 0; no < 130; no++)
		if (no % 10 == 3 || no >= 120)
			check_pages(1, no, no + 1);
		else
			ck_assert_int_eq(got.cover[1][no * PS], 0);
	ck_assert_uint_eq(copier_counts(c)->pages, 130);
	ck_assert_uint_eq(copier_counts(c)->pages_stored, 22);
	ck_assert_uint_eq(got.frames, 1);
	ck_assert_uint_eq(got.extents, 13);
}
END_TEST

START_TEST(test_nothing_changed)
{
	struct item it = pages(1, 50);

	for (uint32_t no = 0; no < 50; no++)
		put_page(no, 10);
	it.has_base = true;
	it.since_lsn = 11;
	it.base_size = 50 * PS;
	copy(&it);
	ck_assert_uint_eq(got.frames, 0);
	ck_assert_uint_eq(copier_counts(c)->max_lsn, 10);
}
END_TEST

START_TEST(test_growing_and_shrinking)
{
	struct item it = pages(1, 100);

	for (uint32_t no = 0; no < 60; no++)
		put_page(no, 10);
	/* shorter than it was when the item was made, and being extended */
	ck_assert_int_eq(pwrite(fd, "half", 4, 60 * PS), 4);
	ck_assert_uint_eq(copy(&it), 60 * PS);
	check_pages(1, 0, 60);
	ck_assert_int_eq(got.cover[1][60 * PS], 0);
	ck_assert_uint_eq(copier_counts(c)->pages_reread, 0);
	/* longer: only the range that was asked for */
	begin();
	it.len = 20 * PS;
	ck_assert_uint_eq(copy(&it), 20 * PS);
	ck_assert_int_eq(got.cover[1][20 * PS], 0);
	/* gone altogether */
	begin();
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	ck_assert_uint_eq(copy(&it), 0);
	ck_assert_uint_eq(got.frames, 0);
}
END_TEST

static void *heal(void *arg)
{
	(void)arg;
	clock_sleep_ms(30);
	put_page(7, 77);
	return NULL;
}

START_TEST(test_torn_page_heals)
{
	struct item it = pages(1, 20);
	pthread_t t;

	for (uint32_t no = 0; no < 20; no++)
		put_page(no, 10);
	tear_page(7);
	pthread_create(&t, NULL, heal, NULL);
	copy(&it);
	pthread_join(t, NULL);
	check_pages(1, 0, 20);
	ck_assert_uint_eq(copier_counts(c)->pages_reread, 1);
	ck_assert_uint_eq(copier_counts(c)->pages_corrupt, 0);
	ck_assert_uint_eq(copier_counts(c)->max_lsn, 77);
	ck_assert_uint_eq(progress.pages_reread, 1);
}
END_TEST

static void *cut(void *arg)
{
	(void)arg;
	clock_sleep_ms(30);
	ck_assert_int_eq(ftruncate(fd, 7 * PS), 0);
	return NULL;
}

START_TEST(test_torn_page_is_cut_off)
{
	struct item it = pages(1, 20);
	pthread_t t;

	for (uint32_t no = 0; no < 20; no++)
		put_page(no, 10);
	tear_page(7);
	pthread_create(&t, NULL, cut, NULL);
	ck_assert_uint_eq(copy(&it), 7 * PS);
	pthread_join(t, NULL);
	check_pages(1, 0, 7);
}
END_TEST

START_TEST(test_corrupt_fails)
{
	struct item it = pages(1, 20);
	struct err err = ERR_INIT;
	uint64_t end = 5;

	for (uint32_t no = 0; no < 20; no++)
		put_page(no, 10);
	tear_page(13);
	ck_assert_int_eq(copier_item(c, &it, &end, &err), -1);
	ck_assert_int_eq(err.kind, ERR_DAMAGED);
	ck_assert_ptr_nonnull(strstr(err.text, "t/t1.ibd"));
	ck_assert_ptr_nonnull(strstr(err.text, "13"));
	ck_assert_ptr_nonnull(strstr(err.hint, "CHECK TABLE"));
	ck_assert_ptr_nonnull(strstr(err.hint, "corrupt_pages: list"));
	ck_assert_uint_eq(end, 5);
}
END_TEST

START_TEST(test_corrupt_listed)
{
	struct item it = pages(1, 20);
	const struct copier_corrupt *list;
	size_t n;

	plan.list_corrupt = true;
	begin();
	for (uint32_t no = 0; no < 20; no++)
		put_page(no, 10);
	tear_page(13);
	it.has_base = true; /* a corrupt page is never "unchanged" */
	it.base_size = 20 * PS;
	it.since_lsn = 1000000;
	ck_assert_uint_eq(copy(&it), 20 * PS);
	check_pages(1, 13, 14);
	list = copier_corrupt(c, &n);
	ck_assert_uint_eq(n, 1);
	ck_assert_uint_eq(list[0].file, 1);
	ck_assert_uint_eq(list[0].page, 13);
	ck_assert_uint_eq(copier_counts(c)->pages_corrupt, 1);
}
END_TEST

START_TEST(test_cancel_while_torn)
{
	struct item it = pages(1, 20);
	struct err err = ERR_INIT;
	uint64_t end;

	for (uint32_t no = 0; no < 20; no++)
		put_page(no, 10);
	tear_page(3);
	cancel_ask(&cancel);
	ck_assert_int_eq(copier_item(c, &it, &end, &err), -1);
	ck_assert_int_eq(err.kind, ERR_CANCELLED);
}
END_TEST

START_TEST(test_doublewrite_is_not_checked)
{
	struct item it = pages(1, 20);

	for (uint32_t no = 0; no < 20; no++)
		put_page(no, 10);
	tear_page(8);
	tear_page(9);
	it.skip_from = 8;
	it.skip_to = 10;
	copy(&it);
	check_pages(1, 0, 20);
	ck_assert_uint_eq(copier_counts(c)->pages_reread, 0);
}
END_TEST

static atomic_bool stop;

static void *rewrite_unsummed(void *arg)
{
	unsigned char p[PS];

	(void)arg;
	memset(p, 0, PS);
	be32_put(p + 4, 2);
	memcpy(p + 24, "\x86\x32", 2);
	for (unsigned i = 0; i < 20; i++) {
		p[5000] = (unsigned char)i;
		ck_assert_int_eq(pwrite(fd, p, PS, 2 * PS), PS);
	}
	return NULL;
}

START_TEST(test_unverified)
{
	struct item it = pages(1, 3);
	pthread_t t;

	it.fsp_flags = 0x10021; /* page_compressed of the old format: no sum */
	rewrite_unsummed(NULL);
	for (uint32_t no = 0; no < 2; no++)
		put_zero(no);
	pthread_create(&t, NULL, rewrite_unsummed, NULL);
	copy(&it);
	pthread_join(t, NULL);
	ck_assert_uint_eq(copier_counts(c)->pages_unverified, 1);
	ck_assert_uint_eq(progress.pages_unverified, 1);
	ck_assert_int_eq(got.cover[1][2 * PS], 1);
}
END_TEST

#define UNSUMMED 150u /* more than two frames */

/* A page as MySQL encrypts it, in halves: no sum tells one of two writes. */
static void put_half(uint32_t no, unsigned char version, bool second)
{
	unsigned char p[PS];

	memset(p, version, PS);
	be32_put(p + 4, no);
	be64_put(p + 16, 10u + version);
	memcpy(p + 24, "\x00\x0f\x00\x00\x45\xbf\0\0\0\0", 10);
	ck_assert_int_eq(
	    pwrite(fd, p + (second ? PS / 2 : 0), PS / 2, (off_t)no * PS + (second ? PS / 2 : 0)),
	    PS / 2);
}

static void put_whole(uint32_t no, unsigned char version)
{
	put_half(no, version, false);
	put_half(no, version, true);
}

static int out_and_write(void *arg, struct frame *f, const void *stored, struct err *e)
{
	if (got.frames == 0) {
		put_half(100, 2, true); /* that write goes on … */
		put_whole(110, 3);      /* … and another page is written */
		put_zero(120);
	}
	return out(arg, f, stored, e);
}

/* Pages that are not at the second reading what they were at the first. */
START_TEST(test_unverified_changes_between)
{
	struct item it = pages(1, UNSUMMED);

	plan.out = out_and_write;
	begin();
	it.fsp_flags = 0x6021;
	for (uint32_t no = 0; no < UNSUMMED; no++)
		put_whole(no, 1);
	put_half(100, 2, false);
	ck_assert_uint_eq(copy(&it), UNSUMMED * PS);
	check_pages(1, 0, 120);
	check_pages(1, 121, UNSUMMED);
	ck_assert_int_eq(got.bytes[1][100 * PS + 38], 2);
	ck_assert_int_eq(got.bytes[1][100 * PS + PS - 1], 2);
	ck_assert_int_eq(got.cover[1][120 * PS], 0);
	ck_assert_uint_eq(copier_counts(c)->pages_reread, 2);
	ck_assert_uint_eq(copier_counts(c)->pages_unverified, UNSUMMED - 1);
	ck_assert_uint_eq(copier_counts(c)->pages_corrupt, 0);
}
END_TEST

/* A page that is another one each time it is looked at. */
static void *write_always(void *arg)
{
	unsigned char lsn[8];

	(void)arg;
	for (uint64_t i = 1; !stop; i++) {
		be64_put(lsn, i);
		ck_assert_int_eq(pwrite(fd, lsn, sizeof lsn, 5 * PS + 16), sizeof lsn);
	}
	return NULL;
}

START_TEST(test_unverified_never_agrees)
{
	struct item it = pages(1, 10);
	struct err err = ERR_INIT;
	uint64_t end = 7;
	size_t n;
	pthread_t t;

	plan.list_corrupt = true; /* it is not corrupt: never of that list */
	begin();
	it.fsp_flags = 0x6021;
	for (uint32_t no = 0; no < 10; no++)
		put_whole(no, 1);
	stop = false;
	pthread_create(&t, NULL, write_always, NULL);
	int rc = copier_item(c, &it, &end, &err);
	stop = true;
	pthread_join(t, NULL);
	ck_assert_int_eq(rc, -1);
	ck_assert_int_eq(err.kind, ERR_BUSY);
	ck_assert(strstr(err.text, "page 5 kept changing for 10 s"));
	ck_assert(strstr(err.hint, "not damaged"));
	copier_corrupt(c, &n);
	ck_assert_uint_eq(n, 0);
	ck_assert_uint_eq(copier_counts(c)->pages_corrupt, 0);
	ck_assert_uint_eq(end, 7);
}
END_TEST

static void *write_rest_slowly(void *arg)
{
	(void)arg;
	clock_sleep_ms(100);
	put_half(100, 2, true);
	return NULL;
}

/* A write of which a slow disk has half, for longer than it takes to read it twice. */
START_TEST(test_unverified_is_written_slowly)
{
	struct item it = pages(1, UNSUMMED);
	pthread_t t;

	it.fsp_flags = 0x6021;
	for (uint32_t no = 0; no < UNSUMMED; no++)
		put_whole(no, 1);
	put_half(100, 2, false);
	pthread_create(&t, NULL, write_rest_slowly, NULL);
	copy(&it);
	pthread_join(t, NULL);
	check_pages(1, 0, UNSUMMED);
}
END_TEST

static uint64_t took_ms(const struct item *it)
{
	uint64_t began = clock_mono_ns();

	copy(it);
	return (clock_mono_ns() - began) / 1000000;
}

START_TEST(test_unverified_waits_once)
{
	struct item it = pages(1, UNSUMMED);

	it.fsp_flags = 0x6021;
	for (uint32_t no = 0; no < UNSUMMED; no++)
		put_whole(no, 1);
	uint64_t ms = took_ms(&it);
	ck_assert_uint_ge(ms, 200);
	ck_assert_uint_lt(ms, 2000);
	/* Nobody has written it for long: no write can be on its way. */
	begin();
	clock_set_fake(clock_wall_us() + 100 * CLOCK_US);
	ms = took_ms(&it);
	/* A busy machine adds to some of them; a wait would be in each. */
	for (int i = 0; i < 9 && ms >= 200; i++) {
		begin();
		ms = took_ms(&it);
	}
	clock_set_fake(-1);
	ck_assert_uint_lt(ms, 200);
	check_pages(1, 0, UNSUMMED);
}
END_TEST

/* Both readings count. */
START_TEST(test_unverified_keeps_the_rate)
{
	struct item it = pages(1, UNSUMMED);
	const uint64_t rate = 4u << 20;

	plan.throttle = throttle_new(rate);
	begin();
	it.fsp_flags = 0x6021;
	for (uint32_t no = 0; no < UNSUMMED; no++)
		put_whole(no, 1);
	uint64_t ms = took_ms(&it);
	ck_assert_uint_ge(copier_counts(c)->read_bytes, 2 * UNSUMMED * PS);
	ck_assert_uint_ge(ms, (2 * UNSUMMED * PS - rate / 10) * 1000 / rate);
	throttle_free(plan.throttle);
}
END_TEST

static bool is_cached(uint64_t off)
{
	unsigned char there = 0;
	void *map = mmap(NULL, 8 * PS, PROT_READ, MAP_SHARED, fd, 0);

	ck_assert_ptr_ne(map, MAP_FAILED);
	ck_assert_int_eq(mincore((char *)map + off / 4096 * 4096, 4096, &there), 0);
	munmap(map, 8 * PS);
	return there & 1;
}

/* Pages smaller than those of the cache are read from the disk again, too. */
START_TEST(test_forget_small_pages)
{
	unsigned char p[PS];

	for (uint32_t no = 0; no < 8; no++)
		put_whole(no, 1);
	ck_assert_int_eq(fsync(fd), 0);
	ck_assert_int_eq(pread(fd, p, PS, 0), PS);
	ck_assert(is_cached(5 * 1024));
	settle_forget(fd, 5 * 1024, 1024);
	bool small = is_cached(5 * 1024);
	settle_forget(fd, 0, 8 * PS);
	if (!is_cached(0)) /* not all file systems have anything to forget */
		ck_assert(!small);
}
END_TEST

/* Those not taken are not read again, those taken come out once, in any order with
 * others; and nothing waits when there is nothing to wait for. */
START_TEST(test_unverified_among_others)
{
	struct item it = pages(1, UNSUMMED);

	it.fsp_flags = 0x6021;
	for (uint32_t no = 0; no < UNSUMMED; no++)
		if (no % 7 == 3)
			put_zero(no);
		else
			put_whole(no, no % 2 ? 1 : 90);
	it.has_base = true;
	it.base_size = UNSUMMED * PS;
	it.since_lsn = 50;
	copy(&it);
	for (uint32_t no = 0; no < UNSUMMED; no++)
		if (no % 7 == 3)
			ck_assert_int_eq(got.cover[1][no * PS], 2);
		else if (no % 2 == 0)
			check_pages(1, no, no + 1);
		else
			ck_assert_int_eq(got.cover[1][no * PS], 0);
	/* Twice, and the read in which the first was met. */
	ck_assert_uint_le(copier_counts(c)->read_bytes, 2 * UNSUMMED * PS + (256 << 10));
	ck_assert_uint_eq(progress.bytes_done, UNSUMMED * PS);
	/* Not at all when none of them is taken. */
	begin();
	it.since_lsn = 200;
	copy(&it);
	ck_assert_uint_eq(copier_counts(c)->read_bytes, UNSUMMED * PS);
	ck_assert_uint_eq(copier_counts(c)->pages_reread, 0);
}
END_TEST

static void *cut_unsummed(void *arg)
{
	(void)arg;
	clock_sleep_ms(1);
	ck_assert_int_eq(ftruncate(fd, 10 * PS), 0);
	return NULL;
}

START_TEST(test_unverified_is_cut_off)
{
	struct item it = pages(1, UNSUMMED);

	it.fsp_flags = 0x6021;
	for (int i = 0; i < 20; i++) {
		pthread_t t;

		for (uint32_t no = 0; no < UNSUMMED; no++)
			put_whole(no, 1);
		begin();
		pthread_create(&t, NULL, cut_unsummed, NULL);
		uint64_t end = copy(&it);
		pthread_join(t, NULL);
		/* No extent lies beyond what it says is the end. */
		ck_assert_uint_ge(end, 10 * PS);
		ck_assert(bytes_all_zero(got.cover[1] + end, BIG - end));
	}
}
END_TEST

START_TEST(test_plain_files_of_any_length)
{
	static const size_t sizes[] = {0, 1, 100, 70000, FRAME_RAW_MAX, BIG - 7};
	unsigned char *b = mem_alloc(BIG);
	struct item it = {.file = 2, .name = "x.frm", .fd = fd};

	for (size_t i = 0; i < BIG; i++)
		b[i] = (unsigned char)(i * i >> 7);
	for (size_t i = 0; i < 6; i++)
		for (int unstable = 0; unstable < 2; unstable++) {
			begin();
			ck_assert_int_eq(ftruncate(fd, 0), 0);
			ck_assert_int_eq(pwrite(fd, b, sizes[i], 0), (ssize_t)sizes[i]);
			it.len = sizes[i] + 3; /* shorter than it was */
			it.unstable = unstable;
			ck_assert_uint_eq(copy(&it), sizes[i]);
			ck_assert_mem_eq(got.bytes[2], b, sizes[i]);
			ck_assert_uint_eq(got.raw, sizes[i]);
		}
	free(b);
}
END_TEST

static void *rewrite(void *arg)
{
	static unsigned char b[50000];
	unsigned until = *(unsigned *)arg;

	for (unsigned i = 0; !stop && (until == 0 || i < until); i++) {
		memset(b, (int)i, sizeof b);
		ck_assert_int_eq(pwrite(fd, b, sizeof b, 0), sizeof b);
		if (until)
			clock_sleep_ms(1);
	}
	return NULL;
}

START_TEST(test_unstable_settles)
{
	struct item it = {.file = 2, .name = "aria_log_control", .fd = fd, .len = 50000};
	unsigned until = 30;
	pthread_t t;

	it.unstable = true;
	stop = false;
	ck_assert_int_eq(ftruncate(fd, 50000), 0);
	pthread_create(&t, NULL, rewrite, &until);
	ck_assert_uint_eq(copy(&it), 50000);
	pthread_join(t, NULL);
	ck_assert_mem_eq(got.bytes[2], got.bytes[2] + 1, 49999);
}
END_TEST

START_TEST(test_memory)
{
	unsigned char *b = mem_alloc(3u << 20);
	struct item it = {.file = 3, .name = "backup-my.cnf", .fd = -1, .mem = b, .len = 3u << 20};
	struct err err = ERR_INIT;

	for (size_t i = 0; i < 3u << 20; i++)
		b[i] = (unsigned char)(i >> 9);
	ck_ok(copier_bytes(c, 1, 5, "hello", 5, &err), err);
	ck_ok(copier_bytes(c, 1, 10, "", 0, &err), err);
	ck_assert_uint_eq(copy(&it), 3u << 20);
	ck_assert_mem_eq(got.bytes[3], b, 3u << 20);
	ck_assert_mem_eq(got.bytes[1] + 5, "hello", 5);
	ck_assert_uint_eq(got.frames, 4);
	free(b);
}
END_TEST

START_TEST(test_small_files_share_frames)
{
	struct item it = {.name = "small", .fd = fd, .len = 40};
	struct err err = ERR_INIT;
	uint64_t end;

	ck_assert_int_eq(pwrite(fd, "0123456789012345678901234567890123456789", 40, 0), 40);
	for (uint32_t i = 0; i < FILES; i++) {
		it.file = 10 + i;
		ck_ok(copier_item(c, &it, &end, &err), err);
	}
	ck_ok(copier_flush(c, &err), err);
	ck_assert_uint_eq(got.small_files, FILES);
	/* 1024 extents are the limit, not the bytes */
	ck_assert_uint_eq(got.frames, (FILES + FRAME_EXTENTS_MAX - 1) / FRAME_EXTENTS_MAX);
	ck_ok(copier_flush(c, &err), err);
	ck_assert_uint_eq(got.frames, (FILES + FRAME_EXTENTS_MAX - 1) / FRAME_EXTENTS_MAX);
}
END_TEST

/* Pages behind an odd number of plain bytes: no page is split. */
START_TEST(test_mixed)
{
	struct item it = pages(1, 200);
	struct err err = ERR_INIT;
	uint64_t end;

	for (uint32_t no = 0; no < 200; no++)
		put_page(no, 10);
	ck_ok(copier_bytes(c, 2, 0, "odd", 3, &err), err);
	ck_ok(copier_item(c, &it, &end, &err), err);
	ck_ok(copier_bytes(c, 2, 3, "ness", 4, &err), err);
	ck_ok(copier_flush(c, &err), err);
	check_pages(1, 0, 200);
	ck_assert_mem_eq(got.bytes[2], "oddness", 7);
	/* Where one file ends another may go on at the same offset. */
	begin();
	ck_ok(copier_bytes(c, 1, 0, "hello", 5, &err), err);
	ck_ok(copier_bytes(c, 2, 5, "world", 5, &err), err);
	ck_ok(copier_flush(c, &err), err);
	ck_assert_uint_eq(got.extents, 2);
	ck_assert_mem_eq(got.bytes[2] + 5, "world", 5);
}
END_TEST

START_TEST(test_extents_limit_with_pages)
{
	struct item it = pages(1, 380);

	/* every second page zero: with a base, that many extents of each kind */
	for (uint32_t no = 0; no < 380; no++)
		no % 2 ? put_zero(no) : put_page(no, 10);
	it.page_size = 1024;
	it.len = 380 * PS;
	it.fsp_flags = 0x23;
	/* as pages of 1 KiB nothing fits its sum: copied unchecked, all of them */
	it.skip_to = UINT64_MAX;
	copy(&it);
	ck_assert_uint_eq(copier_counts(c)->pages, 380 * 16);
	ck_assert_uint_eq(got.raw, 380 * PS);
	begin();
	it = pages(1, 380);
	it.has_base = true;
	it.base_size = it.len;
	it.since_lsn = 10;
	copy(&it);
	ck_assert_uint_eq(got.zero_extents, 190);
	ck_assert_uint_eq(got.extents, 380);
	for (uint32_t no = 0; no < 380; no += 2) {
		check_pages(1, no, no + 1);
		ck_assert_int_eq(got.cover[1][(no + 1) * PS], 2);
	}
}
END_TEST

START_TEST(test_out_fails)
{
	struct item it = pages(1, 200);
	struct err err = ERR_INIT;
	uint64_t end;

	for (uint32_t no = 0; no < 200; no++)
		put_page(no, 10);
	got.fail_at = 2;
	ck_assert_int_eq(copier_item(c, &it, &end, &err), -1);
	ck_assert_int_eq(err.kind, ERR_NO_SPACE);
}
END_TEST

START_TEST(test_read_fails)
{
	struct item it = pages(1, 20);
	struct err err = ERR_INIT;
	uint64_t end;

	it.fd = 9999;
	ck_assert_int_eq(copier_item(c, &it, &end, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "t/t1.ibd"));
	it.page_size = 0;
	ck_assert_int_eq(copier_item(c, &it, &end, &err), -1);
}
END_TEST

static Suite *suite(void)
{
	const TTest *const tests[] = {
	    test_full,
	    test_range_of_a_file,
	    test_first_page,
	    test_zero_pages,
	    test_incremental_choice,
	    test_nothing_changed,
	    test_growing_and_shrinking,
	    test_torn_page_heals,
	    test_torn_page_is_cut_off,
	    test_corrupt_fails,
	    test_corrupt_listed,
	    test_cancel_while_torn,
	    test_doublewrite_is_not_checked,
	    test_unverified,
	    test_unverified_changes_between,
	    test_unverified_never_agrees,
	    test_unverified_is_written_slowly,
	    test_unverified_waits_once,
	    test_unverified_keeps_the_rate,
	    test_forget_small_pages,
	    test_unverified_among_others,
	    test_unverified_is_cut_off,
	    test_plain_files_of_any_length,
	    test_unstable_settles,
	    test_memory,
	    test_small_files_share_frames,
	    test_mixed,
	    test_extents_limit_with_pages,
	    test_out_fails,
	    test_read_fails,
	};
	Suite *s = suite_create("pipe/copier");
	TCase *t = tcase_create("copier");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
		tcase_add_test(t, tests[i]);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
