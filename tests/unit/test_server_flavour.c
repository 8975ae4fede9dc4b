/* Versions as servers and programs write them, and what each may do. */
#include "tests/unit/unit.h"

#include <string.h>

#include "server/facts.h"

START_TEST(test_parse)
{
	static const struct {
		const char *text;
		enum flavour flavour;
		unsigned major, minor, patch;
	} good[] = {
	    {"10.11.19-MariaDB-0+deb12u1-log", FLAVOUR_MARIADB, 10, 11, 19},
	    {"11.8.6-MariaDB", FLAVOUR_MARIADB, 11, 8, 6},
	    {"5.5.5-10.6.12-MariaDB-log", FLAVOUR_MARIADB, 10, 6, 12},
	    {"12.0.2-mariadb", FLAVOUR_MARIADB, 12, 0, 2},
	    {"8.0.36-0ubuntu0.22.04.1", FLAVOUR_MYSQL, 8, 0, 36},
	    {"9.7.4", FLAVOUR_MYSQL, 9, 7, 4},
	    {"5.7.44-48-log", FLAVOUR_MYSQL, 5, 7, 44},
	};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		enum flavour flavour = FLAVOUR_MYSQL;
		unsigned a, b, c;
		ck_assert_msg(flavour_parse(good[i].text, &flavour, &a, &b, &c) == 0, "%s",
		              good[i].text);
		ck_assert_int_eq(flavour, good[i].flavour);
		ck_assert_uint_eq(a, good[i].major);
		ck_assert_uint_eq(b, good[i].minor);
		ck_assert_uint_eq(c, good[i].patch);
	}
}
END_TEST

START_TEST(test_parse_bad)
{
	static const char *const bad[] = {"",          "10",          "10.11",           "10.11.",
	                                  "-1.2.3",    " 10.11.19",   "MariaDB 10.11.1", "10.x.1",
	                                  "99999.1.1", "10.11.99999", "5.5.5-"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		enum flavour flavour;
		unsigned a = 7, b, c;
		ck_assert_msg(flavour_parse(bad[i], &flavour, &a, &b, &c) == -1, "\"%s\"", bad[i]);
		ck_assert_uint_eq(a, 7);
	}
}
END_TEST

static bool hot(enum flavour flavour, unsigned major, unsigned minor, unsigned patch)
{
	const struct flavour_row *row = flavour_find(flavour, major, minor, patch);
	ck_assert_ptr_nonnull(row);
	/* what cannot be done has a reason, what can be done has none */
	ck_assert_int_eq(row->hot, row->why_not == NULL);
	/* a backup that exists can be restored whatever can be done today */
	ck_assert(row->servers[0] && row->clients[0] && row->binlogs[0]);
	ck_assert(row->admin && row->service);
	return row->hot;
}

START_TEST(test_table)
{
	ck_assert(!hot(FLAVOUR_MARIADB, 10, 6, 0));
	ck_assert(!hot(FLAVOUR_MARIADB, 10, 7, 99));
	ck_assert(hot(FLAVOUR_MARIADB, 10, 8, 0));
	ck_assert(hot(FLAVOUR_MARIADB, 10, 11, 19));
	ck_assert(hot(FLAVOUR_MARIADB, 11, 8, 6));
	ck_assert(!hot(FLAVOUR_MARIADB, 99, 99, 99));
	ck_assert(!hot(FLAVOUR_MYSQL, 5, 7, 44));
	ck_assert(!hot(FLAVOUR_MYSQL, 8, 0, 29));
	ck_assert(hot(FLAVOUR_MYSQL, 8, 0, 30));
	ck_assert(hot(FLAVOUR_MYSQL, 8, 4, 0));
	ck_assert(hot(FLAVOUR_MYSQL, 9, 7, 4));
	ck_assert(!hot(FLAVOUR_MYSQL, 10, 0, 0));
}
END_TEST

static struct facts good_facts(void)
{
	static char version[] = "10.11.19-MariaDB";
	return (struct facts){
	    .flavour = FLAVOUR_MARIADB, .major = 10, .minor = 11, .patch = 19, .version = version};
}

START_TEST(test_check_hot)
{
	struct err err = ERR_INIT;
	struct facts f = good_facts();
	ck_ok(facts_check_hot(&f, &err), err);

	f.log_archive = true;
	ck_assert_int_eq(facts_check_hot(&f, &err), -1);
	ck_assert_int_eq(err.kind, ERR_REFUSED);
	ck_assert_ptr_nonnull(strstr(err.text, "innodb_log_archive"));
	ck_assert_str_ne(err.hint, "");

	f = good_facts();
	f.minor = 6;
	ck_assert_int_eq(facts_check_hot(&f, &err), -1);
	ck_assert_int_eq(err.kind, ERR_REFUSED);
	ck_assert_ptr_nonnull(strstr(err.text, "10.8"));

	f = good_facts();
	f.flavour = FLAVOUR_MYSQL;
	f.major = 8;
	f.minor = 0;
	f.patch = 29;
	ck_assert_int_eq(facts_check_hot(&f, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "before 8.0.30 its redo log has another form"));
	f.patch = 30;
	ck_ok(facts_check_hot(&f, &err), err);
}
END_TEST

START_TEST(test_check_hot_lists)
{
	struct err err = ERR_INIT;
	struct facts f = good_facts();
	static char grant[] = "GRANT RELOAD ON *.* TO `a`@`b`;", rocks[] = "ROCKSDB";

	*vec_push(&f.missing) = grant;
	ck_assert_int_eq(facts_check_hot(&f, &err), -1);
	ck_assert_int_eq(err.kind, ERR_REFUSED);
	ck_assert_ptr_nonnull(strstr(err.text, grant));
	ck_assert_ptr_nonnull(strstr(err.hint, grant));
	vec_done(&f.missing);

	*vec_push(&f.enabled_engines) = rocks;
	ck_assert_int_eq(facts_check_hot(&f, &err), -1);
	ck_assert_int_eq(err.kind, ERR_REFUSED);
	ck_assert_ptr_nonnull(strstr(err.text, "ROCKSDB"));
	vec_done(&f.enabled_engines);
}
END_TEST

/* In a container, say: what is in the data directory is here under another path. */
START_TEST(test_move)
{
	struct facts f = {.datadir = mem_strdup("/var/lib/db"),
	                  .redo_dir = mem_strdup("/var/lib/db"),
	                  .undo_dir = mem_strdup("/var/lib/db-undo"),
	                  .log_bin_basename = mem_strdup("/var/lib/db/logs/bin"),
	                  .pid_file = mem_strdup("/run/db.pid")};

	*vec_push(&f.known_dirs) = mem_strdup("/var/lib/db/ssd");
	facts_move(&f, NULL);
	ck_assert_str_eq(f.datadir, "/var/lib/db");
	facts_move(&f, "/srv/c1/");
	ck_assert_str_eq(f.datadir, "/srv/c1");
	ck_assert_str_eq(f.redo_dir, "/srv/c1");
	ck_assert_str_eq(f.undo_dir, "/var/lib/db-undo");
	ck_assert_str_eq(f.log_bin_basename, "/srv/c1/logs/bin");
	ck_assert_str_eq(f.pid_file, "/run/db.pid");
	ck_assert_str_eq(f.known_dirs.v[0], "/srv/c1/ssd");
	static const char *const paths[][2] = {{"./db/t.ibd", "/srv/c1/db/t.ibd"},
	                                       {"g.ibd", "/srv/c1/g.ibd"},
	                                       {"/var/lib/db/undo/u.ibu", "/srv/c1/undo/u.ibu"},
	                                       {"/var/lib/db2/t.ibd", "/var/lib/db2/t.ibd"}};
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		char *here = facts_path_here(&f, paths[i][0]);
		ck_assert_str_eq(here, paths[i][1]);
		free(here);
	}
	facts_done(&f);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("server/flavour");
	TCase *t = tcase_create("flavour");
	tcase_add_test(t, test_parse);
	tcase_add_test(t, test_parse_bad);
	tcase_add_test(t, test_table);
	tcase_add_test(t, test_check_hot);
	tcase_add_test(t, test_check_hot_lists);
	tcase_add_test(t, test_move);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
