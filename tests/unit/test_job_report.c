/* What programs read of a backup, and what check says without a server. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fsio.h"
#include "base/mem.h"
#include "job/catalog_load.h"
#include "job/check.h"
#include "tests/unit/unit.h"

static struct manifest *make(void)
{
	struct manifest *m = manifest_new();

	strcpy(m->id, "20261122T030000Z-incr");
	strcpy(m->parent, "20261122T020000Z-full");
	m->kind = BACKUP_INCREMENTAL;
	m->instance = mem_strdup("main");
	m->method = mem_strdup("hot");
	m->flavour = mem_strdup("mariadb");
	m->version = mem_strdup("10.11.19-MariaDB");
	m->started_us = 1795402800000000;
	m->finished_us = m->started_us + 2500000;
	m->lsn_checkpoint = 5;
	m->lsn_end = 9;
	m->lock_seconds = 0.04;
	m->binlog.file = mem_strdup("binlog.000007");
	m->binlog.pos = 1234;
	m->pages.total = 7;
	m->settings = mem_zalloc(sizeof *m->settings);
	m->settings[0].name = mem_strdup("innodb_data_file_path");
	m->settings[0].value = mem_strdup("ibdata1:12M:autoextend");
	m->setting_n = 1;
	*vec_push(&m->roots) = (struct manifest_root){.path = mem_strdup("/var/lib/mysql"),
	                                              .role = mem_strdup("datadir")};
	*vec_push(&m->files) =
	    (struct manifest_file){.path = mem_strdup("db/\xff t.frm"), .mode = 0640, .size = 3};
	*vec_push(&m->files) = (struct manifest_file){.path = mem_strdup("x"), .kind = FILE_GONE};
	return m;
}

START_TEST(test_keys)
{
	static const char *const keys[] = {
	    "id",         "instance",   "kind",         "parent", "started",     "finished",
	    "size_bytes", "read_bytes", "stored_bytes", "method", "server",      "duration_seconds",
	    "lsn",        "binlog",     "pages",        "proven", "lock_seconds"};
	struct manifest *m = make();
	json_t *o = backup_to_json(m, false);

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		ck_assert_msg(json_object_get(o, keys[i]) != NULL, "%s is missing", keys[i]);
	ck_assert_str_eq(json_string_value(json_object_get(o, "kind")), "incremental");
	ck_assert(json_is_null(json_object_get(o, "proven")));
	ck_assert_double_eq(json_real_value(json_object_get(o, "duration_seconds")), 2.5);
	ck_assert_str_eq(json_string_value(json_object_get(o, "started")), "2026-11-23T03:00:00Z");
	json_t *binlog = json_object_get(o, "binlog");
	ck_assert_int_eq(json_integer_value(json_object_get(binlog, "position")), 1234);
	ck_assert(json_is_null(json_object_get(binlog, "gtid")));
	ck_assert_ptr_null(json_object_get(o, "files"));
	json_decref(o);
	manifest_free(m);
}
END_TEST

START_TEST(test_files)
{
	struct manifest *m = make();
	json_t *o = backup_to_json(m, true), *files = json_object_get(o, "files");

	ck_assert_uint_eq(json_array_size(files), 1); /* what vanished is no file */
	json_t *f = json_array_get(files, 0), *settings = json_object_get(o, "settings");
	ck_assert_str_eq(json_string_value(json_object_get(settings, "innodb_data_file_path")),
	                 "ibdata1:12M:autoextend");
	ck_assert_str_eq(json_string_value(json_object_get(f, "path")), "db/%FF t.frm");
	ck_assert_str_eq(json_string_value(json_object_get(f, "mode")), "0640");
	json_decref(o);
	/* A full on a server without a binlog, of which little is known. */
	struct manifest *bare = manifest_new();
	o = backup_to_json(bare, true);
	ck_assert(json_is_null(json_object_get(o, "parent")));
	ck_assert(json_is_null(json_object_get(json_object_get(o, "binlog"), "position")));
	json_decref(o);
	manifest_free(bare);
	manifest_free(m);
}
END_TEST

static const struct check_line *find(const struct check_result *r, const char *subject,
                                     enum check_level level)
{
	for (size_t i = 0; i < r->lines.n; i++)
		if (!strcmp(r->lines.v[i].subject, subject) && r->lines.v[i].level == level)
			return &r->lines.v[i];
	return NULL;
}

static bool has(const struct check_result *r, enum check_level level, const char *text)
{
	for (size_t i = 0; i < r->lines.n; i++)
		if (r->lines.v[i].level == level && strstr(r->lines.v[i].text, text))
			return true;
	return false;
}

static int store_full(struct repo *repo, int64_t finished_us, struct err *err)
{
	struct manifest *m = make();

	strcpy(m->id, "20261122T020000Z-full");
	m->parent[0] = '\0';
	m->kind = BACKUP_FULL;
	m->started_us = m->finished_us = finished_us;
	int rc = manifest_store(repo, m, err);
	manifest_free(m);
	return rc;
}

START_TEST(test_check_without_server)
{
	char dir[] = "/tmp/unit-check-XXXXXX";
	struct policy *p = policy_new();
	struct check_result r;
	struct err err = ERR_INIT;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	p->repositories = mem_zalloc(sizeof *p->repositories);
	p->repositories[0] = (struct policy_repository){.name = mem_strdup("local"),
	                                                .url = mem_printf("file://%s/repo", dir)};
	p->repository_n = 1;
	p->instances = mem_zalloc(sizeof *p->instances);
	p->instances[0] = (struct policy_instance){.name = mem_strdup("main"),
	                                           .socket = mem_printf("%s/no.sock", dir)};
	p->instance_n = 1;
	check_run(p, &r);
	ck_assert_int_eq(r.worst, CHECK_CRITICAL);
	const struct check_line *l = find(&r, "instance main", CHECK_CRITICAL);
	ck_assert(l && strstr(l->text, "no.sock") && l->hint);
	ck_assert(find(&r, "repository local", CHECK_WARNING)); /* not made yet */
	check_result_done(&r);
	/* Nothing was changed by looking. */
	bool empty = false;
	ck_ok(fsio_is_empty_dir(dir, &empty, &err), err);
	ck_assert(empty);
	struct repo *repo;
	struct repo_options o = {.create = true};
	ck_ok(repo_open(p->repositories[0].url, &o, &repo, &err), err);
	check_run(p, &r);
	ck_assert(find(&r, "repository local", CHECK_OK));
	l = find(&r, "instance main", CHECK_WARNING);
	ck_assert(l && strstr(l->text, "no full backup yet") && l->hint);
	check_result_done(&r);
	/* None yet is a warning, one too old is critical. */
	ck_ok(store_full(repo, clock_wall_us() - 26 * 3600 * CLOCK_US, &err), err);
	repo_close(repo);
	p->monitor.full_max_age_s = 25 * 3600;
	check_run(p, &r);
	ck_assert_ptr_null(find(&r, "instance main", CHECK_WARNING));
	ck_assert(has(&r, CHECK_CRITICAL, "is 1d 02h old; allowed are 1d 01h"));
	check_result_done(&r);
	p->monitor.full_max_age_s = 27 * 3600;
	check_run(p, &r);
	ck_assert(has(&r, CHECK_OK, "the newest full backup"));
	check_result_done(&r);
	policy_unref(p);
	ck_ok(fsio_remove_tree(dir, &err), err);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("job_report");
	TCase *t = tcase_create("report");

	tcase_add_test(t, test_keys);
	tcase_add_test(t, test_files);
	tcase_add_test(t, test_check_without_server);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
