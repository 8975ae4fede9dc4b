/* The zone that the statements of a binlog mean. */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "server/zone.h"
#include "tests/unit/unit.h"

#define AT INT64_C(1795000000) /* a November */

static char file[64];
static struct err err;

static void write_zone(const char *text)
{
	strcpy(file, "/tmp/unit-zone-XXXXXX");
	int fd = mkstemp(file);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void check_at(const char *name, const char *offset, const char *want)
{
	char *got = NULL;
	err_clear(&err);
	const struct zone z = {name, offset, AT};
	ck_ok(zone_environment(&z, file, &got, &err), err);
	if (want)
		ck_assert_str_eq(got, want);
	else
		ck_assert_ptr_null(got);
	free(got);
}

static void check(const char *name, const char *want)
{
	check_at(name, NULL, want);
}

static int refused(const char *name, const char *offset)
{
	char *got = NULL;
	const struct zone z = {name, offset, AT};
	err_clear(&err);
	return zone_environment(&z, file, &got, &err);
}

START_TEST(the_sources_zone_and_no_other)
{
	char want[80];
	setenv("TZ", "XYZ-5:30", 1);
	write_zone("TZif2\nCET binary\nCET-1CEST,M3.5.0,M10.5.0/3\n");
	snprintf(want, sizeof want, "TZ=:%s", file);
	check("XYZ", NULL);
	check("CET", want);
	check("CEST", want);
	check("UTC", "TZ=UTC");
	ck_assert_int_eq(refused("ES", NULL), -1);
	ck_assert(err.kind == ERR_REFUSED && strstr(err.text, "XYZ"));
	unlink(file);
	ck_assert_int_eq(refused("CET", NULL), -1);
}
END_TEST

/* Where a zone has no letters: neither a part of another one's name nor its offset. */
START_TEST(zones_of_digits)
{
	char want[80];
	setenv("TZ", "XYZ-5:30", 1);
	write_zone("TZif2\n<+0330>-3:30\n");
	snprintf(want, sizeof want, "TZ=:%s", file);
	check("+0330", want);
	ck_assert_int_eq(refused("+03", NULL), -1);
	ck_assert_int_eq(refused("-3", NULL), -1);
	unlink(file);
}
END_TEST

/* CST is Chicago, Shanghai and others. */
START_TEST(one_name_of_several_zones)
{
	char want[80];
	setenv("TZ", "CST6CDT", 1);
	write_zone("TZif2\nCST-8\n");
	check_at("CST", "-21600", NULL);
	check_at("CST", NULL, NULL);
	ck_assert_int_eq(refused("CST", "3600"), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "CST (UTC+1 h)"));
	unlink(file);
	snprintf(file, sizeof file, "/usr/share/zoneinfo/Asia/Shanghai");
	snprintf(want, sizeof want, "TZ=:%s", file);
	if (access(file, R_OK) == 0)
		check_at("CST", "28800", want);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("server/zone");
	TCase *c = tcase_create("zone");
	tcase_add_test(c, the_sources_zone_and_no_other);
	tcase_add_test(c, zones_of_digits);
	tcase_add_test(c, one_name_of_several_zones);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
