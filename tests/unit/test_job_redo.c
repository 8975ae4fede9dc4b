/* ib_logfile0 from captured redo, in both forms. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fsio.h"
#include "base/mem.h"
#include "innodb/page.h"
#include "job/restore_redo_mariadb.h"
#include "tests/unit/redo_pieces.h"
#include "tests/unit/unit.h"

#define FIRST 20480u
#define START (FIRST + 5000u) /* the checkpoint */
#define NAME "/data/ext/db/t.ibd"

static unsigned char redo[1 << 20], file[8 << 20];
static size_t redo_n, file_n;
static uint64_t capacity;
static struct manifest *m;
static struct places places;
static struct err err;
static char dir[64], path[100];

static void end_mtr(size_t from)
{
	uint64_t lap = (START + redo_n - FIRST) / capacity;
	uint32_t crc = innodb_crc32c(0, redo + from, redo_n - from);

	redo[redo_n++] = !(lap & 1);
	be32_put(redo + redo_n, crc);
	redo_n += 4;
}

/* Mini-transactions of one record each, every tenth a FILE_MODIFY of NAME. */
static void make_redo(size_t n)
{
	while (redo_n < n) {
		size_t from = redo_n;
		bool name = from / 40 % 10 == 0;
		size_t len = name ? 2 + strlen(NAME) : 34;
		redo[redo_n++] =
		    name ? 0xb0 : 0x30; /* length: varint + 15, counted behind the type */
		redo[redo_n++] = (unsigned char)(len + 1 - 15);
		if (name) {
			redo[redo_n] = 5; /* space */
			redo[redo_n + 1] = 0;
			memcpy(redo + redo_n + 2, NAME, strlen(NAME));
		} else {
			memset(redo + redo_n, (int)(from & 0x3f), len);
		}
		redo_n += len;
		end_mtr(from);
	}
	m->lsn_end = START + redo_n;
}

static void init(uint64_t cap, const char *map)
{
	const char *maps[] = {map, NULL};

	places_done(&places);
	manifest_free(m);
	m = manifest_new();
	strcpy(m->id, "20261122T020000Z-full");
	*vec_push(&m->roots) = (struct manifest_root){.path = mem_strdup("/var/lib/mysql"),
	                                              .role = mem_strdup("datadir")};
	*vec_push(&m->roots) =
	    (struct manifest_root){.path = mem_strdup("/data/ext"), .role = mem_strdup("external")};
	*vec_push(&m->files) = (struct manifest_file){.path = mem_strdup("ib_logfile0"),
	                                              .kind = FILE_REDO,
	                                              .mode = 0640,
	                                              .uid = geteuid(),
	                                              .gid = getegid(),
	                                              .base = -1};
	capacity = cap;
	m->redo.first_lsn = FIRST;
	m->redo.capacity = cap;
	m->redo.file_size = cap + MARIADB_REDO_START;
	m->lsn_checkpoint = START;
	m->redo.checkpoint_end_lsn = START + 40;
	be32_put(m->redo.header, 0x50687973);
	be64_put(m->redo.header + 8, FIRST);
	be32_put(m->redo.header + 508, innodb_crc32c(0, m->redo.header, 508));
	redo_n = 0;
	ck_ok(places_init(m, "/r/data", maps, &places, &err), err);
}

static void setup(void)
{
	err = ERR_INIT;
	strcpy(dir, "/tmp/unit-redo-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/ib_logfile0", dir);
}

static void teardown(void)
{
	ck_ok(fsio_remove_tree(dir, &err), err);
	places_done(&places);
	manifest_free(m);
	m = NULL;
}

static int write_log(void)
{
	struct redo_pieces pieces = {.redo = redo, .n = redo_n, .largest = 977};
	struct redo_source from = {redo_pieces_next, &pieces};

	err_clear(&err);
	unlink(path);
	return restore_redo_write(m, &places, &from, path, NULL, &err);
}

static struct mariadb_redo read_log(void)
{
	struct mariadb_redo r;
	char *bytes;

	ck_ok(fsio_read_file(path, sizeof file, &bytes, &file_n, &err), err);
	memcpy(file, bytes, file_n);
	free(bytes);
	ck_ok(mariadb_redo_read(file, file_n, file_n, &r, &err), err);
	ck_assert_uint_eq(r.checkpoint, START);
	ck_assert_uint_eq(r.checkpoint_end, START + 40);
	return r;
}

/* Walks what recovery would read, from the checkpoint on; returns where it ends. */
static uint64_t walk_log(const struct mariadb_redo *r)
{
	struct redo_walk w;
	size_t used = 0;
	unsigned char *bytes = mem_alloc(redo_n);

	for (size_t i = 0; i < redo_n; i++)
		bytes[i] = file[mariadb_redo_offset(r, START + i)];
	redo_walk_init(&w, r, START);
	ck_ok(redo_walk_feed(&w, bytes, redo_n, true, false, NULL, NULL, &used, &err), err);
	ck_assert_uint_eq(used, redo_n);
	free(bytes);
	return w.lsn;
}

static bool has_name(const char *name)
{
	return memmem(file, file_n, name, strlen(name)) != NULL;
}

START_TEST(test_ring)
{
	struct stat st;

	/* The ring turns in the middle of the redo. */
	init(60000, "/data/ext=/data/ext");
	make_redo(51000);
	ck_assert_uint_lt(redo_n, 60000 - 8192);
	ck_ok(write_log(), err);
	struct mariadb_redo r = read_log();
	ck_assert_uint_eq(file_n, 60000 + MARIADB_REDO_START);
	ck_assert_uint_eq(r.first_lsn, FIRST);
	ck_assert_uint_eq(walk_log(&r), m->lsn_end);
	ck_assert(has_name(NAME));
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
	/* Behind the end all is zero up to where the redo begins. */
	for (uint64_t lsn = m->lsn_end; lsn < START + capacity; lsn++)
		ck_assert_uint_eq(file[mariadb_redo_offset(&r, lsn)], 0);
}
END_TEST

START_TEST(test_linear_because_lapped)
{
	init(4096, "/data/ext=/data/ext");
	make_redo(60000);
	ck_ok(write_log(), err);
	struct mariadb_redo r = read_log();
	ck_assert_uint_eq(r.first_lsn, START);
	ck_assert_uint_eq(file_n % 4096, 0);
	ck_assert_uint_ge(file_n, 4 << 20);
	ck_assert_uint_eq(walk_log(&r), m->lsn_end);
	ck_assert(bytes_all_zero(file + MARIADB_REDO_START + redo_n,
	                         file_n - MARIADB_REDO_START - redo_n));
}
END_TEST

/* A mapped root: no name in the log leads to where the source's file is. */
START_TEST(test_linear_because_renamed)
{
	init(60000, "/data/ext=/r/ext");
	make_redo(20000);
	ck_ok(write_log(), err);
	struct mariadb_redo r = read_log();
	ck_assert_uint_eq(walk_log(&r), m->lsn_end);
	ck_assert(!has_name(NAME));
	ck_assert(has_name("./////#m1/db/t.ibd"));
}
END_TEST

START_TEST(test_long)
{
	init(300000, "/data/ext=/r/ext");
	make_redo(900000);
	ck_ok(write_log(), err);
	struct mariadb_redo r = read_log();
	ck_assert_uint_eq(walk_log(&r), m->lsn_end);
}
END_TEST

START_TEST(test_end_not_met)
{
	for (int linear = 0; linear < 2; linear++) {
		init(linear ? 4096 : 60000, "/data/ext=/data/ext");
		make_redo(20000);
		m->lsn_end--; /* in the middle of a mini-transaction */
		ck_assert_int_eq(write_log(), -1);
		ck_assert_int_eq(err.kind, ERR_DAMAGED);
		m->lsn_end += 2; /* more than there is */
		ck_assert_int_eq(write_log(), -1);
		ck_assert_int_eq(err.kind, ERR_DAMAGED);
		m->lsn_end--;
		redo[redo_n / 2] ^= 1;
		ck_assert_int_eq(write_log(), -1);
		ck_assert_int_eq(err.kind, ERR_DAMAGED);
		ck_assert(strstr(err.text, m->id));
		/* and what is behind the end is not looked at */
		redo[redo_n / 2] ^= 1;
		redo_n += 100;
		ck_ok(write_log(), err);
	}
}
END_TEST

START_TEST(test_geometry)
{
	struct mariadb_redo r;

	init(60000, "/data/ext=/data/ext");
	make_redo(1000);
	ck_ok(restore_redo_geometry(m, &r, &err), err);
	m->redo.capacity = 0;
	ck_assert_int_eq(write_log(), -1);
	ck_assert_int_eq(err.kind, ERR_DAMAGED);
	m->redo.capacity = 60000;
	m->redo.file_size = 100;
	ck_assert_int_eq(write_log(), -1);
	m->redo.file_size = 60000 + MARIADB_REDO_START;
	m->lsn_end = START - 1;
	ck_assert_int_eq(write_log(), -1);
	m->lsn_end = START + redo_n;
	m->lsn_checkpoint = FIRST - 1;
	ck_assert_int_eq(write_log(), -1);
	ck_assert_int_eq(err.kind, ERR_DAMAGED);
}
END_TEST

/* Encrypted with hidden names: refused when a name had to change, before writing. */
START_TEST(test_hidden_names)
{
	init(60000, "/data/ext=/r/ext");
	be32_put(m->redo.header, 0xf09f979d);
	be32_put(m->redo.header + 508, innodb_crc32c(0, m->redo.header, 508));
	m->lsn_end = START;
	ck_assert_int_eq(restore_redo_check(m, &places, &err), -1);
	ck_assert_int_eq(err.kind, ERR_REFUSED);
	ck_assert(err.hint[0]);
	places.v[1].moved = false;
	free(places.v[1].link);
	places.v[1].link = NULL;
	ck_ok(restore_redo_check(m, &places, &err), err);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("job_redo");
	TCase *t = tcase_create("redo");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_ring);
	tcase_add_test(t, test_linear_because_lapped);
	tcase_add_test(t, test_linear_because_renamed);
	tcase_add_test(t, test_long);
	tcase_add_test(t, test_end_not_met);
	tcase_add_test(t, test_geometry);
	tcase_add_test(t, test_hidden_names);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
