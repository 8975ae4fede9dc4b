/* What of a MySQL's directory is taken, what log_status says, and in which file of the
 * redo log an LSN lies. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/fsio.h"
#include "innodb/page.h"
#include "source/mysql_binlog.h"
#include "source/mysql_log_dir.h"
#include "source/mysql_log_status.h"
#include "source/mysql_names.h"
#include "tests/unit/unit.h"

static char dir[64], place[80];
static struct facts facts;
static struct manifest *out;
static struct names names;

static char *at(const char *name)
{
	return mem_printf("%s/%s", dir, name);
}

static void put_in(const char *name, const void *bytes, size_t n)
{
	struct err err = ERR_INIT;
	char *path = at(name);
	ck_ok(fsio_replace(path, bytes, n, 0640, &err), err);
	free(path);
}

static void put(const char *name)
{
	put_in(name, "x", 1);
}

static void make_dir(const char *name)
{
	struct err err = ERR_INIT;
	char *path = at(name);
	ck_ok(fsio_mkdirs(path, 0750, &err), err);
	free(path);
}

static void start(void)
{
	struct err err = ERR_INIT;
	strcpy(place, "/tmp/mybak-mysql-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(place));
	snprintf(dir, sizeof dir, "%.40s/d", place);
	ck_assert_int_eq(mkdir(dir, 0750), 0);
	memset(&facts, 0, sizeof facts);
	facts.flavour = FLAVOUR_MYSQL;
	facts.datadir = dir;
	facts.page_size = 16384;
	facts.log_bin_basename = at("log");
	facts.relay_log_basename = at("relay");
	facts.relay_log_index = at("list.index");
	*vec_push(&facts.keyring_files) = at("keys/keyring");
	*vec_push(&facts.keyring_files) = at("kmip");
	*vec_push(&facts.known_dirs) = mem_printf("%s/ssd", place);
	*vec_push(&facts.known_dirs) = mem_printf("%s/not there", place);
	*vec_push(&facts.known_dirs) = at("inside");
	make_dir("../ssd");
	make_dir("inside");
	out = manifest_new();
	scan_root(out, dir, "datadir");
	mysql_names_add_roots(&facts, out);
	ck_ok(names_init(&names, &facts, out, &err), err);
}

static void stop(void)
{
	struct err err;
	names_done(&names);
	manifest_free(out);
	free(facts.log_bin_basename);
	free(facts.relay_log_basename);
	free(facts.relay_log_index);
	for (size_t i = 0; i < facts.keyring_files.n; i++)
		free(facts.keyring_files.v[i]);
	vec_done(&facts.keyring_files);
	for (size_t i = 0; i < facts.known_dirs.n; i++)
		free(facts.known_dirs.v[i]);
	vec_done(&facts.known_dirs);
	fsio_remove_tree(place, &err);
}

static struct scan scan_all(void)
{
	struct err err = ERR_INIT;
	struct scan s;
	struct scan_plan plan = {.out = out, .classify = mysql_names_classify, .arg = &names};
	ck_ok(scan_run(&plan, &s, &err), err);
	return s;
}

START_TEST(what_is_taken)
{
	static const char *const taken[] = {
	    "0 ca.pem 3",
	    "0 component_keyring_file.cnf 3",
	    "0 db 0",
	    "0 db/t.MYI 3",
	    "0 db/t.ibd 1",
	    "0 ib_buffer_pool 3",
	    "0 ibdata1 1",
	    "0 inside 0",
	    "0 inside/g.ibd 1",
	    "0 keys 0",
	    "0 more.ibu 1",
	    "0 mysql.ibd 1",
	    "0 mysqld-auto.cnf 3",
	    "0 relay-note 3",
	    "0 undo_001 1",
	    "0 undo_1_trunc.log 3",
	    "1 far/db/x.ibd 1",
	    "1 y.ibu 1",
	};
	static const char *const left_out[] = {"#ib_16384_0.dblwr",
	                                       "#ib_16384_0.bdblwr",
	                                       "inside/#ib_16384_1.bdblwr",
	                                       "relay.000001",
	                                       "relay-c1.000001",
	                                       "relay-c1.index",
	                                       "relay-a@002db.000003",
	                                       "relay-group_replication_applier.000002",
	                                       "list.index",
	                                       "list-c1.index",
	                                       "auto.cnf",
	                                       "ibtmp1",
	                                       "log.000001",
	                                       "log.index",
	                                       "binlog.000001",
	                                       "h-relay-bin.000002",
	                                       "h-relay-bin.index",
	                                       "m.pid",
	                                       "s.sock.lock",
	                                       "host.err",
	                                       "#innodb_redo/#ib_redo7",
	                                       "#innodb_temp/temp_1.ibt",
	                                       "#mybak-binlog/log.000001",
	                                       "keys/keyring",
	                                       "keys/keyring.backup",
	                                       "kmip/key.pem",
	                                       "inside/#ib_16384_1.dblwr",
	                                       "inside/#innodb_redo/#ib_redo8",
	                                       "inside/#innodb_temp/temp_2.ibt",
	                                       "component_keyring_vault.cnf",
	                                       "../ssd/note",
	                                       "../ssd/undo_002",
	                                       "../ssd/lost+found/a.ibd"};
	make_dir("db");
	make_dir("#innodb_redo");
	make_dir("#innodb_temp");
	make_dir("#mybak-binlog");
	make_dir("keys");
	make_dir("kmip");
	make_dir("inside/#innodb_redo");
	make_dir("inside/#innodb_temp");
	make_dir("../ssd/far/db");
	make_dir("../ssd/lost+found");
	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
		char name[64];
		unsigned root, kind;
		ck_assert_int_eq(sscanf(taken[i], "%u %63s %u", &root, name, &kind), 3);
		char *path = mem_printf("%s%s", root ? "../ssd/" : "", name);
		if (kind != FOUND_DIR)
			put(path);
		free(path);
	}
	for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
		put(left_out[i]);
	struct scan s = scan_all();
	for (size_t i = 0; i < s.list.n; i++) {
		char *got =
		    mem_printf("%u %s %u", s.list.v[i].root, s.list.v[i].path, s.list.v[i].kind);
		ck_assert_msg(i < sizeof taken / sizeof *taken && !strcmp(got, taken[i]),
		              "%s, expected %s", got,
		              i < sizeof taken / sizeof *taken ? taken[i] : "nothing");
		free(got);
	}
	ck_assert_uint_eq(s.list.n, sizeof taken / sizeof *taken);
	ck_assert_uint_eq(out->roots.n, 2);
	ck_assert_str_eq(out->roots.v[1].role, "external");
	scan_done(&s);
}
END_TEST

/* A place of tables that holds the data directory itself: no file comes twice. */
START_TEST(known_dir_around_the_datadir)
{
	put("a.ibd");
	put("../b.ibd");
	names_add_root(out, place, "external");
	struct scan s = scan_all();
	ck_assert_uint_eq(s.list.n, 3);
	ck_assert_str_eq(s.list.v[0].path, "a.ibd");
	ck_assert_str_eq(s.list.v[1].path, "inside");
	ck_assert_str_eq(s.list.v[2].path, "b.ibd");
	scan_done(&s);
}
END_TEST

/* innodb_undo_directory may be a link to the data directory. */
START_TEST(the_same_place_by_another_name)
{
	char *link = mem_printf("%s/link", place), *key = mem_printf("%s/link/keys/keyring", place);
	ck_assert_int_eq(symlink(dir, link), 0);
	make_dir("keys");
	put("keys/keyring");
	*vec_push(&facts.keyring_files) = key;
	ck_assert_ptr_nonnull(strstr(key, "/link/"));
	names_add_root(out, link, "undo");
	ck_assert_uint_eq(out->roots.n, 2);
	ck_assert(names_is_root_of(&names, 0, link));
	struct scan s = scan_all();
	ck_assert_uint_eq(s.list.n, 2); /* the directories */
	scan_done(&s);
	free(link);
}
END_TEST

static void link_to(const char *name, const char *to)
{
	char *path = at(name);
	ck_assert_int_eq(symlink(to, path), 0);
	free(path);
}

static void know(const char *name)
{
	*vec_push(&facts.known_dirs) = at(name);
}

/* innodb_directories: each place is read once, and what the data directory has is its own. */
START_TEST(known_dirs_by_other_names)
{
	make_dir("db");
	put("db/t.MYI");
	put("db/t.ibd");
	put("../ssd/y.ibd");
	link_to("../to-ssd", "ssd");
	link_to("../to-datadir", "d");
	link_to("../to-db", "d/db");
	know("../to-ssd");
	know("../to-datadir");
	know("../to-db");
	know("../to-datadir/db");
	mysql_names_add_roots(&facts, out);
	ck_assert_uint_eq(out->roots.n, 2);
	struct scan s = scan_all();
	ck_assert_uint_eq(s.list.n, 5);
	ck_assert_str_eq(s.list.v[1].path, "db/t.MYI");
	ck_assert_str_eq(s.list.v[2].path, "db/t.ibd");
	ck_assert_str_eq(s.list.v[4].path, "y.ibd");
	scan_done(&s);
}
END_TEST

/* A database, or a tablespace, that is a link to a place the server knows by itself, too. */
START_TEST(links_into_known_dirs)
{
	make_dir("../ssd/db");
	put("../ssd/db/t.MYI");
	put("../ssd/db/t.ibd");
	put("../ssd/one.ibd");
	make_dir("../own");
	put("../own/u.ibd");
	put("../own/u.MYI");
	link_to("db", "../ssd/db");
	link_to("one.ibd", "../ssd/one.ibd");
	link_to("own", "../own");
	know("../own");
	mysql_names_add_roots(&facts, out);
	ck_assert_uint_eq(out->roots.n, 3);
	struct scan s = scan_all();
	static const char *const want[] = {"db",      "db/t.MYI", "db/t.ibd",  "inside",
	                                   "one.ibd", "own",      "own/u.MYI", "own/u.ibd"};
	ck_assert_uint_eq(s.list.n, sizeof want / sizeof *want);
	for (size_t i = 0; i < s.list.n; i++) {
		ck_assert_uint_eq(s.list.v[i].root, 0);
		ck_assert_str_eq(s.list.v[i].path, want[i]);
	}
	scan_done(&s);
}
END_TEST

static void expect_table(const char *path, const char *want)
{
	char *got = mysql_names_table(path);
	ck_assert_str_eq(got, want);
	free(got);
}

START_TEST(names_of_tables)
{
	expect_table("shop/orders.MYI", "shop.orders");
	expect_table("a@002db/x@0020y.CSV", "a-b.x y");
	expect_table("d@00e4/t@4e2d.MYI", "d\xc3\xa4.t\xe4\xb8\xad");
	expect_table("shop/t#P#p0.MYI", "shop.t");
	expect_table("shop/t#p#p0#sp#s1.MYI", "shop.t");
	expect_table("shop/at@.MYI", "shop.at@");
	expect_table("shop/at@00.MYI", "shop.at@00");
	expect_table("shop/at@0000.MYI", "shop.at@0000");
	expect_table("shop/@zzzz.MYI", "shop.@zzzz");
	expect_table("plain", "plain");
}
END_TEST

START_TEST(tables_without_lock)
{
	make_dir("mysql");
	make_dir("shop");
	put("mysql/general_log.CSV");
	put("shop/a.MYI");
	put("shop/a.MYD");
	put("shop/b#P#p0.MYI");
	put("shop/b#P#p1.MYI");
	put("shop/c.CSV");
	put("shop/d.ibd");
	struct scan s = scan_all();
	mysql_names_unlocked(&s, out);
	ck_assert_uint_eq(out->unlocked.n, 3);
	ck_assert_str_eq(out->unlocked.names.v[0], "shop.a");
	ck_assert_str_eq(out->unlocked.names.v[1], "shop.b");
	ck_assert_str_eq(out->unlocked.names.v[2], "shop.c");
	ck_assert_uint_eq(out->warnings.n, 2);
	ck_assert_ptr_nonnull(strstr(out->warnings.v[0], "2 tables of engine MyISAM"));
	ck_assert_ptr_nonnull(strstr(out->warnings.v[1], "1 table of engine CSV"));
	scan_done(&s);
}
END_TEST

START_TEST(log_status)
{
	struct log_status s;
	struct err err = ERR_INIT;
	const char *engines = "{\"InnoDB\": {\"LSN\": 19466689, \"LSN_checkpoint\": 19466600}}";

	ck_ok(log_status_read("{\"gtid_executed\": \"a:1-5,\\nb:1\", \"binary_log_file\": "
	                      "\"log.000003\", \"binary_log_position\": 4711}",
	                      engines, &s, &err),
	      err);
	ck_assert_uint_eq(s.lsn, 19466689);
	ck_assert_uint_eq(s.checkpoint, 19466600);
	ck_assert_str_eq(s.binlog.file, "log.000003");
	ck_assert_uint_eq(s.binlog.pos, 4711);
	ck_assert_str_eq(s.binlog.gtid, "a:1-5,b:1");
	log_status_done(&s);

	/* Without a binlog the set and the LSN do not belong together. */
	ck_ok(log_status_read("{\"gtid_executed\": \"a:1-5\"}", engines, &s, &err), err);
	ck_assert_ptr_null(s.binlog.file);
	ck_assert_ptr_null(s.binlog.gtid);
	log_status_done(&s);
}
END_TEST

START_TEST(log_status_bad)
{
	static const char *const locals[] = {
	    NULL,
	    "",
	    "[]",
	    "{\"binary_log_file\": \"log.1\"}",
	    "{\"binary_log_file\": \"../log.1\", \"binary_log_position\": 4}",
	    "{\"binary_log_file\": \"..\", \"binary_log_position\": 4}",
	    "{\"binary_log_file\": \"log.1\", \"binary_log_position\": -4}",
	    "{\"binary_log_file\": \"log.1\", \"binary_log_position\": \"4\"}",
	};
	static const char *const engines[] = {
	    NULL,
	    "",
	    "{}",
	    "{\"InnoDB\": 1}",
	    "{\"InnoDB\": {\"LSN\": 5}}",
	    "{\"InnoDB\": {\"LSN\": 5, \"LSN_checkpoint\": 6}}",
	    "{\"InnoDB\": {\"LSN\": 5, \"LSN_checkpoint\": 0}}",
	};
	struct log_status s = {.lsn = 7};
	struct err err = ERR_INIT;

	for (size_t i = 0; i < sizeof locals / sizeof *locals; i++) {
		ck_assert_int_eq(
		    log_status_read(locals[i], "{\"InnoDB\": {\"LSN\": 9, \"LSN_checkpoint\": 8}}",
		                    &s, &err),
		    -1);
		ck_assert_int_eq(err.kind, ERR_SERVER);
	}
	for (size_t i = 0; i < sizeof engines / sizeof *engines; i++)
		ck_assert_int_eq(log_status_read("{}", engines[i], &s, &err), -1);
	ck_assert_uint_eq(s.lsn, 7);
}
END_TEST

/* A file of the redo log that begins at `lsn`, of `blocks` blocks. */
static void put_log(const char *name, uint64_t lsn, size_t blocks)
{
	static unsigned char bytes[MYSQL_REDO_HEAD + 64 * MYSQL_REDO_BLOCK];
	memset(bytes, 0, sizeof bytes);
	be32_put(bytes, 6);
	be32_put(bytes + 4, 1234);
	be64_put(bytes + 8, lsn);
	be32_put(bytes + 508, innodb_crc32c(0, bytes, 508));
	put_in(name, bytes, MYSQL_REDO_HEAD + blocks * MYSQL_REDO_BLOCK);
}

static enum log_dir_state find(uint64_t lsn, uint64_t *ret_start)
{
	struct log_file f = {.fd = -1};
	enum log_dir_state state;
	struct err err = ERR_INIT;
	char *path = at("#innodb_redo");
	ck_ok(log_dir_find(path, lsn, &f, &state, &err), err);
	ck_assert_int_eq(f.fd >= 0, state == LOG_DIR_FOUND);
	*ret_start = f.fd >= 0 ? f.log.start_lsn : 0;
	log_file_close(&f);
	free(path);
	return state;
}

START_TEST(files_of_the_log)
{
	uint64_t from = 8192 * 4, begin, n = 16 * MYSQL_REDO_BLOCK;
	make_dir("#innodb_redo");
	put_log("#innodb_redo/#ib_redo9", from + n, 16);
	put_log("#innodb_redo/#ib_redo8", from, 16);
	put_log("#innodb_redo/#ib_redo10_tmp", from + 2 * n, 16);
	put_log("#innodb_redo/#ib_redo", from + 3 * n, 16);
	put("#innodb_redo/note");

	ck_assert_int_eq(find(from, &begin), LOG_DIR_FOUND);
	ck_assert_uint_eq(begin, from);
	ck_assert_int_eq(find(from + n - 1, &begin), LOG_DIR_FOUND);
	ck_assert_uint_eq(begin, from);
	ck_assert_int_eq(find(from + n, &begin), LOG_DIR_FOUND);
	ck_assert_uint_eq(begin, from + n);
	/* the next file is not made yet, which is no loss */
	ck_assert_int_eq(find(from + 2 * n, &begin), LOG_DIR_NOT_YET);
	ck_assert_int_eq(find(from - 512, &begin), LOG_DIR_GONE);
}
END_TEST

/* The head of that file gets a key of this byte. */
static void put_key(const char *name, unsigned char byte)
{
	unsigned char key[MYSQL_REDO_BLOCK];
	char *path = at(name);
	FILE *f = fopen(path, "r+b");
	memset(key, byte, sizeof key);
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fseek(f, 1024, SEEK_SET), 0);
	ck_assert_uint_eq(fwrite(key, 1, sizeof key, f), sizeof key);
	fclose(f);
	free(path);
}

START_TEST(key_of_the_log)
{
	uint64_t n = 16 * MYSQL_REDO_BLOCK, from = 8192 * 4;
	struct mysql_redo log = {.start_lsn = 5};
	struct err err = ERR_INIT;
	char *path = at("#innodb_redo");

	make_dir("#innodb_redo");
	for (unsigned i = 0; i < 3; i++) {
		char name[64];
		snprintf(name, sizeof name, "#innodb_redo/#ib_redo%u", 9 + i);
		put_log(name, from + i * n, 16);
	}
	ck_ok(log_dir_key(path, &log, &err), err);
	ck_assert(!log.has_encryption);
	put_key("#innodb_redo/#ib_redo9", 9);
	ck_ok(log_dir_key(path, &log, &err), err);
	ck_assert(log.has_encryption);
	ck_assert_uint_eq(log.encryption[511], 9);
	put_key("#innodb_redo/#ib_redo10", 10);
	ck_ok(log_dir_key(path, &log, &err), err);
	ck_assert_uint_eq(log.encryption[0], 10);
	/* no file has one any more: what was found stays */
	for (unsigned i = 0; i < 2; i++)
		put_key(i ? "#innodb_redo/#ib_redo9" : "#innodb_redo/#ib_redo10", 0);
	ck_ok(log_dir_key(path, &log, &err), err);
	ck_assert_uint_eq(log.encryption[0], 10);
	ck_assert_uint_eq(log.start_lsn, 5);
	free(path);
}
END_TEST

START_TEST(log_that_cannot_be_read)
{
	struct log_file f = {.fd = -1};
	enum log_dir_state state;
	struct err err = ERR_INIT;
	unsigned char head[MYSQL_REDO_HEAD + 512] = {0};
	char *path = at("#innodb_redo");

	ck_assert_int_eq(log_dir_find(path, 1 << 20, &f, &state, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "#innodb_redo"));
	make_dir("#innodb_redo");
	be32_put(head, 99);
	be32_put(head + 508, innodb_crc32c(0, head, 508));
	put_in("#innodb_redo/#ib_redo1", head, sizeof head);
	ck_assert_int_eq(log_dir_find(path, 1 << 20, &f, &state, &err), -1);
	ck_assert_int_eq(err.kind, ERR_REFUSED);
	ck_assert_int_eq(f.fd, -1);
	free(path);
}
END_TEST

/* Without the binlog a restore would decide open transactions wrongly. */
START_TEST(binlog_without_a_directory)
{
	struct hot h = {.plan = {.facts = &facts}, .out = out};
	struct mysql_binlog b = {.fd = -1};
	struct err err = ERR_INIT;

	free(facts.log_bin_basename);
	facts.log_bin_basename = NULL;
	ck_ok(mysql_binlog_open(&b, &h, NULL, &err), err);
	ck_assert_int_eq(b.fd, -1);
	out->binlog.file = mem_strdup("binlog.000007");
	ck_assert_int_eq(mysql_binlog_open(&b, &h, NULL, &err), -1);
	ck_assert_int_eq(err.kind, ERR_SERVER);
	ck_assert_ptr_nonnull(strstr(err.text, "binlog.000007"));
	ck_assert_ptr_nonnull(strstr(err.hint, "log_bin_basename"));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("source/mysql");
	TCase *t = tcase_create("mysql");
	tcase_add_checked_fixture(t, start, stop);
	tcase_add_test(t, what_is_taken);
	tcase_add_test(t, known_dir_around_the_datadir);
	tcase_add_test(t, the_same_place_by_another_name);
	tcase_add_test(t, known_dirs_by_other_names);
	tcase_add_test(t, links_into_known_dirs);
	tcase_add_test(t, names_of_tables);
	tcase_add_test(t, tables_without_lock);
	tcase_add_test(t, log_status);
	tcase_add_test(t, log_status_bad);
	tcase_add_test(t, files_of_the_log);
	tcase_add_test(t, key_of_the_log);
	tcase_add_test(t, log_that_cannot_be_read);
	tcase_add_test(t, binlog_without_a_directory);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
