/* The zone that the statements of a binlog mean. */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "server/zone.h"
#include "tests/unit/unit.h"

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

static void check(const char *name, const char *want)
{
	char *got = NULL;
	err_clear(&err);
	ck_ok(zone_environment(name, file, &got, &err), err);
	if (want)
		ck_assert_str_eq(got, want);
	else
		ck_assert_ptr_null(got);
	free(got);
}

START_TEST(the_sources_zone_and_no_other)
{
	char *got = NULL, want[80];
	setenv("TZ", "XYZ-5:30", 1);
	write_zone("TZif2\nCET binary\nCET-1CEST,M3.5.0,M10.5.0/3\n");
	snprintf(want, sizeof want, "TZ=:%s", file);
	check("XYZ", NULL);
	check("CET", want);
	check("CEST", want);
	check("UTC", "TZ=UTC");
	ck_assert_int_eq(zone_environment("ES", file, &got, &err), -1);
	ck_assert(err.kind == ERR_REFUSED && strstr(err.text, "XYZ"));
	unlink(file);
	ck_assert_int_eq(zone_environment("CET", file, &got, &err), -1);
}
END_TEST

/* Where a zone has no letters: neither a part of another one's name nor its offset. */
START_TEST(zones_of_digits)
{
	char *got = NULL, want[80];
	setenv("TZ", "XYZ-5:30", 1);
	write_zone("TZif2\n<+0330>-3:30\n");
	snprintf(want, sizeof want, "TZ=:%s", file);
	check("+0330", want);
	ck_assert_int_eq(zone_environment("+03", file, &got, &err), -1);
	ck_assert_int_eq(zone_environment("-3", file, &got, &err), -1);
	unlink(file);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("server/zone");
	TCase *c = tcase_create("zone");
	tcase_add_test(c, the_sources_zone_and_no_other);
	tcase_add_test(c, zones_of_digits);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
