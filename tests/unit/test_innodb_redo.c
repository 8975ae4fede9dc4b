#include "tests/unit/unit.h"

#include "base/bytes.h"
#include "innodb/mariadb_redo.h"
#include "innodb/page.h"

#define FILE_SIZE (MARIADB_REDO_START + 4096u)
#define FIRST 20480u

static unsigned char head[MARIADB_REDO_START];

static void put_checkpoint(unsigned at, uint64_t lsn, uint64_t end)
{
	memset(head + at, 0, 64);
	be64_put(head + at, lsn);
	be64_put(head + at + 8, end);
	be32_put(head + at + 60, innodb_crc32c(0, head + at, 60));
}

static void seal_head(void)
{
	be32_put(head + 508, innodb_crc32c(0, head, 508));
}

static void make_head(uint32_t format)
{
	memset(head, 0, sizeof head);
	be32_put(head, format);
	be64_put(head + 8, FIRST);
	memcpy(head + 16, "MariaDB 10.11.19", 16);
	seal_head();
	put_checkpoint(4096, FIRST + 100, FIRST + 120);
	put_checkpoint(8192, FIRST + 200, FIRST + 260);
}

static struct mariadb_redo read_head(void)
{
	struct mariadb_redo r;
	struct err err = ERR_INIT;

	ck_ok(mariadb_redo_read(head, sizeof head, FILE_SIZE, &r, &err), err);
	return r;
}

static enum err_kind refused(size_t n, uint64_t file_size)
{
	struct mariadb_redo r = {.checkpoint = 77};
	struct err err = ERR_INIT;

	ck_assert_int_eq(mariadb_redo_read(head, n, file_size, &r, &err), -1);
	ck_assert_uint_eq(r.checkpoint, 77);
	ck_assert(err.text[0]);
	return err.kind;
}

START_TEST(test_head)
{
	struct mariadb_redo r;

	make_head(0x50687973);
	r = read_head();
	ck_assert_uint_eq(r.first_lsn, FIRST);
	ck_assert_uint_eq(r.capacity, 4096);
	ck_assert_uint_eq(r.checkpoint, FIRST + 200);
	ck_assert_uint_eq(r.checkpoint_end, FIRST + 260);
	ck_assert(!r.encrypted && !r.names_hidden);
	ck_assert_uint_eq(mariadb_redo_offset(&r, FIRST + 4096 + 5), MARIADB_REDO_START + 5);
	/* The newer one is being written: the older still counts. */
	head[8192 + 3] ^= 1;
	ck_assert_uint_eq(read_head().checkpoint, FIRST + 100);
	head[8192 + 3] ^= 1;
	put_checkpoint(4096, FIRST + 300, FIRST + 300);
	ck_assert_uint_eq(read_head().checkpoint, FIRST + 300);
	/* Encrypted as up to 10.11.14, and as from 10.11.15 on. */
	be32_put(head + 48, 1);
	seal_head();
	r = read_head();
	ck_assert(r.encrypted && !r.names_hidden);
	be32_put(head, 0xf09f979d);
	seal_head();
	r = read_head();
	ck_assert(r.encrypted && r.names_hidden);
}
END_TEST

START_TEST(test_head_refused)
{
	static const uint32_t old[] = {0, 1, 6, 103, 104, 0x50485953, 0xd0485953, 0x12345678};

	make_head(0x50687973);
	ck_assert_int_eq(refused(sizeof head - 1, FILE_SIZE), ERR_DAMAGED);
	ck_assert_int_eq(refused(sizeof head, MARIADB_REDO_START), ERR_DAMAGED);
	head[100] ^= 1;
	ck_assert_int_eq(refused(sizeof head, FILE_SIZE), ERR_BUSY);
	make_head(0x50687973);
	head[4100] ^= 1;
	head[8200] ^= 1;
	ck_assert_int_eq(refused(sizeof head, FILE_SIZE), ERR_BUSY);
	memset(head + 4096, 0, 64);
	memset(head + 8192, 0, 64);
	ck_assert_int_eq(refused(sizeof head, FILE_SIZE), ERR_DAMAGED);
	/* A checkpoint from before the log began is none. */
	put_checkpoint(4096, FIRST - 1, FIRST);
	put_checkpoint(8192, FIRST + 10, FIRST + 9);
	ck_assert_int_eq(refused(sizeof head, FILE_SIZE), ERR_BUSY);
	for (size_t i = 0; i < sizeof old / sizeof *old; i++) {
		make_head(old[i]);
		ck_assert_int_eq(refused(sizeof head, FILE_SIZE), ERR_REFUSED);
	}
	make_head(0x50687973);
	be32_put(head + 4, 1);
	seal_head();
	ck_assert_int_eq(refused(sizeof head, FILE_SIZE), ERR_REFUSED);
	make_head(0x50687973);
	be64_put(head + 8, 17);
	seal_head();
	ck_assert_int_eq(refused(sizeof head, FILE_SIZE), ERR_DAMAGED);
}
END_TEST

START_TEST(test_make_head)
{
	unsigned char out[MARIADB_REDO_START];
	struct mariadb_redo r, again;
	struct err err = ERR_INIT;

	make_head(0x50687973);
	r = read_head();
	mariadb_redo_make_head(&r, false, out);
	ck_ok(mariadb_redo_read(out, sizeof out, FILE_SIZE, &again, &err), err);
	ck_assert_uint_eq(again.first_lsn, FIRST);
	ck_assert_uint_eq(again.checkpoint, r.checkpoint);
	ck_assert_uint_eq(again.checkpoint_end, r.checkpoint_end);
	ck_assert_mem_eq(out + 16, "Backup mybak", 13);
	mariadb_redo_make_head(&r, true, out);
	ck_ok(mariadb_redo_read(out, sizeof out, FILE_SIZE, &again, &err), err);
	ck_assert_uint_eq(again.first_lsn, r.checkpoint);
	ck_assert_uint_eq(mariadb_redo_offset(&again, r.checkpoint), MARIADB_REDO_START);
}
END_TEST

/* ---- mini-transactions ---- */

static unsigned char log_bytes[200000];
static size_t log_n;
static struct mariadb_redo ring;

static void log_init(bool encrypted)
{
	ring = (struct mariadb_redo){
	    .first_lsn = FIRST, .capacity = 4096, .file_size = FILE_SIZE, .encrypted = encrypted};
	log_n = 0;
}

static size_t put_varint(unsigned char *p, uint32_t v)
{
	if (v < 0x80) {
		p[0] = (unsigned char)v;
		return 1;
	}
	if (v < 0x4080) {
		v -= 0x80;
		p[0] = (unsigned char)(0x80 | v >> 8);
		p[1] = (unsigned char)v;
		return 2;
	}
	if (v < 0x204080) {
		v -= 0x4080;
		p[0] = (unsigned char)(0xc0 | v >> 16);
		p[1] = (unsigned char)(v >> 8);
		p[2] = (unsigned char)v;
		return 3;
	}
	p[0] = 0xf0;
	be32_put(p + 1, v - 0x10204080);
	return 5;
}

/* A record of `type` with n bytes behind type and length. */
static void put_record(unsigned type, const void *body, size_t n)
{
	unsigned char *p = log_bytes + log_n;
	size_t length = 0;

	if (n < 16 && n > 0) {
		*p = (unsigned char)(type | n);
	} else {
		*p = (unsigned char)type;
		/* the bytes of the varint count, so its value depends on its own length */
		for (size_t guess = 1; guess <= 5; guess++) {
			length = put_varint(p + 1, (uint32_t)(n + guess - 15));
			if (length == guess)
				break;
		}
	}
	memcpy(p + 1 + length, body, n);
	log_n += 1 + length + n;
}

static void end_mtr(size_t start)
{
	uint64_t lap = (FIRST + log_n - ring.first_lsn) / ring.capacity;
	uint32_t crc = innodb_crc32c(0, log_bytes + start, log_n - start);

	log_bytes[log_n++] = !(lap & 1);
	if (ring.encrypted) {
		memcpy(log_bytes + log_n, "nonce678", 8);
		crc = innodb_crc32c(crc, log_bytes + log_n, 8);
		log_n += 8;
	}
	be32_put(log_bytes + log_n, crc);
	log_n += 4;
}

static void put_file_record(unsigned type, const char *names, size_t n)
{
	unsigned char body[300];
	size_t at = put_varint(body, 20000); /* space id */

	at += put_varint(body + at, 0);
	memcpy(body + at, names, n);
	put_record(type, body, at + n);
}

/* About 40 KiB: ten laps. */
static unsigned make_log(void)
{
	static unsigned char body[3000];
	unsigned mtrs = 0;

	memset(body, 'x', sizeof body);
	for (unsigned i = 0; log_n < 40000; i++) {
		size_t start = log_n;

		put_record(0x30, body, 2 + i % 14);
		put_record(0xb0, body, i % 3 ? 100 : 2500); /* the same page again */
		if (i % 4 == 0) {
			put_record(0x10, body, 200);
			put_record(0x30, body, 15);
		}
		end_mtr(start);
		mtrs++;
		start = log_n;
		put_file_record(0x80, "./a/t1.ibd", 10);
		put_file_record(0xb0, "./a/t2.ibd", 10);
		put_file_record(0xa0, "./a/t1.ibd\0./a/t3.ibd", 21);
		put_file_record(0x90, "./a/t1.ibd", 10);
		end_mtr(start);
		mtrs++;
		start = log_n;
		put_record(0xf0, "\0\0\0\0\0\0\0\0\0", 10); /* checkpoint */
		end_mtr(start);
		mtrs++;
	}
	return mtrs;
}

/* Walk in pieces of `step` bytes, as a caller with a small buffer does. */
static int walk(struct redo_walk *w, size_t step, bool linear, redo_rename *rename, void *arg,
                struct err *err)
{
	size_t at = 0, window = step, used;

	redo_walk_init(w, &ring, FIRST);
	while (at < log_n) {
		size_t n = window < log_n - at ? window : log_n - at;

		if (redo_walk_feed(w, log_bytes + at, n, at + n == log_n, linear, rename, arg,
		                   &used, err) != 0)
			return -1;
		at += used;
		window = used ? step : window + step;
	}
	return 0;
}

START_TEST(test_walk)
{
	static const size_t steps[] = {1, 7, 1000, sizeof log_bytes};
	struct redo_walk w;
	struct err err = ERR_INIT;

	for (int enc = 0; enc < 2; enc++) {
		unsigned mtrs;

		log_init(enc);
		mtrs = make_log();
		for (int i = 0; i < 4; i++) {
			ck_ok(walk(&w, steps[i], false, NULL, NULL, &err), err);
			ck_assert_uint_eq(w.mtrs, mtrs);
			ck_assert_uint_eq(w.lsn, FIRST + log_n);
		}
	}
}
END_TEST

START_TEST(test_walk_linear)
{
	struct redo_walk w;
	struct err err = ERR_INIT;

	log_init(false);
	make_log();
	ck_ok(walk(&w, 1000, true, NULL, NULL, &err), err);
	/* Now it is a log of one lap, however long. */
	ring.capacity = sizeof log_bytes;
	ck_ok(walk(&w, 1000, false, NULL, NULL, &err), err);
}
END_TEST

static bool rename_t1(void *arg, unsigned char *name, size_t n)
{
	unsigned *seen = arg;

	ck_assert_uint_eq(n, 10);
	ck_assert_mem_eq(name, "./a/t", 5);
	++*seen;
	if (name[5] != '1')
		return false;
	name[2] = 'b';
	return true;
}

START_TEST(test_walk_rename)
{
	struct redo_walk w;
	struct err err = ERR_INIT;
	unsigned seen = 0, mtrs;

	log_init(false);
	mtrs = make_log();
	ck_ok(walk(&w, 100, true, rename_t1, &seen, &err), err);
	ck_assert_uint_eq(seen, mtrs / 3 * 5);
	ring.capacity = sizeof log_bytes;
	ck_ok(walk(&w, 100, false, NULL, NULL, &err), err);
	ck_assert_ptr_null(memmem(log_bytes, log_n, "./a/t1.ibd", 10));
	ck_assert_ptr_nonnull(memmem(log_bytes, log_n, "./b/t1.ibd", 10));
	ck_assert_ptr_nonnull(memmem(log_bytes, log_n, "./a/t3.ibd", 10));
	/* Hidden names are not looked for. */
	log_init(true);
	ring.names_hidden = true;
	make_log();
	seen = 0;
	ck_ok(walk(&w, 100, true, rename_t1, &seen, &err), err);
	ck_assert_uint_eq(seen, 0);
}
END_TEST

START_TEST(test_walk_damage)
{
	static unsigned char was[sizeof log_bytes];
	struct redo_walk w;
	struct err err = ERR_INIT;

	for (int enc = 0; enc < 2; enc++) {
		log_init(enc);
		make_log();
		memcpy(was, log_bytes, log_n);
		for (size_t at = 0; at < log_n; at += at < 4000 ? 1 : 97) {
			log_bytes[at] ^= 0x20;
			ck_assert_msg(walk(&w, sizeof log_bytes, false, NULL, NULL, &err) == -1,
			              "byte %zu", at);
			ck_assert_int_eq(err.kind, ERR_DAMAGED);
			ck_assert_uint_le(w.lsn, FIRST + at);
			log_bytes[at] = was[at];
		}
		/* Cut anywhere, it is either whole or refused. */
		for (size_t n = log_n; n > log_n - 300; n--) {
			size_t used = 0;

			redo_walk_init(&w, &ring, FIRST);
			if (redo_walk_feed(&w, log_bytes, n, true, false, NULL, NULL, &used,
			                   &err) == 0)
				ck_assert_uint_eq(used, n);
			else
				ck_assert_int_eq(err.kind, ERR_DAMAGED);
		}
	}
}
END_TEST

START_TEST(test_walk_hostile)
{
	struct redo_walk w;
	struct err err = ERR_INIT;
	size_t used;

	log_init(false);
	/* lengths that never end, no varint, names shorter than their ids */
	memcpy(log_bytes, "\x30\xf0\xff\xff\xff\xff", 6);
	redo_walk_init(&w, &ring, FIRST);
	ck_assert_int_eq(redo_walk_feed(&w, log_bytes, 6, false, false, NULL, NULL, &used, &err),
	                 -1);
	memcpy(log_bytes, "\x30\xf5", 2);
	ck_assert_int_eq(redo_walk_feed(&w, log_bytes, 2, false, false, NULL, NULL, &used, &err),
	                 -1);
	memset(log_bytes, 0, 100);
	ck_assert_int_eq(redo_walk_feed(&w, log_bytes, 100, false, false, NULL, NULL, &used, &err),
	                 -1);
	log_n = 0;
	put_record(0x80, "\xf0\0", 2);
	put_record(0x90, "\xff\xff\xff", 3);
	put_record(0xa0, "\1", 1);
	end_mtr(0);
	redo_walk_init(&w, &ring, FIRST);
	ck_ok(redo_walk_feed(&w, log_bytes, log_n, true, true, rename_t1, NULL, &used, &err), err);
	ck_assert_uint_eq(used, log_n);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("innodb/redo");
	TCase *t = tcase_create("redo");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, test_head);
	tcase_add_test(t, test_head_refused);
	tcase_add_test(t, test_make_head);
	tcase_add_test(t, test_walk);
	tcase_add_test(t, test_walk_linear);
	tcase_add_test(t, test_walk_rename);
	tcase_add_test(t, test_walk_damage);
	tcase_add_test(t, test_walk_hostile);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
