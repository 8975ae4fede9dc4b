/*
 * Events made by the test itself, some of them copied byte for byte from what
 * MariaDB 10.11 and MySQL 9.7 wrote; and each cut at every byte.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/str.h"
#include "binlog/event.h"

static unsigned char buf[4096];
static struct err err;

/* An event with this body in buf; returns its size. */
static size_t make(uint8_t type, uint32_t when, uint32_t server, const void *body, size_t n,
                   bool sum)
{
	size_t size = BINLOG_HEADER_SIZE + n + (sum ? 4 : 0);

	memset(buf, 0, BINLOG_HEADER_SIZE);
	le32_put(buf, when);
	buf[4] = type;
	le32_put(buf + 5, server);
	le32_put(buf + 9, (uint32_t)size);
	le32_put(buf + 13, 1000);
	if (n)
		memcpy(buf + BINLOG_HEADER_SIZE, body, n);
	if (sum)
		le32_put(buf + size - 4, binlog_crc32(buf, size - 4));
	return size;
}

/* The bytes in a block of their own, so that a step too far is seen. */
static struct binlog_event event_of(uint8_t type, uint32_t when, uint32_t server,
                                    const unsigned char *body, size_t n)
{
	return (struct binlog_event){.type = type,
	                             .timestamp = when,
	                             .server_id = server,
	                             .size = (uint32_t)(BINLOG_HEADER_SIZE + n),
	                             .body = body,
	                             .body_n = n};
}

static unsigned char *unhex(const char *hex, size_t *ret_n)
{
	*ret_n = strlen(hex) / 2;
	unsigned char *p = malloc(*ret_n);
	ck_assert_int_eq(str_unhex(p, *ret_n, hex), 0);
	return p;
}

static size_t make_format(size_t types, unsigned char sum)
{
	unsigned char body[300] = {4, 0};

	memcpy(body + 2, "10.11.19-MariaDB-log", 20);
	body[56] = 19;
	memset(body + 57, 8, types);
	body[57 + types] = sum;
	return make(BINLOG_FORMAT, 1795362072, 7, body, 57 + types + 1, true);
}

START_TEST(test_header)
{
	struct binlog_event e;
	size_t n = make(BINLOG_XID, 123, 9, "12345678", 8, true);

	ck_ok(binlog_event_parse(buf, n, true, &e, &err), err);
	ck_assert_uint_eq(e.timestamp, 123);
	ck_assert_uint_eq(e.server_id, 9);
	ck_assert_uint_eq(e.size, n);
	ck_assert_uint_eq(e.next_pos, 1000);
	ck_assert_uint_eq(e.body_n, 8);
	ck_assert(memcmp(e.body, "12345678", 8) == 0);
	for (size_t i = 0; i < n; i++) {
		buf[i] ^= 0x04;
		ck_assert_int_lt(binlog_event_parse(buf, n, true, &e, &err), 0);
		ck_assert_int_eq(err.kind, ERR_DAMAGED);
		buf[i] ^= 0x04;
	}
	for (size_t i = 0; i < n; i++)
		ck_assert_int_lt(binlog_event_parse(buf, i, true, &e, &err), 0);
	ck_assert_int_lt(binlog_event_parse(buf, n + 1, true, &e, &err), 0);
	/* too small for its own header, and for its checksum */
	le32_put(buf + 9, 18);
	ck_assert_int_lt(binlog_event_parse(buf, 18, false, &e, &err), 0);
	ck_assert_int_lt(binlog_header_parse(buf, 19, &e, &err), 0);
	le32_put(buf + 9, 20);
	ck_assert_int_lt(binlog_event_parse(buf, 20, true, &e, &err), 0);
}
END_TEST

START_TEST(test_format)
{
	struct binlog_format f;
	size_t n = make_format(171, 1);

	ck_ok(binlog_format_parse(buf, n, &f, &err), err);
	ck_assert(f.mariadb && f.checksum);
	ck_assert_uint_eq(f.created, 1795362072);
	ck_assert_uint_eq(f.server_id, 7);
	ck_assert_str_eq(f.version, "10.11.19-MariaDB-log");
	/* while the server writes the file, its flag is set and the sum stays */
	buf[17] |= BINLOG_FLAG_IN_USE;
	ck_ok(binlog_format_parse(buf, n, &f, &err), err);
	buf[30] ^= 1;
	ck_assert_int_lt(binlog_format_parse(buf, n, &f, &err), 0);

	n = make_format(42, 0);
	ck_ok(binlog_format_parse(buf, n, &f, &err), err);
	ck_assert(!f.mariadb && !f.checksum);
	for (size_t i = 0; i < n; i++)
		ck_assert_int_lt(binlog_format_parse(buf, i, &f, &err), 0);
	/* changed for who begins in the middle, its sum left as it was */
	n = make_format(42, 0);
	le32_put(buf + 13, 0);
	ck_assert_int_lt(binlog_format_parse(buf, n, &f, &err), 0);
	ck_ok(binlog_format_parse_repeated(buf, n, &f, &err), err);
	n = make_format(42, 1);
	le32_put(buf + 13, 0);
	ck_assert_int_lt(binlog_format_parse_repeated(buf, n, &f, &err), 0);
	n = make_format(42, 2); /* a sum we do not know */
	ck_assert_int_lt(binlog_format_parse(buf, n, &f, &err), 0);
	n = make_format(42, 1);
	buf[19] = 3; /* a layout of old */
	le32_put(buf + n - 4, binlog_crc32(buf, n - 4));
	ck_assert_int_lt(binlog_format_parse(buf, n, &f, &err), 0);
	n = make(BINLOG_XID, 1, 1, "12345678", 8, true);
	ck_assert_int_lt(binlog_format_parse(buf, n, &f, &err), 0);
	n = make(BINLOG_FORMAT, 1, 1, "\4\0", 2, true);
	ck_assert_int_lt(binlog_format_parse(buf, n, &f, &err), 0);
}
END_TEST

static void check_gtid(uint8_t type, uint32_t server, const char *hex, const char *text, int64_t us)
{
	size_t n;
	unsigned char *body = unhex(hex, &n);
	struct binlog_event e = event_of(type, 1795362072, server, body, n);
	char gtid[BINLOG_GTID_MAX];

	ck_assert(binlog_begins_group(&e));
	ck_ok(binlog_gtid_text(&e, gtid, &err), err);
	ck_assert_str_eq(gtid, text);
	ck_assert_int_eq(binlog_commit_time_us(&e), us);
	free(body);
}

/* Cut anywhere it is either still whole as far as needed, or refused. */
static void check_cut(uint8_t type, const char *hex, size_t need)
{
	size_t n;
	unsigned char *body = unhex(hex, &n);
	char gtid[BINLOG_GTID_MAX];

	for (size_t i = 0; i < n; i++) {
		unsigned char *cut = malloc(i ? i : 1);
		memcpy(cut, body, i);
		struct binlog_event e = event_of(type, 5, 1, cut, i);
		if (binlog_gtid_text(&e, gtid, &err) == 0)
			ck_assert_uint_ge(i, need);
		else
			ck_assert_int_eq(err.kind, ERR_DAMAGED);
		ck_assert_int_gt(binlog_commit_time_us(&e), 0);
		free(cut);
	}
	free(body);
}

#define MARIADB_GTID "0200000000000000030000002900000000000000"
#define MYSQL_GTID                                                                             \
	"01274e9376e68b11f1bc1302fc0000000102000000000000000201000000000000000200000000000000" \
	"71d32b4fdf6006c950620100"
#define MYSQL_TAGGED                                                                               \
	"0274000000024e9c4d02ec99032d0222c503f1022604f103000000020404060c626c75655f3108080a0c0c7f" \
	"df182c4fdf600610f1131283120b44"

START_TEST(test_gtid)
{
	check_gtid(BINLOG_MARIADB_GTID, 11, MARIADB_GTID, "3-11-2", 1795362072000000);
	check_gtid(BINLOG_MYSQL_GTID, 1, MYSQL_GTID, "274e9376-e68b-11f1-bc13-02fc00000001:2",
	           0x0660df4f2bd371);
	check_gtid(BINLOG_MYSQL_ANONYMOUS, 1, MYSQL_GTID, "", 0x0660df4f2bd371);
	check_gtid(BINLOG_MYSQL_GTID_TAGGED, 1, MYSQL_TAGGED,
	           "274e9376-e68b-11f1-bc13-02fc00000001:blue_1:1", 0x0660df4f2c18df);
	check_cut(BINLOG_MARIADB_GTID, MARIADB_GTID, 13);
	check_cut(BINLOG_MYSQL_GTID, MYSQL_GTID, 25);
	check_cut(BINLOG_MYSQL_GTID_TAGGED, MYSQL_TAGGED, 28);
	struct binlog_event e = event_of(BINLOG_XID, 5, 1, buf, 8);
	ck_assert(!binlog_begins_group(&e));
}
END_TEST

static void check_tagged(const char *hex, const char *text)
{
	size_t n;
	unsigned char *body = unhex(hex, &n);
	struct binlog_event e = event_of(BINLOG_MYSQL_GTID_TAGGED, 5, 1, body, n);
	char gtid[BINLOG_GTID_MAX];
	int rc = binlog_gtid_text(&e, gtid, &err);

	ck_assert_int_eq(rc, text ? 0 : -1);
	if (text)
		ck_assert_str_eq(gtid, text);
	free(body);
}

#define UUID_FIELD "0200000000000000000000000000000000"

START_TEST(test_tagged_numbers)
{
	/* 2^62 + 1 in nine bytes; the largest of one byte, of two */
	check_tagged("020000" UUID_FIELD "04ff0200000000000080",
	             "00000000-0000-0000-0000-000000000000:4611686018427387905");
	check_tagged("020000" UUID_FIELD "04fc", "00000000-0000-0000-0000-000000000000:63");
	check_tagged("020000" UUID_FIELD "04f9ff", "00000000-0000-0000-0000-000000000000:8191");
	/* no number; another form; a byte of the uuid above 255; a tag that is too long, or
	 * longer than the event */
	check_tagged("020000" UUID_FIELD, NULL);
	check_tagged("040000" UUID_FIELD "0404", NULL);
	check_tagged("02000002fdff000000000000000000000000000000000404", NULL);
	check_tagged("020000" UUID_FIELD "0404068561", NULL);
	check_tagged("020000" UUID_FIELD "0404060c6162", NULL);
	check_tagged("020000" UUID_FIELD "040406ffffffffffffffffff", NULL);
	/* a tag that no server lets anybody set: ", and a NUL behind a letter */
	check_tagged("020000" UUID_FIELD "0404060222", "");
	check_tagged("020000" UUID_FIELD "040406046100", "");
	check_tagged("020000" UUID_FIELD "040406046139",
	             "00000000-0000-0000-0000-000000000000:a9:1");
}
END_TEST

/* What nobody can have meant is not the time of a commit: nothing can write it either. */
START_TEST(test_times_that_cannot_be)
{
	size_t n;
	unsigned char *body = unhex(MYSQL_GTID, &n);
	struct binlog_event e = event_of(BINLOG_MYSQL_GTID, 5, 1, body, n);

	memset(body + 42, 0xff, 7);
	ck_assert_int_eq(binlog_commit_time_us(&e), 36028797018963967); /* in 3111 */
	free(body);
	body = unhex("020000" UUID_FIELD "0404"
	             "0cff000000000000007f",
	             &n);
	e = event_of(BINLOG_MYSQL_GTID_TAGGED, 5, 1, body, n);
	ck_assert_int_eq(binlog_commit_time_us(&e), 5000000);
	free(body);
	/* the last second of the year 9999, and the one behind it */
	for (unsigned i = 0; i < 2; i++) {
		body = unhex(i ? "020000" UUID_FIELD "0404"
		                 "0cff006073cc0c448403"
		               : "020000" UUID_FIELD "0404"
		                 "0cffff5f73cc0c448403",
		             &n);
		e = event_of(BINLOG_MYSQL_GTID_TAGGED, 5, 1, body, n);
		ck_assert_int_eq(binlog_commit_time_us(&e), i ? 5000000 : 253402300799999999);
		free(body);
	}
}
END_TEST

START_TEST(test_rotate)
{
	char name[BINLOG_NAME_MAX];
	uint64_t pos;
	struct binlog_event e = event_of(
	    BINLOG_ROTATE, 0, 1, (const unsigned char *)"\4\0\0\0\1\0\0\0binlog.000002", 21);

	ck_ok(binlog_rotate_parse(&e, name, &pos, &err), err);
	ck_assert_str_eq(name, "binlog.000002");
	ck_assert_uint_eq(pos, 0x100000004);
	e.body_n = 8;
	ck_assert_int_lt(binlog_rotate_parse(&e, name, &pos, &err), 0);
	static const char *const bad[] = {"../../etc/x", "a/b", "..", ".hidden", "a\0b"};
	for (size_t i = 0; i < 5; i++) {
		unsigned char body[32] = {0};
		size_t n = i == 4 ? 3 : strlen(bad[i]);
		memcpy(body + 8, bad[i], n);
		e.body = body;
		e.body_n = 8 + n;
		ck_assert_int_lt(binlog_rotate_parse(&e, name, &pos, &err), 0);
	}
	memset(buf, 'x', sizeof buf);
	e.body = buf;
	e.body_n = 8 + BINLOG_NAME_MAX;
	ck_assert_int_lt(binlog_rotate_parse(&e, name, &pos, &err), 0);
	e.body_n--;
	ck_ok(binlog_rotate_parse(&e, name, &pos, &err), err);
}
END_TEST

START_TEST(test_query)
{
	const char *db, *sql;
	size_t db_n, sql_n, n;
	char *text;
	unsigned char *body = unhex("0500000000000000020000"
	                            "0300"
	                            "aabbcc"
	                            "736800"
	                            "53454c",
	                            &n);
	struct binlog_event e = event_of(BINLOG_QUERY, 0, 1, body, n);

	ck_ok(binlog_query_parse(&e, &db, &db_n, &sql, &sql_n, &err), err);
	ck_assert(db_n == 2 && memcmp(db, "sh", 2) == 0);
	ck_assert(sql_n == 3 && memcmp(sql, "SEL", 3) == 0);
	ck_ok(binlog_query_text(&e, &text, &n, &err), err);
	ck_assert_str_eq(text, "SEL");
	free(text);
	for (size_t i = 0; i < 19; i++) {
		unsigned char *cut = malloc(i ? i : 1);
		memcpy(cut, body, i);
		e.body = cut;
		e.body_n = i;
		ck_assert_int_eq(binlog_query_parse(&e, &db, &db_n, &sql, &sql_n, &err), -1);
		free(cut);
	}
	free(body);
}
END_TEST

/* Stored, not packed: zlib's head, one stored block, Adler-32. */
static unsigned char *make_packed(const char *length, size_t *ret_n)
{
	char hex[200];

	snprintf(hex, sizeof hex,
	         "00000000000000000000000000"
	         "00"
	         "%s"
	         "7801"
	         "010300fcff"
	         "53454c"
	         "01d200e5",
	         length);
	return unhex(hex, ret_n);
}

START_TEST(test_query_compressed)
{
	size_t n, text_n, db_n, sql_n;
	const char *db, *sql;
	char *text;
	unsigned char *body = make_packed("8103", &n);
	struct binlog_event e = event_of(BINLOG_MARIADB_QUERY_COMPRESSED, 0, 1, body, n);

	ck_ok(binlog_query_parse(&e, &db, &db_n, &sql, &sql_n, &err), err);
	ck_assert_uint_eq(sql_n, 0);
	ck_ok(binlog_query_text(&e, &text, &text_n, &err), err);
	ck_assert_str_eq(text, "SEL");
	ck_assert_uint_eq(text_n, 3);
	free(text);
	for (size_t i = 0; i < n; i++) {
		unsigned char *cut = malloc(i ? i : 1);
		memcpy(cut, body, i);
		e.body = cut;
		e.body_n = i;
		ck_assert_int_eq(binlog_query_text(&e, &text, &text_n, &err), -1);
		free(cut);
	}
	free(body);
	static const char *const bad[] = {"8102", "8104",       "80",         "0103",
	                                  "9103", "84ffffffff", "8500000000", "87000000000000"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		body = make_packed(bad[i], &n);
		e.body = body;
		e.body_n = n;
		ck_assert_int_eq(binlog_query_text(&e, &text, &text_n, &err), -1);
		ck_assert_int_eq(err.kind, ERR_DAMAGED);
		free(body);
	}
}
END_TEST

START_TEST(test_table_map)
{
	char db[8], table[4];
	size_t n;
	uint64_t id;
	unsigned char *body = unhex("1200000001000100"
	                            "02736800"
	                            "066f726465727300"
	                            "0103",
	                            &n);
	struct binlog_event e = event_of(BINLOG_TABLE_MAP, 0, 1, body, n);

	ck_ok(binlog_table_map_parse(&e, db, sizeof db, table, sizeof table, &err), err);
	ck_assert_str_eq(db, "sh");
	ck_assert_str_eq(table, "ord"); /* cut to fit */
	ck_ok(binlog_table_id(&e, &id, &err), err);
	ck_assert_uint_eq(id, 0x100000012);
	for (size_t i = 0; i < 20; i++) {
		unsigned char *cut = malloc(i ? i : 1);
		memcpy(cut, body, i);
		e.body = cut;
		e.body_n = i;
		ck_assert_int_eq(
		    binlog_table_map_parse(&e, db, sizeof db, table, sizeof table, &err), -1);
		ck_assert_int_eq(binlog_table_id(&e, &id, &err), i < 6 ? -1 : 0);
		free(cut);
	}
	free(body);
	ck_assert_int_eq(binlog_rows_kind(23), BINLOG_ROWS_INSERT);
	ck_assert_int_eq(binlog_rows_kind(39), BINLOG_ROWS_UPDATE);
	ck_assert_int_eq(binlog_rows_kind(168), BINLOG_ROWS_DELETE);
	ck_assert_int_eq(binlog_rows_kind(BINLOG_XID), BINLOG_ROWS_NONE);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("binlog_event");
	TCase *t = tcase_create("event");

	tcase_add_test(t, test_header);
	tcase_add_test(t, test_format);
	tcase_add_test(t, test_gtid);
	tcase_add_test(t, test_tagged_numbers);
	tcase_add_test(t, test_times_that_cannot_be);
	tcase_add_test(t, test_rotate);
	tcase_add_test(t, test_query);
	tcase_add_test(t, test_query_compressed);
	tcase_add_test(t, test_table_map);
	suite_add_tcase(s, t);
	return s;
}
UNIT_MAIN(suite)
