/*
 * What a restore, and a stream that goes on, read of an archive of a million events: the
 * first lines of the indexes, and then the megabytes around the point.  Bytes are
 * counted, not time.
 */
#include "binlog/archive_json.h"
#include "binlog/archive_writer.h"
#include "binlog/stream_history.h"
#include "job/pitr.h"
#include "model/catalog.h"
#include "tests/unit/binlog_count.h"
#include "tests/unit/binlog_place.h"

#define FILES 8u
#define GROUPS 41700u /* of a file: three events each, in all a million */
#define SQL 60u
#define SECOND(n) (T0 + (n) / 100) /* of the n-th group, from 0 */

static struct archive *a;
static struct archive_catalog archive;
static struct catalog catalog;
static struct restore_point point;
static struct pitr_request req;
static struct pitr_plan plan;
static uint64_t heads; /* bytes of the first lines */

/* A transaction of something that does not compress to nothing. */
static void group(struct made *m, uint32_t when, uint64_t seq)
{
	unsigned char gtid[19] = {0}, query[13 + 5 + SQL] = {1}, xid[8] = {1};
	uint64_t noise = seq * 0x9e3779b97f4a7c15u;
	le64_put(gtid, seq);
	made_event(m, BINLOG_MARIADB_GTID, when, gtid, sizeof gtid);
	query[8] = 4;
	memcpy(query + 13, "shop", 5);
	for (unsigned i = 0; i < SQL; i++) {
		noise ^= noise << 13;
		noise ^= noise >> 7;
		noise ^= noise << 17;
		query[18 + i] = (unsigned char)(' ' + noise % 64);
	}
	made_event(m, BINLOG_QUERY, when, query, sizeof query);
	made_event(m, BINLOG_XID, when, xid, sizeof xid);
	m->groups++;
}

static void make_file(struct made *m, unsigned i)
{
	char name[32];
	snprintf(name, sizeof name, "bin.%06u", i + 1);
	made_begin(m, name, SECOND(i * GROUPS), 1);
	for (unsigned k = i * GROUPS; k < (i + 1) * GROUPS; k++)
		group(m, SECOND(k), k + 1);
	if (i + 1 < FILES) {
		snprintf(name, sizeof name, "bin.%06u", i + 2);
		made_rotate(m, SECOND((i + 1) * GROUPS), name);
	}
}

static void put(const struct made *m)
{
	struct err e = ERR_INIT;
	uint64_t pos;
	ck_ok(archive_begin_file(a, m->file, NULL, &e), e);
	for (size_t i = 0; i + 1 < m->at.n; i++)
		ck_ok(archive_append(a, m->bytes.p + m->at.v[i], m->at.v[i + 1] - m->at.v[i], &e),
		      e);
	ck_ok(archive_sync(a, &pos, &e), e);
}

static void backup(const struct made *m, unsigned i, size_t pos, uint32_t when)
{
	struct manifest *b = manifest_new();
	snprintf(b->id, sizeof b->id, "2025112%uT140000Z-full", i);
	b->instance = mem_strdup("main");
	b->started_us = b->finished_us = when * CLOCK_US;
	b->binlog =
	    (struct position){.file = mem_strdup(m->file), .pos = pos, .created = m->created};
	catalog_add(&catalog, b);
}

static void million(void)
{
	setup();
	a = opened();
	catalog_init(&catalog);
	for (unsigned i = 0; i < FILES; i++) {
		struct made m;
		make_file(&m, i);
		/* A backup stands near the begin of each file. */
		size_t at = 1 + (size_t)3 * 1000;
		backup(&m, i, m.at.v[at], SECOND(i * GROUPS + 1000) + 1);
		put(&m);
		made_done(&m);
	}
	archive = loaded();
	struct lineage *l = &archive.lineages.v[0];
	uint64_t events = 0;
	ck_assert_uint_eq(l->segments.n, FILES);
	for (size_t i = 0; i < l->segments.n; i++) {
		size_t n;
		char name[96];
		events += l->segments.v[i].events;
		if (l->segments.v[i].open)
			continue;
		snprintf(name, sizeof name, "%s/%s.json", l->name, l->segments.v[i].file);
		free(slurp(in(name), &n));
		heads += n < ARCHIVE_HEAD_MAX ? n : ARCHIVE_HEAD_MAX;
	}
	ck_assert_uint_gt(events, 1000000);
	point = (struct restore_point){.kind = POINT_LATEST};
	req = (struct pitr_request){.instance = "main", .catalog = &catalog, .point = &point};
}

static void end(void)
{
	pitr_plan_done(&plan);
	catalog_done(&catalog);
	archive_catalog_done(&archive);
	archive_free(a);
	teardown();
}

/* Bytes read for a plan; the open file is always walked as far as it is there. */
static uint64_t planned(void)
{
	struct err e = ERR_INIT;
	pitr_plan_done(&plan);
	req.repo = count_from_here(repo, 0);
	ck_ok(pitr_plan_make(&req, &plan, &e), e);
	return counted.bytes;
}

static const struct segment *last(void)
{
	return &archive.lineages.v[0].segments.v[FILES - 1];
}

START_TEST(a_catalog_is_first_lines)
{
	struct err e = ERR_INIT;
	struct archive_catalog c = {0};
	struct repo *r = count_from_here(repo, 0);
	ck_ok(archive_load(r, "main", &c, &e), e);
	ck_assert_uint_le(counted.bytes, heads + last()->size + 65536);
	/* Looked at again, only what is new is read. */
	counted.bytes = 0;
	ck_ok(archive_refresh(r, "main", &c, &e), e);
	ck_assert_uint_le(counted.bytes, 65536);
	archive_catalog_done(&c);
}
END_TEST

/* From the backup's frame to the point's, both with what else is in them. */
static void check_plan(uint64_t groups, unsigned index_n)
{
	uint64_t base = heads + last()->size + 65536, bytes = planned();
	const struct segment *s = &archive.lineages.v[0].segments.v[0];
	ck_assert_uint_eq(plan.groups, groups);
	ck_assert_msg(bytes <= base + index_n * 65536 + plan.bytes + 2 * MIB,
	              "%llu bytes read for a plan of %llu", (unsigned long long)bytes,
	              (unsigned long long)plan.bytes);
	ck_assert_uint_lt(bytes, s->stored * FILES / 3);
}

START_TEST(a_plan_is_what_lies_between_backup_and_point)
{
	unsigned n = 6 * GROUPS + 1000; /* the backup has so many groups */
	point.kind = POINT_TIME;
	n += 100 - n % 100 + 300; /* the begin of a second */
	point.time_us = SECOND(n) * CLOCK_US;
	check_plan(n - (6 * GROUPS + 1000), 1);
	point.kind = POINT_POSITION;
	snprintf(point.file, sizeof point.file, "bin.000007");
	point.pos = plan.next.pos;
	check_plan(n - (6 * GROUPS + 1000), 1);
	ck_assert_uint_eq(plan.pieces.v[0].to, point.pos);
}
END_TEST

START_TEST(a_gtid_is_not_looked_for_from_the_begin)
{
	struct err e = ERR_INIT;
	char gtid[32];
	/* At the end of the file, of which a restore replays all. */
	snprintf(gtid, sizeof gtid, "0-1-%u", 7 * GROUPS - 50);
	ck_ok(point_parse_gtid(gtid, &point, &e), e);
	uint64_t bytes = planned();
	ck_assert_uint_eq(plan.groups, GROUPS - 1000 - 50);
	const struct segment *s = &archive.lineages.v[0].segments.v[6];
	/* Once to plan it, and the last frames once more to find it. */
	ck_assert_uint_le(bytes, heads + last()->size + 2 * 65536 + s->stored + 2 * MIB);
	/* Near the begin of a file. */
	snprintf(gtid, sizeof gtid, "0-1-%u", 6 * GROUPS + 1200);
	ck_ok(point_parse_gtid(gtid, &point, &e), e);
	check_plan(200, 2);
}
END_TEST

/* A stream that goes on reads the last event, and not the file from its begin. */
START_TEST(a_stream_learns_from_the_last_megabyte)
{
	struct err e = ERR_INIT;
	struct history h = {0};
	ck_assert_uint_gt(last()->size, 4 * MIB);
	/* What was written by this process is known. */
	a->repo = count_from_here(repo, 0);
	ck_ok(history_learn(&counted.repo, "main", a, NULL, &h, &e), e);
	ck_assert_uint_le(counted.bytes, 2 * MIB + 65536);
	ck_assert_uint_eq(h.pos, last()->size);
	ck_assert_int_eq(h.last_us, last()->last_us);
	/* The last one is closed, and nothing came behind it. */
	struct err lost = ERR_INIT;
	ck_ok(archive_begin_file(a, "bin.000009", NULL, &e), e);
	counted.bytes = 0;
	ck_ok(history_learn(&counted.repo, "main", a, NULL, &h, &lost), lost);
	ck_assert_uint_le(counted.bytes, 2 * heads + 4 * MIB);
	ck_assert_str_eq(h.file, "bin.000008");
	a->repo = repo;
}
END_TEST

/* Whoever ends a stream does not wait until a gigabyte is read or compressed. */
START_TEST(a_flag_ends_what_takes_long)
{
	struct err e = ERR_INIT;
	struct archive *b = NULL;
	struct history h = {0};
	uint64_t whole, pos = last()->size;
	archive_free(a);
	a = NULL;
	ck_ok(archive_open(count_from_here(repo, 0), "main", NULL, &b, &e), e);
	whole = counted.bytes;
	ck_assert_uint_gt(whole, pos);
	archive_free(b);
	/* While a long .part is looked through. */
	count_from_here(repo, 2 * MIB);
	ck_assert_int_eq(archive_open(&counted.repo, "main", &counted.cancel, &b, &e), -1);
	ck_assert_int_eq(e.kind, ERR_CANCELLED);
	ck_assert_uint_le(counted.bytes, 4 * MIB);
	/* While its end is learned. */
	e = ERR_INIT;
	count_from_here(repo, 0);
	ck_ok(archive_open(&counted.repo, "main", &counted.cancel, &b, &e), e);
	cancel_ask(&counted.cancel);
	ck_assert_int_eq(history_learn(&counted.repo, "main", b, &counted.cancel, &h, &e), -1);
	ck_assert_int_eq(e.kind, ERR_CANCELLED);
	/* While it is compressed, to be closed. */
	e = ERR_INIT;
	ck_assert_int_eq(archive_begin_file(b, "bin.000009", NULL, &e), -1);
	ck_assert_int_eq(e.kind, ERR_CANCELLED);
	archive_free(b);
	/* Nothing of it did any harm. */
	a = opened();
	check_tail(a, "bin.000008", pos);
	struct archive_catalog c = loaded();
	ck_ok(archive_check(repo, "main", &c.lineages.v[0], &c.lineages.v[0].segments.v[FILES - 1],
	                    NULL, &e),
	      e);
	archive_catalog_done(&c);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("binlog_reads");
	TCase *t = tcase_create("reads");
	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, million, end);
	tcase_add_test(t, a_catalog_is_first_lines);
	tcase_add_test(t, a_plan_is_what_lies_between_backup_and_point);
	tcase_add_test(t, a_gtid_is_not_looked_for_from_the_begin);
	tcase_add_test(t, a_stream_learns_from_the_last_megabyte);
	tcase_add_test(t, a_flag_ends_what_takes_long);
	suite_add_tcase(s, t);
	return s;
}
UNIT_MAIN(suite)
