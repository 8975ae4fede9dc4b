/* Chains and retention: what is removed never takes anything with it. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "model/catalog.h"
#include "tests/unit/unit.h"

#define HOUR_US (3600 * CLOCK_US)
#define DAY_US (24 * HOUR_US)

static const struct policy_retention usual = {30, 7, 1};
static int64_t now;

/* A backup that finished `hours` ago on top of `parent` (NULL: a full). */
static struct manifest *backup(struct catalog *c, double hours, const struct manifest *parent)
{
	struct manifest *m = manifest_new();
	char when[32];

	m->finished_us = now - (int64_t)(hours * (double)HOUR_US);
	m->started_us = m->finished_us - CLOCK_US;
	m->kind = parent ? BACKUP_INCREMENTAL : BACKUP_FULL;
	snprintf(m->id, sizeof m->id, "%.20s-%s", clock_format_id(when, sizeof when, m->started_us),
	         parent ? "incr" : "full");
	if (parent)
		strcpy(m->parent, parent->id);
	catalog_add(c, m);
	return m;
}

static void setup(void)
{
	ck_assert(clock_parse("2026-11-22T12:00:00Z", &now) == 0);
}

START_TEST(order_and_find)
{
	struct catalog c;
	struct err why = {.kind = ERR_DAMAGED, .text = "cut off"};

	catalog_init(&c);
	ck_assert_ptr_null(catalog_newest(&c));
	ck_assert_ptr_null(catalog_find(&c, "x"));
	struct manifest *b = backup(&c, 20, NULL), *a = backup(&c, 50, NULL);
	struct manifest *i = backup(&c, 10, b);
	ck_assert(c.backups.v[0] == a && c.backups.v[1] == b && c.backups.v[2] == i);
	ck_assert_ptr_eq(catalog_newest(&c), i);
	ck_assert_ptr_eq(catalog_newest_of(&c, BACKUP_FULL), b);
	ck_assert_ptr_eq(catalog_newest_of(&c, BACKUP_INCREMENTAL), i);
	ck_assert_ptr_eq(catalog_find(&c, a->id), a);
	ck_assert_ptr_null(catalog_find(&c, "20261122T020000Z-full"));
	catalog_add_damaged(&c, "20261122T010000Z-incr", &why);
	ck_assert_uint_eq(c.damaged_n, 1);
	ck_assert_str_eq(c.damaged[0].why.text, "cut off");
	catalog_done(&c);
	ck_assert(c.backups.n == 0 && c.damaged_n == 0);
}
END_TEST

START_TEST(chain)
{
	struct catalog c;
	struct err err = ERR_INIT;
	const struct manifest **v;
	size_t n;

	catalog_init(&c);
	struct manifest *full = backup(&c, 9, NULL), *a = backup(&c, 8, full);
	struct manifest *b = backup(&c, 7, a), *other = backup(&c, 6, full);
	ck_ok(catalog_chain(&c, b->id, &v, &n, &err), err);
	ck_assert(n == 3 && v[0] == b && v[1] == a && v[2] == full);
	free(v);
	ck_ok(catalog_chain(&c, other->id, &v, &n, &err), err);
	ck_assert(n == 2 && v[0] == other && v[1] == full);
	free(v);
	ck_ok(catalog_chain(&c, full->id, &v, &n, &err), err);
	ck_assert(n == 1 && v[0] == full);
	free(v);
	catalog_done(&c);
}
END_TEST

START_TEST(broken_chains)
{
	struct catalog c;
	struct err err = ERR_INIT, why = {.kind = ERR_DAMAGED, .text = "cut off"};
	const struct manifest **v = NULL;
	size_t n = 77;
	char want[200];

	catalog_init(&c);
	struct manifest *full = backup(&c, 9, NULL), *a = backup(&c, 8, full);
	struct manifest *b = backup(&c, 7, a);
	ck_assert_int_eq(catalog_chain(&c, "20200101T000000Z-full", &v, &n, &err), -1);
	ck_assert_int_eq(err.kind, ERR_NOT_FOUND);
	ck_assert_str_eq(err.text, "no backup 20200101T000000Z-full");

	strcpy(a->parent, "20261120T000000Z-full");
	ck_assert_int_eq(catalog_chain(&c, b->id, &v, &n, &err), -1);
	ck_assert_int_eq(err.kind, ERR_DAMAGED);
	snprintf(want, sizeof want, "backup %s needs its parent %s, which is missing", a->id,
	         a->parent);
	ck_assert_str_eq(err.text, want);

	catalog_add_damaged(&c, "20261120T000000Z-full", &why);
	ck_assert_int_eq(catalog_chain(&c, b->id, &v, &n, &err), -1);
	snprintf(want, sizeof want, "backup %s needs its parent %s, which cannot be read: cut off",
	         a->id, a->parent);
	ck_assert_str_eq(err.text, want);
	ck_assert_int_eq(catalog_chain(&c, "20261120T000000Z-full", &v, &n, &err), -1);
	ck_assert_int_eq(err.kind, ERR_DAMAGED);

	strcpy(a->parent, b->id);
	ck_assert_int_eq(catalog_chain(&c, b->id, &v, &n, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "is a circle"));
	a->parent[0] = 0;
	ck_assert_int_eq(catalog_chain(&c, b->id, &v, &n, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "is incremental, but has no parent"));
	a->kind = BACKUP_FULL;
	strcpy(a->parent, full->id);
	ck_assert_int_eq(catalog_chain(&c, b->id, &v, &n, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "is full, but has a parent"));
	ck_assert(v == NULL && n == 77);
	catalog_done(&c);
}
END_TEST

static const struct expire_verdict *verdict(const struct expire_verdict *v, size_t n,
                                            const struct manifest *m)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].backup == m)
			return &v[i];
	ck_abort_msg("no verdict for %s", m->id);
}

static void says(const struct catalog *c, const struct expire_verdict *v, const struct manifest *m,
                 bool remove, const char *reason)
{
	const struct expire_verdict *one = verdict(v, c->backups.n, m);

	ck_assert_msg(one->remove == remove && !strcmp(one->reason, reason), "%s: %s, %s", m->id,
	              one->remove ? "remove" : "keep", one->reason);
}

START_TEST(reasons)
{
	struct catalog c;
	struct expire_verdict *v;
	char why[80];

	catalog_init(&c);
	struct manifest *f40 = backup(&c, 40 * 24, NULL), *f35 = backup(&c, 35 * 24, NULL);
	struct manifest *i34 = backup(&c, 34 * 24, f35), *f31 = backup(&c, 31 * 24, NULL);
	struct manifest *i8 = backup(&c, 8 * 24, f31), *i6 = backup(&c, 6 * 24, i8);
	struct manifest *f29 = backup(&c, 29 * 24, NULL), *i9 = backup(&c, 9 * 24, f29);
	struct manifest *future = backup(&c, -5, NULL);
	catalog_expire(&c, &usual, now, &v);
	says(&c, v, f40, true, "full older than 30 days");
	says(&c, v, f35, true, "full older than 30 days");
	says(&c, v, i34, true, "incremental older than 7 days");
	snprintf(why, sizeof why, "parent of %s", i8->id);
	says(&c, v, f31, false, why);
	snprintf(why, sizeof why, "parent of %s", i6->id);
	says(&c, v, i8, false, why);
	says(&c, v, i6, false, "incremental kept 7 days");
	says(&c, v, f29, false, "full kept 30 days");
	says(&c, v, i9, true, "incremental older than 7 days");
	says(&c, v, future, false, "dated in the future");
	for (size_t i = 1; i < c.backups.n; i++)
		ck_assert_int_gt(strcmp(v[i - 1].backup->id, v[i].backup->id), 0);
	free(v);
	catalog_done(&c);
}
END_TEST

START_TEST(edges)
{
	struct catalog c;
	struct expire_verdict *v;

	/* to the second: exactly 30 days is still kept */
	catalog_init(&c);
	struct manifest *exact = backup(&c, 30 * 24, NULL), *past = backup(&c, 30 * 24 + .01, NULL);
	backup(&c, 1, NULL);
	catalog_expire(&c, &usual, now, &v);
	says(&c, v, exact, false, "full kept 30 days");
	says(&c, v, past, true, "full older than 30 days");
	free(v);
	catalog_done(&c);

	/* the last full stays, however old; min_full 0 is 1 */
	catalog_init(&c);
	struct manifest *a = backup(&c, 900 * 24, NULL), *b = backup(&c, 800 * 24, NULL);
	catalog_expire(&c, &(struct policy_retention){0, 0, 0}, now, &v);
	says(&c, v, a, true, "full older than 0 days");
	says(&c, v, b, false, "last full");
	free(v);
	catalog_expire(&c, &(struct policy_retention){30, 7, 2}, now, &v);
	says(&c, v, a, false, "one of the last 2 fulls");
	says(&c, v, b, false, "one of the last 2 fulls");
	free(v);
	/* one dated in the future does not take the place of the last full */
	backup(&c, -5, NULL);
	catalog_expire(&c, &usual, now, &v);
	says(&c, v, a, true, "full older than 30 days");
	says(&c, v, b, false, "last full");
	free(v);
	/* a huge number of days is for ever, not an overflow */
	catalog_expire(&c, &(struct policy_retention){UINT32_MAX, UINT32_MAX, 1}, now, &v);
	ck_assert(!verdict(v, c.backups.n, a)->remove);
	free(v);
	catalog_done(&c);

	catalog_init(&c);
	catalog_expire(&c, &usual, now, &v);
	free(v);
	catalog_done(&c);
}
END_TEST

START_TEST(damaged)
{
	struct catalog c;
	struct expire_verdict *v;
	struct err why = {.kind = ERR_IO, .text = "Input/output error"};

	/* a full that cannot be read is no full */
	catalog_init(&c);
	struct manifest *good = backup(&c, 50 * 24, NULL);
	catalog_add_damaged(&c, "20261121T000000Z-full", &why);
	catalog_expire(&c, &usual, now, &v);
	says(&c, v, good, false, "last full");
	free(v);

	/* what an incremental that cannot be read today may stand on stays */
	struct manifest *i = backup(&c, 20 * 24, good), *later = backup(&c, 24, NULL);
	catalog_expire(&c, &usual, now, &v);
	says(&c, v, i, true, "incremental older than 7 days");
	says(&c, v, good, true, "full older than 30 days");
	free(v);
	catalog_add_damaged(&c, "20261119T000000Z-incr", &why);
	catalog_expire(&c, &usual, now, &v);
	says(&c, v, i, false, "may be the parent of 20261119T000000Z-incr, which cannot be read");
	ck_assert(!verdict(v, c.backups.n, good)->remove &&
	          !verdict(v, c.backups.n, later)->remove);
	free(v);
	/* but not for ever */
	catalog_expire(&c, &usual, now + 10 * DAY_US, &v);
	says(&c, v, i, true, "incremental older than 7 days");
	free(v);
	catalog_done(&c);
}
END_TEST

START_TEST(circle)
{
	struct catalog c;
	struct expire_verdict *v;

	catalog_init(&c);
	struct manifest *f = backup(&c, 90 * 24, NULL), *a = backup(&c, 80 * 24, f);
	struct manifest *b = backup(&c, 70 * 24, a);
	strcpy(a->parent, b->id);
	catalog_expire(&c, &usual, now, &v);
	ck_assert(!verdict(v, 3, a)->remove && !verdict(v, 3, b)->remove);
	ck_assert_ptr_nonnull(strstr(verdict(v, 3, a)->reason, "circle"));
	free(v);
	catalog_done(&c);
}
END_TEST

/* What holds for any catalog. */
static void check_rules(const struct catalog *c, const struct policy_retention *r,
                        const struct expire_verdict *v)
{
	size_t n = c->backups.n, fulls = 0, kept = 0;

	for (size_t i = 0; i < n; i++) {
		const struct manifest *m = v[i].backup;
		int64_t age = now - m->finished_us;
		unsigned days = m->kind == BACKUP_FULL ? r->full_days : r->incremental_days;
		ck_assert(v[i].reason[0]);
		ck_assert_ptr_nonnull(catalog_find(c, m->id));
		if (age <= (int64_t)days * DAY_US)
			ck_assert_msg(!v[i].remove, "%s is young", m->id);
		if (m->kind == BACKUP_FULL && age >= 0) {
			fulls++;
			kept += !v[i].remove;
		}
		for (size_t k = 0; k < n; k++) {
			if (strcmp(v[k].backup->parent, m->id) != 0)
				continue;
			ck_assert_msg(k < i, "%s goes before its child %s", m->id, v[k].backup->id);
			ck_assert_msg(!v[i].remove || v[k].remove, "%s loses its parent",
			              v[k].backup->id);
		}
		for (size_t k = 0; k < i; k++)
			ck_assert_ptr_ne(v[k].backup, m);
	}
	ck_assert_uint_ge(kept, fulls < r->min_full ? fulls : r->min_full);
	/* those kept for their number are the newest */
	for (size_t i = 0, seen = 0; i < n && seen < r->min_full; i++)
		if (v[i].backup->kind == BACKUP_FULL && v[i].backup->finished_us <= now) {
			ck_assert(!v[i].remove);
			seen++;
		}
}

START_TEST(random_catalogs)
{
	srand(2026);
	for (int round = 0; round < 2000; round++) {
		struct policy_retention r = {(unsigned)rand() % 40, (unsigned)rand() % 10,
		                             1 + (unsigned)rand() % 3};
		struct expire_verdict *v;
		struct catalog c;
		struct err why = {.kind = ERR_DAMAGED, .text = "x"};
		const struct manifest *made[60];
		int n = rand() % 60;
		double hours = 70 * 24;
		catalog_init(&c);
		for (int i = 0; i < n; i++) {
			const struct manifest *parent =
			    i && rand() % 4 ? made[rand() % 3 ? i - 1 : rand() % i] : NULL;
			hours -= 1 + rand() % 55;
			made[i] = backup(&c, hours, parent);
		}
		if (rand() % 3 == 0)
			catalog_add_damaged(&c, "20261118T000000Z-incr", &why);
		catalog_expire(&c, &r, now, &v);
		check_rules(&c, &r, v);
		free(v);
		catalog_done(&c);
	}
}
END_TEST

/* A clock that was set back gives a child an id that sorts before its parent's. */
START_TEST(clock_set_back)
{
	struct catalog c;
	struct expire_verdict *v;

	catalog_init(&c);
	struct manifest *f = backup(&c, 50 * 24, NULL), *a = backup(&c, 51 * 24, f);
	struct manifest *b = backup(&c, 52 * 24, a);
	backup(&c, 1, NULL);
	catalog_expire(&c, &usual, now, &v);
	check_rules(&c, &usual, v);
	ck_assert(verdict(v, 4, f)->remove && verdict(v, 4, b)->remove);
	free(v);
	b->finished_us = now;
	catalog_expire(&c, &usual, now, &v);
	check_rules(&c, &usual, v);
	ck_assert(!verdict(v, 4, f)->remove && !verdict(v, 4, a)->remove);
	free(v);
	catalog_done(&c);
}
END_TEST

START_TEST(policies)
{
	struct policy *p = policy_new();

	ck_assert(p->limits.workers == 2 && p->limits.jobs == 2 && p->limits.lock_wait_s == 60);
	ck_assert_int_eq(policy_level_for(p, 5), 3);
	p->compression = mem_resize(p->compression, 2, sizeof *p->compression);
	p->compression[1] = p->compression[0];
	p->compression[0] = (struct policy_compression_rule){1000, 9};
	p->compression_n = 2;
	ck_assert_int_eq(policy_level_for(p, 1000), 9);
	ck_assert_int_eq(policy_level_for(p, 1001), 3);
	p->instances = mem_zalloc(sizeof *p->instances);
	p->instances[0].name = mem_strdup("main");
	p->instance_n = 1;
	ck_assert_ptr_eq(policy_find_instance(p, "main"), p->instances);
	ck_assert_ptr_null(policy_find_instance(p, "mai"));
	ck_assert_ptr_eq(policy_ref(p), p);
	policy_unref(p);
	ck_assert_int_eq(policy_level_for(p, 1001), 3);
	policy_unref(p);
	policy_unref(NULL);
	ck_assert(policy_name_valid("Main-1_x.y") && !policy_name_valid("") &&
	          !policy_name_valid(".x") && !policy_name_valid("a/b") &&
	          !policy_name_valid("a b") && !policy_name_valid(".."));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("catalog");
	TCase *t = tcase_create("catalog");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, order_and_find);
	tcase_add_test(t, chain);
	tcase_add_test(t, broken_chains);
	tcase_add_test(t, reasons);
	tcase_add_test(t, edges);
	tcase_add_test(t, damaged);
	tcase_add_test(t, circle);
	tcase_add_test(t, random_catalogs);
	tcase_add_test(t, clock_set_back);
	tcase_add_test(t, policies);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
