#include "tests/unit/unit.h"

#include <string.h>
#include <zstd.h>

#include "base/mem.h"
#include "pipe/codec.h"

static unsigned char raw[FRAME_RAW_MAX], back[FRAME_RAW_MAX];
static struct codec *c;

static void setup(void)
{
	struct err err = ERR_INIT;

	ck_ok(codec_new(&c, &err), err);
}
static void teardown(void)
{
	codec_free(c);
}

static void fill_text(size_t n)
{
	for (size_t i = 0; i < n; i++)
		raw[i] = (unsigned char)("the quick brown fox "[i % 20] + i / 5000);
}
static void fill_noise(size_t n)
{
	uint32_t x = 1;

	for (size_t i = 0; i < n; i++)
		raw[i] = (unsigned char)((x = x * 1103515245u + 12345) >> 16);
}

/* A copy of the stored bytes, owned by the caller. */
static unsigned char *encode(size_t n, int level, struct frame *f)
{
	struct err err = ERR_INIT;
	const void *stored;

	*f = (struct frame){.raw = (uint32_t)n};
	ck_ok(codec_encode(c, level, raw, f, &stored, &err), err);
	ck_assert_uint_le(f->stored, codec_stored_max());
	return mem_dup(stored, f->stored);
}

START_TEST(test_there_and_back)
{
	static const size_t sizes[] = {1, 2, 4096, 65537, FRAME_RAW_MAX - 1, FRAME_RAW_MAX};
	struct err err = ERR_INIT;
	struct frame f;

	for (int level = 1; level <= 19; level += 6)
		for (size_t i = 0; i < 6; i++)
			for (int noise = 0; noise < 2; noise++) {
				unsigned char *stored;

				noise ? fill_noise(sizes[i]) : fill_text(sizes[i]);
				stored = encode(sizes[i], level, &f);
				memset(back, 0, sizeof back);
				ck_ok(codec_decode(c, &f, stored, back, &err), err);
				ck_assert_mem_eq(raw, back, sizes[i]);
				/* the zstd command must be able to open it */
				ck_assert_uint_eq(ZSTD_getFrameContentSize(stored, f.stored),
				                  sizes[i]);
				free(stored);
			}
}
END_TEST

START_TEST(test_shrinks)
{
	struct frame f;

	fill_text(FRAME_RAW_MAX);
	free(encode(FRAME_RAW_MAX, 1, &f));
	ck_assert_uint_lt(f.stored, FRAME_RAW_MAX / 10);
}
END_TEST

START_TEST(test_only_zero_extents)
{
	struct err err = ERR_INIT;
	struct frame f;
	unsigned char none[FRAME_HASH_SIZE] = {0};

	free(encode(0, 1, &f));
	ck_assert_uint_eq(f.stored, 0);
	ck_assert_mem_eq(f.stored_hash, none, FRAME_HASH_SIZE);
	ck_assert_mem_eq(f.raw_hash, none, FRAME_HASH_SIZE);
	ck_ok(codec_decode(c, &f, NULL, back, &err), err);
}
END_TEST

static void check_refused(const struct frame *f, const void *stored)
{
	struct err err = ERR_INIT;

	ck_assert_int_eq(codec_decode(c, f, stored, back, &err), -1);
	ck_assert_int_eq(err.kind, ERR_DAMAGED);
}

START_TEST(test_every_flipped_byte)
{
	unsigned char *stored;
	struct frame f;

	fill_text(30000);
	stored = encode(30000, 1, &f);
	for (uint32_t i = 0; i < f.stored; i++) {
		stored[i] ^= 0x04;
		check_refused(&f, stored);
		/* And if the hash of the stored bytes was made to fit, the raw one sees it. */
		{
			struct frame g = f;
			struct err err = ERR_INIT;

			hash_bytes(stored, f.stored, g.stored_hash);
			if (codec_decode(c, &g, stored, back, &err) == 0)
				ck_assert_mem_eq(back, raw, 30000);
		}
		stored[i] ^= 0x04;
	}
	f.raw_hash[15] ^= 1;
	check_refused(&f, stored);
	free(stored);
}
END_TEST

START_TEST(test_hostile_lengths)
{
	unsigned char *stored, *huge = mem_alloc(codec_stored_max());
	struct frame f, g;

	fill_text(30000);
	stored = encode(30000, 1, &f);
	g = f;
	g.raw++;
	check_refused(&g, stored);
	g.raw = 0;
	check_refused(&g, stored);
	g.raw = FRAME_RAW_MAX + 1;
	check_refused(&g, stored);
	g = f;
	g.stored = 0;
	check_refused(&g, stored);
	g.stored = UINT32_MAX;
	check_refused(&g, stored);
	g = f;
	g.stored--;
	check_refused(&g, stored);
	hash_bytes(stored, g.stored, g.stored_hash);
	check_refused(&g, stored);
	free(stored);
	/* A bomb: more than a frame may hold, in a frame of valid size. */
	stored = mem_zalloc(8 * FRAME_RAW_MAX);
	g.stored = (uint32_t)ZSTD_compress(huge, codec_stored_max(), stored, 8 * FRAME_RAW_MAX, 1);
	g.raw = FRAME_RAW_MAX;
	hash_bytes(huge, g.stored, g.stored_hash);
	check_refused(&g, huge);
	free(stored);
	free(huge);
}
END_TEST

START_TEST(test_hash)
{
	unsigned char a[FRAME_HASH_SIZE];
	/* XXH3-128 of nothing, canonical */
	static const unsigned char nothing[] = {0x99, 0xaa, 0x06, 0xd3, 0x01, 0x47, 0x98, 0xd8,
	                                        0x60, 0x01, 0xc3, 0x24, 0x46, 0x8d, 0x49, 0x7f};

	hash_bytes("", 0, a);
	ck_assert_mem_eq(a, nothing, FRAME_HASH_SIZE);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("pipe/codec");
	TCase *t = tcase_create("codec");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_there_and_back);
	tcase_add_test(t, test_shrinks);
	tcase_add_test(t, test_only_zero_extents);
	tcase_add_test(t, test_every_flipped_byte);
	tcase_add_test(t, test_hostile_lengths);
	tcase_add_test(t, test_hash);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
