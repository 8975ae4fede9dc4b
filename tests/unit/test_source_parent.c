/* Which file of the parent a file of this backup may stand on. */
#include <string.h>

#include "source/parent.h"
#include "tests/unit/unit.h"

static void add(struct manifest *m, const char *path, uint64_t ino)
{
	*vec_push(&m->files) = (struct manifest_file){
	    .path = mem_strdup(path), .kind = FILE_INNODB, .base = -1, .stamp = {.ino = ino}};
}

/* A page that was corrupt in the parent can be whole now with the LSN it always had
 * (a cable, a cache): then only reading the whole file again brings it back, and
 * only reading it again tells that it is corrupt still. */
START_TEST(nothing_stands_on_a_file_with_corrupt_pages)
{
	static const char *const paths[] = {"db/a.ibd", "db/b.ibd", "db/c.ibd"};
	struct manifest *m = manifest_new();
	struct parent p;

	*vec_push(&m->roots) = (struct manifest_root){mem_strdup("/d"), mem_strdup("datadir")};
	for (uint64_t i = 0; i < 3; i++)
		add(m, paths[i], 10 + i);
	for (uint64_t page = 7; page < 9; page++)
		*vec_push(&m->corrupt) = (struct manifest_corrupt){mem_strdup(paths[1]), page};
	parent_init(&p, m);
	for (uint64_t i = 0; i < 3; i++) {
		const struct file_stamp now = {.ino = 10 + i};
		ck_assert_int_eq(parent_find_innodb(&p, &now), i == 1 ? -1 : (int64_t)i);
	}
	parent_done(&p);
	manifest_free(m);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("source/parent");
	TCase *t = tcase_create("parent");
	tcase_add_test(t, nothing_stands_on_a_file_with_corrupt_pages);
	suite_add_tcase(s, t);
	return s;
}
UNIT_MAIN(suite)
