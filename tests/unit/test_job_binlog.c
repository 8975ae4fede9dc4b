/* verify and expire where there are binlogs. */
#include <fcntl.h>
#include <stdio.h>
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
#define LINEAGE "20251122T140000Z-1"

static char dir[64], url[128];
static struct repo *repo;
static struct err err;
static struct made made[4];

static void backup(uint32_t finished, const struct made *m, size_t pos)
{
	struct manifest *b = manifest_new();
	char time[32];
	clock_format_id(time, sizeof time, (finished - 1) * CLOCK_US);
	snprintf(b->id, sizeof b->id, "%s-full", time);
	b->instance = mem_strdup("main");
	b->started_us = (finished - 1) * CLOCK_US;
	b->finished_us = finished * CLOCK_US;
	b->method = mem_strdup("hot");
	b->flavour = mem_strdup("mariadb");
	b->version = mem_strdup("10.11.19-MariaDB");
	b->binlog =
	    (struct position){.file = mem_strdup(m->file), .pos = pos, .created = m->created};
	*vec_push(&b->roots) = (struct manifest_root){.path = mem_strdup("/var/lib/mysql"),
	                                              .role = mem_strdup("datadir")};
	ck_ok(manifest_store(repo, b, &err), err);
	manifest_free(b);
}

/* A binlog a day, and a full in each but the last. */
static void setup(void)
{
	struct repo_options o = {.create = true};
	struct archive *a = NULL;
	uint64_t pos;
	err_clear(&err);
	strcpy(dir, "/tmp/unit-job-binlog-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(url, sizeof url, "file://%s/repo", dir);
	ck_ok(repo_open(url, &o, &repo, &err), err);
	ck_ok(archive_open(repo, "main", NULL, &a, &err), err);
	for (unsigned i = 0; i < 4; i++) {
		char name[32];
		snprintf(name, sizeof name, "binlog.%06u", i + 1);
		made_begin(&made[i], name, T0 + i * DAY, 1);
		made_group(&made[i], T0 + i * DAY + 10, 500);
		made_group(&made[i], T0 + i * DAY + 20, 500);
		ck_ok(archive_begin_file(a, name, NULL, &err), err);
		ck_ok(made_feed(a, &made[i], 0, made[i].bytes.n, &err), err);
		ck_ok(archive_sync(a, &pos, &err), err);
		if (i < 3)
			backup(T0 + i * DAY + 15, &made[i], made[i].at.v[4]);
	}
	archive_free(a);
}

static void teardown(void)
{
	struct err e = ERR_INIT;
	clock_set_fake(-1);
	for (int i = 0; i < 4; i++)
		made_done(&made[i]);
	repo_close(repo);
	ck_ok(fsio_remove_tree(dir, &e), e);
}

static const char *in(const char *name)
{
	static char path[256];
	snprintf(path, sizeof path, "%s/repo/main/binlogs/" LINEAGE "/%s", dir, name);
	return path;
}

static bool there(const char *name)
{
	return access(in(name), F_OK) == 0;
}

static int verify(const char *id, struct verify_result *r)
{
	struct verify_request req = {.repo_url = url, .backup = id, .jobs = 1};
	err_clear(&err);
	return verify_run(&req, r, &err);
}

START_TEST(verify_reads_the_binlogs)
{
	struct verify_result r = {0};
	static struct progress progress;
	struct verify_request req = {.repo_url = url, .jobs = 1, .progress = &progress};
	ck_ok(verify_run(&req, &r, &err), err);
	ck_assert_uint_eq(r.segments, 4);
	ck_assert_uint_eq(r.binlogs.n, 0);
	ck_assert_uint_gt(r.bytes, 1000);
	ck_assert_uint_eq(progress.bytes_done, progress.bytes_total);
	ck_assert_uint_eq(progress.bytes_done, r.bytes);
	verify_result_done(&r);
	/* One backup alone: no binlogs. */
	ck_ok(verify("latest", &r), err);
	ck_assert_uint_eq(r.segments, 0);
	verify_result_done(&r);
}
END_TEST

START_TEST(verify_names_damage_and_loss)
{
	struct verify_result r = {0};
	unsigned char b;
	int fd = open(in("binlog.000001.zst"), O_RDWR);
	ck_assert_int_eq(pread(fd, &b, 1, 40), 1);
	b ^= 1;
	ck_assert_int_eq(pwrite(fd, &b, 1, 40), 1);
	close(fd);
	unlink(in("binlog.000003.json"));
	ck_assert_int_eq(verify(NULL, &r), -1);
	ck_assert_int_eq(err.kind, ERR_DAMAGED);
	ck_assert_str_ne(err.hint, "");
	ck_assert_ptr_nonnull(strstr(err.text, "binlog.000001"));
	ck_assert_uint_eq(r.binlogs.n, 2);
	ck_assert_int_eq(r.binlogs.v[0].kind, VERIFY_SEGMENT_DAMAGED);
	ck_assert_str_eq(r.binlogs.v[0].file, "binlog.000001");
	ck_assert_str_eq(r.binlogs.v[0].lineage, LINEAGE);
	ck_assert_int_eq(r.binlogs.v[1].kind, VERIFY_SEGMENTS_LOST);
	ck_assert_str_eq(r.binlogs.v[1].file, "binlog.000004");
	ck_assert_ptr_nonnull(strstr(r.binlogs.v[1].why.text, "binlog.000002"));
	/* The backups themselves are fine. */
	for (size_t i = 0; i < r.findings.n; i++)
		ck_assert(r.findings.v[i].usable);
	verify_result_done(&r);
}
END_TEST

/* The backups are read all the same, and whoever asks is told of both. */
START_TEST(verify_reads_the_backups_without_binlogs)
{
	struct verify_result r = {0};
	char path[128];
	snprintf(path, sizeof path, "%s/repo/main/binlogs", dir);
	ck_ok(fsio_remove_tree(path, &err), err);
	ck_ok(fsio_replace(path, "in the way", 10, 0600, &err), err);
	ck_assert_int_eq(verify(NULL, &r), -1);
	ck_assert_uint_eq(r.backups, 3);
	ck_assert_uint_eq(r.findings.n, 3);
	ck_assert(r.findings.v[0].usable);
	ck_assert_int_eq(err.kind, ERR_DAMAGED);
	ck_assert_ptr_nonnull(strstr(err.text, "the binlogs cannot be read: "));
	ck_assert_str_ne(err.hint, "");
	verify_result_done(&r);
}
END_TEST

START_TEST(a_gap_is_named_and_no_damage)
{
	struct verify_result r = {0};
	struct archive *a = NULL;
	struct made m;
	struct segment_gap gap = {.from_file = made[3].file,
	                          .from_pos = made[3].bytes.n,
	                          .from_us = (T0 + 3 * DAY + 20) * CLOCK_US};
	made_begin(&m, "binlog.000009", T0 + 5 * DAY, 1);
	made_group(&m, T0 + 5 * DAY, 10);
	ck_ok(archive_open(repo, "main", NULL, &a, &err), err);
	ck_ok(archive_begin_file(a, m.file, &gap, &err), err);
	ck_ok(made_feed(a, &m, 0, m.bytes.n, &err), err);
	uint64_t pos;
	ck_ok(archive_sync(a, &pos, &err), err);
	archive_free(a);
	ck_ok(verify(NULL, &r), err);
	ck_assert_uint_eq(r.binlogs.n, 1);
	ck_assert_int_eq(r.binlogs.v[0].kind, VERIFY_GAP);
	ck_assert_str_eq(r.binlogs.v[0].file, "binlog.000009");
	ck_assert_ptr_nonnull(strstr(r.binlogs.v[0].why.text, "2025-11-25T14:00:20Z"));
	verify_result_done(&r);
	made_done(&m);
}
END_TEST

static struct policy *policy(struct policy_instance *inst, unsigned days)
{
	struct policy *p = policy_new();
	struct policy_repository where = {.name = mem_strdup("local"), .url = mem_strdup(url)};
	p->repositories = mem_dup(&where, sizeof where);
	p->repository_n = 1;
	*inst = (struct policy_instance){
	    .name = mem_strdup("main"),
	    .retention = {.full_days = days, .incremental_days = days, .min_full = 1}};
	return p;
}

START_TEST(expire_takes_what_no_kept_backup_needs)
{
	struct policy_instance inst;
	struct policy *p = policy(&inst, 1);
	struct expire_result r = {0};
	uint64_t would = 0;
	clock_set_fake((T0 + 2 * DAY + 100) * CLOCK_US);
	for (int dry = 1; dry >= 0; dry--) {
		ck_ok(expire_run(p, &inst, dry, NULL, &r, &err), err);
		ck_assert_uint_eq(r.lines.n, 3);
		ck_assert_uint_eq(r.binlogs.n, 2);
		ck_assert(r.binlogs.v[0].remove && !r.binlogs.v[1].remove);
		ck_assert_str_eq(r.binlogs.v[0].first, "binlog.000001");
		ck_assert_str_eq(r.binlogs.v[0].last, "binlog.000002");
		ck_assert_uint_eq(r.binlogs.v[0].segments, 2);
		ck_assert_str_eq(r.binlogs.v[1].first, "binlog.000003");
		ck_assert_str_eq(r.binlogs.v[1].last, "binlog.000004");
		ck_assert_str_eq(r.binlogs.v[1].reason, "needed by 20251124T140014Z-full");
		ck_assert_int_eq(there("binlog.000001.zst"), dry);
		ck_assert_int_eq(there("binlog.000002.json"), dry);
		ck_assert(there("binlog.000003.zst") && there("binlog.000004.part"));
		if (dry)
			would = r.freed_bytes;
		else /* and the indexes */
			ck_assert_uint_gt(r.freed_bytes, would);
		ck_assert_uint_gt(r.freed_bytes, 0);
		expire_result_done(&r);
	}
	struct verify_result v = {0};
	ck_ok(verify(NULL, &v), err);
	ck_assert_uint_eq(v.segments, 2);
	ck_assert_uint_eq(v.binlogs.n, 0);
	verify_result_done(&v);
	free(inst.name);
	policy_unref(p);
}
END_TEST

/* What cannot be read today may need its binlogs tomorrow, for as long as it is kept. */
START_TEST(expire_spares_the_binlogs_of_the_unreadable)
{
	struct policy_instance inst;
	struct policy *p = policy(&inst, 2);
	struct expire_result r = {0};
	char path[256];
	snprintf(path, sizeof path, "%s/repo/main/backups/20251123T140014Z-full/manifest", dir);
	ck_ok(fsio_replace(path, "junk", 4, 0600, &err), err);
	clock_set_fake((T0 + 3 * DAY) * CLOCK_US);
	ck_ok(expire_run(p, &inst, true, NULL, &r, &err), err);
	ck_assert_uint_eq(r.binlogs.n, 2);
	ck_assert_str_eq(r.binlogs.v[0].last, "binlog.000001");
	ck_assert_str_eq(r.binlogs.v[1].first, "binlog.000002");
	expire_result_done(&r);
	clock_set_fake((T0 + 3 * DAY + 20) * CLOCK_US);
	ck_ok(expire_run(p, &inst, true, NULL, &r, &err), err);
	ck_assert_str_eq(r.binlogs.v[0].last, "binlog.000002");
	expire_result_done(&r);
	free(inst.name);
	policy_unref(p);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("job_binlog");
	TCase *t = tcase_create("binlog");
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, verify_reads_the_binlogs);
	tcase_add_test(t, verify_names_damage_and_loss);
	tcase_add_test(t, verify_reads_the_backups_without_binlogs);
	tcase_add_test(t, a_gap_is_named_and_no_damage);
	tcase_add_test(t, expire_takes_what_no_kept_backup_needs);
	tcase_add_test(t, expire_spares_the_binlogs_of_the_unreadable);
	suite_add_tcase(s, t);
	return s;
}
UNIT_MAIN(suite)
