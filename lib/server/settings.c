#include "server/settings.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"

/* Without these a server cannot open the files, or opens them and answers
 * differently.  Paths are not among them: a restore puts the files elsewhere. */
static const char *const names[] = {
    "innodb_page_size",
    "innodb_data_file_path",
    "innodb_undo_tablespaces",
    "innodb_log_file_size",
    "innodb_checksum_algorithm",
    "innodb_encrypt_log",
    "lower_case_table_names",
    "character_set_server",
    "collation_server",
    "aria_block_size",
    "aria_log_file_size",
    "aria_encrypt_tables",
    "innodb_encrypt_tables",
    "innodb_default_encryption_key_id",
    "plugin_maturity",
    /* what statements of a binlog mean without saying it */
    "old_mode",
    "default_regex_flags",
    "default_storage_engine",
    "enforce_storage_engine",
    "innodb_compression_default",
    "innodb_default_row_format",
    "innodb_file_per_table",
    "innodb_strict_mode",
    "system_versioning_alter_history",
    "default_week_format",
    "div_precision_increment",
    "group_concat_max_len",
    "system_time_zone", /* not an option: comes from the environment */
    /* where the keys are, never the keys */
    "file_key_management_filename",
    "file_key_management_filekey",
    "file_key_management_encryption_algorithm",
    "file_key_management_digest",
    "file_key_management_use_pbkdf2",
    "hashicorp_key_management_vault_url",
    "hashicorp_key_management_vault_ca",
    "aws_key_management_master_key_id",
    "aws_key_management_region",
    "aws_key_management_key_spec",
};

bool setting_is_needed(const char *name, const char *value)
{
	/* Nothing is what most mean by it, but of this one it is not the default. */
	if (*value == '\0' && strcasecmp(name, "old_mode") != 0)
		return false;
	/* This one holds either the secret itself or the file that holds it. */
	if (strcasecmp(name, "file_key_management_filekey") == 0)
		return str_starts(value, "FILE:");
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcasecmp(name, names[i]) == 0)
			return true;
	return false;
}

bool setting_plugin_is_needed(const char *type, const char *library)
{
	/* A provider (a plugin of type DAEMON) unpacks page-compressed tables. */
	return strcasecmp(type, "ENCRYPTION") == 0 || strcasecmp(type, "STORAGE ENGINE") == 0 ||
	       str_starts(library, "provider_");
}

char *setting_value(const char *name, const char *value)
{
	struct str s = {0};

	if (strcasecmp(name, "innodb_data_file_path") != 0)
		return mem_strdup(value);
	/* "dir/ibdata1:12M;/other/ibdata2:12M:autoextend" */
	while (*value) {
		size_t n = strcspn(value, ";");
		const char *file = memrchr(value, '/', n);
		const char *from = file ? file + 1 : value;
		str_addn(&s, from, n - (size_t)(from - value));
		value += n;
		if (*value)
			str_addn(&s, value++, 1);
	}
	return str_take(&s);
}

static void add_parts(struct str *s, const char *path)
{
	while (*path) {
		size_t n = strcspn(path, "/");
		if (n > 0 && !(n == 1 && path[0] == '.')) {
			str_add(s, "/");
			str_addn(s, path, n);
		}
		path += n;
		path += strspn(path, "/");
	}
}

char *server_path(const char *datadir, const char *path)
{
	struct str s = {0};

	if (path[0] != '/')
		add_parts(&s, datadir);
	add_parts(&s, path);
	if (s.n == 0)
		str_add(&s, "/");
	return str_take(&s);
}
