/* Where the groups of a binlog end, as each server writes them. */
#include <string.h>

#include "base/bytes.h"
#include "base/str.h"
#include "job/pitr_group.h"
#include "tests/unit/unit.h"

#define UUID "3e11fa47-71ca-11e1-9e33-c80aa9429562"
#define STANDALONE 1
#define ROWS 30
#define USER_VARIABLE 14

static struct err err;
static struct group_walk walk;
static bool begins;

static void event(uint8_t type, const void *body, size_t n)
{
	const struct binlog_event e = {.type = type, .timestamp = 7, .body = body, .body_n = n};
	ck_ok(group_walk_event(&walk, 4, &e, &begins, &err), err);
}

static void query(const char *sql)
{
	struct str s = {0};
	str_addn(&s, "\1\0\0\0\0\0\0\0\4\0\0\0\0", 13);
	str_addn(&s, "shop", 5);
	str_add(&s, sql);
	event(BINLOG_QUERY, s.p, s.n);
	str_done(&s);
}

static void mysql_gtid(uint8_t type)
{
	static const unsigned char uuid[] = {0x3e, 0x11, 0xfa, 0x47, 0x71, 0xca, 0x11, 0xe1,
	                                     0x9e, 0x33, 0xc8, 0x0a, 0xa9, 0x42, 0x95, 0x62};
	unsigned char body[42] = {0};
	memcpy(body + 1, uuid, sizeof uuid);
	le64_put(body + 17, 23);
	event(type, body, sizeof body);
	ck_assert(begins && walk.open && !walk.whole);
}

static void mariadb_gtid(unsigned char flags)
{
	unsigned char body[19] = {9};
	body[12] = flags;
	event(BINLOG_MARIADB_GTID, body, sizeof body);
	ck_assert(begins && walk.open && !walk.whole);
}

static void goes_on(void)
{
	ck_assert(!begins && !walk.whole);
}

START_TEST(a_mysql_statement_is_whole_by_itself)
{
	static const char *const statements[] = {
	    "CREATE TABLE t (i INT)",
	    "CREATE TABLE t (i INT) COMMENT 'START TRANSACTION'",
	    "DROP TABLE t",
	    "XA COMMIT X'61',X'',1",
	    "XA ROLLBACK X'61',X'',1",
	    "GRANT ALL ON *.* TO u"};
	for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
		mysql_gtid(i % 2 ? BINLOG_MYSQL_ANONYMOUS : BINLOG_MYSQL_GTID);
		query(statements[i]);
		ck_assert_msg(walk.whole, "%s", statements[i]);
	}
	mysql_gtid(BINLOG_MYSQL_GTID);
	ck_assert_str_eq(walk.gtid, UUID ":23");
	event(USER_VARIABLE, "x", 1);
	goes_on();
	query("CREATE TABLE t AS SELECT @x");
	ck_assert(walk.whole);
}
END_TEST

START_TEST(a_mysql_transaction_ends_with_its_commit)
{
	static const char *const begin[] = {"BEGIN", "XA START X'61',X'',1",
	                                    "CREATE TABLE `t` (`i` int) START TRANSACTION"};
	for (size_t i = 0; i < sizeof begin / sizeof *begin; i++)
		for (unsigned end = 0; end < 4; end++) {
			mysql_gtid(BINLOG_MYSQL_GTID);
			query(begin[i]);
			goes_on();
			event(BINLOG_TABLE_MAP, "x", 1);
			event(ROWS, "x", 1);
			query("SAVEPOINT `a`");
			query("ROLLBACK TO `a`");
			query("XA END X'61',X'',1");
			goes_on();
			if (end == 0)
				event(BINLOG_XID, "\1\0\0\0\0\0\0\0", 8);
			else if (end == 1)
				event(BINLOG_XA_PREPARE, "x", 1);
			else
				query(end == 2 ? "COMMIT" : "ROLLBACK");
			ck_assert_msg(walk.whole, "%s, %u", begin[i], end);
		}
}
END_TEST

START_TEST(a_packed_transaction_is_one_event)
{
	mysql_gtid(BINLOG_MYSQL_GTID);
	event(BINLOG_MYSQL_PAYLOAD, "x", 1);
	ck_assert(walk.whole);
}
END_TEST

START_TEST(mariadb_says_it_in_its_gtid)
{
	mariadb_gtid(STANDALONE);
	query("CREATE TABLE t (i INT)");
	ck_assert(walk.whole);
	mariadb_gtid(0);
	query("INSERT INTO t VALUES (1)");
	goes_on();
	query("COMMIT");
	ck_assert(walk.whole);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("job/pitr_group");
	TCase *t = tcase_create("group");
	tcase_add_test(t, a_mysql_statement_is_whole_by_itself);
	tcase_add_test(t, a_mysql_transaction_ends_with_its_commit);
	tcase_add_test(t, a_packed_transaction_is_one_event);
	tcase_add_test(t, mariadb_says_it_in_its_gtid);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
