/* What the private server is told, by a program in its place that writes it down. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fsio.h"
#include "job/restore_recover.h"
#include "tests/unit/unit.h"

/* A manifest comes from a place others may write to, and root may be restoring. */
START_TEST(only_known_settings_become_options)
{
	static const char *const own[] = {"--own-option=1", NULL};
	char dir[] = "/tmp/unit-recover-XXXXXX", script[64], said[64], *text = NULL;
	struct manifest *m = manifest_new();
	struct err err = ERR_INIT;
	size_t n;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(script, sizeof script, "%s/server", dir);
	snprintf(said, sizeof said, "%s/said", dir);
	FILE *f = fopen(script, "w");
	fprintf(f, "#!/bin/sh\nprintf '%%s\\n' \"$@\" >%s\nexit 1\n", said);
	fclose(f);
	chmod(script, 0755);
	manifest_set(m, "innodb_page_size", "16384");
	manifest_set(m, "plugin_load_add", "file_key_management.so;provider_lz4.so");
	manifest_set(m, "file_key_management_filename", "/etc/keys");
	manifest_set(m, "plugin_dir", "/home/mallory");
	manifest_set(m, "init_file", "/home/mallory/x.sql");
	manifest_set(m, "user=root\n--init-file", "x");
	struct places places = {.target = dir};
	const struct recover_plan plan = {
	    .m = m, .places = &places, .binary = script, .server_options = own};
	ck_assert_int_eq(recover_run(&plan, &err), -1);
	ck_ok(fsio_read_file(said, 1 << 20, &text, &n, &err), err);
	ck_assert_ptr_nonnull(strstr(text, "--innodb_page_size=16384\n"));
	ck_assert_ptr_nonnull(
	    strstr(text, "--plugin_load_add=file_key_management.so;provider_lz4.so\n"));
	ck_assert_ptr_nonnull(strstr(text, "--loose-file_key_management_filename=/etc/keys\n"));
	ck_assert_ptr_nonnull(strstr(text, "--own-option=1\n"));
	ck_assert_msg(!strstr(text, "mallory") && !strstr(text, "init-file"), "%s", text);
	free(text);
	manifest_free(m);
	fsio_remove_tree(dir, NULL);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("job/recover");
	TCase *t = tcase_create("recover");
	tcase_set_timeout(t, 30);
	tcase_add_test(t, only_known_settings_become_options);
	suite_add_tcase(s, t);
	return s;
}
UNIT_MAIN(suite)
