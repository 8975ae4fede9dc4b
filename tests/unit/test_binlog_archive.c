/* The archive of binlogs: what comes in comes out; gaps, losses, damage; histories. */
#include "binlog/archive_json.h"
#include "binlog/archive_parts.h"
#include "tests/unit/binlog_place.h"

START_TEST(what_comes_in_comes_out)
{
	struct err e = ERR_INIT;
	struct made m[3];
	struct archive *a = opened();
	make_three(m);
	check_tail(a, NULL, 0);
	for (int i = 0; i < 3; i++)
		archive_whole(a, &m[i]);
	check_tail(a, "binlog.000003", m[2].bytes.n);
	ck_assert_str_eq(archive_lineage(a), L0);
	ck_assert_uint_eq(archive_current(a)->groups, 2);
	archive_free(a);
	ck_assert(there(L0 "/binlog.000001.zst") && there(L0 "/binlog.000001.json"));
	ck_assert(!there(L0 "/binlog.000001.part") && !there(L0 "/binlog.000001.open"));
	ck_assert(there(L0 "/binlog.000003.part") && there(L0 "/binlog.000003.open"));

	struct archive_catalog c = loaded();
	ck_assert_uint_eq(c.lineages.n, 1);
	struct lineage *l = &c.lineages.v[0];
	ck_assert_str_eq(l->name, L0);
	ck_assert_uint_eq(l->segments.n, 3);
	for (int i = 0; i < 3; i++) {
		check_segment(l, &l->segments.v[i], &m[i], i == 2);
		ck_assert_ptr_null(l->segments.v[i].gap);
	}
	struct segment *s = &l->segments.v[0];
	ck_assert_int_eq(s->first_us, T0 * CLOCK_US);
	ck_assert_int_eq(s->last_us, (T0 + 61) * CLOCK_US);
	ck_assert_str_eq(s->first_gtid, "0-1-1");
	ck_assert_uint_lt(s->stored, s->size / 2);
	ck_assert_int_eq(l->segments.v[1].first_us, 0);
	/* Points: about one a MiB, each where a group begins. */
	ck_assert_uint_eq(s->points.n, 0);
	ck_ok(archive_points(repo, "main", l, s, &e), e);
	ck_assert_uint_eq(s->points.n, 3);
	ck_assert_uint_eq(s->points.v[0].pos, m[0].at.v[1]);
	ck_assert_str_eq(s->points.v[0].gtid, "0-1-1");
	ck_assert_uint_ge(s->points.v[1].pos, MIB);
	archive_catalog_done(&c);
	for (int i = 0; i < 3; i++)
		made_done(&m[i]);
}
END_TEST

struct walked {
	const struct made *m;
	size_t next; /* index into m->at */
	size_t stop;
};

static int walked_event(void *arg, uint64_t pos, const struct binlog_event *ev, struct err *err)
{
	struct walked *w = arg;
	(void)err;
	ck_assert_uint_eq(pos, w->m->at.v[w->next]);
	ck_assert_uint_eq(pos + ev->size, w->m->at.v[w->next + 1]);
	ck_assert_mem_eq(ev->body, w->m->bytes.p + pos + BINLOG_HEADER_SIZE, ev->body_n);
	return ++w->next == w->stop;
}

START_TEST(any_range_can_be_read)
{
	struct err e = ERR_INIT;
	struct made m[3];
	struct archive *a = opened();
	make_three(m);
	for (int i = 0; i < 3; i++)
		archive_whole(a, &m[i]);
	struct archive_catalog c = loaded();
	struct lineage *l = &c.lineages.v[0];
	srand(7);
	for (int i = 0; i < 100; i++) {
		int k = i % 3;
		size_t n = m[k].bytes.n, x = (size_t)rand() % (n + 1), y = (size_t)rand() % (n + 1);
		check_range(l, &l->segments.v[k], &m[k], x < y ? x : y, x < y ? y : x);
	}
	check_range(l, &l->segments.v[0], &m[0], MIB, 2 * MIB);
	check_range(l, &l->segments.v[0], &m[0], MIB - 1, MIB + 1);
	struct sink_memory none;
	sink_memory_init(&none, 10);
	ck_assert_int_eq(
	    archive_read(repo, "main", l, &l->segments.v[1], 0, m[1].bytes.n + 1, &none.sink, &e),
	    -1);
	ck_assert_int_eq(e.kind, ERR_USAGE);
	for (int k = 0; k < 3; k++) {
		struct walked w = {&m[k], 0, m[k].at.n};
		ck_ok(
		    archive_walk(repo, "main", l, &l->segments.v[k], 0, walked_event, &w, NULL, &e),
		    e);
		ck_assert_uint_eq(w.next, m[k].at.n - 1);
	}
	struct walked w = {&m[0], 10, 12};
	ck_ok(archive_walk(repo, "main", l, &l->segments.v[0], m[0].at.v[10], walked_event, &w,
	                   NULL, &e),
	      e);
	ck_assert_uint_eq(w.next, 12);
	/* Not where an event begins. */
	ck_assert_int_eq(archive_walk(repo, "main", l, &l->segments.v[0], m[0].at.v[10] + 1,
	                              walked_event, &w, NULL, &e),
	                 -1);
	ck_assert_int_eq(e.kind, ERR_DAMAGED);
	/* Closed since the catalog was loaded. */
	struct made next;
	made_begin(&next, "binlog.000004", T0 + 70, 1);
	archive_whole(a, &next);
	ck_assert(!there(L0 "/binlog.000003.part"));
	check_range(l, &l->segments.v[2], &m[2], 100, m[2].bytes.n);
	archive_catalog_done(&c);
	archive_free(a);
	made_done(&next);
	for (int i = 0; i < 3; i++)
		made_done(&m[i]);
}
END_TEST

START_TEST(only_what_is_right_comes_in)
{
	struct err e = ERR_INIT;
	struct made m;
	struct archive *a = opened();
	uint64_t pos;
	made_begin(&m, "binlog.000001", T0, 1);
	made_group(&m, T0, 100);
	made_group(&m, T0, 100);
	const char *p = m.bytes.p;
	ck_assert_int_eq(archive_append(a, p + 4, m.at.v[1] - 4, &e), -1); /* of no file */
	static const char *const bad[] = {"", "x", ".000001", "a/b.000001", "binlog.json", "b.1x"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		ck_assert_int_eq(archive_begin_file(a, bad[i], NULL, &e), -1);
		ck_assert_int_eq(e.kind, ERR_DAMAGED);
	}
	ck_ok(archive_begin_file(a, m.file, NULL, &e), e);
	ck_ok(archive_sync(a, &pos, &e), e);
	ck_assert_uint_eq(pos, 0);
	/* Not the format event first. */
	ck_assert_int_eq(archive_append(a, p + m.at.v[1], m.at.v[2] - m.at.v[1], &e), -1);
	ck_assert(!there(L0));
	ck_ok(archive_append(a, p + 4, m.at.v[1] - 4, &e), e);
	/* One left out. */
	ck_assert_int_eq(archive_append(a, p + m.at.v[2], m.at.v[3] - m.at.v[2], &e), -1);
	ck_assert_int_eq(e.kind, ERR_DAMAGED);
	/* One bit. */
	char *wrong = mem_dup(p + m.at.v[1], m.at.v[2] - m.at.v[1]);
	wrong[25] ^= 1;
	ck_assert_int_eq(archive_append(a, wrong, m.at.v[2] - m.at.v[1], &e), -1);
	ck_assert_int_eq(e.kind, ERR_DAMAGED);
	free(wrong);
	/* None of it did harm. */
	ck_ok(made_feed(a, &m, m.at.v[1], m.bytes.n, &e), e);
	ck_ok(archive_sync(a, &pos, &e), e);
	ck_assert_uint_eq(pos, m.bytes.n);
	/* A file that cannot follow. */
	ck_assert_int_eq(archive_begin_file(a, "binlog.000001", NULL, &e), -1);
	ck_assert_int_eq(archive_begin_file(a, "other.000002", NULL, &e), -1);
	ck_assert_int_eq(e.kind, ERR_DAMAGED);
	struct archive *b = NULL;
	ck_assert_int_eq(archive_open(repo, "main", NULL, &b, &e), -1);
	ck_assert_int_eq(e.kind, ERR_BUSY);
	archive_free(a);
	made_done(&m);
}
END_TEST

START_TEST(gaps_are_recorded)
{
	struct err e = ERR_INIT;
	struct made m[3];
	struct archive *a = opened();
	make_three(m);
	archive_whole(a, &m[0]);
	struct segment_gap gap = {.from_file = m[0].file,
	                          .from_pos = m[0].bytes.n,
	                          .from_us = (T0 + 61) * CLOCK_US + 123};
	ck_ok(archive_begin_file(a, m[2].file, &gap, &e), e);
	ck_ok(made_feed(a, &m[2], 0, m[2].bytes.n, &e), e);
	archive_free(a); /* not synced, and killed */
	for (int i = 0; i < 2; i++) {
		a = opened();
		if (i == 1) {
			struct made next;
			made_begin(&next, "binlog.000004", T0 + 90, 1);
			archive_whole(a, &next);
			made_done(&next);
		} else {
			struct archive_tail t;
			ck_ok(archive_tail(a, &t, &e), e);
			ck_ok(made_feed(a, &m[2], t.pos, m[2].bytes.n, &e), e);
			free(t.file);
			uint64_t pos;
			ck_ok(archive_sync(a, &pos, &e), e);
		}
		archive_free(a);
		struct archive_catalog c = loaded();
		struct lineage *l = &c.lineages.v[0];
		ck_assert_ptr_null(l->segments.v[0].gap);
		struct segment_gap *g = l->segments.v[1].gap;
		ck_assert_ptr_nonnull(g);
		ck_assert_str_eq(g->from_file, "binlog.000001");
		ck_assert_uint_eq(g->from_pos, m[0].bytes.n);
		ck_assert_int_eq(g->from_us, gap.from_us);
		ck_assert_int_eq(g->to_us, (T0 + 63) * CLOCK_US);
		ck_assert(!g->lost);
		archive_catalog_done(&c);
	}
	size_t n;
	char *text = slurp(in(L0 "/binlog.000003.json"), &n); /* also for other readers */
	ck_assert_ptr_nonnull(strstr(text, "\"to_time\":\"2025-11-22T14:01:03.000000Z\""));
	free(text);
	for (int i = 0; i < 3; i++)
		made_done(&m[i]);
}
END_TEST

START_TEST(a_gap_says_where_it_is)
{
	struct err e = ERR_INIT;
	struct segment s = {.file = (char *)(uintptr_t) "b.000002"}, got = {0};
	struct segment_gap gap = {.from_pos = 4};
	struct str text = {0};
	s.gap = &gap;
	segment_write_open(&s, &text);
	ck_assert_int_eq(segment_read_open(text.p, text.n, &got, &e), -1);
	ck_assert_int_eq(e.kind, ERR_DAMAGED);
	ck_assert_ptr_null(got.gap);
	str_done(&text);
}
END_TEST

/* What was there once and is not, or cannot be read. */
START_TEST(losses_are_gaps)
{
	struct err e = ERR_INIT;
	struct made m[3];
	struct archive *a = opened();
	make_three(m);
	for (int i = 0; i < 3; i++)
		archive_whole(a, &m[i]);
	archive_free(a);
	size_t n;
	char *text = slurp(in(L0 "/binlog.000002.json"), &n);
	for (size_t i = 0; i < n + 2; i++) {
		char *wrong = mem_dup(text, n);
		if (i == n)
			unlink(in(L0 "/binlog.000002.json"));
		else if (i == n + 1)
			spill(in(L0 "/binlog.000002.json"), text, n / 2);
		else
			wrong[i] ^= 4;
		if (i < n)
			spill(in(L0 "/binlog.000002.json"), wrong, n);
		free(wrong);
		struct archive_catalog c = loaded();
		struct lineage *l = &c.lineages.v[0];
		if (l->segments.n == 3) { /* the damage is in frames or points */
			ck_assert_uint_lt(i, n);
			ck_assert_int_eq(
			    archive_check(repo, "main", l, &l->segments.v[1], NULL, &e), -1);
			ck_assert_int_eq(e.kind, ERR_DAMAGED);
		} else {
			ck_assert_uint_eq(l->segments.n, 2);
			ck_assert_uint_eq(l->damaged.n, i != n);
			ck_assert_ptr_nonnull(l->segments.v[1].gap);
			ck_assert(l->segments.v[1].gap->lost);
			ck_assert_str_eq(l->segments.v[1].gap->from_file, "binlog.000001");
			ck_assert_uint_eq(l->segments.v[1].gap->from_pos, m[0].bytes.n);
		}
		archive_catalog_done(&c);
	}
	free(text);
	for (int i = 0; i < 3; i++)
		made_done(&m[i]);
}
END_TEST

/* Only the first of a lineage has nothing before it. */
START_TEST(nothing_before_it_is_a_loss)
{
	struct archive *a = opened();
	struct made m[3];
	struct str text = {0};
	make_three(m);
	for (int i = 0; i < 3; i++)
		archive_whole(a, &m[i]);
	archive_free(a);
	struct segment s = {.file = m[2].file};
	segment_write_open(&s, &text);
	spill(in(L0 "/binlog.000003.open"), text.p, text.n);
	struct archive_catalog c = loaded();
	ck_assert_ptr_null(c.lineages.v[0].segments.v[1].gap);
	ck_assert_ptr_nonnull(c.lineages.v[0].segments.v[2].gap);
	ck_assert(c.lineages.v[0].segments.v[2].gap->lost);
	archive_catalog_done(&c);
	str_done(&text);
	for (int i = 0; i < 3; i++)
		made_done(&m[i]);
}
END_TEST

START_TEST(every_damaged_byte_is_found)
{
	struct err e = ERR_INIT;
	struct made m[2];
	struct archive *a = opened();
	made_begin(&m[0], "binlog.000001", T0, 1);
	made_group(&m[0], T0, 200);
	made_begin(&m[1], "binlog.000002", T0, 1);
	archive_whole(a, &m[0]);
	archive_whole(a, &m[1]);
	archive_free(a);
	struct archive_catalog c = loaded();
	struct lineage *l = &c.lineages.v[0];
	size_t n;
	char *zst = slurp(in(L0 "/binlog.000001.zst"), &n);
	for (size_t i = 0; i < n; i++) {
		zst[i] ^= 1;
		spill(in(L0 "/binlog.000001.zst"), zst, n);
		zst[i] ^= 1;
		ck_assert_int_eq(archive_check(repo, "main", l, &l->segments.v[0], NULL, &e), -1);
		ck_assert_int_eq(e.kind, ERR_DAMAGED);
		ck_assert_ptr_nonnull(strstr(e.text, "binlog.000001"));
	}
	free(zst);
	char *part = slurp(in(L0 "/binlog.000002.part"), &n);
	for (size_t i = 0; i < n; i++) {
		/* The flag that the server changes in place is not summed up. */
		if (i == BINLOG_MAGIC_SIZE + 17)
			continue;
		part[i] ^= 1;
		spill(in(L0 "/binlog.000002.part"), part, n);
		part[i] ^= 1;
		ck_assert_int_eq(archive_check(repo, "main", l, &l->segments.v[1], NULL, &e), -1);
		ck_assert_int_eq(e.kind, ERR_DAMAGED);
	}
	free(part);
	archive_catalog_done(&c);
	made_done(&m[0]);
	made_done(&m[1]);
}
END_TEST

/* RESET MASTER in the second the old one began, a failover to an older server, and back. */
START_TEST(histories_are_never_mixed)
{
	struct err e = ERR_INIT;
	struct made m[4];
	struct archive *a = opened();
	static const struct {
		uint32_t created, server_id;
		const char *lineage;
	} h[] = {{T0, 1, "20251122T140000Z-1"},
	         {T0, 1, "20251122T140000Z-1-2"},
	         {T0 - 86400, 2, "20251121T140000Z-2"},
	         {T0 + 1, 1, "20251122T140001Z-1"}};
	for (unsigned i = 0; i < 4; i++) {
		made_begin(&m[i], "binlog.000001", h[i].created, h[i].server_id);
		for (unsigned k = 0; k <= i; k++)
			made_group(&m[i], T0 + i, 100);
		if (i)
			archive_new_lineage(a);
		archive_whole(a, &m[i]);
		ck_assert_str_eq(archive_lineage(a), h[i].lineage);
		if (i == 2) { /* the newest is known again */
			archive_free(a);
			a = opened();
			check_tail(a, "binlog.000001", m[i].bytes.n);
			ck_assert_str_eq(archive_lineage(a), h[i].lineage);
		}
	}
	archive_free(a);
	struct archive_catalog c = loaded();
	ck_assert_uint_eq(c.lineages.n, 4);
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_str_eq(c.lineages.v[i].name, h[i].lineage);
		ck_assert_uint_eq(c.lineages.v[i].number, i + 1);
		check_segment(&c.lineages.v[i], &c.lineages.v[i].segments.v[0], &m[i], i == 3);
	}
	const struct lineage *l = NULL;
	const struct segment *s = archive_find(&c, "binlog.000001", 4, 0, &l);
	ck_assert_ptr_eq(s, &c.lineages.v[3].segments.v[0]);
	ck_assert_ptr_eq(l, &c.lineages.v[3]);
	s = archive_find(&c, "binlog.000001", m[2].bytes.n, T0 - 86400, &l);
	ck_assert_ptr_eq(s, &c.lineages.v[2].segments.v[0]);
	ck_assert_ptr_null(archive_find(&c, "binlog.000001", m[2].bytes.n + 1, T0 - 86400, &l));
	ck_assert_ptr_null(archive_find(&c, "binlog.000002", 4, 0, &l));
	/* An older lineage goes as a whole; the second of one name stays. */
	uint64_t freed = 0;
	ck_ok(archive_remove_before(repo, "main", &c.lineages.v[0], NULL, &freed, &e), e);
	ck_assert_uint_gt(freed, 0);
	ck_assert(!there(h[0].lineage) && there(h[1].lineage));
	archive_catalog_done(&c);
	for (int i = 0; i < 4; i++)
		made_done(&m[i]);
}
END_TEST

START_TEST(the_front_is_removed)
{
	struct err e = ERR_INIT;
	struct made m[3], next;
	struct archive *a = opened();
	make_three(m);
	for (int i = 0; i < 3; i++)
		archive_whole(a, &m[i]);
	struct archive_catalog c = loaded();
	spill(in(L0 "/binlog.000000.zst"), "left over", 9);
	uint64_t freed = 7;
	ck_ok(archive_remove_before(repo, "main", &c.lineages.v[0], "binlog.000003", &freed, &e),
	      e);
	struct stat st;
	ck_assert_uint_gt(freed, c.lineages.v[0].segments.v[0].stored);
	ck_assert(!there(L0 "/binlog.000000.zst") && !there(L0 "/binlog.000001.json") &&
	          !there(L0 "/binlog.000001.zst") && !there(L0 "/binlog.000002.zst"));
	ck_assert_int_eq(stat(in(L0 "/binlog.000003.part"), &st), 0);
	/* The writer does not mind, and a first segment with one before it is no gap. */
	made_begin(&next, "binlog.000004", T0 + 90, 1);
	archive_whole(a, &next);
	archive_free(a);
	ck_ok(archive_refresh(repo, "main", &c, &e), e);
	ck_assert_uint_eq(c.lineages.v[0].segments.n, 2);
	ck_assert_ptr_null(c.lineages.v[0].segments.v[0].gap);
	check_segment(&c.lineages.v[0], &c.lineages.v[0].segments.v[0], &m[2], false);
	archive_catalog_done(&c);
	made_done(&next);
	for (int i = 0; i < 3; i++)
		made_done(&m[i]);
}
END_TEST

/* A look again is worth the same as a first look. */
START_TEST(a_catalog_follows_the_writer)
{
	struct err e = ERR_INIT;
	struct made m[3];
	struct archive *a = opened();
	struct archive_catalog c = {0};
	uint64_t pos;
	make_three(m);
	for (int i = 0; i < 3; i++) {
		ck_ok(archive_begin_file(a, m[i].file, NULL, &e), e);
		for (size_t k = 0; k + 1 < m[i].at.n; k++) {
			ck_ok(made_feed(a, &m[i], m[i].at.v[k], m[i].at.v[k + 1], &e), e);
			if (k % 20)
				continue;
			ck_ok(archive_sync(a, &pos, &e), e);
			ck_ok(archive_refresh(repo, "main", &c, &e), e);
			struct archive_catalog fresh = loaded();
			const struct segment *x = &c.lineages.v[0].segments.v[i],
			                     *y = &fresh.lineages.v[0].segments.v[i];
			ck_assert_uint_eq(x->size, pos);
			ck_assert_uint_eq(y->size, pos);
			ck_assert_uint_eq(x->groups, y->groups);
			ck_assert_uint_eq(x->events, y->events);
			ck_assert_uint_eq(x->points.n, y->points.n);
			ck_assert_str_eq(x->last_gtid, y->last_gtid);
			archive_catalog_done(&fresh);
		}
	}
	archive_free(a);
	archive_catalog_done(&c);
	for (int i = 0; i < 3; i++)
		made_done(&m[i]);
}
END_TEST

START_TEST(numbers_outgrow_their_digits)
{
	ck_assert_int_lt(archive_file_order("binlog.999999", "binlog.1000000"), 0);
	ck_assert_int_lt(archive_file_order("binlog.000009", "binlog.000010"), 0);
	ck_assert_int_eq(archive_file_order("binlog.000009", "binlog.000009"), 0);
	struct made m[2];
	struct archive *a = opened();
	made_begin(&m[0], "binlog.999999", T0, 1);
	made_begin(&m[1], "binlog.1000000", T0, 1);
	archive_whole(a, &m[0]);
	archive_whole(a, &m[1]);
	archive_free(a);
	struct archive_catalog c = loaded();
	check_segment(&c.lineages.v[0], &c.lineages.v[0].segments.v[1], &m[1], true);
	ck_assert_ptr_null(c.lineages.v[0].segments.v[1].gap);
	archive_catalog_done(&c);
	made_done(&m[0]);
	made_done(&m[1]);
}
END_TEST

/* It is listed, and each time it is looked at it is not there. */
static const struct repo_ops *honest_ops;
static struct repo_ops listed_ops;
static int listed_read(struct repo *r, const char *name, uint64_t off, void *p, size_t n,
                       struct err *err)
{
	if (strstr(name, "000002.json"))
		return err_set(err, ERR_NOT_FOUND, "%s is not there", name);
	return honest_ops->read(r, name, off, p, n, err);
}

/* A catalog that could only be seen in part must not be taken for all there is. */
START_TEST(half_a_catalog_is_none)
{
	struct err e = ERR_INIT;
	struct archive *a = opened();
	struct archive_catalog c = {0};
	struct made m[3];
	make_three(m);
	for (int i = 0; i < 3; i++)
		archive_whole(a, &m[i]);
	archive_free(a);
	listed_ops = *repo->ops;
	listed_ops.read = listed_read;
	honest_ops = repo->ops;
	repo->ops = &listed_ops;
	ck_assert_int_eq(archive_load(repo, "main", &c, &e), -1);
	ck_assert_int_eq(e.kind, ERR_BUSY);
	ck_assert_uint_eq(c.lineages.n, 0);
	repo->ops = honest_ops;
	for (int i = 0; i < 3; i++)
		made_done(&m[i]);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("binlog_archive");
	TCase *t = tcase_create("archive");
	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, what_comes_in_comes_out);
	tcase_add_test(t, any_range_can_be_read);
	tcase_add_test(t, only_what_is_right_comes_in);
	tcase_add_test(t, gaps_are_recorded);
	tcase_add_test(t, a_gap_says_where_it_is);
	tcase_add_test(t, losses_are_gaps);
	tcase_add_test(t, nothing_before_it_is_a_loss);
	tcase_add_test(t, every_damaged_byte_is_found);
	tcase_add_test(t, histories_are_never_mixed);
	tcase_add_test(t, the_front_is_removed);
	tcase_add_test(t, a_catalog_follows_the_writer);
	tcase_add_test(t, numbers_outgrow_their_digits);
	tcase_add_test(t, half_a_catalog_is_none);
	suite_add_tcase(s, t);
	return s;
}
UNIT_MAIN(suite)
