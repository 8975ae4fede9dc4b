/* What a tablespace is when its page 0 is not on disk yet. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "source/geometry.h"
#include "tests/unit/unit.h"

#define PAGE 16384u
#define PAGES 8u

static int fd;
static unsigned char *file;

static void start(void)
{
	char name[] = "/tmp/mybak-geometry-XXXXXX";
	fd = mkstemp(name);
	ck_assert_int_ge(fd, 0);
	unlink(name);
	file = mem_zalloc(PAGES * PAGE);
}

static void stop(void)
{
	close(fd);
	free(file);
}

static void full_crc32_page(uint32_t no, uint32_t space_id)
{
	unsigned char *p = file + no * PAGE;
	be32_put(p + 4, no);
	be64_put(p + 16, 777);
	be32_put(p + 34, space_id);
	memset(p + 100, 'x', 3000);
	memcpy(p + PAGE - 8, p + 20, 4);
	be32_put(p + PAGE - 4, innodb_crc32c(0, p, PAGE - 4));
}

static void zip_page(uint32_t no, uint32_t size, uint32_t space_id)
{
	unsigned char *p = file + no * size;
	be32_put(p + 4, no);
	be64_put(p + 16, 777);
	be32_put(p + 34, space_id);
	memset(p + 100, 'z', 300);
	be32_put(p, innodb_crc32c(0, p + 4, 12) ^ innodb_crc32c(0, p + 24, 2) ^
	                innodb_crc32c(0, p + 34, size - 34));
}

static int look(struct page_space *ret, enum geometry *ret_state, struct err *err)
{
	ck_assert_int_eq(pwrite(fd, file, PAGES * PAGE, 0), PAGES * PAGE);
	return geometry_read(fd, "shop/t.ibd", PAGE, ret, ret_state, err);
}

START_TEST(nothing_is_written_yet)
{
	struct page_space s;
	enum geometry g;
	struct err err = ERR_INIT;
	ck_ok(look(&s, &g, &err), err);
	ck_assert_int_eq(g, GEOMETRY_NOTHING);
	ck_assert_int_eq(s.page_size, PAGE);
}
END_TEST

START_TEST(later_pages_tell)
{
	struct page_space s;
	enum geometry g;
	struct err err = ERR_INIT;
	full_crc32_page(3, 42);
	full_crc32_page(5, 42);
	ck_ok(look(&s, &g, &err), err);
	ck_assert_int_eq(g, GEOMETRY_KNOWN);
	ck_assert(s.full_crc32);
	ck_assert_int_eq(s.space_id, 42);
	ck_assert_int_eq(s.flags, 0x15);
}
END_TEST

START_TEST(later_compressed_pages_tell)
{
	struct page_space s;
	enum geometry g;
	struct err err = ERR_INIT;
	zip_page(3, 4096, 43);
	zip_page(5, 4096, 43);
	ck_ok(look(&s, &g, &err), err);
	ck_assert_int_eq(g, GEOMETRY_KNOWN);
	ck_assert(s.zip);
	ck_assert_int_eq(s.page_size, 4096);
	ck_assert_int_eq(s.space_id, 43);
}
END_TEST

START_TEST(garbage_is_no_tablespace)
{
	struct page_space s;
	enum geometry g;
	struct err err = ERR_INIT;
	memset(file + 3 * PAGE, 0x5a, PAGE);
	ck_assert_int_eq(look(&s, &g, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "shop/t.ibd"));
	memset(file, 0x5a, PAGE);
	ck_assert_int_eq(look(&s, &g, &err), -1);
	ck_assert_int_eq(err.kind, ERR_DAMAGED);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("geometry");
	TCase *t = tcase_create("geometry");
	tcase_set_timeout(t, 30);
	tcase_add_checked_fixture(t, start, stop);
	tcase_add_test(t, nothing_is_written_yet);
	tcase_add_test(t, later_pages_tell);
	tcase_add_test(t, later_compressed_pages_tell);
	tcase_add_test(t, garbage_is_no_tablespace);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
