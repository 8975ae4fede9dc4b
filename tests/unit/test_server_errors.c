/* Which transaction a client's error is about, and whether the source had it too. */
#include <stdio.h>

#include "server/replay_errors.h"
#include "tests/unit/unit.h"

static struct replay_trace trace;
static struct replay_errors errors;
static struct err err;

static void setup(void)
{
	trace = (struct replay_trace){0};
	errors = (struct replay_errors){0};
	trace_begin(&trace);
}

static void teardown(void)
{
	trace_done(&trace);
	errors_done(&errors);
}

/* In pieces of any size. */
static void prints(const char *text)
{
	for (size_t n = strlen(text), k = 1; n > 0; n -= k, text += k) {
		k = k % 7 + 1 < n ? k % 7 + 1 : n;
		trace_text(&trace, text, k);
	}
}

static int says(const char *text)
{
	err_clear(&err);
	for (; *text; text++)
		if (errors_text(&errors, &trace, text, 1, &err) < 0)
			return -1;
	return 0;
}

static void print_two(void)
{
	trace_file(&trace, "binlog.000001");
	prints("DELIMITER /*!*/;\n# at 4\n#261122 19:12:55 server id 1  end_log_pos 256 \tStart: "
	       "binlog v 4\n"
	       "# at 300\n#261122 19:12:58 server id 1  end_log_pos 342 CRC32 0x6b84c1c4 \tGTID "
	       "0-1-7 ddl\n/*!*/;\n"
	       "# at 342\n#261122 19:12:58 server id 1  end_log_pos 400 \tQuery\terror_code=0\n"
	       "INSERT\n/*!*/;\n"
	       "# at 400\n#261122 19:12:58 server id 1  end_log_pos 442 CRC32 0x6b84c1c4 \tGTID "
	       "0-1-8\n# at 442\nUPDATE\n");
}

START_TEST(lines_are_events)
{
	ck_assert_ptr_null(trace_find(&trace, 1));
	print_two();
	ck_assert_ptr_null(trace_find(&trace, 1));
	ck_assert_uint_eq(trace_find(&trace, 3)->pos, 4);
	ck_assert_uint_eq(trace_find(&trace, 3)->group, 0);
	const struct trace_place *p = trace_find(&trace, 9);
	ck_assert_uint_eq(p->pos, 342);
	ck_assert_uint_eq(p->group, 300);
	ck_assert_str_eq(p->gtid, "0-1-7");
	ck_assert_str_eq(p->file, "binlog.000001");
	ck_assert_str_eq(trace_find(&trace, 1000)->gtid, "0-1-8");
	ck_assert_uint_eq(trace_last(&trace)->pos, 442);
	/* Texts that look like its lines: positions only grow, and no GTID stands alone. */
	prints("# at 44\n#261122 GTID\n#261122 19:12:58 x\tGTID 9-9-9\n# at x\n");
	ck_assert_str_eq(trace_last(&trace)->gtid, "0-1-8");
	ck_assert_uint_eq(trace_last(&trace)->pos, 442);
	trace_file(&trace, "binlog.000002");
	prints("# at 4\nBINLOG\n");
	ck_assert_str_eq(trace_last(&trace)->file, "binlog.000002");
	ck_assert_str_eq(trace_last(&trace)->gtid, "");
}
END_TEST

#define TAGGED "12345678-1234-4321-9e33-c80aa9429562:t_1:7"

START_TEST(what_mysqlbinlog_prints)
{
	trace_file(&trace, "binlog.000001");
	prints("DELIMITER /*!*/;\n# at 158\n#261122 19:48:44 server id 1  end_log_pos 127 \tStart: "
	       "binlog v 4\n"
	       "# at 158\n#261122 19:48:44 server id 7  end_log_pos 235 CRC32 0xf731f661 \tGTID\t"
	       "last_committed=6\trbr_only=no\n# original_commit_timestamp=1 (x)\n"
	       "SET @@SESSION.GTID_NEXT= '" TAGGED "'/*!*/;\n"
	       "# at 235\n#261122 19:48:44 server id 7  end_log_pos 400 \tTransaction_Payload\t\t"
	       "payload_size=134\n# Start of compressed events.\n# at 400\n#261122 1 \tQuery\t\n"
	       "BEGIN\n# at 400\n#261122 19:48:44 \tTable_map\n"
	       "SET @@SESSION.GTID_NEXT= '" TAGGED "9'/*!*/;\nBINLOG\n");
	ck_assert_str_eq(trace_find(&trace, 9)->gtid, TAGGED);
	ck_assert_uint_eq(trace_find(&trace, 9)->pos, 235);
	ck_assert_str_eq(trace_last(&trace)->gtid, TAGGED);
	ck_assert_uint_eq(trace_last(&trace)->group, 158);
	prints("# at 400\n#261122 19:48:44 server id 7  end_log_pos 470 CRC32 0xf731f661 \t"
	       "Anonymous_GTID\tlast_committed=6\nSET @@SESSION.GTID_NEXT= 'ANONYMOUS'/*!*/;\n"
	       "# at 470\nSELECT ':'\n");
	ck_assert_uint_eq(trace_last(&trace)->group, 400);
	ck_assert_str_eq(trace_last(&trace)->gtid, "");
	ck_assert_int_eq(says("ERROR 1062 (23000) at line 26: Duplicate\n"), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "transaction binlog.000001:400: "));
	ck_assert_ptr_nonnull(strstr(err.hint, "--position binlog.000001:400 "));
}
END_TEST

START_TEST(only_the_last_are_known)
{
	char line[64];
	trace_file(&trace, "b.1");
	for (unsigned i = 1; i <= 10000; i++) {
		snprintf(line, sizeof line, "# at %u\nx\n", i * 10);
		prints(line);
	}
	ck_assert_ptr_null(trace_find(&trace, 3));
	ck_assert_uint_eq(trace_find(&trace, 20000)->pos, 100000);
	ck_assert_uint_eq(trace_find(&trace, 19998)->pos, 99990);
	ck_assert_uint_eq(trace_last(&trace)->pos, 100000);
}
END_TEST

START_TEST(errors_of_the_source_and_others)
{
	char name[] = "binlog.000001", gtid[] = "0-1-7", later[] = "0-1-8";
	const struct replay_error list[] = {{name, 342, gtid, 1062, true},
	                                    {name, 442, later, 0, false}};
	print_two();
	ck_assert_int_eq(says("ERROR 1062 (23000) at line 10: Duplicate\n"), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "transaction 0-1-7, binlog.000001:300"));
	ck_assert_ptr_nonnull(strstr(err.text, "(23000): Duplicate"));
	ck_assert_int_eq(err.sys, 1062);
	ck_assert_ptr_nonnull(strstr(err.hint, "--gtid 0-1-7 --before"));

	errors.list = list;
	errors.n = 2;
	ck_ok(errors_text(&errors, &trace, "Warning\n\n", 9, &err), err);
	ck_assert_int_eq(says("ERROR 1062 (23000) at line 10: Duplicate\n"), 0);
	ck_assert_int_eq(says("ERROR 1051 (42S02) at line 15: Unknown table\n"), 0);
	ck_ok(errors_finish(&errors, &err), err);
	/* Once. */
	ck_assert_int_eq(says("ERROR 1062 (23000) at line 10: Duplicate\n"), -1);
	errors.next = 0;
	ck_assert_int_eq(says("ERROR 1032 (HY000) at line 10: Can't find record\n"), -1);
	ck_assert_int_eq(says("ERROR 2006 (HY000): gone\n"), -1);
	ck_assert_int_eq(says("ERROR: odd\n"), -1);
}
END_TEST

/* Beside a temporary table the domain stays what it is; a row that is lost for it does not. */
START_TEST(another_domain)
{
	const char *domain = "/*M!100001 SET @@session.gtid_domain_id=5*//*!*/;\n";
	char error[] = "ERROR 1953 (HY000) at line 0: Cannot modify @@session.gtid_domain_id\n";

	trace_file(&trace, "binlog.000001");
	prints("# at 300\n#261122 19:12:58 server id 1  end_log_pos 342 CRC32 0x6b84c1c4 \tGTID "
	       "5-1-7 trans\n");
	prints(domain);
	prints("/*M!100001 SET @@session.gtid_seq_no=7*//*!*/;\nSTART TRANSACTION\n/*!*/;\n# at "
	       "342\n");
	prints(domain);
	for (char line = '1'; line <= '9'; line++) {
		strstr(error, " line ")[6] = line;
		ck_assert_int_eq(says(error), line == '3' ? 0 : -1);
	}
	ck_assert_int_eq(says("ERROR 4209 (HY000) at line 3: Cannot modify\n"), 0);
	ck_assert_int_eq(says("ERROR 1062 (HY000) at line 3: Duplicate\n"), -1);
}
END_TEST

START_TEST(errors_that_do_not_come)
{
	char name[] = "binlog.000001", gtid[] = "0-1-7", later[] = "0-1-8";
	const struct replay_error list[] = {{name, 342, gtid, 1062, true},
	                                    {name, 442, later, 0, false}};
	print_two();
	errors.list = list;
	errors.n = 2;
	ck_assert_int_eq(errors_finish(&errors, &err), -1);
	ck_assert(strstr(err.text, "0-1-7") && strstr(err.text, "1062"));
	ck_assert_int_eq(says("ERROR 1051 (42S02) at line 15: Unknown table\n"), -1);
	ck_assert(strstr(err.text, "0-1-7") && strstr(err.text, "1062"));
	/* A last line without end counts. */
	ck_assert_int_eq(says("ERROR 1054 (42S02) at line 15: Unknown column"), 0);
	ck_assert_int_eq(errors_end(&errors, &trace, &err), -1);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("server/errors");
	TCase *c = tcase_create("errors");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, lines_are_events);
	tcase_add_test(c, what_mysqlbinlog_prints);
	tcase_add_test(c, only_the_last_are_known);
	tcase_add_test(c, errors_of_the_source_and_others);
	tcase_add_test(c, another_domain);
	tcase_add_test(c, errors_that_do_not_come);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
