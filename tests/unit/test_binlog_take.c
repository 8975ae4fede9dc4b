/*
 * Events as servers send them, and what of it comes into the archive: all that is in the
 * server's file, and nothing that was made up for the stream.  MariaDB 11.8 writes an
 * end_log_pos of 0 into everything inside a transaction, as made-up events have it.
 */
#include <pthread.h>

#include "binlog/stream_session.h"
#include "job/pitr.h"
#include "model/catalog.h"
#include "tests/unit/binlog_place.h"

#define USE_ANY_DB_FLAG 0x8u
#define THREAD_SPECIFIC 0x4u

static struct stream stream;
static struct session session;
static struct made m;

static void changed(void *arg, const char *what)
{
	(void)arg, (void)what;
}

static void begin(void)
{
	setup();
	made_begin(&m, "b.000001", T0, 1);
	stream = (struct stream){
	    .plan = {.instance = "main", .changed = changed}, .repo = repo, .archive = opened()};
	pthread_mutex_init(&stream.lock, NULL);
	pthread_cond_init(&stream.cond, NULL);
	session = (struct session){.s = &stream, .ours = true, .asked_ns = clock_mono_ns()};
	resume_from(&session.plan, RESUME_LINEAGE, "b.000001");
}

static void end(void)
{
	archive_free(stream.archive);
	pthread_cond_destroy(&stream.cond);
	pthread_mutex_destroy(&stream.lock);
	made_done(&m);
	teardown();
}

/* An event of which there is nothing in the server's file. */
static int send_made_up(uint8_t type, uint16_t flags, const void *body, size_t n, struct err *err)
{
	struct made none = {.server_id = 1};
	made_event_at(&none, type, 0, flags, body, n, 0);
	int rc = session_take(&session, (unsigned char *)none.bytes.p, none.bytes.n, err);
	made_done(&none);
	return rc;
}

static void lead(void)
{
	struct err e = ERR_INIT;
	unsigned char body[8 + 8];
	le64_put(body, 4);
	memcpy(body + 8, "b.000001", 8);
	ck_ok(send_made_up(BINLOG_ROTATE, BINLOG_FLAG_ARTIFICIAL, body, sizeof body, &e), e);
}

static int send(size_t i, struct err *err)
{
	return session_take(&session, (unsigned char *)m.bytes.p + m.at.v[i],
	                    m.at.v[i + 1] - m.at.v[i], err);
}

static void send_all(void)
{
	struct err e = ERR_INIT;
	for (size_t i = 0; i + 1 < m.at.n; i++)
		ck_ok(send(i, &e), e);
}

static void gtid(uint64_t seq)
{
	unsigned char body[19] = {0};
	le64_put(body, seq);
	made_event(&m, BINLOG_MARIADB_GTID, T0 + (uint32_t)seq, body, sizeof body);
}

static void query(const char *sql, uint16_t flags, bool placed)
{
	struct str s = {0};
	str_addn(&s, "\1\0\0\0\0\0\0\0\4\0\0\0\0shop", 18);
	str_add(&s, sql);
	uint32_t next = placed ? (uint32_t)(m.bytes.n + BINLOG_HEADER_SIZE + s.n + 4) : 0;
	made_event_at(&m, BINLOG_QUERY, T0 + 1, flags, s.p, s.n, next);
	str_done(&s);
}

/* As 11.8 does: only what ends the transaction says its place. */
static void placeless_group(uint64_t seq)
{
	gtid(seq);
	made_event_at(&m, BINLOG_MARIADB_ANNOTATE, T0 + 1, 0, "INSERT", 6, 0);
	made_event_at(&m, BINLOG_TABLE_MAP, T0 + 1, 0, "\1\0\0\0\0\0\0\0\1s\0\1t\0", 14, 0);
	made_event_at(&m, 23, T0 + 1, 0, "\1\0\0\0\0\0\0\0", 8, 0);
	query("INSERT INTO t VALUES (1)", 0, false);
	made_event(&m, BINLOG_XID, T0 + 1, "\1\0\0\0\0\0\0\0", 8);
}

struct walked {
	size_t n;
	bool sizes_fit;
};

static int each(void *arg, uint64_t pos, const struct binlog_event *e, struct err *err)
{
	struct walked *w = arg;
	(void)err;
	w->sizes_fit &= pos == m.at.v[w->n] && e->size == m.at.v[w->n + 1] - pos;
	w->n++;
	return 0;
}

START_TEST(events_without_a_place_are_kept)
{
	struct err e = ERR_INIT;
	struct walked w = {.sizes_fit = true};
	uint64_t pos;
	placeless_group(1);
	placeless_group(2);
	lead();
	send_all();
	ck_ok(archive_sync(stream.archive, &pos, &e), e);
	ck_assert_uint_eq(pos, m.bytes.n);
	struct archive_catalog c = loaded();
	const struct lineage *l = &c.lineages.v[0];
	check_range(l, &l->segments.v[0], &m, 0, m.bytes.n);
	ck_ok(archive_walk(repo, "main", l, &l->segments.v[0], 0, each, &w, NULL, &e), e);
	ck_assert(w.n == m.at.n - 1 && w.sizes_fit);
	ck_ok(archive_check(repo, "main", l, &l->segments.v[0], NULL, &e), e);
	archive_catalog_done(&c);
	/* And a tail of them is found again. */
	archive_free(stream.archive);
	stream.archive = opened();
	check_tail(stream.archive, "b.000001", m.bytes.n);
}
END_TEST

START_TEST(what_was_made_up_is_not_kept)
{
	struct err e = ERR_INIT;
	uint64_t pos;
	lead();
	for (size_t i = 0; i + 1 < m.at.n; i++)
		ck_ok(send(i, &e), e);
	/* A list of GTIDs that MariaDB makes up for who begins in the middle. */
	ck_ok(send_made_up(BINLOG_MARIADB_GTID_LIST, 0, "\0\0\0\0", 4, &e), e);
	ck_ok(send_made_up(BINLOG_MARIADB_START_ENCRYPTION, 0, "\1\1\0\0\0", 5, &e), e);
	ck_ok(send_made_up(BINLOG_QUERY, BINLOG_FLAG_ARTIFICIAL, "x", 1, &e), e);
	ck_ok(archive_sync(stream.archive, &pos, &e), e);
	ck_assert_uint_eq(pos, m.bytes.n);
	ck_assert_uint_eq(session.pos, m.bytes.n);
}
END_TEST

/* What says a place must be there, so a lost event shows at the next that does. */
START_TEST(a_missing_event_shows)
{
	struct err e = ERR_INIT;
	placeless_group(1);
	lead();
	for (size_t i = 0; i + 1 < m.at.n; i++) {
		if (i == 3) /* the table map got lost */
			continue;
		bool is_last = i + 2 == m.at.n;
		ck_assert_int_eq(send(i, &e), is_last ? -1 : 0);
	}
	ck_assert_int_eq(e.kind, ERR_DAMAGED);
	ck_assert_msg(strstr(e.text, "says that the next one is at"), "%s", e.text);
}
END_TEST

/* From 11 on a server forgets at XA PREPARE in which session it is, and mariadb-binlog
 * says so only once: a statement with a temporary table behind it begins a piece. */
START_TEST(a_piece_begins_behind_an_xa_prepare)
{
	struct err e = ERR_INIT;
	struct restore_point point = {.kind = POINT_LATEST};
	struct catalog catalog;
	struct pitr_plan plan = {0};
	size_t cut[2], from = m.bytes.n;
	uint64_t pos;
	unsigned prepared = 0;

	for (unsigned i = 0; i < 2; i++) {
		gtid(10 * i + 1);
		query("XA START 'a'", 0, false);
		query("INSERT INTO t SELECT * FROM temporary", THREAD_SPECIFIC, false);
		made_event(&m, BINLOG_XA_PREPARE, T0 + 1, "\0", 1);
		gtid(10 * i + 2); /* nothing of a session in this one */
		query("INSERT INTO t VALUES (1)", 0, false);
		query("COMMIT", 0, true);
		cut[i] = m.bytes.n;
		gtid(10 * i + 3);
		query("INSERT INTO temporary VALUES (1)", THREAD_SPECIFIC | USE_ANY_DB_FLAG, false);
		query("INSERT INTO temporary VALUES (2)", THREAD_SPECIFIC, false);
		query("COMMIT", 0, true);
		gtid(10 * i + 4); /* it was said */
		query("INSERT INTO temporary VALUES (3)", THREAD_SPECIFIC, false);
		query("COMMIT", 0, true);
		prepared++;
	}
	lead();
	send_all();
	ck_ok(archive_sync(stream.archive, &pos, &e), e);
	catalog_init(&catalog);
	struct manifest *b = manifest_new();
	strcpy(b->id, "20251122T140001Z-full");
	b->started_us = b->finished_us = (T0 + 1) * CLOCK_US;
	b->binlog = (struct position){mem_strdup("b.000001"), from, NULL, T0, 0};
	catalog_add(&catalog, b);
	struct pitr_request req = {
	    .repo = repo, .instance = "main", .catalog = &catalog, .point = &point};
	ck_ok(pitr_plan_make(&req, &plan, &e), e);
	ck_assert_uint_eq(plan.pieces.n, prepared + 1);
	ck_assert_uint_eq(plan.pieces.v[0].from, from);
	for (unsigned i = 0; i < prepared; i++) {
		ck_assert_uint_eq(plan.pieces.v[i].to, cut[i]);
		ck_assert_uint_eq(plan.pieces.v[i + 1].from, cut[i]);
	}
	ck_assert_uint_eq(plan.pieces.v[prepared].to, m.bytes.n);
	ck_assert_uint_eq(plan.groups, 8);
	pitr_plan_done(&plan);
	catalog_done(&catalog);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("binlog_take");
	TCase *t = tcase_create("take");
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, begin, end);
	tcase_add_test(t, events_without_a_place_are_kept);
	tcase_add_test(t, what_was_made_up_is_not_kept);
	tcase_add_test(t, a_missing_event_shows);
	tcase_add_test(t, a_piece_begins_behind_an_xa_prepare);
	suite_add_tcase(s, t);
	return s;
}
UNIT_MAIN(suite)
