/* The redo log of MySQL from bytes the test makes itself. */
#include "tests/unit/unit.h"

#include <stdio.h>

#include "base/bytes.h"
#include "innodb/mysql_redo.h"
#include "innodb/page.h"

#define START 8192u
#define FILE_SIZE (1u << 20)
#define EPOCH_BYTES (0x40000000ull * 512)

static unsigned char head[MYSQL_REDO_HEAD], block[MYSQL_REDO_BLOCK];
static struct mysql_redo redo;
static struct err err;

static void seal(unsigned char *p)
{
	be32_put(p + 508, innodb_crc32c(0, p, 508));
}

static void put16(unsigned char *p, unsigned v)
{
	p[0] = (unsigned char)(v >> 8);
	p[1] = (unsigned char)v;
}

static void make_head(uint64_t ckpt1, uint64_t ckpt2)
{
	memset(head, 0, sizeof head);
	be32_put(head, 6);
	be32_put(head + 4, 77);
	be64_put(head + 8, START);
	memcpy(head + 16, "MySQL 9.7.4", 11);
	seal(head);
	be64_put(head + 512 + 8, ckpt1);
	seal(head + 512);
	be64_put(head + 1536 + 8, ckpt2);
	seal(head + 1536);
	err = ERR_INIT;
}

static int read_head(void)
{
	err_clear(&err);
	return mysql_redo_read(head, sizeof head, FILE_SIZE, &redo, &err);
}

static void make_block(uint64_t lsn, unsigned len, unsigned group)
{
	for (unsigned i = 0; i < sizeof block; i++)
		block[i] = (unsigned char)(i * 7 + lsn / 512);
	be32_put(block, (uint32_t)(lsn / 512 % 0x40000000) + 1);
	put16(block + 4, len);
	put16(block + 6, group);
	be32_put(block + 8, (uint32_t)(1 + lsn / 512 / 0x40000000));
	seal(block);
}

START_TEST(test_head)
{
	make_head(9000, 9100);
	ck_ok(read_head(), err);
	ck_assert_uint_eq(redo.start_lsn, START);
	ck_assert_uint_eq(redo.end_lsn, START + FILE_SIZE - 2048);
	ck_assert_uint_eq(redo.checkpoint, 9100);
	ck_assert_uint_eq(redo.uuid, 77);
	ck_assert(!redo.has_encryption && !redo.full);
	ck_assert_int_eq(memcmp(redo.header, head, 512), 0);
	/* The newer one is being written: the older counts. */
	head[1536 + 100] ^= 1;
	ck_ok(read_head(), err);
	ck_assert_uint_eq(redo.checkpoint, 9000);
	head[512 + 100] ^= 1;
	ck_ok(read_head(), err);
	ck_assert_uint_eq(redo.checkpoint, 0);
	/* One that does not lie in this file is of its life before. */
	make_head(START - 1, START + FILE_SIZE);
	ck_ok(read_head(), err);
	ck_assert_uint_eq(redo.checkpoint, 0);
	/* A key, and a file that is full. */
	make_head(9000, 0);
	memcpy(head + 1024, "lCB", 3);
	be32_put(head + 48, 8);
	seal(head);
	ck_ok(read_head(), err);
	ck_assert(redo.has_encryption && redo.full);
	ck_assert_int_eq(memcmp(redo.encryption, head + 1024, 512), 0);
}
END_TEST

static void check_refused(enum err_kind kind, const char *word)
{
	struct mysql_redo was = redo;

	ck_assert_int_eq(read_head(), -1);
	ck_assert_int_eq(err.kind, kind);
	ck_assert_msg(!word || strstr(err.text, word), "\"%s\" lacks %s", err.text, word);
	ck_assert_int_eq(memcmp(&was, &redo, sizeof redo), 0);
}

START_TEST(test_head_bad)
{
	static const struct {
		uint32_t format;
		const char *word;
	} formats[] = {{0, "5.7"},
	               {1, "5.7"},
	               {5, "8.0.28"},
	               {7, "format 7"},
	               {0x50687973, "MariaDB"},
	               {0xffffffff, "format"}};

	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
		make_head(9000, 9100);
		be32_put(head, formats[i].format);
		seal(head);
		check_refused(ERR_REFUSED, formats[i].word);
		ck_assert(err.hint[0]);
	}
	/* A creator that is no text does not get to the terminal. */
	make_head(9000, 9100);
	be32_put(head, 9);
	memcpy(head + 16, "\033[2Jx", 5);
	check_refused(ERR_REFUSED, "?[2Jx");
	/* Being written. */
	make_head(9000, 9100);
	head[9] ^= 1;
	check_refused(ERR_BUSY, "checksum");
	memset(head, 0, 512);
	check_refused(ERR_BUSY, "header");
	/* Redo logging switched off. */
	for (uint32_t flag = 1; flag <= 2; flag++) {
		make_head(9000, 9100);
		be32_put(head + 48, flag);
		seal(head);
		check_refused(ERR_REFUSED, "switched off");
		ck_assert(strstr(err.hint, "ENABLE INNODB REDO_LOG"));
	}
	/* LSNs that cannot be. */
	static const uint64_t starts[] = {0, 513, UINT64_MAX - 511, 1ull << 63};
	for (int i = 0; i < 4; i++) {
		make_head(0, 0);
		be64_put(head + 8, starts[i]);
		seal(head);
		check_refused(ERR_DAMAGED, "begins");
	}
	make_head(9000, 9100);
	ck_assert_int_eq(mysql_redo_read(head, 2047, FILE_SIZE, &redo, &err), -1);
	ck_assert_int_eq(mysql_redo_read(head, sizeof head, 2559, &redo, &err), -1);
	ck_assert_int_eq(err.kind, ERR_DAMAGED);
}
END_TEST

static enum mysql_block_state state(uint64_t lsn)
{
	return mysql_block_check(block, lsn).state;
}

START_TEST(test_block)
{
	static const uint64_t lsns[] = {8192, 19656192, EPOCH_BYTES - 512, EPOCH_BYTES,
	                                5 * EPOCH_BYTES + 1024};

	for (size_t i = 0; i < sizeof lsns / sizeof *lsns; i++) {
		uint64_t lsn = lsns[i];
		make_block(lsn, 512, 12);
		ck_assert_int_eq(state(lsn), MYSQL_BLOCK_FULL);
		ck_assert_uint_eq(mysql_block_check(block, lsn).data_len, 512);
		ck_assert_int_eq(state(lsn - 512), MYSQL_BLOCK_LAPPED);
		ck_assert_int_eq(state(lsn + 512), MYSQL_BLOCK_OLD);
		ck_assert_int_eq(state(lsn + EPOCH_BYTES), MYSQL_BLOCK_OLD);
		if (lsn >= EPOCH_BYTES)
			ck_assert_int_eq(state(lsn - EPOCH_BYTES), MYSQL_BLOCK_LAPPED);
		/* Every byte counts. */
		for (unsigned k = 0; k < 512; k++) {
			block[k] ^= 0x10;
			ck_assert_msg(state(lsn) == MYSQL_BLOCK_DAMAGED, "byte %u", k);
			block[k] ^= 0x10;
		}
		make_block(lsn, 100, 50);
		ck_assert_int_eq(state(lsn), MYSQL_BLOCK_PARTIAL);
		ck_assert_uint_eq(mysql_block_check(block, lsn).data_len, 100);
	}
	memset(block, 0, sizeof block);
	ck_assert_int_eq(state(8192), MYSQL_BLOCK_OLD);
	block[511] = 1;
	ck_assert_int_eq(state(8192), MYSQL_BLOCK_DAMAGED);
	/* Lengths no block has. */
	static const unsigned lens[] = {0, 11, 508, 511, 513, 0x7fff};
	for (int i = 0; i < 6; i++) {
		make_block(8192, lens[i], 0);
		ck_assert_int_eq(state(8192), MYSQL_BLOCK_DAMAGED);
	}
	make_block(8192, 12, 12);
	ck_assert_int_eq(state(8192), MYSQL_BLOCK_PARTIAL);
}
END_TEST

START_TEST(test_block_without_sum)
{
	/* Encrypted: its head is all there is to see. */
	make_block(8192, 0x8000 | 512, 12);
	block[508] ^= 1;
	struct mysql_block b = mysql_block_check(block, 8192);
	ck_assert(b.state == MYSQL_BLOCK_FULL && b.encrypted && b.unsummed && b.data_len == 512);
	ck_assert_int_eq(state(8704), MYSQL_BLOCK_OLD);
	ck_assert_int_eq(state(7680), MYSQL_BLOCK_LAPPED);
	/* innodb_log_checksums=OFF */
	make_block(8192, 200, 12);
	be32_put(block + 508, 0xdeadbeef);
	b = mysql_block_check(block, 8192);
	ck_assert(b.state == MYSQL_BLOCK_PARTIAL && !b.encrypted && b.unsummed);
	ck_assert(!mysql_block_is_final(&b, 8192, 16384));
	/* Nothing tells it from one that is half written, but that it was flushed before. */
	make_block(8192, 512, 12);
	b = mysql_block_check(block, 8192);
	ck_assert(b.state == MYSQL_BLOCK_FULL && mysql_block_is_final(&b, 8192, 0));
	be32_put(block + 508, 0xdeadbeef);
	b = mysql_block_check(block, 8192);
	ck_assert(b.state == MYSQL_BLOCK_FULL && !mysql_block_is_final(&b, 8192, 8703));
	ck_assert(mysql_block_is_final(&b, 8192, 8704));
	make_block(8192, 200, 12);
	mysql_block_seal(block);
	b = mysql_block_check(block, 8192);
	ck_assert(b.state == MYSQL_BLOCK_PARTIAL && !b.unsummed && b.data_len == 200);
}
END_TEST

START_TEST(test_bytes)
{
	ck_assert_uint_eq(mysql_redo_bytes(8192, 8192), 0);
	ck_assert_uint_eq(mysql_redo_bytes(8300, 8192 + 12), 0);
	ck_assert_uint_eq(mysql_redo_bytes(8300, 8301), 512);
	ck_assert_uint_eq(mysql_redo_bytes(8300, 8704), 512);
	ck_assert_uint_eq(mysql_redo_bytes(8300, 8704 + 12), 512);
	ck_assert_uint_eq(mysql_redo_bytes(8300, 8704 + 13), 1024);
	ck_assert_uint_eq(mysql_redo_bytes(8704, 8300), 0);
	ck_assert(!mysql_redo_is_inside(8704) && !mysql_redo_is_inside(8716));
	ck_assert(mysql_redo_is_inside(8717));
}
END_TEST

static int cut(uint64_t lsn)
{
	err_clear(&err);
	return mysql_block_cut(block, lsn, &err);
}

START_TEST(test_cut)
{
	unsigned char was[512];

	make_block(8192, 512, 300);
	ck_ok(cut(8192 + 400), err);
	struct mysql_block b = mysql_block_check(block, 8192);
	ck_assert(b.state == MYSQL_BLOCK_PARTIAL && b.data_len == 400);
	ck_assert_uint_eq(be16_get(block + 6), 300);
	/* The group that begins behind the end is not there any more. */
	ck_ok(cut(8192 + 299), err);
	b = mysql_block_check(block, 8192);
	ck_assert(b.state == MYSQL_BLOCK_PARTIAL && b.data_len == 299);
	ck_assert_uint_eq(be16_get(block + 6), 0);
	/* Nothing to cut: not one byte changes. */
	memcpy(was, block, 512);
	ck_ok(cut(8192 + 299), err);
	ck_assert_int_eq(memcmp(was, block, 512), 0);
	/* It does not reach there. */
	ck_assert_int_eq(cut(8192 + 300), -1);
	ck_assert_int_eq(err.kind, ERR_DAMAGED);
	ck_assert_int_eq(memcmp(was, block, 512), 0);
	/* Another block, a torn one, an end that is none. */
	ck_assert_int_eq(cut(8704 + 100), -1);
	block[40] ^= 1;
	ck_assert_int_eq(cut(8192 + 100), -1);
	ck_assert_int_eq(err.kind, ERR_DAMAGED);
	make_block(8192, 512, 12);
	ck_assert_int_eq(cut(8192), -1);
	ck_assert_int_eq(cut(8192 + 12), -1);
	ck_assert_int_eq(cut(8192 + 508), -1);
	ck_assert_int_eq(cut(8192 + 511), -1);
	ck_assert_int_eq(err.kind, ERR_DAMAGED);
	ck_ok(cut(8192 + 507), err);
	ck_ok(cut(8192 + 13), err);
}
END_TEST

START_TEST(test_cut_encrypted)
{
	unsigned char was[512];

	make_block(8192, 0x8000 | 512, 300);
	block[508] ^= 1;
	memcpy(was, block, 512);
	ck_ok(cut(8192 + 100), err);
	struct mysql_block b = mysql_block_check(block, 8192);
	ck_assert(b.state == MYSQL_BLOCK_PARTIAL && b.encrypted && b.data_len == 100);
	ck_assert_uint_eq(be16_get(block + 4), 0x8000 | 100);
	ck_assert_uint_eq(be16_get(block + 6), 0);
	/* What is encrypted stays as it is, to the last byte. */
	ck_assert_int_eq(memcmp(was + 8, block + 8, 504), 0);
}
END_TEST

START_TEST(test_make)
{
	unsigned char out[MYSQL_REDO_HEAD], key[512] = "lCC";

	make_head(9000, 9100);
	be32_put(head + 48, 8);
	seal(head);
	mysql_redo_make_head(head, key, 8704, 9100, true, out);
	ck_ok(mysql_redo_read(out, sizeof out, FILE_SIZE, &redo, &err), err);
	ck_assert_uint_eq(redo.start_lsn, 8704);
	ck_assert_uint_eq(redo.checkpoint, 9100);
	ck_assert(!redo.full && redo.has_encryption && redo.uuid == 77);
	ck_assert_int_eq(memcmp(redo.encryption, key, 512), 0);
	ck_assert_int_eq(memcmp(out + 16, head + 16, 32), 0);
	ck_assert_uint_eq(be64_get(out + 512 + 8), 9100);
	ck_assert_uint_eq(be64_get(out + 1536 + 8), 9100);
	/* Not the last file, not the first. */
	mysql_redo_make_head(head, NULL, 8704 + (1 << 20), 0, false, out);
	ck_ok(mysql_redo_read(out, sizeof out, FILE_SIZE, &redo, &err), err);
	ck_assert(redo.full && !redo.has_encryption && redo.checkpoint == 0);
	ck_assert(bytes_all_zero(out + 512, 1536));
	mysql_block_make_empty(EPOCH_BYTES + 512, block);
	struct mysql_block b = mysql_block_check(block, EPOCH_BYTES + 512);
	ck_assert(b.state == MYSQL_BLOCK_PARTIAL && b.data_len == 12 && !b.unsummed);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("innodb/mysql_redo");
	TCase *t = tcase_create("mysql_redo");

	tcase_add_test(t, test_head);
	tcase_add_test(t, test_head_bad);
	tcase_add_test(t, test_block);
	tcase_add_test(t, test_block_without_sum);
	tcase_add_test(t, test_bytes);
	tcase_add_test(t, test_cut);
	tcase_add_test(t, test_cut_encrypted);
	tcase_add_test(t, test_make);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
