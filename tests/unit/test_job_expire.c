/*
 * expire over archives and backups made at random: whatever is removed, every backup
 * that stays can still be rolled forward as far as before, and nothing stays that none
 * needs.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fsio.h"
#include "job/catalog_load.h"
#include "job/expire.h"
#include "job/verify.h"
#include "tests/unit/binlog_make.h"

#define T0 1763820000u
#define DAY 86400u
#define ROUNDS 60
#define LINEAGES 3
#define SEGMENTS 4
#define BACKUPS 24

/* What was made, as it was made: from this, not from the program's own tables, is worked
 * out what must stay. */
struct piece {
	char file[32];
	bool gap;     /* before it */
	bool damaged; /* its index was overwritten */
};
struct history {
	char name[LINEAGE_MAX];
	struct piece pieces[SEGMENTS];
	unsigned n;
};
struct taken {
	char id[BACKUP_ID_MAX];
	unsigned lineage, segment;
	bool stands; /* it has a position */
	bool damaged;
	uint32_t at;
};

static char dir[64], url[128];
static struct repo *repo;
static struct err err;
static struct history made[LINEAGES];
static struct taken taken[BACKUPS];
static unsigned lineage_n, taken_n;
static uint32_t now;
static struct policy_instance inst;

static unsigned pick(unsigned n)
{
	return (unsigned)random() % n;
}

static void setup(void)
{
	struct repo_options o = {.create = true};
	err_clear(&err);
	strcpy(dir, "/tmp/unit-job-expire-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(url, sizeof url, "file://%s/repo", dir);
	ck_ok(repo_open(url, &o, &repo, &err), err);
	lineage_n = taken_n = 0;
	now = T0;
}

static void teardown(void)
{
	struct err e = ERR_INIT;
	clock_set_fake(-1);
	repo_close(repo);
	repo = NULL;
	ck_ok(fsio_remove_tree(dir, &e), e);
}

/* ---- making */

static struct manifest *head(uint32_t at, bool full)
{
	struct manifest *b = manifest_new();
	char time[32];
	b->kind = full ? BACKUP_FULL : BACKUP_INCREMENTAL;
	b->started_us = at * CLOCK_US;
	b->finished_us = (at + 1) * CLOCK_US;
	clock_format_id(time, sizeof time, b->started_us);
	snprintf(b->id, sizeof b->id, "%s-%s", time, full ? "full" : "incr");
	b->instance = mem_strdup("main");
	b->method = mem_strdup("hot");
	b->flavour = mem_strdup("mariadb");
	b->version = mem_strdup("10.11.19-MariaDB");
	*vec_push(&b->roots) = (struct manifest_root){.path = mem_strdup("/var/lib/mysql"),
	                                              .role = mem_strdup("datadir")};
	return b;
}

static void backup(const struct made *m, bool stands)
{
	struct taken *t = &taken[taken_n];
	bool full = taken_n == 0 || pick(3) > 0;
	struct manifest *b = head(now += 60, full);
	*t = (struct taken){.lineage = lineage_n - 1,
	                    .segment = made[lineage_n - 1].n - 1,
	                    .stands = stands,
	                    .at = now};
	memcpy(t->id, b->id, sizeof t->id);
	if (!full)
		memcpy(b->parent, taken[taken_n - 1].id, sizeof b->parent);
	if (stands)
		b->binlog = (struct position){.file = mem_strdup(m->file),
		                              .pos = m->at.v[1 + pick((unsigned)m->at.n - 1)],
		                              .created = pick(3) ? m->created : 0};
	ck_ok(manifest_store(repo, b, &err), err);
	manifest_free(b);
	taken_n++;
}

static void segment(struct archive *a, unsigned number, bool gap, unsigned server_id)
{
	struct history *h = &made[lineage_n - 1];
	struct piece *p = &h->pieces[h->n++];
	struct segment_gap g = {.from_file = h->n > 1 ? h->pieces[h->n - 2].file : NULL,
	                        .from_pos = 1};
	struct made m;
	uint64_t pos;
	now += DAY;
	*p = (struct piece){.gap = gap};
	snprintf(p->file, sizeof p->file, "binlog.%06u", number);
	made_begin(&m, p->file, now, server_id);
	for (unsigned i = pick(3); i < 3; i++)
		made_group(&m, now += 10, 20 + pick(500));
	ck_ok(archive_begin_file(a, p->file, gap ? &g : NULL, &err), err);
	ck_ok(made_feed(a, &m, 0, m.bytes.n, &err), err);
	ck_ok(archive_sync(a, &pos, &err), err);
	snprintf(h->name, sizeof h->name, "%s", archive_lineage(a));
	for (unsigned i = pick(3); i < 2 && taken_n < BACKUPS; i++)
		backup(&m, pick(8) > 0);
	made_done(&m);
}

static void make_archive(void)
{
	struct archive *a = NULL;
	unsigned histories = 1 + pick(LINEAGES);
	ck_ok(archive_open(repo, "main", NULL, &a, &err), err);
	while (lineage_n < histories) {
		unsigned number = 1 + pick(3), n = 1 + pick(SEGMENTS);
		made[lineage_n++].n = 0;
		if (lineage_n > 1)
			archive_new_lineage(a);
		for (unsigned i = 0; i < n; i++) {
			bool gap = i && pick(4) == 0;
			number += gap ? 2 : 1;
			segment(a, number, gap, 1 + pick(2));
		}
	}
	archive_free(a);
}

static void overwrite(const char *path)
{
	struct stat st;
	ck_assert_msg(stat(path, &st) == 0, "%s", path);
	ck_ok(fsio_replace(path, "junk", 4, 0600, &err), err);
}

static void damage(void)
{
	char path[1536];
	if (taken_n && pick(4) == 0) {
		struct taken *t = &taken[pick(taken_n)];
		t->damaged = true;
		snprintf(path, sizeof path, "%s/repo/main/backups/%s/manifest", dir, t->id);
		overwrite(path);
	}
	if (!taken_n || pick(2))
		return;
	/* One that a backup stands in, and that is closed. */
	const struct taken *t = &taken[pick(taken_n)];
	struct history *h = &made[t->lineage];
	struct piece *p = &h->pieces[t->segment];
	if (t->lineage + 1 == lineage_n && t->segment + 1 == h->n)
		return;
	p->damaged = true;
	snprintf(path, sizeof path, "%s/repo/main/binlogs/%s/%s.json", dir, h->name, p->file);
	overwrite(path);
}

/* ---- looking */

static bool there(const struct history *h, const struct piece *p, const char *suffix)
{
	char path[1536];
	snprintf(path, sizeof path, "%s/repo/main/binlogs/%s/%s%s", dir, h->name, p->file, suffix);
	return access(path, F_OK) == 0;
}

static bool stays(const struct history *h, const struct piece *p)
{
	return there(h, p, ".part") || (there(h, p, ".zst") && there(h, p, ".json"));
}

static bool kept(const struct taken *t)
{
	char path[1536];
	snprintf(path, sizeof path, "%s/repo/main/backups/%s/manifest", dir, t->id);
	return access(path, F_OK) == 0;
}

/* All that it could be rolled forward over, up to the next gap. */
static void check_run(const struct taken *t, unsigned round)
{
	const struct history *h = &made[t->lineage];
	for (unsigned i = t->segment; i < h->n; i++) {
		if (i > t->segment && h->pieces[i].gap)
			return;
		ck_assert_msg(stays(h, &h->pieces[i]), "round %u: %s needs %s of %s", round, t->id,
		              h->pieces[i].file, h->name);
	}
}

static bool needed_at(unsigned lineage, unsigned segment)
{
	bool any = false;
	for (unsigned i = 0; i < taken_n; i++) {
		const struct taken *t = &taken[i];
		any = any || kept(t);
		if (kept(t) && t->lineage == lineage && t->segment == segment &&
		    (t->stands || t->damaged))
			return true;
		/* Of what cannot be read only its time is known: within a segment or two. */
		if (kept(t) && t->damaged)
			return true;
	}
	return !any || (lineage + 1 == lineage_n && segment + 1 == made[lineage].n);
}

static void check_lineage(unsigned l, unsigned round)
{
	const struct history *h = &made[l];
	unsigned from = 0;
	bool damaged = false;
	for (unsigned i = 0; i < h->n; i++)
		damaged = damaged || h->pieces[i].damaged;
	while (from < h->n && !stays(h, &h->pieces[from])) {
		const struct piece *p = &h->pieces[from++];
		ck_assert_msg(!there(h, p, ".zst") && !there(h, p, ".json"),
		              "round %u: %s of %s is gone in part only", round, p->file, h->name);
	}
	for (unsigned i = from; i < h->n; i++)
		ck_assert_msg(stays(h, &h->pieces[i]), "round %u: a hole at %s", round,
		              h->pieces[i].file);
	ck_assert_msg(from < h->n || l + 1 < lineage_n, "round %u: the newest went", round);
	ck_assert_msg(from == h->n || damaged || needed_at(l, from),
	              "round %u: nobody needs %s of %s", round, h->pieces[from].file, h->name);
	char path[1536];
	snprintf(path, sizeof path, "%s/repo/main/binlogs/%s", dir, h->name);
	ck_assert_msg((access(path, F_OK) == 0) == (from < h->n), "round %u: orphan %s", round,
	              path);
}

static void same_fate(const struct expire_result *would, const struct expire_result *did)
{
	ck_assert_uint_eq(would->binlogs.n, did->binlogs.n);
	for (size_t i = 0; i < would->binlogs.n; i++) {
		const struct expire_binlog *a = &would->binlogs.v[i], *b = &did->binlogs.v[i];
		ck_assert_str_eq(a->lineage, b->lineage);
		ck_assert_str_eq(a->first, b->first);
		ck_assert_str_eq(a->last, b->last);
		ck_assert_str_eq(a->reason, b->reason);
		ck_assert_str_ne(a->reason, "");
		ck_assert(a->remove == b->remove);
	}
}

static void count_files(struct expire_result *r, unsigned *ret_removed)
{
	*ret_removed = 0;
	for (size_t i = 0; i < r->binlogs.n; i++)
		*ret_removed += r->binlogs.v[i].remove;
}

static struct policy *policy(unsigned full, unsigned incremental)
{
	struct policy *p = policy_new();
	struct policy_repository where = {.name = mem_strdup("local"), .url = mem_strdup(url)};
	p->repositories = mem_dup(&where, sizeof where);
	p->repository_n = 1;
	inst = (struct policy_instance){
	    .name = mem_strdup("main"),
	    .retention = {.full_days = full, .incremental_days = incremental, .min_full = 1}};
	return p;
}

static unsigned expire(unsigned round, unsigned full, unsigned incremental)
{
	struct policy *p = policy(full, incremental);
	struct expire_result would = {0}, did = {0};
	bool before[BACKUPS];
	unsigned removed;
	clock_set_fake((now + 3600) * CLOCK_US);
	ck_ok(expire_run(p, &inst, true, NULL, &would, &err), err);
	for (unsigned i = 0; i < taken_n; i++)
		before[i] = kept(&taken[i]);
	ck_ok(expire_run(p, &inst, false, NULL, &did, &err), err);
	same_fate(&would, &did);
	for (unsigned i = 0; i < taken_n; i++) {
		const struct taken *t = &taken[i];
		if (before[i] && kept(t) && t->stands &&
		    (!t->damaged || now + 3600 - t->at < full * DAY))
			check_run(t, round);
	}
	for (unsigned l = 0; l < lineage_n; l++)
		check_lineage(l, round);
	count_files(&did, &removed);
	expire_result_done(&would);
	expire_result_done(&did);
	free(inst.name);
	policy_unref(p);
	return removed;
}

START_TEST(no_orphan_and_no_hole)
{
	unsigned removed = 0, kept_n = 0;
	for (unsigned round = 0; round < ROUNDS; round++) {
		if (round) {
			teardown();
			setup();
		}
		srandom(round);
		make_archive();
		if (round % 2)
			damage();
		unsigned full = pick(12);
		removed += expire(round, full, pick(full + 1));
		for (unsigned i = 0; i < taken_n; i++)
			kept_n += kept(&taken[i]);
	}
	/* It was about something. */
	ck_assert_uint_gt(removed, ROUNDS / 4);
	ck_assert_uint_gt(kept_n, ROUNDS);
}
END_TEST

START_TEST(without_a_backup_all_stays)
{
	struct archive *a = NULL;
	ck_ok(archive_open(repo, "main", NULL, &a, &err), err);
	for (lineage_n = 1; lineage_n < 3; lineage_n++) {
		made[lineage_n - 1].n = 0;
		if (lineage_n > 1)
			archive_new_lineage(a);
		taken_n = BACKUPS; /* none is made */
		for (unsigned i = 1; i < 4; i++)
			segment(a, i, i == 3, 1);
	}
	archive_free(a);
	taken_n = 0;
	lineage_n = 2;
	ck_assert_uint_eq(expire(0, 1, 1), 0);
	for (unsigned l = 0; l < 2; l++)
		for (unsigned i = 0; i < 3; i++)
			ck_assert(stays(&made[l], &made[l].pieces[i]));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("job_expire");
	TCase *t = tcase_create("expire");
	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, no_orphan_and_no_hole);
	tcase_add_test(t, without_a_backup_all_stays);
	suite_add_tcase(s, t);
	return s;
}
UNIT_MAIN(suite)
