/* Statements that name what is the source's own: which they are, and what becomes of them in
 * the binlog that is replayed. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/str.h"
#include "job/pitr_local.h"
#include "job/pitr_local_words.h"

#define MODE 0x54200000u /* of a server as it comes; the second 2: STRICT_TRANS_TABLES */

static struct err err;

static void is(const char *sql, enum local_kind kind, const char *path)
{
	struct local_words w;

	local_words(sql, &w);
	ck_assert_msg(w.kind == kind, "%s: %d", sql, w.kind);
	ck_assert_msg(!path || (w.path && !strcmp(w.path, path)), "%s: %s", sql, w.path);
	free(w.path);
}

START_TEST(words)
{
	is("CREATE TABLE t (a INT) DATA DIRECTORY='/ssd'", LOCAL_DIRECTORY, "/ssd");
	is("create or replace temporary table t (a int) index directory = \"/s'd\"",
	   LOCAL_DIRECTORY, "/s'd");
	is(" /* x */ -- y\n# z\n/*!40000 ALTER */ TABLE t ADD PARTITION (PARTITION p DATA "
	   "DIRECTORY "
	   "'/ssd')",
	   LOCAL_DIRECTORY, "/ssd");
	is("CREATE TABLE t (a INT COMMENT 'it\\') DATA DIRECTORY '/ssd'", LOCAL_DIRECTORY, "/ssd");
	is("CREATE TABLE t (a INT) /*!50100 DATA DIRECTORY = '/ssd' */", LOCAL_DIRECTORY, "/ssd");
	is("SET STATEMENT max_statement_time=1 FOR CREATE TABLE t (a INT) DATA DIRECTORY '/ssd'",
	   LOCAL_DIRECTORY, "/ssd");
	is("CREATE TABLE t (a INT) COMMENT 'a directory'", LOCAL_DIRECTORY, NULL);
	is("CREATE TABLE t (a INT) DATA DIRECTORY '/ssd", LOCAL_DIRECTORY, NULL);
	is("CREATE TABLE t (a INT)", LOCAL_NONE, NULL);
	is("CREATE PROCEDURE p() CREATE TABLE t (a INT) DATA DIRECTORY '/ssd'", LOCAL_NONE, NULL);
	is("INSERT INTO t VALUES ('CREATE TABLE x DATA DIRECTORY')", LOCAL_NONE, NULL);
	is("SET STATEMENT max_statement_time=1 FOR INSERT INTO t SELECT 'DATA DIRECTORY'",
	   LOCAL_NONE, NULL);
	is("CREATE TABLESPACE s ADD DATAFILE '/ssd/s.ibd' ENGINE=InnoDB", LOCAL_DATAFILE,
	   "/ssd/s.ibd");
	is("CREATE TABLESPACE `a``d'` add /* x */ datafile '../s.ibd'", LOCAL_DATAFILE, "../s.ibd");
	is("CREATE TABLESPACE s ADD DATAFILE 's.ibd'", LOCAL_NONE, NULL);
	is("CREATE TABLESPACE s", LOCAL_NONE, NULL);
	is("ALTER INSTANCE ROTATE INNODB MASTER KEY", LOCAL_MASTER_KEY, NULL);
	is("ALTER INSTANCE RELOAD TLS", LOCAL_NONE, NULL);
	is("CREATE TABLESPACE `s", LOCAL_NONE, NULL);
	is("", LOCAL_NONE, NULL);
	is("/*", LOCAL_NONE, NULL);
	is("/*!", LOCAL_NONE, NULL);
	is("CREATE", LOCAL_NONE, NULL);
}
END_TEST

/* A query event of MariaDB or MySQL, with its flags and its sql_mode. */
static size_t make_query(unsigned char *to, const char *sql, bool sum)
{
	size_t vars = 5 + 9, at = BINLOG_HEADER_SIZE, n = strlen(sql);
	size_t size = at + 13 + vars + 3 + n + (sum ? 4 : 0);

	memset(to, 0, size);
	to[4] = BINLOG_QUERY;
	le32_put(to + 9, (uint32_t)size);
	to[at + 8] = 2;
	to[at + 11] = (unsigned char)vars;
	to[at + 13 + 5] = 1;
	le64_put(to + at + 13 + 6, MODE);
	memcpy(to + at + 13 + vars, "sh", 3);
	memcpy(to + at + 13 + vars + 3, sql, n);
	if (sum)
		le32_put(to + size - 4, binlog_crc32(to, size - 4));
	return size;
}

/* What is in a binlog that holds it, behind the changes. */
static void changed(const char *sql, bool sum, const char *want, uint64_t want_mode)
{
	unsigned char bytes[512], got[512];
	size_t n = make_query(bytes, sql, sum), got_n;
	struct pitr_plan plan = {0};
	char name[] = "b.1";
	struct pitr_piece piece = {.file = name, .from = 100, .to = 100 + n};
	FILE *f = tmpfile();
	struct binlog_event e;
	const char *db, *text;
	size_t db_n;

	ck_ok(binlog_event_parse(bytes, n, sum, &e, &err), err);
	ck_ok(pitr_local_note(&plan, "b.1", 100, &e, "0-1-7", &err), err);
	ck_ok(pitr_local_judge(&plan, &err), err);
	ck_assert_int_eq(pwrite(fileno(f), bytes, n, 100), (ssize_t)n);
	ck_ok(pitr_local_change(&plan, &piece, sum, fileno(f), &err), err);
	ck_assert_int_eq(pread(fileno(f), got, sizeof got, 100), (ssize_t)n);
	ck_ok(binlog_event_parse(got, n, sum, &e, &err), err);
	ck_ok(binlog_query_parse(&e, &db, &db_n, &text, &got_n, &err), err);
	ck_assert_msg(got_n == strlen(want) && !memcmp(text, want, got_n), "%.*s", (int)got_n,
	              text);
	ck_assert_uint_eq(le64_get(e.body + 13 + 6), want_mode);
	if (plan.locals.n) {
		piece.to--;
		ck_assert_int_eq(pitr_local_change(&plan, &piece, sum, fileno(f), &err), -1);
	}
	pitr_local_forget(&plan, "b.1", 100);
	ck_assert_uint_eq(plan.locals.n, 0);
	pitr_local_done(&plan);
	free(plan.note);
	fclose(f);
}

START_TEST(changes)
{
	for (int sum = 0; sum < 2; sum++) {
		changed("CREATE TABLE t (a INT) DATA DIRECTORY '/x'", sum,
		        "CREATE TABLE t (a INT) DATA DIRECTORY '/x'", 0x54000080u);
		changed("CREATE TABLESPACE s ADD DATAFILE '/x/s.ibd' ENGINE=InnoDB", sum,
		        "CREATE TABLESPACE s                         ENGINE=InnoDB", MODE);
		changed("ALTER INSTANCE ROTATE INNODB MASTER KEY", sum,
		        "COMMIT                                 ", MODE);
		changed("CREATE TABLE t (a INT)", sum, "CREATE TABLE t (a INT)", MODE);
	}
}
END_TEST

START_TEST(no_change_of_what_is_cut)
{
	unsigned char bytes[512];
	size_t n = make_query(bytes, "CREATE TABLE t (a INT)", false);

	for (size_t cut = 0; cut < n - strlen("CREATE TABLE t (a INT)"); cut++) {
		unsigned char *part = malloc(cut + 1);
		memcpy(part, bytes, cut);
		if (cut >= BINLOG_HEADER_SIZE)
			le32_put(part + 9, (uint32_t)cut);
		ck_assert_int_eq(binlog_query_set_text(part, cut, false, 0, 3, "x", &err), -1);
		if (cut < BINLOG_HEADER_SIZE + 13 + 14)
			ck_assert_int_eq(binlog_query_set_mode(part, cut, false, 1, 2, &err), -1);
		free(part);
	}
	ck_assert_int_eq(binlog_query_set_text(bytes, n, false, 20, 23, "", &err), -1);
	ck_assert_int_eq(binlog_query_set_text(bytes, n, false, 3, 4, "xx", &err), -1);
	bytes[BINLOG_HEADER_SIZE + 13 + 5] = 7;
	ck_assert_int_eq(binlog_query_set_mode(bytes, n, false, 1, 2, &err), -1);
	bytes[4] = BINLOG_XID;
	ck_assert_int_eq(binlog_query_set_mode(bytes, n, false, 1, 2, &err), -1);
}
END_TEST

/* What becomes of duplicates: 0 they fail, 1 IGNORE, 2 REPLACE. */
static int judge_load(unsigned code, unsigned char duplicates)
{
	unsigned char body[40] = {0};
	struct binlog_event e = {.type = BINLOG_EXECUTE_LOAD, .body = body, .body_n = sizeof body};
	struct pitr_plan plan = {0};

	body[9] = (unsigned char)code;
	body[10] = (unsigned char)(code >> 8);
	body[25] = duplicates;
	err_clear(&err);
	ck_ok(pitr_local_note(&plan, "b.1", 100, &e, "0-1-7", &err), err);
	int rc = pitr_local_judge(&plan, &err);
	pitr_local_done(&plan);
	return rc;
}

START_TEST(loads)
{
	ck_assert_int_eq(judge_load(1062, 0), -1);
	ck_assert_int_eq(err.kind, ERR_REFUSED);
	ck_assert(strstr(err.hint, "--gtid 0-1-7 --before"));
	ck_assert_int_eq(judge_load(1062, 1), 0);
	ck_assert_int_eq(judge_load(1062, 2), 0);
	ck_assert_int_eq(judge_load(0, 0), 0);
	ck_assert_int_eq(judge_load(1317, 0), 0); /* interrupted: it runs to its end */
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("job_local");
	TCase *t = tcase_create("local");

	tcase_add_test(t, words);
	tcase_add_test(t, changes);
	tcase_add_test(t, no_change_of_what_is_cut);
	tcase_add_test(t, loads);
	suite_add_tcase(s, t);
	return s;
}
UNIT_MAIN(suite)
