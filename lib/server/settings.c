#include "server/settings.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"

/* Without these a server cannot open the files, or opens them and answers
 * differently.  Where the files are is not among them: a restore puts them elsewhere.
 *
 * Limits that only stop a statement are not either, as long as they have a highest value:
 * whatever a session of the source had set, a replay has that one. */
#define MARIADB (1u << FLAVOUR_MARIADB)
#define MYSQL (1u << FLAVOUR_MYSQL)
#define BOTH (MARIADB | MYSQL)
#define PLUGIN (1u << 30) /* a plugin's that need not be there */

static const struct {
	const char *name;
	unsigned of;
} settings[] = {
    {"innodb_page_size", BOTH},
    {"innodb_data_file_path", BOTH},
    {"innodb_undo_tablespaces", MARIADB},
    {"innodb_log_file_size", MARIADB},
    {"innodb_checksum_algorithm", MARIADB},
    {"innodb_encrypt_log", MARIADB},
    {"lower_case_table_names", BOTH},
    {"character_set_server", BOTH},
    {"collation_server", BOTH},
    {"aria_block_size", MARIADB},
    {"aria_log_file_size", MARIADB},
    {"aria_encrypt_tables", MARIADB},
    {"innodb_encrypt_tables", MARIADB},
    {"innodb_default_encryption_key_id", MARIADB},
    {"plugin_maturity", MARIADB},
    /* what statements of a binlog mean without saying it */
    {"old_mode", MARIADB},
    {"default_regex_flags", MARIADB},
    {"default_storage_engine", BOTH},
    {"default_tmp_storage_engine", BOTH},
    {"disabled_storage_engines", MYSQL}, /* replaced by another */
    {"enforce_storage_engine", MARIADB},
    {"innodb_compression_default", MARIADB},
    {"innodb_default_row_format", BOTH},
    {"innodb_file_per_table", BOTH},
    {"innodb_strict_mode", BOTH},
    {"system_versioning_alter_history", MARIADB},
    {"block_encryption_mode", BOTH},
    {"default_week_format", BOTH},
    {"div_precision_increment", BOTH},
    {"group_concat_max_len", BOTH},
    {"explicit_defaults_for_timestamp", BOTH},
    {"innodb_autoinc_lock_mode", BOTH},
    {"max_sort_length", BOTH},
    {SETTING_SYSDATE_IS_NOW, BOTH}, /* an option without a variable */
    {"thread_stack", BOTH},
    {"aria_page_checksum", MARIADB},
    {"max_recursive_iterations", MARIADB}, /* cuts an answer off */
    {"mhnsw_default_distance", MARIADB},
    {"mhnsw_default_m", MARIADB},
    {"mysql56_temporal_format", MARIADB},
    {"standard_compliant_cte", MARIADB},
    {"simple_password_check_digits", MARIADB | PLUGIN},
    {"simple_password_check_letters_same_case", MARIADB | PLUGIN},
    {"simple_password_check_minimal_length", MARIADB | PLUGIN},
    {"simple_password_check_other_characters", MARIADB | PLUGIN},

    {"partial_revokes", MYSQL},
    {"password_history", MYSQL},
    {"password_reuse_interval", MYSQL},
    {"restrict_fk_on_non_standard_key", MYSQL},
    {"windowing_use_high_precision", MYSQL},
    /* which words a full-text index has: of rows that a replay brings, and of those that
     * were only in its cache */
    {"ft_boolean_syntax", BOTH},
    {"ft_max_word_len", BOTH},
    {"ft_min_word_len", BOTH},
    {"ft_query_expansion_limit", BOTH},
    {SETTING_STOP_WORDS, BOTH},
    {"innodb_ft_enable_stopword", BOTH},
    {"innodb_ft_max_token_size", BOTH},
    {SETTING_SHORT_WORDS, BOTH},
    {"innodb_ft_server_stopword_table", BOTH},
    {"innodb_ft_user_stopword_table", BOTH},
    {"ngram_token_size", MYSQL | PLUGIN},
    {"system_time_zone", BOTH}, /* not an option: comes from the environment */
    /* where the keys are, never the keys */
    {"file_key_management_filename", MARIADB | PLUGIN},
    {"file_key_management_filekey", MARIADB | PLUGIN},
    {"file_key_management_encryption_algorithm", MARIADB | PLUGIN},
    {"file_key_management_digest", MARIADB | PLUGIN},
    {"file_key_management_use_pbkdf2", MARIADB | PLUGIN},
    {"hashicorp_key_management_vault_url", MARIADB | PLUGIN},
    {"hashicorp_key_management_vault_ca", MARIADB | PLUGIN},
    {"aws_key_management_master_key_id", MARIADB | PLUGIN},
    {"aws_key_management_region", MARIADB | PLUGIN},
    {"aws_key_management_key_spec", MARIADB | PLUGIN},
    {"keyring_file_data", MYSQL},
    {"keyring_encrypted_file_data", MYSQL},
    {"early_plugin_load", MYSQL},
    {"gtid_mode", MYSQL},
    {"enforce_gtid_consistency", MYSQL},
};

static unsigned of(const char *name)
{
	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
		if (strcasecmp(name, settings[i].name) == 0)
			return settings[i].of;
	return 0;
}

bool setting_is_of(enum flavour flavour, const char *name)
{
	return of(name) & 1u << flavour;
}

bool setting_is_needed(const char *name, const char *value)
{
	/* Nothing is what most mean by it, but of these it is not the default. */
	if (*value == '\0' && strcasecmp(name, "old_mode") != 0 &&
	    strcasecmp(name, SETTING_STOP_WORDS) != 0)
		return false;
	/* What a server says that was given none; no server could open it. */
	if (strcasecmp(name, SETTING_STOP_WORDS) == 0)
		return strcmp(value, "(built-in)") != 0;
	/* This one holds either the secret itself or the file that holds it. */
	if (strcasecmp(name, "file_key_management_filekey") == 0)
		return str_starts(value, "FILE:");
	/* This one runs code. */
	if (strcasecmp(name, "early_plugin_load") == 0)
		return str_starts(value, "keyring_") && !strchr(value, '/');
	return of(name) != 0;
}

bool setting_is_of_plugin(const char *name)
{
	return of(name) & PLUGIN;
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
