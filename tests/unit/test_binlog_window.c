/* Which seconds can be reached, and which segments must stay for that. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "binlog/window.h"
#include "tests/unit/unit.h"

#define T0 1763820000LL
#define US(s) ((T0 + (s)) * CLOCK_US)

static struct catalog catalog;
static struct archive_catalog archive;

static void setup(void)
{
	catalog_init(&catalog);
	archive = (struct archive_catalog){0};
}

static void teardown(void)
{
	catalog_done(&catalog);
	archive_catalog_done(&archive);
}

/* Seconds are behind T0. */
static struct manifest *backup(enum backup_kind kind, int finished, const char *file, uint64_t pos,
                               int created)
{
	struct manifest *m = manifest_new(), *parent = NULL;
	char time[32];
	if (kind == BACKUP_INCREMENTAL)
		parent = catalog.backups.v[catalog.backups.n - 1];
	m->kind = kind;
	m->instance = mem_strdup("main");
	m->finished_us = US(finished);
	m->started_us = US(finished - 1);
	clock_format_id(time, sizeof time, m->started_us);
	snprintf(m->id, sizeof m->id, "%s-%s", time, parent ? "incr" : "full");
	if (parent)
		memcpy(m->parent, parent->id, sizeof m->parent);
	m->binlog = (struct position){.file = mem_strdup(file),
	                              .pos = pos,
	                              .created = created < 0 ? 0 : (uint32_t)(T0 + created)};
	catalog_add(&catalog, m);
	return m;
}

static struct lineage *begin(const char *name)
{
	struct lineage *l = vec_push(&archive.lineages);
	*l = (struct lineage){.number = archive.lineages.n};
	snprintf(l->name, sizeof l->name, "%s", name);
	return l;
}

/* Begins at that second; transactions from then to `last`, none if that is -1. */
static struct segment *segment(struct lineage *l, int number, int created, int last)
{
	struct segment *s = vec_push(&l->segments);
	*s = (struct segment){.file = mem_printf("binlog.%06d", number),
	                      .size = 1000,
	                      .created = (uint32_t)(T0 + created)};
	if (last >= 0) {
		s->groups = 1;
		s->first_us = US(created);
		s->last_us = US(last);
	}
	return s;
}

static void gap(struct segment *s)
{
	s->gap = mem_zalloc(sizeof *s->gap);
	s->gap->from_file = mem_strdup("binlog.000000");
}

static struct recovery_windows found(int64_t caught_up)
{
	struct recovery_windows w;
	window_find(&catalog, &archive, caught_up, &w);
	return w;
}

static void check_window(const struct recovery_window *w, const struct manifest *first,
                         const struct manifest *last, int64_t from_us, int64_t to_us)
{
	ck_assert_ptr_eq(w->first, first);
	ck_assert_ptr_eq(w->last, last);
	ck_assert_int_eq(w->from_us, from_us);
	ck_assert_int_eq(w->to_us, to_us);
}

START_TEST(from_the_oldest_backup_to_the_newest_second)
{
	struct lineage *l = begin("20251122T140000Z-1");
	segment(l, 1, 0, 99);
	segment(l, 2, 100, 199);
	segment(l, 3, 200, 250);
	struct recovery_windows w = found(0);
	ck_assert_uint_eq(w.list.n, 0); /* nothing to stand on */
	struct manifest *f = backup(BACKUP_FULL, 150, "binlog.000002", 500, 100);
	struct manifest *i = backup(BACKUP_INCREMENTAL, 210, "binlog.000003", 1000, 200);
	w = found(0);
	ck_assert_uint_eq(w.list.n, 1);
	check_window(&w.list.v[0], f, i, US(150), US(250));
	ck_assert_ptr_eq(w.list.v[0].lineage, l);
	recovery_windows_done(&w);
	w = found(US(400)); /* nothing was written since */
	check_window(&w.list.v[0], f, i, US(150), US(400));
	recovery_windows_done(&w);
	w = found(US(100)); /* long ago */
	check_window(&w.list.v[0], f, i, US(150), US(250));
	recovery_windows_done(&w);
}
END_TEST

START_TEST(a_backup_alone_is_a_moment)
{
	struct lineage *l = begin("20251122T140000Z-1");
	segment(l, 1, 0, 50);
	segment(l, 2, 100, -1);
	struct manifest *f = backup(BACKUP_FULL, 150, "binlog.000002", 1000, 100);
	struct recovery_windows w = found(0);
	check_window(&w.list.v[0], f, f, US(150), US(150));
	recovery_windows_done(&w);
}
END_TEST

/* It says nothing of the seconds between its position and its end; and when that was may
 * not be known. */
START_TEST(a_backup_reaches_as_far_as_its_position)
{
	struct lineage *l = begin("20251122T140000Z-1");
	segment(l, 1, 0, 50);
	struct manifest *f = backup(BACKUP_FULL, 100, "binlog.000001", 1000, 0);
	f->started_us = US(80);
	struct manifest *i = backup(BACKUP_INCREMENTAL, 200, "binlog.000001", 1000, 0);
	i->started_us = US(150);
	struct recovery_windows w = found(0);
	check_window(&w.list.v[0], f, i, US(100), US(150));
	recovery_windows_done(&w);
	/* Of the second in which it was taken some is in the backup and some is not. */
	f->binlog.taken_us = US(90) + 500000;
	i->binlog.taken_us = US(190) + 500000;
	w = found(0);
	check_window(&w.list.v[0], f, i, US(91), US(190));
	recovery_windows_done(&w);
}
END_TEST

START_TEST(gaps_and_lineages_separate)
{
	struct lineage *l = begin("20251122T140000Z-1");
	segment(l, 1, 0, 99);
	segment(l, 2, 100, 199);
	gap(segment(l, 5, 500, 599));
	segment(l, 6, 600, 699);
	l = begin("20251122T141640Z-1");
	segment(l, 1, 1000, 1100);
	struct manifest *a = backup(BACKUP_FULL, 50, "binlog.000001", 500, 0);
	struct manifest *b = backup(BACKUP_INCREMENTAL, 60, "binlog.000001", 600, 0);
	backup(BACKUP_FULL, 300, "binlog.000003", 4, 200); /* in the gap */
	struct manifest *c = backup(BACKUP_FULL, 650, "binlog.000006", 700, 600);
	struct manifest *d = backup(BACKUP_FULL, 1050, "binlog.000001", 500, 1000);
	struct recovery_windows w = found(US(2000));
	ck_assert_uint_eq(w.list.n, 3);
	check_window(&w.list.v[0], a, b, US(50), US(199));
	check_window(&w.list.v[1], c, c, US(650), US(699));
	check_window(&w.list.v[2], d, d, US(1050), US(2000));
	recovery_windows_done(&w);
}
END_TEST

START_TEST(names_that_begin_again_are_told_apart)
{
	const struct lineage *l = NULL;
	struct lineage *one, *two;
	begin("20251122T140000Z-1");
	begin("20251122T141640Z-1");
	one = &archive.lineages.v[0];
	two = &archive.lineages.v[1];
	segment(one, 1, 0, 900);
	segment(two, 1, 1000, 1100);
	/* With the time its binlog began, and without. */
	for (int known = 0; known < 2; known++) {
		struct manifest *m =
		    backup(BACKUP_FULL, 500 + known, "binlog.000001", 1000, known ? 0 : -1);
		ck_assert_ptr_eq(window_segment(&archive, m, &l), &one->segments.v[0]);
		ck_assert_ptr_eq(l, one);
		m = backup(BACKUP_FULL, 1050 + known, "binlog.000001", 4, known ? 1000 : -1);
		ck_assert_ptr_eq(window_segment(&archive, m, &l), &two->segments.v[0]);
		ck_assert_ptr_eq(l, two);
	}
	/* Of a history that was never archived; beyond what is; without a binlog. */
	ck_assert_ptr_null(
	    window_segment(&archive, backup(BACKUP_FULL, 600, "binlog.000001", 4, 17), &l));
	ck_assert_ptr_null(
	    window_segment(&archive, backup(BACKUP_FULL, 601, "binlog.000001", 1001, 0), &l));
	ck_assert_ptr_null(
	    window_segment(&archive, backup(BACKUP_FULL, 602, "binlog.000002", 4, 0), &l));
	struct manifest *m = backup(BACKUP_FULL, 603, "x", 4, 0);
	free(m->binlog.file);
	m->binlog.file = NULL;
	ck_assert_ptr_null(window_segment(&archive, m, &l));
}
END_TEST

START_TEST(what_cannot_be_restored_opens_no_window)
{
	struct lineage *l = begin("20251122T140000Z-1");
	segment(l, 1, 0, 99);
	segment(l, 2, 100, 199);
	backup(BACKUP_FULL, 10, "binlog.000001", 100, 0);
	struct manifest *i = backup(BACKUP_INCREMENTAL, 20, "binlog.000001", 200, 0);
	strcpy(i->parent, "20200101T000000Z-full");
	struct manifest *f = backup(BACKUP_FULL, 120, "binlog.000002", 200, 100);
	struct recovery_windows w = found(0);
	ck_assert_uint_eq(w.list.n, 1);
	check_window(&w.list.v[0], catalog.backups.v[0], f, US(10), US(199));
	recovery_windows_done(&w);
	strcpy(f->parent, "20200101T000000Z-full");
	f->kind = BACKUP_INCREMENTAL;
	w = found(0);
	check_window(&w.list.v[0], catalog.backups.v[0], catalog.backups.v[0], US(10), US(199));
	recovery_windows_done(&w);
}
END_TEST

/* ---- retention */

static struct segment_keep *kept(const bool *remove)
{
	struct expire_verdict v[16] = {{0}};
	struct segment_keep *k = NULL;
	size_t n = 0;
	for (size_t i = 0; i < catalog.backups.n; i++)
		v[i] = (struct expire_verdict){.backup = catalog.backups.v[i], .remove = remove[i]};
	window_keep(&archive, v, catalog.backups.n, &k, &n);
	ck_assert_uint_eq(n, archive.lineages.n);
	for (size_t i = 0; i < n; i++)
		ck_assert_ptr_eq(k[i].lineage, &archive.lineages.v[i]);
	return k;
}

START_TEST(segments_stay_as_long_as_a_backup_needs_them)
{
	struct lineage *l = begin("20251122T140000Z-1");
	segment(l, 1, 0, 99);
	segment(l, 2, 100, 199);
	l = begin("20251122T141640Z-1");
	for (int i = 1; i <= 4; i++)
		segment(l, i, 900 + 100 * i, 999 + 100 * i);
	backup(BACKUP_FULL, 150, "binlog.000002", 500, 100);
	backup(BACKUP_FULL, 1150, "binlog.000002", 500, 1100);
	backup(BACKUP_FULL, 1250, "binlog.000003", 500, 1200);
	struct segment_keep *k = kept((bool[]){false, false, false});
	ck_assert_str_eq(k[0].keep_from, "binlog.000002");
	ck_assert_str_eq(k[1].keep_from, "binlog.000002");
	free(k);
	k = kept((bool[]){true, true, false});
	ck_assert_ptr_null(k[0].keep_from);
	ck_assert_str_eq(k[1].keep_from, "binlog.000003");
	free(k);
	/* Where the stream goes on there is always one. */
	k = kept((bool[]){true, true, true});
	ck_assert_ptr_null(k[0].keep_from);
	ck_assert_str_eq(k[1].keep_from, "binlog.000004");
	free(k);
}
END_TEST

START_TEST(a_segment_that_cannot_be_read_stays)
{
	struct lineage *l = begin("20251122T140000Z-1");
	segment(l, 1, 0, 99);
	segment(l, 3, 200, 299);
	*vec_push(&l->damaged) = (struct segment_damaged){.file = mem_strdup("binlog.000002")};
	backup(BACKUP_FULL, 150, "binlog.000002", 500, 100);
	struct segment_keep *k = kept((bool[]){false});
	ck_assert_str_eq(k[0].keep_from, "binlog.000002");
	free(k);
	k = kept((bool[]){true});
	ck_assert_str_eq(k[0].keep_from, "binlog.000003");
	free(k);
}
END_TEST

/* Against a plain reading of the rules, over many histories made by chance. */
static bool reaches(const struct manifest *m, int64_t us, int64_t caught_up)
{
	const struct lineage *l;
	const struct segment *s = window_segment(&archive, m, &l);
	int64_t until = m->started_us;
	if (!s)
		return false;
	for (const struct segment *end = l->segments.v + l->segments.n; s < end; s++) {
		if (s->groups && s->last_us > until)
			until = s->last_us;
		/* What came before a backup's position is there up to it. */
		for (size_t i = 0; i < catalog.backups.n; i++)
			if (window_segment(&archive, catalog.backups.v[i], NULL) == s &&
			    catalog.backups.v[i]->started_us > until)
				until = catalog.backups.v[i]->started_us;
		if (s + 1 == end && l == &archive.lineages.v[archive.lineages.n - 1] &&
		    caught_up > until)
			until = caught_up;
		if (s + 1 < end && s[1].gap)
			break;
	}
	return us >= m->finished_us && us <= until;
}

static void make_history(void)
{
	int at = 0;
	for (int i = 0, n = 1 + rand() % 3; i < n; i++) {
		char name[32];
		snprintf(name, sizeof name, "2025112%dT140000Z-1", i);
		struct lineage *l = begin(name);
		int number = 1 + rand() % 2;
		for (int k = 0, m = 1 + rand() % 6; k < m; k++, number++) {
			int length = 1 + rand() % 50;
			if (k && rand() % 4 == 0) {
				number++;
				at += 10;
				gap(segment(l, number, at, rand() % 4 ? at + length : -1));
			} else {
				segment(l, number, at, rand() % 4 ? at + length : -1);
			}
			for (int b = rand() % 3; b > 0; b--) {
				char file[32];
				snprintf(file, sizeof file, "binlog.%06d", number);
				backup(BACKUP_FULL, at + length + 3 - b, file,
				       (uint64_t)(rand() % 1200), rand() % 3 ? at : -1);
			}
			at += length + 4;
		}
	}
}

START_TEST(windows_are_what_can_be_reached)
{
	for (unsigned round = 0; round < 150; round++) {
		srand(round);
		make_history();
		int64_t caught_up = rand() % 2 ? 0 : US(rand() % 1500);
		struct recovery_windows w = found(caught_up);
		for (int s = 0; s < 1200; s += 1) {
			bool in = false, can = false;
			for (size_t i = 0; i < w.list.n; i++) {
				in |= US(s) >= w.list.v[i].from_us && US(s) <= w.list.v[i].to_us;
				can |=
				    US(s) == w.list.v[i].first->finished_us; /* without binlogs */
			}
			for (size_t i = 0; i < catalog.backups.n; i++)
				can |= reaches(catalog.backups.v[i], US(s), caught_up);
			if (in != can) /* each assertion is a message to the runner */
				ck_abort_msg("round %u, second %d: %d, not %d", round, s, in, can);
		}
		/* After an expire the same seconds can be reached from what is kept. */
		bool remove[64];
		struct expire_verdict v[64];
		ck_assert_uint_lt(catalog.backups.n, 64);
		for (size_t i = 0; i < catalog.backups.n; i++) {
			remove[i] = rand() % 2;
			v[i] = (struct expire_verdict){.backup = catalog.backups.v[i],
			                               .remove = remove[i]};
		}
		struct segment_keep *k = NULL;
		size_t n = 0;
		window_keep(&archive, v, catalog.backups.n, &k, &n);
		for (size_t i = 0; i < catalog.backups.n; i++) {
			const struct lineage *l;
			const struct segment *s =
			    window_segment(&archive, catalog.backups.v[i], &l);
			if (remove[i] || !s)
				continue;
			const char *from = k[l - archive.lineages.v].keep_from;
			ck_assert_ptr_nonnull(from);
			ck_assert_int_le(archive_file_order(from, s->file), 0);
		}
		free(k);
		recovery_windows_done(&w);
		teardown();
		setup();
	}
}
END_TEST

/* A session can set its clock: what it committed is no sign that so much is archived. */
START_TEST(times_that_cannot_be_open_no_window)
{
	struct lineage *l = begin("20251122T140000Z-1");
	segment(l, 1, 0, 9000);
	segment(l, 2, 200, -1);
	struct manifest *f = backup(BACKUP_FULL, 50, "binlog.000001", 500, 0);
	struct recovery_windows w = found(0);
	check_window(&w.list.v[0], f, f, US(50), US(200)); /* then the next one began */
	recovery_windows_done(&w);
	int64_t now = clock_wall_us(), future = now + 3600 * CLOCK_US;
	struct segment *s = segment(l, 3, 300, 350);
	s->last_us = future;
	*vec_push(&s->points) = (struct segment_point){.commit_us = US(340)};
	*vec_push(&s->points) = (struct segment_point){.commit_us = future};
	w = found(0);
	check_window(&w.list.v[0], f, f, US(50), US(340));
	recovery_windows_done(&w);
	s->first_us = future;
	vec_done(&s->points);
	w = found(0);
	check_window(&w.list.v[0], f, f, US(50), US(300));
	recovery_windows_done(&w);
	s->last_us = now; /* clocks of two machines need not agree to the second */
	w = found(0);
	check_window(&w.list.v[0], f, f, US(50), now);
	recovery_windows_done(&w);
	gap(segment(l, 9, 900, -1)); /* when it began says nothing of what is missing */
	s = &l->segments.v[2];
	s->last_us = US(5000);
	s->first_us = US(310);
	w = found(0);
	check_window(&w.list.v[0], f, f, US(50), US(310));
	recovery_windows_done(&w);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("binlog_window");
	TCase *t = tcase_create("window");
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, from_the_oldest_backup_to_the_newest_second);
	tcase_add_test(t, a_backup_alone_is_a_moment);
	tcase_add_test(t, a_backup_reaches_as_far_as_its_position);
	tcase_add_test(t, gaps_and_lineages_separate);
	tcase_add_test(t, names_that_begin_again_are_told_apart);
	tcase_add_test(t, what_cannot_be_restored_opens_no_window);
	tcase_add_test(t, times_that_cannot_be_open_no_window);
	tcase_add_test(t, segments_stay_as_long_as_a_backup_needs_them);
	tcase_add_test(t, a_segment_that_cannot_be_read_stays);
	tcase_add_test(t, windows_are_what_can_be_reached);
	suite_add_tcase(s, t);
	return s;
}
UNIT_MAIN(suite)
