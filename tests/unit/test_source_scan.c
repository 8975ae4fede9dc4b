/* What is taken from a data directory, and how files are met again. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fsio.h"
#include "base/str.h"
#include "source/mariadb_names.h"
#include "source/parent.h"
#include "source/scan.h"
#include "source/work.h"
#include "tests/unit/unit.h"

static char dir[64];
static struct facts facts;
static struct manifest *out;
static struct names names;

static void put_in(const char *base, const char *name, size_t n, int byte)
{
	char path[256];
	snprintf(path, sizeof path, "%s/%s", base, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0640);
	ck_assert_int_ge(fd, 0);
	char *bytes = mem_alloc(n + 1);
	memset(bytes, byte, n);
	ck_assert_int_eq(write(fd, bytes, n), (ssize_t)n);
	free(bytes);
	close(fd);
}

static void put(const char *name, size_t n)
{
	put_in(dir, name, n, 'x');
}

static void link_to(const char *name, const char *to)
{
	char path[256];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	ck_assert_int_eq(symlink(to, path), 0);
}

static void make_dir(const char *name)
{
	char path[256];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	ck_assert_int_eq(mkdir(path, 0750), 0);
}

static void start(void)
{
	struct err err = ERR_INIT;
	strcpy(dir, "/tmp/mybak-scan-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	memset(&facts, 0, sizeof facts);
	facts.datadir = dir;
	facts.page_size = 16384;
	facts.data_file_path = mem_strdup("ibdata1:12M;ibdata2:10M:autoextend");
	facts.log_bin_basename = mem_printf("%s/mysql-bin", dir);
	facts.log_error = mem_printf("%s/host.log", dir);
	out = manifest_new();
	scan_root(out, dir, "datadir");
	ck_ok(names_init(&names, &facts, out, &err), err);
}

static void stop(void)
{
	struct err err;
	names_done(&names);
	manifest_free(out);
	free(facts.data_file_path);
	free(facts.log_bin_basename);
	free(facts.log_error);
	fsio_remove_tree(dir, &err);
}

static struct scan scan_all(void)
{
	struct err err = ERR_INIT;
	struct scan s;
	struct scan_plan plan = {
	    .out = out, .follow_isl = true, .classify = mariadb_names_classify, .arg = &names};
	ck_ok(scan_run(&plan, &s, &err), err);
	return s;
}

static const struct found *find(const struct scan *s, const char *path)
{
	for (size_t i = 0; i < s->list.n; i++)
		if (strcmp(s->list.v[i].path, path) == 0)
			return &s->list.v[i];
	return NULL;
}

START_TEST(takes_tables_and_leaves_traces_of_the_run)
{
	static const char *const skipped[] = {
	    "ib_logfile0",        "ib_logfile101",    "ibtmp1",
	    "ddl_recovery.log",   "tc.log",           "host.pid",
	    "host.log",           "mysql-bin.000001", "mysql-bin.index",
	    "mysql-bin.state",    "master.info",      "relay-log.info",
	    "h-relay-bin.000002", "aria_log_control", "shop/#sql-alter-1.frm",
	};
	static const char *const taken[] = {
	    "ibdata1",    "ibdata2",           "undo001",      "shop/t.ibd", "shop/t.frm",
	    "shop/m.MYD", "aria_log.00000001", "mysql-binary", "undo1x",     "shop/#sql-ib7.ibd"};
	make_dir("shop");
	make_dir("lost+found");
	put("lost+found/x", 1);
	for (size_t i = 0; i < sizeof skipped / sizeof *skipped; i++)
		put(skipped[i], 10);
	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
		put(taken[i], 10);
	struct scan s = scan_all();
	for (size_t i = 0; i < sizeof skipped / sizeof *skipped; i++)
		ck_assert_msg(!find(&s, skipped[i]), "%s was taken", skipped[i]);
	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
		ck_assert_msg(find(&s, taken[i]) != NULL, "%s was left out", taken[i]);
	ck_assert(!find(&s, "lost+found/x"));
	ck_assert_int_eq(find(&s, "shop")->kind, FOUND_DIR);
	ck_assert_int_eq(find(&s, "ibdata2")->kind, FOUND_INNODB);
	ck_assert_int_eq(find(&s, "undo1x")->kind, FOUND_PLAIN);
	ck_assert_int_eq(find(&s, "shop/t.ibd")->stamp.dev, 0);
	scan_done(&s);
}
END_TEST

START_TEST(names_of_any_byte)
{
	make_dir("a\nb");
	put("a\nb/\x01\xff%.ibd", 5);
	struct scan s = scan_all();
	ck_assert_ptr_nonnull(find(&s, "a\nb/\x01\xff%.ibd"));
	scan_done(&s);
}
END_TEST

START_TEST(isl_leads_outside_and_a_bad_one_is_named)
{
	char path[256], text[300];
	struct err err = ERR_INIT;
	struct scan s;
	struct scan_plan plan = {
	    .out = out, .follow_isl = true, .classify = mariadb_names_classify, .arg = &names};
	make_dir("shop");
	make_dir("lost+found"); /* stands for a place outside: the scan does not enter it */
	make_dir("lost+found/shop");
	put("lost+found/shop/t.ibd", 77);
	snprintf(text, sizeof text, "%s/lost+found/shop/t.ibd", dir);
	snprintf(path, sizeof path, "%s/shop/t.isl", dir);
	ck_ok(fsio_replace(path, text, strlen(text), 0640, &err), err);
	ck_ok(scan_run(&plan, &s, &err), err);
	const struct found *f = find(&s, "shop/t.ibd");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(f->root, 1);
	ck_assert_int_eq(f->stamp.size, 77);
	ck_assert_str_eq(out->roots.v[1].role, "external");
	scan_done(&s);

	/* While DDL can run it may be one that is just dropped. */
	ck_assert_int_eq(unlink(text), 0);
	ck_ok(scan_run(&plan, &s, &err), err);
	ck_assert_ptr_null(find(&s, "shop/t.ibd"));
	scan_done(&s);
	plan.settled = true;
	ck_assert_int_eq(scan_run(&plan, &s, &err), -1);
	ck_assert_int_eq(err.kind, ERR_REFUSED);
	ck_assert_ptr_nonnull(strstr(err.text, text));

	ck_ok(fsio_replace(path, "t.ibd", 5, 0640, &err), err);
	ck_assert_int_eq(scan_run(&plan, &s, &err), -1);
	ck_assert_int_eq(err.kind, ERR_DAMAGED);
	ck_assert_ptr_nonnull(strstr(err.text, "shop/t.isl"));
}
END_TEST

START_TEST(links_that_lead_nowhere)
{
	char path[256];
	struct err err = ERR_INIT;
	struct scan s;
	struct scan_plan plan = {
	    .out = out, .follow_isl = true, .classify = mariadb_names_classify, .arg = &names};
	snprintf(path, sizeof path, "%s/h.pid", dir);
	ck_assert_int_eq(symlink("/not/there", path), 0);
	plan.settled = true;
	ck_ok(scan_run(&plan, &s, &err), err); /* not one of ours */
	scan_done(&s);
	snprintf(path, sizeof path, "%s/shop", dir);
	ck_assert_int_eq(symlink("/not/there", path), 0);
	ck_assert_int_eq(scan_run(&plan, &s, &err), -1);
	ck_assert_int_eq(err.kind, ERR_REFUSED);
	ck_assert_ptr_nonnull(strstr(err.text, path));
	plan.settled = false;
	ck_ok(scan_run(&plan, &s, &err), err);
	ck_assert_uint_eq(s.list.n, 0);
	scan_done(&s);
}
END_TEST

/* What is left out anyway may lead where it wants. */
START_TEST(links_of_what_is_left_out)
{
	static const char *const skipped[] = {
	    "h.pid",   "s.sock",        "host.err",        "mysqld.socket", "host.log",
	    "queries", "elsewhere.log", "mysql-bin.index", "lost+found",    "loop.pid"};
	static const char *const taken[] = {"core", "shop", "shop.MYD"};
	char *absolute[] = {mem_printf("%s/mysqld.socket", dir), mem_printf("%s/queries", dir)};
	struct err err = ERR_INIT;
	struct scan s;
	struct scan_plan plan = {.out = out,
	                         .follow_isl = true,
	                         .settled = true,
	                         .classify = mariadb_names_classify,
	                         .arg = &names};
	char path[256];

	facts.socket = absolute[0];
	facts.general_log_file = absolute[1];
	facts.slow_log_file = mem_strdup("/not/there/elsewhere.log");
	for (size_t i = 0; i < sizeof skipped / sizeof *skipped; i++)
		link_to(skipped[i], strcmp(skipped[i], "elsewhere.log") == 0 ? facts.slow_log_file
		                    : strcmp(skipped[i], "loop.pid") == 0    ? "loop.pid"
		                                                             : "/not/there");
	ck_ok(scan_run(&plan, &s, &err), err);
	ck_assert_uint_eq(s.list.n, 0);
	scan_done(&s);
	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
		link_to(taken[i], "/not/there");
		ck_assert_int_eq(scan_run(&plan, &s, &err), -1);
		ck_assert_int_eq(err.kind, ERR_REFUSED);
		snprintf(path, sizeof path, "%s/%s", dir, taken[i]);
		ck_assert_ptr_nonnull(strstr(err.text, path));
		ck_assert_int_eq(unlink(path), 0);
	}
	free(absolute[0]);
	free(absolute[1]);
	free(facts.slow_log_file);
}
END_TEST

/* The .isl names a link to the data directory: a restore moves that name, no other. */
START_TEST(isl_that_leads_back)
{
	char path[256], text[300];
	struct err err = ERR_INIT;
	make_dir("shop");
	put("shop/t.ibd", 77);
	link_to("lost+found", ".");
	snprintf(text, sizeof text, "%s/lost+found/shop/t.ibd", dir);
	snprintf(path, sizeof path, "%s/shop/t.isl", dir);
	ck_ok(fsio_replace(path, text, strlen(text), 0640, &err), err);
	struct scan s = scan_all();
	ck_assert_uint_eq(s.list.n, 3);
	ck_assert_int_eq(find(&s, "shop/t.ibd")->root, 1);
	scan_done(&s);
}
END_TEST

START_TEST(system_files_outside_are_roots_of_their_own)
{
	char *undo = mem_printf("%s/undo", dir);
	make_dir("undo");
	put("undo/undo001", 5);
	put("undo/other.ibd", 5);
	names_done(&names);
	facts.undo_dir = undo;
	struct err err = ERR_INIT;
	char *again = mem_printf("%s/lost+found", dir);
	link_to("lost+found", "undo");
	facts.innodb_home = again;
	ck_ok(names_init(&names, &facts, out, &err), err);
	ck_assert_uint_eq(names_add_root(out, again, "aria_log"), 1);
	ck_assert_uint_eq(out->roots.n, 2);
	struct scan s = scan_all();
	ck_assert_int_eq(find(&s, "undo001")->root, 1);
	ck_assert(!find(&s, "undo/undo001"));
	ck_assert(!find(&s, "other.ibd"));
	scan_done(&s);
	free(undo);
	free(again);
}
END_TEST

static struct work make_work(struct parent *parent, struct scan *s)
{
	struct work w;
	work_init(&w);
	w.out = out;
	w.parent = parent;
	w.names = &names;
	w.unstable = mariadb_names_unstable;
	w.server_page_size = 16384;
	for (size_t i = 0; i < s->list.n; i++)
		work_add(&w, &s->list.v[i]);
	return w;
}

START_TEST(every_byte_of_a_file_is_handed_out_once)
{
	struct err err = ERR_INIT;
	struct parent none = {0};
	put("big.MYD", 100);
	char path[256];
	snprintf(path, sizeof path, "%s/big.MYD", dir);
	ck_assert_int_eq(truncate(path, 150 << 20), 0);
	put("empty.MYI", 0);
	struct scan s = scan_all();
	struct work w = make_work(&none, &s);
	uint64_t next = 0;
	struct item item;
	int rc;
	while ((rc = work_next(&w, &item, &err)) == 1) {
		ck_assert_int_eq(item.off, next);
		next += item.len;
		char byte;
		ck_assert_int_eq(pread(item.fd, &byte, 1, 0), 1);
		close(item.fd);
	}
	ck_ok(rc, err);
	ck_assert_int_eq(next, 150 << 20);
	ck_assert_int_eq(out->files.n, 2); /* the empty one is there too */
	work_done(&w);
	scan_done(&s);
}
END_TEST

START_TEST(another_file_under_the_same_name_is_set_aside)
{
	struct err err = ERR_INIT;
	struct parent none = {0};
	struct item item;
	char from[256], to[256];
	put("a.MYD", 10);
	struct scan s = scan_all();
	struct work w = make_work(&none, &s);
	put("b", 10);
	snprintf(from, sizeof from, "%s/b", dir);
	snprintf(to, sizeof to, "%s/a.MYD", dir);
	ck_assert_int_eq(rename(from, to), 0);
	ck_assert_int_eq(work_next(&w, &item, &err), 0);
	ck_assert_int_eq(w.files.v[0].state, WORK_STALE);
	ck_assert_int_eq(out->files.n, 0);
	work_done(&w);
	scan_done(&s);
}
END_TEST

/* Where no DDL can run, a tablespace cannot. */
START_TEST(a_tablespace_of_a_fixed_name_is_missed)
{
	struct err err = ERR_INIT;
	struct parent none = {0};
	struct item item;
	char path[256];
	put("a.ibd", 16384);
	struct scan s = scan_all();
	struct work w = make_work(&none, &s);
	snprintf(path, sizeof path, "%s/a.ibd", dir);
	ck_assert_int_eq(unlink(path), 0);
	w.names_fixed = true;
	ck_assert_int_eq(work_next(&w, &item, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, path));
	work_done(&w);
	scan_done(&s);
}
END_TEST

START_TEST(a_tablespace_not_written_yet_waits)
{
	struct err err = ERR_INIT;
	struct parent none = {0};
	struct item item;
	make_dir("shop");
	put_in(dir, "shop/new.ibd", 65536, 0);
	struct scan s = scan_all();
	struct work w = make_work(&none, &s);
	for (size_t i = 0; i < w.files.n; i++)
		w.files.v[i].may_wait = true;
	ck_assert_int_eq(work_next(&w, &item, &err), 0);
	ck_assert_int_eq(w.files.v[1].state, WORK_STALE);
	work_done(&w);
	scan_done(&s);
}
END_TEST

/* A parent that saw the file long after its last change. */
static struct manifest *parent_of(const struct found *f, enum file_kind kind)
{
	struct manifest *m = manifest_new();
	scan_root(m, dir, "datadir");
	struct manifest_file x = {.path = mem_strdup(f->path),
	                          .kind = (uint8_t)kind,
	                          .size = f->stamp.size,
	                          .base = -1,
	                          .page_size = 16384,
	                          .stamp = f->stamp};
	x.stamp.seen_ns += 3600 * 1000000000LL;
	*vec_push(&m->files) = x;
	return m;
}

START_TEST(an_unchanged_file_is_referenced_without_being_opened)
{
	struct err err = ERR_INIT;
	struct item item;
	struct parent parent;
	put("t.ibd", 16384); /* no valid page: reading it would fail */
	struct scan s = scan_all();
	struct manifest *m = parent_of(&s.list.v[0], FILE_INNODB);
	parent_init(&parent, m);
	struct work w = make_work(&parent, &s);
	ck_assert_int_eq(work_bytes(&w), 0);
	ck_assert_int_eq(work_next(&w, &item, &err), 0);
	ck_assert_int_eq(out->files.n, 1);
	ck_assert_int_eq(out->files.v[0].base, 0);
	ck_assert_int_eq(w.files.v[0].state, WORK_UNCHANGED);
	work_done(&w);
	parent_done(&parent);
	manifest_free(m);
	scan_done(&s);
}
END_TEST

START_TEST(a_changed_plain_file_is_read_whole)
{
	struct err err = ERR_INIT;
	struct item item;
	struct parent parent;
	put("t.MYD", 100);
	struct scan s = scan_all();
	struct manifest *m = parent_of(&s.list.v[0], FILE_PLAIN);
	m->files.v[0].stamp.mtime_ns -= 1;
	parent_init(&parent, m);
	struct work w = make_work(&parent, &s);
	ck_assert_int_eq(work_bytes(&w), 100);
	ck_assert_int_eq(work_next(&w, &item, &err), 1);
	ck_assert_int_eq(item.len, 100);
	ck_assert_int_eq(out->files.v[0].base, -1);
	close(item.fd);
	work_done(&w);
	parent_done(&parent);
	manifest_free(m);
	scan_done(&s);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("source");
	TCase *t = tcase_create("scan");
	tcase_add_checked_fixture(t, start, stop);
	tcase_add_test(t, takes_tables_and_leaves_traces_of_the_run);
	tcase_add_test(t, names_of_any_byte);
	tcase_add_test(t, isl_leads_outside_and_a_bad_one_is_named);
	tcase_add_test(t, links_that_lead_nowhere);
	tcase_add_test(t, links_of_what_is_left_out);
	tcase_add_test(t, isl_that_leads_back);
	tcase_add_test(t, system_files_outside_are_roots_of_their_own);
	tcase_add_test(t, every_byte_of_a_file_is_handed_out_once);
	tcase_add_test(t, another_file_under_the_same_name_is_set_aside);
	tcase_add_test(t, a_tablespace_of_a_fixed_name_is_missed);
	tcase_add_test(t, a_tablespace_not_written_yet_waits);
	tcase_add_test(t, an_unchanged_file_is_referenced_without_being_opened);
	tcase_add_test(t, a_changed_plain_file_is_read_whole);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
