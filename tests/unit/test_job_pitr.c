/* Which backup and which bytes of which binlogs lead to a point. */
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fsio.h"
#include "job/pitr.h"
#include "job/pitr_gtids.h"
#include "tests/unit/binlog_count.h"
#include "tests/unit/binlog_make.h"

#define T0 1763820000u

/* Transaction n (from 1) is committed at T0 + 10 n: 1 to 5 in the first file, 6 to 10
 * in the second, of which 11 only has its first event; 20 comes behind a gap. */
static char dir[64], url[128];
static struct repo *repo;
static struct archive *archive;
static struct catalog catalog;
static struct manifest *first, *second;
static struct made one, two, five;
static size_t begin[12], end[12]; /* of each transaction */
static struct err err;
static struct restore_point point;
static struct pitr_request req;
static struct pitr_plan plan;

static void query(struct made *m, uint32_t when, const char *sql)
{
	struct str s = {0};
	str_addn(&s, "\1\0\0\0\0\0\0\0\4\0\0\0\0", 13);
	str_addn(&s, "shop", 5);
	str_add(&s, sql);
	made_event(m, BINLOG_QUERY, when, s.p, s.n);
	str_done(&s);
}

static void gtid(struct made *m, uint32_t when, uint64_t seq, unsigned char flags)
{
	unsigned char body[19] = {0};
	le64_put(body, seq);
	body[12] = flags;
	made_event(m, BINLOG_MARIADB_GTID, when, body, sizeof body);
}

/* Odd ones end with XID, even ones with the word COMMIT, as without InnoDB. */
static void transaction(struct made *m, unsigned n)
{
	uint32_t when = T0 + 10 * n;
	begin[n % 12] = m->bytes.n;
	gtid(m, when, n, 0);
	query(m, when, "INSERT INTO t VALUES (1)");
	if (n % 2)
		made_event(m, BINLOG_XID, when, "\1\0\0\0\0\0\0\0", 8);
	else
		query(m, when, "COMMIT");
	end[n % 12] = m->bytes.n;
}

static struct manifest *backup(const char *id, const char *file, size_t pos, unsigned at)
{
	struct manifest *m = manifest_new();
	strcpy(m->id, id);
	m->instance = mem_strdup("main");
	m->kind = BACKUP_FULL;
	m->started_us = m->finished_us = (int64_t)(T0 + at) * CLOCK_US;
	m->binlog.file = mem_strdup(file);
	m->binlog.pos = pos;
	m->binlog.created = T0;
	catalog_add(&catalog, m);
	return m;
}

static void put(const struct made *m, const struct segment_gap *gap)
{
	uint64_t pos;
	ck_ok(archive_begin_file(archive, m->file, gap, &err), err);
	ck_ok(made_feed(archive, m, 0, m->bytes.n, &err), err);
	ck_ok(archive_sync(archive, &pos, &err), err);
}

static void setup(void)
{
	struct repo_options o = {.create = true};
	setenv("TZ", "UTC", 1);
	strcpy(dir, "/tmp/unit-pitr-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(url, sizeof url, "file://%s/repo", dir);
	ck_ok(repo_open(url, &o, &repo, &err), err);
	catalog_init(&catalog);
	made_begin(&one, "bin.000001", T0, 1);
	for (unsigned n = 1; n <= 5; n++)
		transaction(&one, n);
	made_rotate(&one, T0 + 51, "bin.000002");
	made_begin(&two, "bin.000002", T0, 1);
	for (unsigned n = 6; n <= 10; n++)
		transaction(&two, n);
	begin[11] = two.bytes.n;
	gtid(&two, T0 + 110, 11, 0);
	ck_ok(archive_open(repo, "main", NULL, &archive, &err), err);
	put(&one, NULL);
	put(&two, NULL);
	first = backup("20251122T140025Z-full", "bin.000001", end[2], 25);
	second = backup("20251122T140115Z-full", "bin.000002", end[7], 75);
	point = (struct restore_point){.kind = POINT_LATEST};
	req = (struct pitr_request){
	    .repo = repo, .instance = "main", .catalog = &catalog, .point = &point};
}

static void teardown(void)
{
	pitr_plan_done(&plan);
	archive_free(archive);
	catalog_done(&catalog);
	made_done(&one);
	made_done(&two);
	made_done(&five);
	repo_close(repo);
	ck_ok(fsio_remove_tree(dir, NULL), err);
}

static void make(void)
{
	pitr_plan_done(&plan);
	ck_ok(pitr_plan_make(&req, &plan, &err), err);
}

static void refuse(enum err_kind kind, const char *words)
{
	struct pitr_plan none = {0};
	err_clear(&err);
	ck_assert_int_eq(pitr_plan_make(&req, &none, &err), -1);
	ck_assert_msg(err.kind == kind && strstr(err.text, words), "%s", err.text);
}

/* The pieces are exactly these bytes; n the last transaction applied, 0 for none. */
static void check(const struct manifest *from, unsigned piece_n, unsigned n, unsigned left_out)
{
	char text[32];
	ck_assert_str_eq(plan.backup->id, from->id);
	ck_assert_uint_eq(plan.pieces.n, piece_n);
	ck_assert(plan.last.known == (n > 0) && plan.next.known == (left_out > 0));
	if (n) {
		snprintf(text, sizeof text, "0-1-%u", n);
		ck_assert_str_eq(plan.last.gtid, text);
		ck_assert_uint_eq(plan.last.end, end[n]);
		ck_assert_int_eq(plan.last.commit_us, (int64_t)(T0 + 10 * n) * CLOCK_US);
	}
	if (left_out) {
		snprintf(text, sizeof text, "0-1-%u", left_out);
		ck_assert_str_eq(plan.next.gtid, text);
		ck_assert_uint_eq(plan.next.pos, begin[left_out]);
	}
	if (piece_n) {
		const struct pitr_piece *last = &plan.pieces.v[piece_n - 1];
		ck_assert_str_eq(plan.pieces.v[0].file, from->binlog.file);
		ck_assert_uint_eq(plan.pieces.v[0].from, from->binlog.pos);
		ck_assert_uint_eq(last->to, left_out ? begin[left_out] : end[n]);
	}
}

START_TEST(latest_leaves_half_a_transaction_out)
{
	make();
	check(second, 1, 10, 11);
	ck_assert_uint_eq(plan.groups, 3);
	ck_assert_uint_eq(plan.bytes, begin[11] - end[7]);
	ck_assert_uint_gt(plan.largest_group, 0);
	ck_assert_uint_le(plan.largest_group, end[8] - begin[8]);
}
END_TEST

START_TEST(times)
{
	point.kind = POINT_TIME;
	point.time_us = (int64_t)(T0 + 40) * CLOCK_US; /* 4 was committed in that second */
	make();
	check(first, 1, 3, 4);
	ck_assert_ptr_null(plan.note);
	/* MariaDB's times are whole seconds: of one that has begun, all is left out. */
	point.time_us += CLOCK_US / 2;
	make();
	check(first, 1, 3, 4);
	ck_assert(plan.note && strstr(plan.note, "2025-11-22 14:00:40 UTC"));
	point.time_us += CLOCK_US / 2;
	make();
	check(first, 1, 4, 5);
	point.time_us = (int64_t)(T0 + 74) * CLOCK_US; /* the second backup had not ended */
	make();
	check(first, 2, 7, 8);
	ck_assert_uint_eq(plan.pieces.v[0].to, one.bytes.n);
	ck_assert_uint_eq(plan.pieces.v[1].from, BINLOG_MAGIC_SIZE);
	point.time_us = (int64_t)(T0 + 75) * CLOCK_US;
	make();
	check(second, 0, 0, 8);
}
END_TEST

START_TEST(times_out_of_reach_are_refused_with_the_window)
{
	point.kind = POINT_TIME;
	point.time_us = (int64_t)(T0 + 24) * CLOCK_US;
	refuse(ERR_NOT_FOUND, "2025-11-22 14:00:25 UTC");
	point.time_us = (int64_t)(T0 + 200) * CLOCK_US;
	refuse(ERR_NOT_FOUND, "2025-11-22 14:01:50 UTC");
	req.caught_up_us = (int64_t)(T0 + 201) * CLOCK_US;
	make();
	check(second, 1, 10, 11);
}
END_TEST

START_TEST(gtids)
{
	ck_ok(point_parse_gtid("0-1-8", &point, &err), err);
	make();
	check(second, 1, 8, 9);
	point.before = true;
	make();
	check(second, 0, 0, 8);
	ck_ok(point_parse_gtid("0-1-10,0-1-4", &point, &err), err);
	point.before = false;
	make();
	check(second, 1, 10, 11);
	point.before = true;
	make();
	check(first, 1, 3, 4);
	ck_ok(point_parse_gtid("0-1-11", &point, &err), err);
	make();
	check(second, 1, 10, 11);
	point.before = false;
	refuse(ERR_NOT_FOUND, "0-1-11"); /* only half of it is there */
	ck_ok(point_parse_gtid("0-1-2", &point, &err), err);
	refuse(ERR_NOT_FOUND, "no backup stands before it");
	ck_ok(point_parse_gtid("0-1-77", &point, &err), err);
	refuse(ERR_NOT_FOUND, "no archived binlog holds it");
}
END_TEST

START_TEST(positions)
{
	point.kind = POINT_POSITION;
	strcpy(point.file, "bin.000001");
	point.pos = begin[4];
	make();
	check(first, 1, 3, 4);
	point.pos = begin[4] + 7;
	refuse(ERR_USAGE, "inside transaction 0-1-4");
	point.pos = begin[4] + 19 + 19 + 4; /* where its second event begins */
	refuse(ERR_USAGE, "inside transaction 0-1-4");
	point.before = true;
	make();
	check(first, 1, 3, 4);
	point.pos = end[5];
	make();
	check(first, 2, 5, 6);
	ck_assert_uint_eq(plan.pieces.v[1].to, begin[6]);
	point.pos = one.bytes.n - 3; /* within the rotate event */
	refuse(ERR_USAGE, "not the beginning of an event");
	point.pos = end[1];
	refuse(ERR_NOT_FOUND, "no backup stands before it");
	point.pos = 1u << 30;
	refuse(ERR_NOT_FOUND, "no archived binlog holds it");
}
END_TEST

START_TEST(a_named_backup_is_kept_to)
{
	req.backup = first->id;
	make();
	check(first, 2, 10, 11);
	point.kind = POINT_BACKUP;
	make();
	ck_assert(plan.pieces.n == 0 && !plan.lineage[0] && plan.backup == first);
	req.backup = second->id;
	ck_ok(point_parse_gtid("0-1-4", &point, &err), err);
	refuse(ERR_NOT_FOUND, "from the backup that was named");
	req.backup = "20251122T140026Z-full";
	refuse(ERR_NOT_FOUND, "no backup 2025");
}
END_TEST

START_TEST(nothing_leads_over_a_gap)
{
	struct segment_gap gap = {.from_file = (char *)(uintptr_t) "bin.000002",
	                          .from_pos = two.bytes.n};
	made_begin(&five, "bin.000005", T0 + 190, 1);
	begin[8] = five.bytes.n;
	gtid(&five, T0 + 200, 20, 1); /* DDL: one statement is all of it */
	query(&five, T0 + 200, "DROP TABLE t");
	put(&five, &gap);
	make();
	check(second, 1, 10, 11);
	point.kind = POINT_TIME;
	point.time_us = (int64_t)(T0 + 195) * CLOCK_US;
	refuse(ERR_NOT_FOUND, "cannot be restored");
	ck_ok(point_parse_gtid("0-1-20", &point, &err), err);
	refuse(ERR_NOT_FOUND, "no backup stands before it");
	struct manifest *third = backup("20251122T140315Z-full", "bin.000005", begin[8], 195);
	third->binlog.created = T0 + 190;
	make();
	ck_assert_str_eq(plan.backup->id, third->id);
	ck_assert(plan.groups == 1 && plan.last.known && !plan.next.known);
}
END_TEST

/* What comes behind a rollback to a savepoint belongs to the same transaction. */
START_TEST(a_savepoint_does_not_end_a_transaction)
{
	struct segment_gap gap = {.from_file = (char *)(uintptr_t) "bin.000002",
	                          .from_pos = two.bytes.n};
	made_begin(&five, "bin.000005", T0 + 190, 1);
	size_t from = five.bytes.n;
	gtid(&five, T0 + 200, 20, 0);
	query(&five, T0 + 200, "ROLLBACK TO `a`");
	size_t inner = five.bytes.n;
	query(&five, T0 + 200, "INSERT INTO t VALUES (1)");
	size_t open_end = five.bytes.n;
	put(&five, &gap);
	struct manifest *third = backup("20251122T140315Z-full", "bin.000005", from, 195);
	third->binlog.created = T0 + 190;
	make();
	ck_assert(plan.pieces.n == 0 && !plan.last.known && plan.next.known);
	point.kind = POINT_POSITION;
	strcpy(point.file, "bin.000005");
	point.pos = inner;
	refuse(ERR_USAGE, "inside transaction 0-1-20");
	point.pos = open_end;
	refuse(ERR_USAGE, "inside transaction 0-1-20");
}
END_TEST

/* A third file, with transaction 13; `started`: by a server that began anew. */
static void third_file(bool started)
{
	size_t format = BINLOG_MAGIC_SIZE, n;
	made_begin(&five, "bin.000003", T0, 1);
	n = five.bytes.n - format - 4;
	if (started)
		le32_put(five.bytes.p + format + BINLOG_HEADER_SIZE + 52, T0 + 120);
	le32_put(five.bytes.p + format + n, binlog_crc32(five.bytes.p + format, n));
	transaction(&five, 13);
	put(&five, NULL);
}

START_TEST(half_a_transaction_of_a_server_that_died)
{
	third_file(true);
	make();
	ck_assert_uint_eq(plan.pieces.n, 2);
	ck_assert_uint_eq(plan.pieces.v[0].to, begin[11]);
	ck_assert(!plan.pieces.v[0].anew && plan.pieces.v[1].anew);
	ck_assert_uint_eq(plan.groups, 4);
	ck_assert_uint_eq(plan.bytes, begin[11] - end[7] + five.bytes.n - BINLOG_MAGIC_SIZE);
	ck_assert_str_eq(plan.last.gtid, "0-1-13");
	ck_ok(point_parse_gtid("0-1-11", &point, &err), err);
	refuse(ERR_NOT_FOUND, "0-1-11");
	/* All there is of it between the backup and the new start. */
	second->binlog.pos = begin[11];
	point.kind = POINT_LATEST;
	make();
	ck_assert(plan.pieces.n == 1 && plan.pieces.v[0].anew && plan.groups == 1);
}
END_TEST

START_TEST(a_server_goes_on_to_another_file_between_transactions)
{
	third_file(false);
	ck_ok(point_parse_gtid("0-1-11", &point, &err), err);
	make();
	ck_assert_str_eq(plan.last.gtid, "0-1-11");
	ck_assert_str_eq(plan.next.gtid, "0-1-13");
	ck_assert(plan.pieces.n == 2 && plan.pieces.v[0].to == two.bytes.n);
	ck_assert(!plan.pieces.v[1].anew && plan.groups == 4);
}
END_TEST

/* So much room its files take; without it no client reads a file. */
START_TEST(load_data_is_told)
{
	static const char block[5000];
	made_begin(&five, "bin.000003", T0, 1);
	for (unsigned n = 13; n <= 15; n++) {
		gtid(&five, T0 + 10 * n, n, 0);
		made_event(&five, 17, T0 + 10 * n, block, sizeof block);
		made_event(&five, 9, T0 + 10 * n, block, sizeof block);
		made_event(&five, 18, T0 + 10 * n, block, 40);
		made_event(&five, BINLOG_XID, T0 + 10 * n, "\1\0\0\0\0\0\0\0", 8);
	}
	make();
	ck_assert(!plan.load_data && plan.load_bytes == 0);
	put(&five, NULL);
	ck_ok(point_parse_gtid("0-1-14", &point, &err), err);
	make();
	ck_assert(plan.load_data && plan.load_bytes >= 4 * sizeof block);
	ck_assert_uint_lt(plan.load_bytes, 4 * sizeof block + 400);
}
END_TEST

START_TEST(an_end_before_a_gap_is_told)
{
	struct segment_gap gap = {.from_file = (char *)(uintptr_t) "bin.000002",
	                          .from_pos = two.bytes.n};
	make();
	ck_assert_ptr_null(plan.note);
	made_begin(&five, "bin.000005", T0 + 190, 1);
	put(&five, &gap);
	make();
	check(second, 1, 10, 11);
	ck_assert_ptr_nonnull(plan.note);
	ck_assert(strstr(plan.note, "bin.000002") && strstr(plan.note, "missing"));
}
END_TEST

START_TEST(without_binlogs_the_backup_is_the_point)
{
	second->binlog.pos = 1u << 30; /* taken where nothing is archived */
	make();
	ck_assert(plan.backup == second && plan.pieces.n == 0 && plan.note);
}
END_TEST

/* A history begun anew, whose names and, unless `from` is larger, numbers begin again;
 * six transactions from number `from`, and a backup behind the first of them. */
static size_t anew[6];
static struct manifest *new_history(unsigned from, const char *gtid_then)
{
	made_begin(&five, "bin.000001", T0 + 300, 1);
	for (unsigned n = 0; n < 6; n++) {
		anew[n] = five.bytes.n;
		gtid(&five, T0 + 310 + 10 * n, from + n, 1);
		query(&five, T0 + 310 + 10 * n, "DROP TABLE t");
	}
	archive_new_lineage(archive);
	put(&five, NULL);
	struct manifest *m = backup("20251122T140515Z-full", "bin.000001", anew[1], 315);
	m->binlog.created = T0 + 300;
	m->binlog.gtid = gtid_then ? mem_strdup(gtid_then) : NULL;
	return m;
}

static void refuse_histories(void)
{
	refuse(ERR_USAGE, "more than one history");
	ck_assert_msg(strstr(err.text, "20251122T140000Z-1") &&
	                  strstr(err.text, "20251122T140500Z-1"),
	              "%s", err.text);
	ck_assert_msg(strstr(err.hint, "--backup"), "%s", err.hint);
}

START_TEST(another_history_is_not_taken_in_silence)
{
	struct manifest *third = new_history(1, "0-1-1");
	/* Not archived yet, or of the history before? */
	point.kind = POINT_POSITION;
	strcpy(point.file, "bin.000002");
	point.pos = begin[9];
	refuse_histories();
	req.backup = second->id;
	make();
	check(second, 1, 8, 9);
	ck_assert(plan.note && strstr(plan.note, "20251122T140500Z-1"));
	req.backup = NULL;
	/* In both. */
	strcpy(point.file, "bin.000001");
	point.pos = anew[5];
	ck_assert_uint_gt(anew[5], end[2]);
	point.before = true;
	refuse_histories();
	req.backup = third->id;
	make();
	ck_assert(plan.backup == third && plan.groups == 4 && !plan.note);
	req.backup = NULL;
	point.before = false;
	/* Numbers that begin again: the new one has 1 to 6, the other 1 to 10. */
	ck_ok(point_parse_gtid("0-1-3", &point, &err), err);
	refuse_histories();
	ck_ok(point_parse_gtid("0-1-8", &point, &err), err);
	refuse_histories();
	req.backup = first->id;
	make();
	check(first, 2, 8, 9);
	ck_assert(plan.note && strstr(plan.note, "20251122T140500Z-1"));
	req.backup = third->id;
	refuse(ERR_NOT_FOUND, "no archived binlog");
	/* No backup of the older one stands before it. */
	req.backup = NULL;
	ck_ok(point_parse_gtid("0-1-2", &point, &err), err);
	make();
	ck_assert(plan.backup == third && !plan.note);
}
END_TEST

/* As after a failover: what was before can only be of the history before. */
START_TEST(numbers_that_go_on_tell_histories_apart)
{
	struct manifest *third = new_history(50, "0-1-50");
	ck_ok(point_parse_gtid("0-1-8", &point, &err), err);
	make();
	check(second, 1, 8, 9);
	ck_assert(plan.note && strstr(plan.note, "20251122T140500Z-1"));
	ck_ok(point_parse_gtid("0-1-51", &point, &err), err);
	make();
	ck_assert(plan.backup == third && !plan.note);
	point.kind = POINT_TIME;
	point.time_us = (int64_t)(T0 + 80) * CLOCK_US;
	make();
	check(second, 0, 0, 8);
	ck_assert(plan.note && strstr(plan.note, "20251122T140500Z-1"));
}
END_TEST

/* Of @@gtid_binlog_pos one domain may have been idle since long ago. */
START_TEST(what_a_backup_has_is_reached)
{
	second->binlog.gtid = mem_strdup("0-1-7,1-2-50");
	first->binlog.gtid = mem_strdup("0-1-2,1-2-49");
	ck_ok(point_parse_gtid("0-1-9,1-2-50", &point, &err), err);
	make();
	check(second, 1, 9, 10);
	ck_ok(point_parse_gtid("1-2-49,0-1-4", &point, &err), err);
	make();
	check(first, 1, 4, 5);
	ck_ok(point_parse_gtid("0-1-4,0-1-9", &point, &err), err);
	make();
	check(second, 1, 9, 10);
	ck_ok(point_parse_gtid("0-1-4,1-2-50", &point, &err), err);
	refuse(ERR_NOT_FOUND, "no backup stands before it");
	ck_ok(point_parse_gtid("0-1-9,1-2-51", &point, &err), err);
	refuse(ERR_NOT_FOUND, "no archived binlog holds it");
	point.before = true;
	ck_ok(point_parse_gtid("0-1-9,1-2-50", &point, &err), err);
	refuse(ERR_NOT_FOUND, "no archived binlog holds it");
}
END_TEST

START_TEST(a_backup_that_cannot_be_restored_is_passed_over)
{
	strcpy(second->parent, "20200101T000000Z-full");
	second->kind = BACKUP_INCREMENTAL;
	ck_ok(point_parse_gtid("0-1-9", &point, &err), err);
	make();
	check(first, 2, 9, 10);
	ck_assert(plan.note && strstr(plan.note, second->id));
	point.kind = POINT_TIME;
	point.time_us = (int64_t)(T0 + 90) * CLOCK_US;
	make();
	check(first, 2, 8, 9);
	ck_assert(plan.note && strstr(plan.note, second->id));
	point.kind = POINT_LATEST;
	make();
	check(first, 2, 10, 11);
	ck_assert(plan.note && strstr(plan.note, second->id));
	req.backup = second->id; /* what is wrong with it is told later */
	make();
	ck_assert(plan.backup == second);
}
END_TEST

/* 13 was committed by a session whose clock was ahead. */
START_TEST(times_that_go_back_are_told)
{
	static const unsigned at[] = {1000, 120, 130, 150};
	made_begin(&five, "bin.000003", T0, 1);
	for (unsigned n = 0; n < 4; n++) {
		gtid(&five, T0 + at[n], 13 + n, 1);
		query(&five, T0 + at[n], "DROP TABLE t");
	}
	put(&five, NULL);
	point.kind = POINT_TIME;
	point.time_us = (int64_t)(T0 + 140) * CLOCK_US;
	make();
	ck_assert_str_eq(plan.next.gtid, "0-1-13");
	ck_assert_msg(plan.note && strstr(plan.note, "2 transactions") &&
	                  strstr(plan.note, "--gtid 0-1-15"),
	              "%s", plan.note);
	point.time_us = (int64_t)(T0 + 110) * CLOCK_US;
	make();
	ck_assert_ptr_null(plan.note);
	/* Nothing says that it was quiet until then. */
	point.time_us = (int64_t)(T0 + 900) * CLOCK_US;
	refuse(ERR_NOT_FOUND, "14:02:30 UTC");
}
END_TEST

/* An archive can be large: what is not in it is looked for once. */
START_TEST(what_is_nowhere_is_looked_for_once)
{
	made_begin(&five, "bin.000003", T0, 1);
	five.seq = 12;
	for (unsigned i = 0; i < 4; i++)
		made_group(&five, T0 + 120, 1u << 20);
	put(&five, NULL);
	req.repo = count_from_here(repo, 0);
	struct archive_catalog a = {0};
	ck_ok(archive_load(req.repo, "main", &a, &err), err);
	archive_catalog_done(&a);
	uint64_t to_load = counted.bytes;
	for (unsigned i = 0; i < 2; i++) {
		ck_ok(point_parse_gtid(i ? "0-9-14" : "5-1-77", &point, &err), err);
		counted.bytes = 0;
		refuse(ERR_NOT_FOUND, "no archived binlog holds it");
		ck_assert_uint_gt(counted.bytes - to_load, 4u << 20);
		ck_assert_uint_lt(counted.bytes - to_load, 6u << 20);
	}
	req.repo = repo;
}
END_TEST

#define UUID "12345678-1234-4321-9e33-c80aa9429562"

static bool same_row(const char *a, const char *b)
{
	struct gtid x, y;
	return gtid_split(a, &x) && gtid_split(b, &y) && gtid_same_row(&x, &y);
}

START_TEST(gtids_by_their_text)
{
	struct gtid g;
	ck_assert(gtid_split("7-1-18446744073709551615", &g));
	ck_assert(!g.mysql && g.of_n == 1 && g.of[0] == '7' && g.number == UINT64_MAX);
	ck_assert(gtid_list_covers("0-1-5,7-2-9", "7-1-9") && gtid_list_covers("0-1-5", "0-9-1"));
	ck_assert(!gtid_list_covers("0-1-5,7-2-9", "7-1-10") &&
	          !gtid_list_covers("0-1-5", "1-1-1"));
	ck_assert(!gtid_list_covers(NULL, "0-1-1") && !gtid_list_covers("", "0-1-1"));
	/* MySQL's are none of these, whatever digits they begin with. */
	ck_assert(gtid_split(UUID ":23", &g) && g.mysql && g.number == 23);
	ck_assert(!gtid_split(UUID ":1-23", &g) && !gtid_split(UUID, &g) && !gtid_split("", &g));
	ck_assert(!gtid_list_covers(UUID ":1-23", "12345678-1-1"));
	ck_assert(same_row("0-1-7,1-1-1", "0-2-9") && !same_row("0-1-7", "1-1-7"));
	ck_assert(same_row(UUID ":7", UUID ":9") && same_row(UUID ":tag:7", UUID ":tag:1"));
	ck_assert(!same_row(UUID ":7", UUID ":tag:7") && !same_row(UUID ":tag:7", UUID ":ta:7"));
}
END_TEST

/* Not all numbers before the last one need be among them. */
START_TEST(sets_of_mysql)
{
	static const char set[] =
	    "02345678-1234-4321-9e33-c80aa9429562:1-99,\n" UUID ":1-5:9:11-12:abc:3-4:7:xyz:1";
	static const char *const in[] = {UUID ":1",     UUID ":5",     UUID ":9",    UUID ":12",
	                                 UUID ":abc:3", UUID ":abc:7", UUID ":xyz:1"};
	static const char *const out[] = {UUID ":6",
	                                  UUID ":10",
	                                  UUID ":13",
	                                  UUID ":abc:5",
	                                  UUID ":xyz:3",
	                                  UUID ":ab:3",
	                                  "22345678-1234-4321-9e33-c80aa9429562:1",
	                                  "0-1-1"};
	for (size_t i = 0; i < sizeof in / sizeof *in; i++)
		ck_assert_msg(gtid_list_covers(set, in[i]), "%s", in[i]);
	for (size_t i = 0; i < sizeof out / sizeof *out; i++)
		ck_assert_msg(!gtid_list_covers(set, out[i]), "%s", out[i]);
	ck_assert(!gtid_list_covers(UUID, UUID ":1") && !gtid_list_covers(UUID ":", UUID ":1"));
	ck_assert(!gtid_list_covers(UUID "::", UUID ":1") && !gtid_list_covers("", UUID ":1"));
}
END_TEST

START_TEST(how_far_the_replay_comes_is_told)
{
	make();
	ck_assert_str_eq(plan.gtid_pos, "0-1-10"); /* of 11 there is half */
	second->binlog.gtid = mem_strdup("7-1-5,0-1-7,3-1-1");
	make();
	ck_assert_str_eq(plan.gtid_pos, "0-1-10,3-1-1,7-1-5");
	ck_assert_ptr_null(plan.note);
	second->replica_gtid = mem_strdup("9-1-33,7-4-6,3-1-0");
	ck_ok(point_parse_gtid("0-1-9", &point, &err), err);
	make();
	ck_assert_str_eq(plan.gtid_pos, "0-1-9,3-1-1,7-4-6,9-1-33");
	ck_assert(plan.note && strstr(plan.note, "gtid_slave_pos"));
	second->binlog.gtid[0] = second->replica_gtid[0] = 0;
	point.before = true;
	ck_ok(point_parse_gtid("0-1-8", &point, &err), err);
	make();
	ck_assert_ptr_null(plan.gtid_pos);
	point.kind = POINT_LATEST;
	third_file(false); /* what the torn one began is taken as whole */
	make();
	ck_assert_str_eq(plan.gtid_pos, "0-1-13");
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("job/pitr");
	TCase *c = tcase_create("pitr");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, latest_leaves_half_a_transaction_out);
	tcase_add_test(c, times);
	tcase_add_test(c, times_out_of_reach_are_refused_with_the_window);
	tcase_add_test(c, gtids);
	tcase_add_test(c, positions);
	tcase_add_test(c, a_named_backup_is_kept_to);
	tcase_add_test(c, nothing_leads_over_a_gap);
	tcase_add_test(c, a_savepoint_does_not_end_a_transaction);
	tcase_add_test(c, half_a_transaction_of_a_server_that_died);
	tcase_add_test(c, a_server_goes_on_to_another_file_between_transactions);
	tcase_add_test(c, load_data_is_told);
	tcase_add_test(c, an_end_before_a_gap_is_told);
	tcase_add_test(c, without_binlogs_the_backup_is_the_point);
	tcase_add_test(c, another_history_is_not_taken_in_silence);
	tcase_add_test(c, numbers_that_go_on_tell_histories_apart);
	tcase_add_test(c, what_a_backup_has_is_reached);
	tcase_add_test(c, a_backup_that_cannot_be_restored_is_passed_over);
	tcase_add_test(c, times_that_go_back_are_told);
	tcase_add_test(c, what_is_nowhere_is_looked_for_once);
	tcase_add_test(c, gtids_by_their_text);
	tcase_add_test(c, sets_of_mysql);
	tcase_add_test(c, how_far_the_replay_comes_is_told);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
