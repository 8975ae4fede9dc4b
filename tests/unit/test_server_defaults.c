/* User and password from a my.cnf-syntax file: who may have written it, and how. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/defaults_file.h"

static void expect(const char *text, const char *user, const char *password)
{
	struct credentials c = {0};
	struct err err = ERR_INIT;

	ck_ok(defaults_file_parse(text, strlen(text), "f.cnf", &c, &err), err);
	ck_assert_pstr_eq(c.user, user);
	ck_assert_pstr_eq(c.password, password);
	credentials_done(&c);
	ck_assert_ptr_null(c.password);
}

static void expect_bad(const char *text, size_t n, const char *part)
{
	struct credentials c = {0};
	struct err err = ERR_INIT;

	ck_assert_int_eq(defaults_file_parse(text, n, "f.cnf", &c, &err), -1);
	ck_assert_int_eq(err.kind, ERR_USAGE);
	ck_assert_msg(strstr(err.text, part) != NULL, "%s", err.text);
	ck_assert_ptr_null(c.user);
}

START_TEST(test_groups)
{
	expect("[client]\nuser=bak\npassword=geheim\n", "bak", "geheim");
	expect("# c\n; c\n\n [client] \n  user = bak\t\r\n\tpassword\t=x\r\n", "bak", "x");
	/* ours is stronger wherever it stands; among equals the last one counts */
	expect("[mybak]\nuser=m\n[client]\nuser=c\npassword=p\n", "m", "p");
	expect("[client]\nuser=a\nuser=b\n", "b", NULL);
	/* other programs' groups, options without value and other keys */
	expect("[mysqld]\nuser=mysql\npassword=no\n[client]\nskip-ssl\nsocket=/x\nuser=u\n", "u",
	       NULL);
	expect("user=before\n[client-mariadb]\npassword=\nuser=u", "u", "");
}
END_TEST

START_TEST(test_values)
{
	expect("[client]\npassword=\"a # b\" # c\n", NULL, "a # b");
	expect("[client]\npassword='a\"b'\n", NULL, "a\"b");
	expect("[client]\npassword=ab#cd\n", NULL, "ab");
	expect("[client]\npassword=a=b\n", NULL, "a=b");
	expect("[client]\npassword=\"a\\\"#\\\\b\\n\\sc\\x\"\n", NULL, "a\"#\\b\n c\\x");
	expect("[client]\npassword=\"\n", NULL, "\"");
	expect("[client]\npassword=\" x \"\n", NULL, " x ");
	expect("[client]\npassword=p\303\244ss\n", NULL, "p\303\244ss");
}
END_TEST

START_TEST(test_bad)
{
	char big[2000];

	expect_bad("", 0, "no user and no password");
	expect_bad("[mysqld]\nuser=x\n", 16, "no user and no password");
	expect_bad("[client\nuser=x\n", 15, "f.cnf:1");
	expect_bad("[client]\n!includedir /etc/x\nuser=x\n", 35, "!includedir");
	expect_bad("[client]\nuser=a\0b\n", 18, "NUL");
	memset(big, 'x', sizeof big);
	memcpy(big, "[client]\nuser=", 14);
	expect_bad(big, sizeof big, "longer than");
}
END_TEST

/* The words of a file must never be in the reason. */
START_TEST(test_no_secret_in_reason)
{
	struct credentials c = {0};
	struct err err = ERR_INIT;
	static const char text[] = "[client]\npassword=Geheim77\n[oops\n";

	ck_assert_int_eq(defaults_file_parse(text, strlen(text), "f.cnf", &c, &err), -1);
	ck_assert_ptr_null(strstr(err.text, "Geheim77"));
	ck_assert_ptr_null(strstr(err.hint, "Geheim77"));
}
END_TEST

static char dir[] = "/tmp/mybak-unit-XXXXXX";
static char path[64];

static void setup(void)
{
	memcpy(dir + strlen(dir) - 6, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/a.cnf", dir);
	FILE *f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs("[client]\nuser=bak\npassword=p\n", f);
	fclose(f);
	ck_assert_int_eq(chmod(path, 0600), 0);
}

static void teardown(void)
{
	unlink(path);
	rmdir(dir);
}

static enum err_kind read_kind(struct err *err)
{
	struct credentials c = {0};

	*err = ERR_INIT;
	int rc = defaults_file_read(path, &c, err);
	credentials_done(&c);
	return rc == 0 ? ERR_NONE : err->kind;
}

START_TEST(test_rights)
{
	static const mode_t bad[] = {0640, 0604, 0660, 0644, 0620, 0666};
	struct err err;

	ck_assert_int_eq(read_kind(&err), ERR_NONE);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		ck_assert_int_eq(chmod(path, bad[i]), 0);
		ck_assert_int_eq(read_kind(&err), ERR_REFUSED);
		ck_assert_ptr_nonnull(strstr(err.hint, "chmod 600"));
	}
	ck_assert_int_eq(chmod(path, 0400), 0);
	ck_assert_int_eq(read_kind(&err), ERR_NONE);
	if (geteuid() == 0) {
		ck_assert_int_eq(chown(path, 12345, 0), 0);
		/* root looks at the policy of a daemon that runs as somebody else */
		ck_assert_int_eq(read_kind(&err), ERR_NONE);
		ck_assert_int_eq(seteuid(65534), 0);
		ck_assert_int_eq(read_kind(&err), ERR_REFUSED);
		ck_assert_int_eq(seteuid(0), 0);
	}
}
END_TEST

START_TEST(test_not_a_file)
{
	struct err err;

	unlink(path);
	ck_assert_int_eq(read_kind(&err), ERR_NOT_FOUND);
	ck_assert_str_ne(err.hint, "");
	/* must be turned down, and must not wait for a writer */
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(read_kind(&err), ERR_REFUSED);
	unlink(path);
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	ck_assert_int_eq(ftruncate(fd, 1 << 20), 0);
	close(fd);
	ck_assert_int_eq(read_kind(&err), ERR_USAGE);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("server/defaults");
	TCase *t = tcase_create("syntax");
	tcase_add_test(t, test_groups);
	tcase_add_test(t, test_values);
	tcase_add_test(t, test_bad);
	tcase_add_test(t, test_no_secret_in_reason);
	suite_add_tcase(s, t);
	t = tcase_create("file");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_rights);
	tcase_add_test(t, test_not_a_file);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
