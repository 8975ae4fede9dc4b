/*
 * Pages made by the test itself, with the sums each format prescribes.  The check
 * over files of real servers is tests/tools/pagecheck.c.
 */
#include "tests/unit/unit.h"

#include "base/bytes.h"
#include "innodb/page.h"

static unsigned char page[PAGE_MAX_SIZE];

static void fill(uint32_t size, uint32_t no)
{
	uint32_t x = no * 2654435761u + 1;

	for (uint32_t i = 0; i < size; i++)
		page[i] = (unsigned char)((x = x * 1103515245u + 12345) >> 16);
	be32_put(page + 4, no);
	be64_put(page + 16, 0x1122334455667788u);
	memcpy(page + 24, "\x45\xbf", 2); /* an index page */
	memset(page + 26, 0, 8);
}

static void seal_full_crc32(uint32_t size)
{
	be32_put(page, 0);
	memcpy(page + size - 8, page + 20, 4);
	be32_put(page + size - 4, innodb_crc32c(0, page, size - 4));
}

static uint32_t legacy_crc(uint32_t size)
{
	return innodb_crc32c(0, page + 4, 22) ^ innodb_crc32c(0, page + 38, size - 46);
}

static void seal_legacy(uint32_t size)
{
	memcpy(page + size - 4, page + 20, 4);
	be32_put(page, legacy_crc(size));
	be32_put(page + size - 8, legacy_crc(size));
}

static uint32_t zip_crc(uint32_t size)
{
	return innodb_crc32c(0, page + 4, 12) ^ innodb_crc32c(0, page + 24, 2) ^
	       innodb_crc32c(0, page + 34, size - 34);
}

static struct page_space space_of(uint32_t flags, uint32_t size)
{
	struct page_space s;

	page_space_init(&s, 7, flags, size);
	return s;
}

/* Every byte in [from, to) counts. */
static void check_flips(const struct page_space *s, uint32_t no, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		page[i] ^= 0x10;
		if (page_check(s, page, no) != PAGE_BAD)
			ck_abort_msg("flags %x, byte %u", s->flags, i);
		page[i] ^= 0x10;
	}
	ck_assert_int_eq(page_check(s, page, no), PAGE_GOOD);
}

START_TEST(test_crc32c)
{
	unsigned char zeros[32] = {0};

	/* RFC 3720, B.4 */
	ck_assert_uint_eq(innodb_crc32c(0, "123456789", 9), 0xe3069283);
	ck_assert_uint_eq(innodb_crc32c(0, zeros, 32), 0x8a9136aa);
	ck_assert_uint_eq(innodb_crc32c(innodb_crc32c(0, "1234", 4), "56789", 5), 0xe3069283);
	ck_assert_uint_eq(innodb_crc32c(0, "", 0), 0);
}
END_TEST

START_TEST(test_full_crc32)
{
	for (uint32_t code = 3; code <= 7; code++) {
		uint32_t size = 512u << code;
		struct page_space s = space_of(0x10 | code, size);

		fill(size, 3);
		seal_full_crc32(size);
		ck_assert_int_eq(page_check(&s, page, 3), PAGE_GOOD);
		ck_assert_int_eq(page_check(&s, page, 4), PAGE_BAD);
		ck_assert_int_eq(page_check(&s, page, UINT32_MAX), PAGE_GOOD);
		ck_assert_uint_eq(page_lsn(page), 0x1122334455667788u);
	}
	{
		struct page_space s = space_of(0x13, 4096);

		fill(4096, 9);
		seal_full_crc32(4096);
		check_flips(&s, 9, 0, 4096);
		/* The sum is right but the end is of another write. */
		page[4096 - 8] ^= 1;
		be32_put(page + 4092, innodb_crc32c(0, page, 4092));
		ck_assert_int_eq(page_check(&s, page, 9), PAGE_BAD);
		/* An encrypted page keeps no LSN there. */
		be32_put(page, 1);
		be32_put(page + 4092, innodb_crc32c(0, page, 4092));
		check_flips(&s, 9, 0, 4096);
	}
}
END_TEST

START_TEST(test_full_crc32_page_compressed)
{
	struct page_space s = space_of(0x35, 16384);
	uint32_t used = 5 << 8;

	fill(16384, 2);
	memcpy(page + 24, "\x80\x05", 2);
	be32_put(page + used - 4, innodb_crc32c(0, page, used - 4));
	ck_assert(s.page_compressed);
	check_flips(&s, 2, 0, used);
	/* What lies behind is not part of the page. */
	page[used] ^= 1;
	ck_assert_int_eq(page_check(&s, page, 2), PAGE_GOOD);
	/* Lengths that cannot be. */
	memcpy(page + 24, "\x80\x00", 2);
	ck_assert_int_eq(page_check(&s, page, 2), PAGE_BAD);
	memcpy(page + 24, "\x80\x40", 2);
	ck_assert_int_eq(page_check(&s, page, 2), PAGE_BAD);
	memcpy(page + 24, "\xff\xff", 2);
	ck_assert_int_eq(page_check(&s, page, 2), PAGE_BAD);
}
END_TEST

START_TEST(test_legacy)
{
	struct page_space s = space_of(0x21, 16384);

	fill(16384, 5);
	seal_legacy(16384);
	check_flips(&s, 5, 0, 26);
	check_flips(&s, 5, 38, 16384);
	/* Encrypted: key version and sum of the stored bytes in the header. */
	page[100] ^= 1;
	be32_put(page + 26, 1);
	be32_put(page + 30, legacy_crc(16384));
	check_flips(&s, 5, 4, 26);
	check_flips(&s, 5, 38, 16384 - 8);
}
END_TEST

START_TEST(test_legacy_old_sums)
{
	struct page_space s = space_of(0, 16384);
	uint32_t head = 0, body = 0;

	fill(16384, 5);
	memcpy(page + 16380, page + 20, 4);
	for (int i = 4; i < 26; i++)
		head = ((((head ^ page[i] ^ 1653893711u) << 8) + head) ^ 1463735687u) + page[i];
	for (int i = 38; i < 16376; i++)
		body = ((((body ^ page[i] ^ 1653893711u) << 8) + body) ^ 1463735687u) + page[i];
	be32_put(page, head + body);
	be32_put(page + 16376, 0xdeadbeef);
	ck_assert_int_eq(page_check(&s, page, 5), PAGE_GOOD);
	page[1000] ^= 1;
	ck_assert_int_eq(page_check(&s, page, 5), PAGE_BAD);
	/* innodb_checksum_algorithm=none */
	be32_put(page, 0xdeadbeef);
	ck_assert_int_eq(page_check(&s, page, 5), PAGE_UNVERIFIED);
	page[16383] ^= 1;
	ck_assert_int_eq(page_check(&s, page, 5), PAGE_BAD);
}
END_TEST

START_TEST(test_legacy_page_compressed)
{
	struct page_space s = space_of(0x10021, 16384), plain = space_of(0x21, 16384);

	fill(16384, 6);
	memcpy(page + 24, "\x86\x32", 2); /* 34354 */
	ck_assert_int_eq(page_check(&s, page, 6), PAGE_UNVERIFIED);
	ck_assert_int_eq(page_check(&s, page, 7), PAGE_BAD);
	memcpy(page + 24, "\x92\x19", 2); /* 37401 */
	ck_assert_int_eq(page_check(&s, page, 6), PAGE_UNVERIFIED);
	/* Only in a table that has it: elsewhere it is a corrupt type. */
	ck_assert_int_eq(page_check(&plain, page, 6), PAGE_BAD);
	/* The first page of such a table has an ordinary sum. */
	fill(16384, 0);
	seal_legacy(16384);
	check_flips(&s, 0, 0, 26);
}
END_TEST

static void put16(uint32_t at, uint32_t v)
{
	page[at] = (unsigned char)(v >> 8);
	page[at + 1] = (unsigned char)v;
}

/* What MySQL stores of a compressed or encrypted page has no sum: only by what it
 * says of itself is such a page known from a corrupt one. */
START_TEST(test_mysql_unsummed)
{
	static const uint32_t flags[] = {0, 0x2000, 0x4021, 0x6021, 0x6800};

	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
		struct page_space s = space_of(flags[i], 16384);

		fill(16384, 6);
		put16(24, 15);
		put16(28, 0x45bf);
		ck_assert_int_eq(page_check(&s, page, 6), PAGE_UNVERIFIED);
		ck_assert_int_eq(page_check(&s, page, 7), PAGE_BAD);
		put16(28, 0);
		ck_assert_int_eq(page_check(&s, page, 6), PAGE_BAD);
		put16(28, 15);
		ck_assert_int_eq(page_check(&s, page, 6), PAGE_BAD);
		put16(28, 6);
		put16(26, 1);
		ck_assert_int_eq(page_check(&s, page, 6), PAGE_BAD);
		put16(24, 17);
		ck_assert_int_eq(page_check(&s, page, 6),
		                 flags[i] & 0x2000 ? PAGE_UNVERIFIED : PAGE_BAD);
		put16(24, 18);
		ck_assert_int_eq(page_check(&s, page, 6), PAGE_BAD);
	}
	/* A BLOB of a zip page: a space id where nothing else is. */
	struct page_space zip = space_of(0x6027, 4096), plain = space_of(0x4027, 4096);
	fill(4096, 6);
	put16(24, 15);
	be32_put(page + 26, 0x70008);
	ck_assert_int_eq(page_check(&zip, page, 6), PAGE_UNVERIFIED);
	ck_assert_int_eq(page_check(&zip, page, 7), PAGE_BAD);
	ck_assert_int_eq(page_check(&plain, page, 6), PAGE_BAD);
}
END_TEST

START_TEST(test_mysql_compressed)
{
	for (uint32_t size = 4096; size <= 65536; size *= 2)
		for (uint32_t type = 14; type <= 16; type += 2) {
			struct page_space s = space_of(0x4021, size);

			fill(size, 6);
			put16(24, type);
			page[26] = 2;
			page[27] = 1;
			put16(28, 0x45bf);
			put16(30, size - 38);
			put16(32, 2000);
			ck_assert_int_eq(page_check(&s, page, 6), PAGE_UNVERIFIED);
			ck_assert_int_eq(page_check(&s, page, 5), PAGE_BAD);
			page[26] = 3;
			ck_assert_int_eq(page_check(&s, page, 6), PAGE_BAD);
			page[26] = 1;
			page[27] = 0;
			ck_assert_int_eq(page_check(&s, page, 6), PAGE_BAD);
			page[27] = 2;
			ck_assert_int_eq(page_check(&s, page, 6), PAGE_UNVERIFIED);
			put16(30, size - 37);
			ck_assert_int_eq(page_check(&s, page, 6), PAGE_BAD);
			put16(30, size - 38);
			put16(32, 0xffff);
			ck_assert_int_eq(page_check(&s, page, 6), PAGE_BAD);
		}
}
END_TEST

/* MariaDB's own formats have no such types. */
START_TEST(test_mysql_types_elsewhere)
{
	struct page_space s = space_of(0x15, 16384);

	fill(16384, 6);
	put16(24, 15);
	put16(28, 0x45bf);
	ck_assert_int_eq(page_check(&s, page, 6), PAGE_BAD);
	seal_full_crc32(16384);
	ck_assert_int_eq(page_check(&s, page, 6), PAGE_GOOD);
	/* A whole page is whole, whatever it says. */
	s = space_of(0x4021, 16384);
	fill(16384, 6);
	seal_legacy(16384);
	check_flips(&s, 6, 0, 24);
	check_flips(&s, 6, 38, 16384);
}
END_TEST

START_TEST(test_zip)
{
	for (uint32_t code = 1; code <= 5; code++) {
		uint32_t size = 512u << code;
		struct page_space s = space_of(0x21 | code << 1, size);

		fill(size, 11);
		be32_put(page, zip_crc(size));
		ck_assert(s.zip);
		check_flips(&s, 11, 0, 16);
		check_flips(&s, 11, 34, size);
		page[200] ^= 1;
		be32_put(page + 26, 1);
		be32_put(page + 30, zip_crc(size));
		check_flips(&s, 11, 34, size);
	}
}
END_TEST

START_TEST(test_zero)
{
	static const uint32_t flags[] = {0x15, 0x21, 0x27, 0x10021};

	memset(page, 0, sizeof page);
	for (int i = 0; i < 4; i++) {
		struct page_space s = space_of(flags[i], 4096);

		ck_assert_int_eq(page_check(&s, page, 12), PAGE_ZERO);
		page[4095] = 1;
		ck_assert_int_eq(page_check(&s, page, 12), PAGE_BAD);
		page[4095] = 0;
		page[40] = 1;
		ck_assert_int_ne(page_check(&s, page, 12), PAGE_ZERO);
		page[40] = 0;
	}
}
END_TEST

START_TEST(test_space_read)
{
	static const struct {
		uint32_t flags, server, page_size; /* page_size 0: refused */
		bool full, zip, compressed;
	} t[] = {
	    {0x15, 16384, 16384, true, false, false},
	    {0x13, 4096, 4096, true, false, false},
	    {0x17, 65536, 65536, true, false, false},
	    {0x35, 16384, 16384, true, false, true},
	    {0x15, 8192, 0, true, false, false},
	    {0x12, 16384, 0, true, false, false},
	    {0x18, 16384, 0, true, false, false},
	    {0xf5, 16384, 0, true, false, false}, /* algorithm 7 */
	    {0x100015, 16384, 0, true, false, false},
	    {0, 16384, 16384, false, false, false},
	    {0x21, 16384, 16384, false, false, false},
	    {0x23, 16384, 1024, false, true, false},
	    {0x2b, 16384, 16384, false, true, false},
	    {0x2d, 16384, 0, false, true, false},
	    {0xe3, 4096, 1024, false, true, false}, /* 4 KiB, KEY_BLOCK_SIZE=1 */
	    {0xe9, 4096, 0, false, true, false},    /* larger than its page */
	    {0x10021, 16384, 16384, false, false, true},
	    {0x61, 16384, 0, false, false, false},
	    {0x4021, 16384, 16384, false, false, false}, /* MySQL: SDI */
	    {0x6800, 16384, 16384, false, false, false}, /* mysql.ibd, encrypted */
	    {0x2000, 16384, 16384, false, false, false}, /* undo, encrypted */
	    {0x4421, 16384, 16384, false, false, false}, /* DATA DIRECTORY */
	    {0x4023, 16384, 1024, false, true, false},
	    {0x40e1, 4096, 4096, false, false, false},
	    {0x41e1, 65536, 65536, false, false, false},
	    {0x80000021, 16384, 0, false, false, false},
	};
	struct page_space s;
	struct err err = ERR_INIT;

	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		int rc;

		memset(page, 0, PAGE_MIN_SIZE);
		page[0] = 1;
		be32_put(page + 34, 42);
		be32_put(page + 38, 42);
		be32_put(page + 54, t[i].flags);
		rc = page_space_read(page, PAGE_MIN_SIZE, t[i].server, &s, &err);
		ck_assert_msg((rc == 0) == (t[i].page_size != 0), "flags %x: %s", t[i].flags,
		              err.text);
		if (rc != 0) {
			ck_assert_int_eq(err.kind, ERR_DAMAGED);
			continue;
		}
		ck_assert_uint_eq(s.space_id, 42);
		ck_assert_uint_eq(s.page_size, t[i].page_size);
		ck_assert(s.full_crc32 == t[i].full && s.zip == t[i].zip);
		ck_assert(s.page_compressed == t[i].compressed);
	}
	ck_assert_int_eq(page_space_read(page, 57, 16384, &s, &err), -1);
	ck_assert_int_eq(page_space_read(page, 0, 16384, &s, &err), -1);
	be32_put(page + 54, 0x15);
	be32_put(page + 38, 43);
	ck_assert_int_eq(page_space_read(page, PAGE_MIN_SIZE, 16384, &s, &err), -1);
	/* A table that was just created. */
	memset(page, 0, PAGE_MIN_SIZE);
	ck_ok(page_space_read(page, PAGE_MIN_SIZE, 4096, &s, &err), err);
	ck_assert_uint_eq(s.page_size, 4096);
}
END_TEST

START_TEST(test_doublewrite)
{
	uint64_t from = 1, to = 2;

	memset(page, 0, 16384);
	page_doublewrite(page, 16384, &from, &to);
	ck_assert(from == to);
	be32_put(page + 16384 - 200 + 10, 536853855);
	be32_put(page + 16384 - 200 + 14, 128);
	be32_put(page + 16384 - 200 + 18, 64);
	page_doublewrite(page, 16384, &from, &to);
	ck_assert_uint_eq(from, 64);
	ck_assert_uint_eq(to, 192);
	be32_put(page + 4096 - 200 + 10, 536853855);
	be32_put(page + 4096 - 200 + 14, 256);
	be32_put(page + 4096 - 200 + 18, 512);
	page_doublewrite(page, 4096, &from, &to);
	ck_assert_uint_eq(from, 256);
	ck_assert_uint_eq(to, 768);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("innodb/page");
	TCase *t = tcase_create("page");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, test_crc32c);
	tcase_add_test(t, test_full_crc32);
	tcase_add_test(t, test_full_crc32_page_compressed);
	tcase_add_test(t, test_legacy);
	tcase_add_test(t, test_legacy_old_sums);
	tcase_add_test(t, test_legacy_page_compressed);
	tcase_add_test(t, test_mysql_unsummed);
	tcase_add_test(t, test_mysql_compressed);
	tcase_add_test(t, test_mysql_types_elsewhere);
	tcase_add_test(t, test_zip);
	tcase_add_test(t, test_zero);
	tcase_add_test(t, test_space_read);
	tcase_add_test(t, test_doublewrite);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
