/* Where roots go, and paths the server wrote down. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fsio.h"
#include "base/mem.h"
#include "job/restore_files.h"
#include "job/restore_place.h"
#include "tests/unit/unit.h"

static struct manifest *m;
static struct places places;
static struct err err;

static void add_root(const char *path, const char *role)
{
	*vec_push(&m->roots) =
	    (struct manifest_root){.path = mem_strdup(path), .role = mem_strdup(role)};
}

static void add_file(unsigned root, const char *path)
{
	*vec_push(&m->files) = (struct manifest_file){
	    .root = (uint16_t)root, .path = mem_strdup(path), .kind = FILE_PLAIN, .base = -1};
}

static void setup(void)
{
	err = ERR_INIT;
	m = manifest_new();
	strcpy(m->id, "20261122T020000Z-full");
	add_root("/var/lib/mysql", "datadir");
	add_root("/data/ext", "external");
	add_root("/data/ext/deep", "external");
	add_root("/undo", "undo");
	add_file(0, "ibdata1");
	add_file(1, "db/t.ibd");
	add_file(2, "db/u.ibd");
	add_file(3, "undo001");
}

static void teardown(void)
{
	places_done(&places);
	manifest_free(m);
}

static int init(const char *a, const char *b, const char *c)
{
	const char *maps[] = {a, b, c, NULL};

	places_done(&places);
	err_clear(&err);
	return places_init(m, "/r/data", maps, &places, &err);
}

START_TEST(test_maps)
{
	ck_ok(init("/data/ext=/r/ext", "/data/ext/deep/=/r/deep", NULL), err);
	ck_assert_str_eq(places.v[0].dir, "/r/data");
	ck_assert_str_eq(places.v[1].dir, "/r/ext");
	ck_assert_str_eq(places.v[2].dir, "/r/deep");
	ck_assert_str_eq(places.v[3].dir, "/r/data");
	ck_assert(places.v[1].mapped && !places.v[3].mapped);
	ck_assert(places_renames_redo(&places));
	/* to where they were: nothing has to change */
	ck_ok(init("/data/ext=/r/ext", "/data/ext/deep=/data/ext/deep", NULL), err);
	ck_assert(!places.v[2].moved && !places.v[2].link);
}
END_TEST

START_TEST(test_maps_refused)
{
	/* every root that lacks one is named, with an example */
	ck_assert_int_eq(init(NULL, NULL, NULL), -1);
	ck_assert_int_eq(err.kind, ERR_USAGE);
	ck_assert(strstr(err.text, "/data/ext, /data/ext/deep"));
	ck_assert(strstr(err.hint, "--map /data/ext"));
	ck_assert(!strstr(err.text, "/undo"));
	ck_assert_int_eq(init("/data/ext", NULL, NULL), -1);
	ck_assert_int_eq(err.kind, ERR_USAGE);
	ck_assert_int_eq(init("/other=/r/x", NULL, NULL), -1);
	ck_assert(strstr(err.hint, "/data/ext"));
	ck_assert_int_eq(init("/data/ext=", NULL, NULL), -1);
	ck_assert_int_eq(init("/data/ext=/r/a", "/data/ext=/r/b", NULL), -1);
	ck_assert(strstr(err.text, "twice"));
	/* into each other, or into the data directory */
	ck_assert_int_eq(init("/data/ext=/r/a", "/data/ext/deep=/r/a/b", NULL), -1);
	ck_assert_int_eq(init("/data/ext=/r/data/x", "/data/ext/deep=/r/b", NULL), -1);
	ck_assert_int_eq(init("/data/ext=/r", "/data/ext/deep=/r/b", NULL), -1);
	ck_assert_int_eq(err.kind, ERR_USAGE);
}
END_TEST

/* A list in a setting has to name them. */
START_TEST(test_maps_that_a_mysql_cannot_have)
{
	static const char *const bad[] = {"/r/e;x", "/r/e*",   "/r/e'x",
	                                  "/r/e\"", "/r/e\\x", "/r/e\nx"};
	char map[64];

	for (size_t i = 0; i < 2 * sizeof bad / sizeof *bad; i++) {
		snprintf(map, sizeof map, "/data/ext=%s", bad[i / 2]);
		free(m->flavour);
		m->flavour = mem_strdup(i % 2 ? "mysql" : "mariadb");
		ck_assert_int_eq(init(map, "/data/ext/deep=/r/deep", NULL), i % 2 ? -1 : 0);
		ck_assert(!(i % 2) || (err.kind == ERR_USAGE && strstr(err.hint, "/data/ext=")));
	}
	ck_ok(init("/data/ext=/r/a b,$#x ", "/data/ext/deep=/r/deep", NULL), err);
}
END_TEST

START_TEST(test_root_without_files_needs_no_map)
{
	m->files.v[1].kind = m->files.v[2].kind = FILE_GONE;
	ck_ok(init(NULL, NULL, NULL), err);
	ck_assert(!places_renames_redo(&places));
}
END_TEST

START_TEST(test_collisions)
{
	ck_ok(init("/data/ext=/r/ext", "/data/ext/deep=/r/deep", NULL), err);
	ck_ok(places_check_collisions(&places, m, &err), err);
	add_file(1, "ibdata1"); /* goes elsewhere */
	ck_ok(places_check_collisions(&places, m, &err), err);
	add_file(3, "ibdata1");
	ck_assert_int_eq(places_check_collisions(&places, m, &err), -1);
	ck_assert(strstr(err.text, "ibdata1") && strstr(err.text, "/undo"));
}
END_TEST

static void isl(const char *text, const char *want)
{
	char *got = restore_isl_rewrite(&places, text);

	if (want)
		ck_assert_str_eq(got, want);
	else
		ck_assert_ptr_null(got);
	free(got);
}

START_TEST(test_isl)
{
	ck_ok(init("/data/ext=/r/ext", "/data/ext/deep=/r/deep", NULL), err);
	isl("/data/ext/db/t.ibd", "/r/ext/db/t.ibd");
	isl("/data/ext/db/t.ibd\n", "/r/ext/db/t.ibd\n");
	isl("/data/ext/deep/db/u.ibd", "/r/deep/db/u.ibd");
	isl("/data/extra/db/t.ibd", NULL);
	isl("/var/lib/mysql/x", "/r/data/x");
	isl("", NULL);
	isl("\n", NULL);
	isl("relative/t.ibd", NULL);
}
END_TEST

static void link_to(const char *path, const char *target, const char *want)
{
	struct manifest_file f = {.path = mem_strdup(path), .target = mem_strdup(target)};
	char *got = places_link_target(&places, m, &f);

	ck_assert_str_eq(got, want);
	free(got);
	free(f.path);
	free(f.target);
}

START_TEST(test_symlinks)
{
	ck_ok(init("/data/ext=/r/ext", "/data/ext/deep=/r/deep", NULL), err);
	link_to("db", "/data/ext/db", "/r/ext/db");
	link_to("db", "/data/ext/../ext/./db", "/r/ext/db");
	link_to("db/t.MYD", "/elsewhere/t.MYD", "/elsewhere/t.MYD");
	link_to("db/t.MYD", "../db2/t.MYD", "../db2/t.MYD");
	link_to("db/t.MYD", "../../../../data/ext/t.MYD", "/r/ext/t.MYD");
}
END_TEST

static void redo(const char *name, const char *want)
{
	char buf[100];
	size_t n = strlen(name);
	bool changed;

	memcpy(buf, name, n);
	changed = places_redo_name(&places, (unsigned char *)buf, n);
	ck_assert_int_eq(changed, want != NULL);
	ck_assert_mem_eq(buf, want ? want : name, n);
}

START_TEST(test_redo_names)
{
	ck_ok(init("/data/ext=/r/a/much/longer/place", "/data/ext/deep=/r/deep", NULL), err);
	redo("/data/ext/db/t.ibd", "./////#m1/db/t.ibd");
	redo("/data/ext/deep/db/u.ibd", ".//////////#m2/db/u.ibd");
	redo("./db/t.ibd", NULL);
	redo("/data/extra/db/t.ibd", NULL);
	redo("", NULL);
	redo("/", NULL);
}
END_TEST

START_TEST(test_redo_names_of_short_roots)
{
	free(m->roots.v[1].path);
	m->roots.v[1].path = mem_strdup("/e");
	ck_ok(init("/e=/r/e", "/data/ext/deep=/r/deep", NULL), err);
	redo("/e/db/t.ibd", "#1/db/t.ibd");
}
END_TEST

/* A name in the redo must lead to the new place when it is opened from within the
 * data directory, as the server does. */
START_TEST(test_links_lead_there)
{
	char dir[] = "/tmp/unit-place-XXXXXX", name[] = "/data/ext/db/t.ibd", map[100], path[100];
	const char *maps[] = {map, "/data/ext/deep=/nowhere", NULL};

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(map, sizeof map, "/data/ext=%s/new", dir);
	snprintf(path, sizeof path, "%s/data", dir);
	ck_ok(fsio_mkdirs(path, 0700, &err), err);
	ck_ok(places_init(m, path, maps, &places, &err), err);
	ck_ok(places_make_links(&places, &err), err);
	ck_assert_int_eq(chdir(path), 0);
	snprintf(path, sizeof path, "%s/new/db", dir);
	ck_ok(fsio_mkdirs(path, 0700, &err), err);
	snprintf(path, sizeof path, "%s/new/db/t.ibd", dir);
	ck_ok(fsio_replace(path, "x", 1, 0600, &err), err);
	ck_assert(places_redo_name(&places, (unsigned char *)name, strlen(name)));
	ck_assert_int_eq(access(name, R_OK), 0);
	ck_ok(places_remove_links(&places, &err), err);
	ck_assert_int_eq(access(name, R_OK), -1);
	ck_ok(places_remove_links(&places, &err), err);
	ck_assert_int_eq(chdir("/"), 0);
	ck_ok(fsio_remove_tree(dir, &err), err);
}
END_TEST

static void absolute(const char *path, const char *want)
{
	char *got = NULL;

	ck_ok(place_absolute(path, &got, &err), err);
	ck_assert_str_eq(got, want);
	free(got);
}

START_TEST(test_absolute)
{
	char dir[] = "/tmp/unit-abs-XXXXXX", *got = NULL;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chdir(dir), 0);
	ck_assert_int_eq(mkdir("real", 0700), 0);
	ck_assert_int_eq(symlink("real", "link"), 0);
	absolute("/", "/");
	absolute("/no-such-place//x/", "/no-such-place/x");
	char *want = mem_printf("%s/real/new", dir);
	absolute("link/new", want);
	absolute("./link/../link/new/", want);
	free(want);
	ck_assert_int_eq(place_absolute("new/../x", &got, &err), -1);
	ck_assert_int_eq(err.kind, ERR_USAGE);
	ck_assert_int_eq(chdir("/"), 0);
	ck_ok(fsio_remove_tree(dir, &err), err);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("job_place");
	TCase *t = tcase_create("place");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_maps);
	tcase_add_test(t, test_maps_refused);
	tcase_add_test(t, test_maps_that_a_mysql_cannot_have);
	tcase_add_test(t, test_root_without_files_needs_no_map);
	tcase_add_test(t, test_collisions);
	tcase_add_test(t, test_isl);
	tcase_add_test(t, test_symlinks);
	tcase_add_test(t, test_redo_names);
	tcase_add_test(t, test_redo_names_of_short_roots);
	tcase_add_test(t, test_links_lead_there);
	tcase_add_test(t, test_absolute);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
