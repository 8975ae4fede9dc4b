/* #innodb_redo/#ib_redo0 from captured blocks. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fsio.h"
#include "base/mem.h"
#include "innodb/mysql_redo.h"
#include "innodb/page.h"
#include "tests/unit/redo_pieces.h"
#include "tests/unit/unit.h"

#define START (40ull << 30) /* LSN of the first block */
#define CHECKPOINT (START + 100)

static unsigned char *redo;
static size_t redo_n;
static struct manifest *m;
static struct places places;
static struct err err;
static char dir[64], path[120];

static void seal(unsigned char *p)
{
	be32_put(p + 508, innodb_crc32c(0, p, 508));
}

static void make_block(size_t i, unsigned len)
{
	unsigned char *b = redo + i * 512;
	uint64_t no = START / 512 + i;

	memset(b, (int)(i & 0x7f) + 1, 512);
	be32_put(b, (uint32_t)(no % 0x40000000) + 1);
	b[4] = (unsigned char)(len >> 8);
	b[5] = (unsigned char)len;
	b[6] = b[7] = 0;
	be32_put(b + 8, (uint32_t)(1 + no / 0x40000000));
	seal(b);
}

/* Blocks up to end_lsn, cut there. */
static void make_redo(uint64_t end_lsn)
{
	free(redo);
	redo_n = mysql_redo_bytes(CHECKPOINT, end_lsn);
	redo = mem_alloc(redo_n + 4096);
	for (size_t i = 0; i * 512 < redo_n; i++) {
		uint64_t left = end_lsn - START - i * 512;
		make_block(i, left < 512 ? (unsigned)left : 512);
	}
	m->lsn_end = end_lsn;
}

static void setup(void)
{
	static const char *const maps[] = {"/data/ext=/r/ext", NULL};

	err = ERR_INIT;
	strcpy(dir, "/tmp/unit-redo-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/#innodb_redo/#ib_redo0", dir);
	m = manifest_new();
	strcpy(m->id, "20261122T020000Z-full");
	m->flavour = mem_strdup("mysql");
	*vec_push(&m->roots) = (struct manifest_root){.path = mem_strdup("/var/lib/mysql"),
	                                              .role = mem_strdup("datadir"),
	                                              .mode = 0750,
	                                              .uid = geteuid(),
	                                              .gid = getegid()};
	*vec_push(&m->roots) =
	    (struct manifest_root){.path = mem_strdup("/data/ext"), .role = mem_strdup("external")};
	*vec_push(&m->files) = (struct manifest_file){.path = mem_strdup("#innodb_redo/#ib_redo0"),
	                                              .kind = FILE_REDO,
	                                              .mode = 0640,
	                                              .uid = geteuid(),
	                                              .gid = getegid(),
	                                              .base = -1};
	m->redo.first_lsn = START - 51200;
	m->lsn_checkpoint = CHECKPOINT;
	be32_put(m->redo.header, 6);
	be32_put(m->redo.header + 4, 99);
	be64_put(m->redo.header + 8, m->redo.first_lsn);
	memcpy(m->redo.header + 16, "MySQL 9.7.4", 11);
	be32_put(m->redo.header + 48, 8); /* that file was full */
	seal(m->redo.header);
	ck_ok(places_init(m, "/r/data", maps, &places, &err), err);
}

static void teardown(void)
{
	ck_ok(fsio_remove_tree(dir, &err), err);
	places_done(&places);
	manifest_free(m);
	free(redo);
	redo = NULL;
}

static int write_log(void)
{
	struct redo_pieces pieces = {.redo = redo, .n = redo_n, .largest = 300007};
	struct redo_source from = {redo_pieces_next, &pieces};
	char redo_dir[120];
	struct err ignored = ERR_INIT;

	err_clear(&err);
	snprintf(redo_dir, sizeof redo_dir, "%s/#innodb_redo", dir);
	fsio_remove_tree(redo_dir, &ignored);
	return restore_redo_write(m, &places, &from, path, NULL, &err);
}

/* File `no`; checks its head, returns its blocks. */
static char *read_file(unsigned no, bool last, size_t *ret_n)
{
	char name[140], *bytes;
	struct mysql_redo r;
	struct stat st;
	size_t n;

	snprintf(name, sizeof name, "%s/#innodb_redo/#ib_redo%u", dir, no);
	ck_ok(fsio_read_file(name, 1 << 30, &bytes, &n, &err), err);
	ck_assert_int_eq(stat(name, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
	ck_assert_uint_eq(n % 65536, 0);
	ck_assert_uint_ge(n, 1 << 20);
	ck_ok(mysql_redo_read(bytes, n, n, &r, &err), err);
	ck_assert_uint_eq(r.uuid, 99);
	ck_assert_uint_eq(r.start_lsn, START + no * (n - 2048));
	ck_assert_uint_eq(r.checkpoint, no == 0 ? CHECKPOINT : 0);
	ck_assert(r.full == !last);
	*ret_n = n;
	return bytes;
}

START_TEST(test_one_file)
{
	struct stat st;
	size_t n;

	make_redo(START + 300 * 512 + 77);
	ck_ok(restore_redo_check(m, &places, &err), err);
	ck_ok(write_log(), err);
	char *bytes = read_file(0, true, &n);
	ck_assert_uint_eq(n, 1 << 20);
	ck_assert_uint_eq(restore_redo_space(m, &places), n);
	ck_assert_uint_eq(restore_redo_captured(m), redo_n);
	ck_assert_int_eq(memcmp(bytes + 2048, redo, redo_n), 0);
	ck_assert(bytes_all_zero(bytes + 2048 + redo_n, n - 2048 - redo_n));
	ck_assert(bytes_all_zero(bytes + 1024, 512));
	ck_assert(!restore_redo_wants_no_sums(m));
	free(bytes);
	snprintf(path, sizeof path, "%s/#innodb_redo", dir);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0750);
}
END_TEST

/* The log ends between two blocks: an empty one says so. */
START_TEST(test_end_between_blocks)
{
	static const uint64_t ends[] = {0, 512, 512 + 12, 40 * 512};

	for (int i = 0; i < 4; i++) {
		m->lsn_checkpoint = i ? CHECKPOINT : START;
		make_redo(START + ends[i]);
		ck_assert_uint_eq(redo_n, ends[i] / 512 * 512);
		ck_ok(write_log(), err);
		size_t n;
		char *bytes;
		ck_ok(fsio_read_file(path, 1 << 30, &bytes, &n, &err), err);
		ck_assert_int_eq(memcmp(bytes + 2048, redo, redo_n), 0);
		struct mysql_block b =
		    mysql_block_check((unsigned char *)bytes + 2048 + redo_n, START + redo_n);
		ck_assert(b.state == MYSQL_BLOCK_PARTIAL && b.data_len == 12);
		free(bytes);
	}
}
END_TEST

START_TEST(test_several_files)
{
	size_t n, at = 0;

	make_redo(START + (150u << 20) + 99);
	ck_ok(write_log(), err);
	for (unsigned no = 0; no < 3; no++) {
		char *bytes = read_file(no, no == 2, &n);
		size_t part = redo_n - at < n - 2048 ? redo_n - at : n - 2048;
		ck_assert_int_eq(memcmp(bytes + 2048, redo + at, part), 0);
		at += part;
		free(bytes);
	}
	ck_assert_uint_eq(at, redo_n);
	ck_assert_uint_eq(restore_redo_space(m, &places), 3 * n);
	/* Hundreds of GiB: no more files than a server has itself, none too large. */
	m->lsn_end = START + (200ull << 30);
	ck_assert_uint_lt(restore_redo_space(m, &places), 201ull << 30);
	m->lsn_end = START + (900ull << 30);
	ck_assert_uint_eq(restore_redo_space(m, &places) % (16ull << 30), 0);
}
END_TEST

static void check_damaged(void)
{
	ck_assert_int_eq(write_log(), -1);
	ck_assert_int_eq(err.kind, ERR_DAMAGED);
	ck_assert_msg(strstr(err.text, m->id), "%s", err.text);
	/* No head: no server takes what is there for a log. */
	if (access(path, F_OK) == 0) {
		size_t n;
		char *bytes;
		struct err ignored = ERR_INIT;
		ck_ok(fsio_read_file(path, 1 << 30, &bytes, &n, &ignored), ignored);
		ck_assert(bytes_all_zero(bytes, 2048));
		free(bytes);
	}
}

START_TEST(test_damaged)
{
	uint64_t end = START + 2000 * 512 + 77;

	make_redo(end);
	redo[1000 * 512 + 40] ^= 1;
	check_damaged();
	make_redo(end);
	make_block(7, 400); /* in the middle, not full */
	check_damaged();
	make_redo(end);
	memcpy(redo + 1200 * 512, redo + 1201 * 512, 512); /* not in order */
	check_damaged();
	make_redo(end);
	memset(redo + 1300 * 512, 0, 512);
	check_damaged();
	make_redo(end); /* the end: holds more, holds less, is not there */
	make_block(2000, 78);
	check_damaged();
	make_block(2000, 512);
	check_damaged();
	make_block(2000, 76);
	check_damaged();
	make_redo(end);
	redo_n -= 512;
	check_damaged();
	ck_assert(strstr(err.text, "ends at LSN"));
	redo_n += 511;
	check_damaged();
	/* What is behind the end is not looked at. */
	make_redo(end);
	redo_n += 1000;
	ck_ok(write_log(), err);
}
END_TEST

START_TEST(test_geometry)
{
	make_redo(START + 5000);
	m->lsn_end = CHECKPOINT - 1;
	check_damaged();
	m->lsn_end = START + 5000;
	m->redo.first_lsn = START + 512;
	check_damaged();
	ck_assert_int_eq(restore_redo_check(m, &places, &err), -1);
	m->redo.first_lsn = START - 512;
	check_damaged();
	m->redo.first_lsn = START - 51200;
	ck_ok(restore_redo_check(m, &places, &err), err);
	m->redo.header[20] ^= 1;
	check_damaged();
	m->redo.header[20] ^= 1;
	be32_put(m->redo.header, 0x50687973);
	check_damaged();
}
END_TEST

START_TEST(test_unsummed)
{
	size_t n;

	make_redo(START + 20 * 512 + 77);
	/* An encrypted log that was cut: its blocks stay as they are. */
	memcpy(m->redo.encryption, "lCC", 3);
	for (int i = 5; i < 21; i++) {
		redo[i * 512 + 4] |= 0x80;
		redo[i * 512 + 509] ^= 1;
	}
	ck_ok(write_log(), err);
	char *bytes = read_file(0, true, &n);
	ck_assert_int_eq(memcmp(bytes + 2048, redo, redo_n), 0);
	ck_assert_int_eq(memcmp(bytes + 1024, "lCC", 3), 0);
	ck_assert(restore_redo_wants_no_sums(m));
	free(bytes);
	/* One without sums gets them: recovery would take the first for the end. */
	make_redo(START + 20 * 512 + 77);
	be32_put(redo + 3 * 512 + 508, 0xdeadbeef);
	be32_put(redo + 20 * 512 + 508, 0xdeadbeef);
	ck_ok(write_log(), err);
	bytes = read_file(0, true, &n);
	ck_assert_int_eq(memcmp(bytes + 2048, redo, 3 * 512 + 508), 0);
	for (size_t i = 0; i < 21; i++)
		ck_assert(
		    !mysql_block_check((unsigned char *)bytes + 2048 + i * 512, START + i * 512)
		         .unsummed);
	free(bytes);
}
END_TEST

/* The server finds moved tablespaces by their ids: no link, no name to change. */
START_TEST(test_nothing_is_renamed)
{
	ck_assert_str_eq(places.v[1].dir, "/r/ext");
	ck_assert(places.v[1].mapped && places.v[1].moved);
	ck_assert_ptr_null(places.v[1].link);
	ck_assert(!places_renames_redo(&places));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("job_redo_mysql");
	TCase *t = tcase_create("redo");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_one_file);
	tcase_add_test(t, test_end_between_blocks);
	tcase_add_test(t, test_several_files);
	tcase_add_test(t, test_damaged);
	tcase_add_test(t, test_geometry);
	tcase_add_test(t, test_unsummed);
	tcase_add_test(t, test_nothing_is_renamed);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
