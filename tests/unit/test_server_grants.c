/* Statements to paste, settings to carry over, and paths as a server means them. */
#include "tests/unit/unit.h"

#include <string.h>

#include "server/privileges.h"
#include "server/settings.h"

static void expect_grant(const char *account, const char *want)
{
	char *got = privileges_grant_text("RELOAD, BINLOG MONITOR", account);
	ck_assert_str_eq(got, want);
	free(got);
}

START_TEST(test_grant)
{
	expect_grant("bak@localhost", "GRANT RELOAD, BINLOG MONITOR ON *.* TO `bak`@`localhost`;");
	expect_grant("bak@10.0.0.%", "GRANT RELOAD, BINLOG MONITOR ON *.* TO `bak`@`10.0.0.%`;");
	expect_grant("a@b.c@%", "GRANT RELOAD, BINLOG MONITOR ON *.* TO `a@b.c`@`%`;");
	expect_grant("a`b'c@h", "GRANT RELOAD, BINLOG MONITOR ON *.* TO `a``b'c`@`h`;");
	expect_grant("@localhost", "GRANT RELOAD, BINLOG MONITOR ON *.* TO ``@`localhost`;");
}
END_TEST

START_TEST(test_settings)
{
	ck_assert(setting_is_needed("old_mode", "") &&
	          setting_is_needed("old_mode", "UTF8_IS_UTF8MB3"));
	ck_assert(!setting_is_needed("enforce_storage_engine", ""));
	ck_assert(setting_is_needed("innodb_page_size", "16384"));
	ck_assert(setting_is_of(FLAVOUR_MYSQL, "gtid_mode"));
	ck_assert(!setting_is_of(FLAVOUR_MARIADB, "gtid_mode"));
	ck_assert(setting_is_of(FLAVOUR_MYSQL, "innodb_page_size"));
	ck_assert(!setting_is_of(FLAVOUR_MYSQL, "innodb_log_file_size"));
	ck_assert(!setting_is_of(FLAVOUR_MYSQL, "datadir"));
	ck_assert(setting_is_needed("early_plugin_load", "keyring_file.so"));
	ck_assert(!setting_is_needed("early_plugin_load", "keyring_x=/tmp/evil.so"));
	ck_assert(!setting_is_needed("early_plugin_load", "evil.so"));
	ck_assert(setting_is_needed("file_key_management_filename", "/etc/keys"));
	ck_assert(setting_is_needed("file_key_management_filekey", "FILE:/etc/keykey"));
	ck_assert(!setting_is_needed("innodb_page_size", ""));
	ck_assert(!setting_is_needed("datadir", "/var/lib/mysql"));
	ck_assert(setting_is_needed("ft_stopword_file", "/etc/words") &&
	          setting_is_needed("ft_stopword_file", ""));
	ck_assert(!setting_is_needed("ft_stopword_file", "(built-in)"));
	ck_assert(setting_is_of_plugin("file_key_management_filename"));
	ck_assert(setting_is_of_plugin("file_key_management_use_pbkdf2"));
	ck_assert(!setting_is_of_plugin("innodb_page_size") && !setting_is_of_plugin("unknown"));
	/* secrets stay where they are */
	ck_assert(!setting_is_needed("file_key_management_filekey", "geheim"));
	ck_assert(!setting_is_needed("hashicorp_key_management_token", "geheim"));

	ck_assert(setting_plugin_is_needed("ENCRYPTION", "file_key_management.so"));
	ck_assert(setting_plugin_is_needed("STORAGE ENGINE", "ha_archive.so"));
	ck_assert(setting_plugin_is_needed("DAEMON", "provider_lz4.so"));
	ck_assert(!setting_plugin_is_needed("DAEMON", "handlersocket.so"));
	ck_assert(!setting_plugin_is_needed("AUDIT", "server_audit.so"));
}
END_TEST

static void expect_value(const char *name, const char *value, const char *want)
{
	char *got = setting_value(name, value);
	ck_assert_str_eq(got, want);
	free(got);
}

/* A server on a copy must not be sent to the files of the original. */
START_TEST(test_setting_value)
{
	expect_value("innodb_data_file_path", "ibdata1:12M:autoextend", "ibdata1:12M:autoextend");
	expect_value("innodb_data_file_path", "/live/ibdata1:12M;d/ibdata2:1G:autoextend",
	             "ibdata1:12M;ibdata2:1G:autoextend");
	expect_value("innodb_data_file_path", ";", ";");
	expect_value("file_key_management_filename", "/etc/keys", "/etc/keys");
}
END_TEST

static void expect_path(const char *path, const char *want)
{
	char *got = server_path("/var/lib/mysql/", path);
	ck_assert_str_eq(got, want);
	free(got);
}

START_TEST(test_paths)
{
	expect_path("", "/var/lib/mysql");
	expect_path("./", "/var/lib/mysql");
	expect_path("./redo//x/", "/var/lib/mysql/redo/x");
	expect_path("host.log", "/var/lib/mysql/host.log");
	expect_path("/log//mysql/./", "/log/mysql");
	expect_path(".hidden", "/var/lib/mysql/.hidden");
	expect_path("/", "/");
	/* a symbolic link may stand in front of "..": not ours to shorten */
	expect_path("../log", "/var/lib/mysql/../log");
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("server/grants");
	TCase *t = tcase_create("grants");
	tcase_add_test(t, test_grant);
	tcase_add_test(t, test_settings);
	tcase_add_test(t, test_setting_value);
	tcase_add_test(t, test_paths);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
