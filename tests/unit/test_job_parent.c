/* Which backup an incremental stands on, in repositories made by hand. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fsio.h"
#include "job/backup_parent.h"
#include "job/catalog_load.h"
#include "repo/pack.h"
#include "tests/unit/unit.h"

#define ID "20261122T020000Z-full"

static char dir[64];
static struct repo *repo;

static void setup(void)
{
	const struct repo_options o = {.create = true};
	struct err e = ERR_INIT;

	strcpy(dir, "/tmp/unit-parent-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_ok(repo_open(dir, &o, &repo, &e), e);
}

static void teardown(void)
{
	repo_close(repo);
	fsio_remove_tree(dir, NULL);
}

/* A full with one small pack. */
static void put_full(void)
{
	struct manifest *m = manifest_new();
	struct pack_set set = {.repo = repo, .instance = "main", .id = ID};
	struct pack_writer *w = pack_writer_new(&set);
	const struct extent x = {.len = 4, .zero = 0};
	struct frame f = {.stored = 4, .raw = 4, .extent_n = 1, .extents = &x};
	struct err e = ERR_INIT;
	struct statx sx;

	ck_assert_int_eq(statx(AT_FDCWD, dir, 0, STATX_BASIC_STATS | STATX_BTIME, &sx), 0);
	strcpy(m->id, ID);
	m->instance = mem_strdup("main");
	m->method = mem_strdup("hot");
	m->flavour = mem_strdup("mariadb");
	m->version = mem_strdup("10.11.19-MariaDB");
	m->uuid = mem_strdup("u");
	m->page_size = 16384;
	*vec_push(&m->roots) = (struct manifest_root){
	    .path = mem_strdup(dir),
	    .role = mem_strdup("datadir"),
	    .ino = sx.stx_ino,
	    .btime_ns = (sx.stx_mask & STATX_BTIME)
	                    ? sx.stx_btime.tv_sec * 1000000000LL + sx.stx_btime.tv_nsec
	                    : 0};
	*vec_push(&m->files) =
	    (struct manifest_file){.path = mem_strdup("a"), .size = 4, .base = -1};
	ck_ok(pack_writer_add(w, &f, "abcd", &e), e);
	ck_ok(pack_writer_finish(w, m, &e), e);
	pack_writer_free(w);
	ck_ok(manifest_store(repo, m, &e), e);
	manifest_free(m);
}

static char uuid[] = "u", version[] = "10.11.19-MariaDB";

static char *choose(struct manifest **ret)
{
	struct facts facts = {.flavour = FLAVOUR_MARIADB,
	                      .major = 10,
	                      .minor = 11,
	                      .page_size = 16384,
	                      .uuid = uuid,
	                      .version = version,
	                      .datadir = dir};
	const struct parent_wish wish = {
	    .repo = repo, .instance = "main", .method = "hot", .facts = &facts, .current_lsn = 1};
	struct err e = ERR_INIT;
	char *reason = NULL;

	*ret = NULL;
	ck_ok(parent_choose(&wish, ret, &reason, &e), e);
	return reason;
}

START_TEST(a_whole_backup_is_stood_on)
{
	struct manifest *parent;

	put_full();
	ck_assert_ptr_null(choose(&parent));
	ck_assert_str_eq(parent->id, ID);
	manifest_free(parent);
}
END_TEST

/* Nothing that stands on it could be restored either. */
START_TEST(a_backup_without_a_pack_or_an_index_is_not)
{
	static const char *const names[] = {"pack.000", "index.000"};
	struct manifest *parent;
	struct err e = ERR_INIT;
	char name[64];

	put_full();
	snprintf(name, sizeof name, "main/backups/" ID "/%s", names[_i]);
	ck_ok(repo_remove(repo, name, &e), e);
	char *reason = choose(&parent);
	ck_assert_ptr_null(parent);
	ck_assert_ptr_nonnull(strstr(reason, names[_i]));
	free(reason);
	ck_ok(repo_put_bytes(repo, name, "x", 1, &e), e);
	reason = choose(&parent);
	ck_assert_ptr_null(parent);
	ck_assert_ptr_nonnull(strstr(reason, "has 1 bytes"));
	free(reason);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("job/parent");
	TCase *t = tcase_create("parent");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_whole_backup_is_stood_on);
	tcase_add_loop_test(t, a_backup_without_a_pack_or_an_index_is_not, 0, 2);
	suite_add_tcase(s, t);
	return s;
}
UNIT_MAIN(suite)
