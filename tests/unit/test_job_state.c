/* What archived binlogs are worth, and what is due because of them. */
#include "job/binlog_state.h"
#include "tests/unit/binlog_count.h"
#include "tests/unit/binlog_place.h"

static struct made made[3];
static struct catalog catalog;

static struct manifest *backup(uint32_t finished, const struct made *m, size_t pos)
{
	struct manifest *b = manifest_new();
	clock_format_id(b->id, sizeof b->id, (finished - 1) * CLOCK_US);
	strcat(b->id, "-full");
	b->instance = mem_strdup("main");
	b->started_us = (finished - 1) * CLOCK_US;
	b->finished_us = finished * CLOCK_US;
	if (m)
		b->binlog = (struct position){
		    .file = mem_strdup(m->file), .pos = pos, .created = m->created};
	catalog_add(&catalog, b);
	return b;
}

/* Two binlogs, then a gap, then one more. */
static void begin(void)
{
	static const char *const names[] = {"binlog.000001", "binlog.000002", "binlog.000009"};
	struct archive *a;
	struct err e = ERR_INIT;
	setup();
	catalog_init(&catalog);
	a = opened();
	for (unsigned i = 0; i < 3; i++) {
		struct segment_gap gap = {.from_file = made[1].file, .from_pos = 4};
		uint64_t pos;
		made_begin(&made[i], names[i], T0 + 100 * i, 1);
		made_group(&made[i], T0 + 100 * i + 10, 500);
		made_group(&made[i], T0 + 100 * i + 20, 500);
		ck_ok(archive_begin_file(a, names[i], i == 2 ? &gap : NULL, &e), e);
		ck_ok(made_feed(a, &made[i], 0, made[i].bytes.n, &e), e);
		ck_ok(archive_sync(a, &pos, &e), e);
	}
	archive_free(a);
}

static void end(void)
{
	for (int i = 0; i < 3; i++)
		made_done(&made[i]);
	catalog_done(&catalog);
	teardown();
}

static struct binlog_state state(void)
{
	struct binlog_state s = {0};
	struct err e = ERR_INIT;
	ck_ok(binlog_state_load(repo, "main", &catalog, NULL, &s, &e), e);
	return s;
}

START_TEST(a_full_is_due_behind_a_gap)
{
	backup(T0 + 15, &made[0], made[0].at.v[4]);
	struct binlog_state s = state();
	ck_assert_ptr_nonnull(strstr(s.full_due, "binlog.000002"));
	binlog_state_done(&s);
	backup(T0 + 215, &made[2], made[2].at.v[4]);
	s = state();
	ck_assert_str_eq(s.full_due, "");
	ck_assert(s.open_ended);
	ck_assert_str_eq(s.lineage, L0);
	ck_assert_int_gt(s.seen_us, 0);
	binlog_state_done(&s);
}
END_TEST

/* RESET MASTER within the second in which the binlog began that the newest backup is in. */
START_TEST(a_full_is_due_in_a_history_of_the_same_second)
{
	struct made anew;
	struct err e = ERR_INIT;
	struct archive *a = opened();
	uint64_t pos;

	backup(T0 + 215, &made[2], made[2].at.v[4]);
	made_begin(&anew, "binlog.000001", T0 + 200, 1);
	made_group(&anew, T0 + 220, 500);
	archive_new_lineage(a);
	ck_ok(archive_begin_file(a, "binlog.000001", NULL, &e), e);
	ck_ok(made_feed(a, &anew, 0, anew.bytes.n, &e), e);
	ck_ok(archive_sync(a, &pos, &e), e);
	archive_free(a);
	made_done(&anew);

	struct binlog_state s = state();
	ck_assert_ptr_nonnull(strstr(s.full_due, "new history"));
	binlog_state_done(&s);
}
END_TEST

/* No full, however many are made, stands in a binlog that is not written any more. */
START_TEST(no_full_is_due_where_no_binlog_is_written)
{
	backup(T0 + 15, &made[0], made[0].at.v[4]);
	backup(T0 + 199, NULL, 0); /* before what is archived now had begun */
	struct binlog_state s = state();
	ck_assert_str_ne(s.full_due, "");
	binlog_state_done(&s);
	backup(T0 + 300, NULL, 0);
	s = state();
	ck_assert_str_eq(s.full_due, "");
	binlog_state_done(&s);
}
END_TEST

/* Who looks again reads what is new, and nothing of the rest. */
START_TEST(a_look_again_reads_what_is_new)
{
	struct binlog_memory memory = {0};
	struct binlog_state s = {0};
	struct err e = ERR_INIT;
	struct archive *a = opened();
	struct made m;
	made_begin(&m, "binlog.000010", T0 + 300, 1);
	for (unsigned i = 0; i < 8; i++)
		made_group(&m, T0 + 301 + i, MIB);
	archive_whole(a, &m);
	struct repo *r = count_from_here(repo, 0);
	uint64_t first = 0;
	for (int round = 0; round < 3; round++) {
		counted.bytes = 0;
		ck_ok(binlog_state_load(r, "main", &catalog, &memory, &s, &e), e);
		ck_assert_uint_eq(s.segments, 4);
		first = round ? first : counted.bytes;
		if (round)
			ck_assert_uint_lt(counted.bytes, first / 4);
		binlog_state_done(&s);
	}
	/* And it is as good as a first look. */
	made_group(&m, T0 + 400, 100);
	ck_ok(made_feed(a, &m, m.at.v[m.at.n - 4], m.bytes.n, &e), e);
	ck_ok(archive_sync(a, &(uint64_t){0}, &e), e);
	archive_free(a);
	ck_ok(binlog_state_load(r, "main", &catalog, &memory, &s, &e), e);
	struct binlog_state fresh = state();
	ck_assert_uint_eq(s.size_bytes, fresh.size_bytes);
	binlog_state_done(&s);
	binlog_state_done(&fresh);
	binlog_memory_done(&memory);
	made_done(&m);
}
END_TEST

START_TEST(what_no_backup_needs_is_counted)
{
	struct binlog_state s = state();
	ck_assert_uint_eq(s.unneeded, 0); /* nothing tells what the first backup will need */
	binlog_state_done(&s);
	backup(T0 + 115, &made[1], made[1].at.v[4]);
	s = state();
	ck_assert_uint_eq(s.unneeded, 1);
	binlog_state_done(&s);
	backup(T0 + 15, &made[0], made[0].at.v[4]);
	s = state();
	ck_assert_uint_eq(s.unneeded, 0);
	binlog_state_done(&s);
}
END_TEST

/* An expire that is always just ahead of who reads. */
static struct repo_ops racing;
static const struct repo_ops *real;
static int racing_read(struct repo *r, const char *name, uint64_t off, void *p, size_t n,
                       struct err *err)
{
	const char *file = strrchr(name, '/') + 1;
	char path[128];
	snprintf(path, sizeof path, L0 "/%s", file);
	if (str_ends(file, ".json") && strcmp(file, "binlog.000016") < 0)
		unlink(in(path));
	return real->read(r, name, off, p, n, err);
}

START_TEST(a_look_while_an_expire_removes)
{
	struct archive *a = opened();
	struct made m[9];
	struct err e = ERR_INIT;
	for (unsigned i = 0; i < 9; i++) {
		char name[32];
		snprintf(name, sizeof name, "binlog.%06u", i + 10);
		made_begin(&m[i], name, T0 + 1000 + i, 1);
		archive_whole(a, &m[i]);
	}
	archive_free(a);
	racing = *repo->ops;
	racing.read = racing_read;
	real = repo->ops;
	repo->ops = &racing;
	struct archive_catalog c = {0};
	int rc = archive_load(repo, "main", &c, &e);
	repo->ops = real;
	ck_assert_msg(rc == 0, "%s", e.text);
	ck_assert_str_eq(c.lineages.v[0].segments.v[0].file, "binlog.000016");
	ck_assert_uint_eq(c.lineages.v[0].segments.n, 3);
	archive_catalog_done(&c);
	for (unsigned i = 0; i < 9; i++)
		made_done(&m[i]);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("job_state");
	TCase *t = tcase_create("state");
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, begin, end);
	tcase_add_test(t, a_full_is_due_behind_a_gap);
	tcase_add_test(t, a_full_is_due_in_a_history_of_the_same_second);
	tcase_add_test(t, no_full_is_due_where_no_binlog_is_written);
	tcase_add_test(t, a_look_while_an_expire_removes);
	tcase_add_test(t, what_no_backup_needs_is_counted);
	tcase_add_test(t, a_look_again_reads_what_is_new);
	suite_add_tcase(s, t);
	return s;
}
UNIT_MAIN(suite)
