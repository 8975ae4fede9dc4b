/* What a daemon makes of what it finds at its start and of a policy that changed. */
#include <stdio.h>
#include <string.h>

#include "base/fsio.h"
#include "daemon/daemon.h"
#include "repo/repo.h"
#include "tests/unit/unit.h"

static char dir[40], path[3][64];
static struct err err;

static void setup(void)
{
	strcpy(dir, "/tmp/mybak-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	err = ERR_INIT;
	snprintf(path[0], sizeof path[0], "%s/policy", dir);
	snprintf(path[1], sizeof path[1], "%s/socket", dir);
	snprintf(path[2], sizeof path[2], "%s/repo", dir);
}

static void teardown(void)
{
	fsio_remove_tree(dir, &err);
}

static void write_policy(void)
{
	char text[256];
	int n = snprintf(text, sizeof text,
	                 "repositories: [{name: a, url: \"file://%s\"}]\n"
	                 "instances: [{name: main, socket: /nowhere}]\n",
	                 path[2]);
	ck_ok(fsio_replace(path[0], text, (size_t)n, 0600, &err), err);
}

START_TEST(a_lost_history_does_not_give_a_tokens_number_to_a_new_job)
{
	struct options o = {path[0], path[1], dir};
	struct journal *journal = NULL;
	static struct daemon d;
	write_policy();
	ck_ok(journal_open(dir, &journal, &err), err);
	ck_ok(journal_set(journal, 41, "main", "flush=2", &err), err);
	journal_free(journal);
	ck_ok(daemon_start(&d, &o, &err), err);
	ck_assert_int_eq(d.jobs.last_id, 41);
	ck_assert(daemon_end(&d));
}
END_TEST

static struct snapshot *look(const char *url)
{
	static char name[] = "main", repo[] = "a", copy[80];
	struct policy_repository r = {.name = repo, .url = copy};
	struct policy_instance i = {.name = name};
	struct policy p = {.repositories = &r, .repository_n = 1, .instances = &i, .instance_n = 1};
	snprintf(copy, sizeof copy, "file://%s", url);
	return snapshot_take(&p, NULL);
}

static size_t backups_of(const struct snapshot *s)
{
	return snapshot_catalog(s, "main")->backups.n;
}

START_TEST(backups_of_one_repository_are_not_those_of_another)
{
	struct snapshot *old = look(path[2]), *again = look(path[2]), *moved = look(path[0]);
	struct manifest *m = manifest_new();
	strcpy(m->id, "20261122T020000Z-full");
	m->instance = mem_strdup("main");
	snapshot_add(old, m);
	snapshot_inherit(moved, old);
	ck_assert_uint_eq(backups_of(moved), 0);
	ck_assert_uint_eq(backups_of(old), 1);
	snapshot_inherit(again, old); /* the same place, away for the moment */
	ck_assert_uint_eq(backups_of(again), 1);
	snapshot_free(old);
	snapshot_free(again);
	snapshot_free(moved);
}
END_TEST

/* Binlogs that cannot be read hide no backup, and what was known of them stays. */
START_TEST(binlogs_that_cannot_be_read_hide_no_backup)
{
	struct repo_options o = {.create = true};
	struct repo *repo = NULL;
	char url[80], name[80];
	snprintf(url, sizeof url, "file://%s", path[2]);
	snprintf(name, sizeof name, "%s/main", path[2]);
	ck_ok(repo_open(url, &o, &repo, &err), err);
	struct snapshot *old = look(path[2]);
	ck_assert(old->instances[0].binlog_loaded);
	old->instances[0].binlog.segments = 5;
	ck_ok(fsio_mkdirs(name, 0750, &err), err);
	strcat(name, "/binlogs");
	ck_ok(fsio_replace(name, "in the way", 10, 0600, &err), err);
	struct snapshot *s = look(path[2]);
	ck_assert(s->instances[0].loaded && !s->instances[0].binlog_loaded);
	ck_assert_int_eq(s->repositories[0].err.kind, ERR_NONE);
	ck_assert_str_ne(snapshot_binlog_err(s, "main")->text, "");
	snapshot_inherit(s, old);
	ck_assert_uint_eq(snapshot_binlog(s, "main")->segments, 5);
	ck_assert_ptr_nonnull(snapshot_binlog_err(s, "main"));
	ck_assert_ptr_null(snapshot_binlog_err(old, "main"));
	snapshot_free(old);
	snapshot_free(s);
	repo_close(repo);
}
END_TEST

/* What was seen before a full was made must not ask for another one. */
START_TEST(a_full_settles_that_one_is_due)
{
	struct snapshot *old = look(path[2]), *during = look(path[2]), *later = look(path[2]);
	struct manifest *m = manifest_new();
	strcpy(m->id, "20261122T020000Z-full");
	m->instance = mem_strdup("main");
	m->finished_us = INT64_MAX / 2;
	for (int i = 0; i < 3; i++) {
		struct snapshot *s[] = {old, during, later};
		s[i]->instances[0].loaded = s[i]->instances[0].binlog_loaded = true;
		strcpy(s[i]->instances[0].binlog.full_due, "binlogs are missing");
	}
	snapshot_add(old, m);
	ck_assert_str_eq(snapshot_binlog(old, "main")->full_due, "");
	/* A look that was begun while it was made. */
	snapshot_inherit(during, old);
	ck_assert_uint_eq(backups_of(during), 1);
	ck_assert_str_eq(snapshot_binlog(during, "main")->full_due, "");
	/* Nothing was made since: it is as it was seen. */
	snapshot_free(old);
	old = look(path[2]);
	snapshot_inherit(later, old);
	ck_assert_str_ne(snapshot_binlog(later, "main")->full_due, "");
	snapshot_free(old);
	snapshot_free(during);
	snapshot_free(later);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("daemon start");
	TCase *c = tcase_create("start");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, a_lost_history_does_not_give_a_tokens_number_to_a_new_job);
	tcase_add_test(c, backups_of_one_repository_are_not_those_of_another);
	tcase_add_test(c, binlogs_that_cannot_be_read_hide_no_backup);
	tcase_add_test(c, a_full_settles_that_one_is_due);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
