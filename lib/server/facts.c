#include "server/facts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "server/facts_room.h"
#include "server/privileges.h"
#include "server/settings.h"
#include "server/zone.h"

static int add_variable(void *arg, unsigned n, char **fields, const unsigned long *lengths,
                        struct err *err)
{
	struct variables *v = arg;

	(void)lengths;
	if (n != 2 || !fields[0])
		return err_set(err, ERR_SERVER, "SHOW GLOBAL VARIABLES: unexpected answer");
	*vec_push(&v->names) = mem_strdup(fields[0]);
	*vec_push(&v->values) = mem_strdup(fields[1] ? fields[1] : "");
	return 0;
}

static void variables_done(struct variables *v)
{
	for (size_t i = 0; i < v->names.n; i++) {
		free(v->names.v[i]);
		/* key material can be among them */
		explicit_bzero(v->values.v[i], strlen(v->values.v[i]));
		free(v->values.v[i]);
	}
	vec_done(&v->names);
	vec_done(&v->values);
}

const char *variable(const struct variables *v, const char *name)
{
	for (size_t i = 0; i < v->names.n; i++)
		if (strcasecmp(v->names.v[i], name) == 0)
			return v->values.v[i];
	return "";
}

static bool variable_is_on(const struct variables *v, const char *name)
{
	const char *value = variable(v, name);
	return strcasecmp(value, "ON") == 0 || strcmp(value, "1") == 0;
}

/* Absolute; a variable that is empty gives NULL, … */
static char *variable_path(const struct variables *v, const char *name, const char *datadir)
{
	const char *value = variable(v, name);
	return *value ? server_path(datadir, value) : NULL;
}

/* … or the data directory. */
static char *variable_dir(const struct variables *v, const char *name, const char *datadir)
{
	return server_path(datadir, variable(v, name));
}

static int take_identity(struct facts *f, const struct variables *v, struct err *err)
{
	const char *version = variable(v, "version"), *datadir = variable(v, "datadir");

	if (flavour_parse(version, &f->flavour, &f->major, &f->minor, &f->patch) < 0)
		return err_set(err, ERR_SERVER,
		               "the server says its version is \"%s\", which is none of MariaDB's "
		               "or MySQL's",
		               version);
	if (datadir[0] != '/')
		return err_set(err, ERR_SERVER,
		               "the server says its datadir is \"%s\", not an absolute path",
		               datadir);
	f->version = mem_strdup(version);
	f->datadir = server_path(datadir, "");
	const char *uid = variable(v, "server_uid");
	f->uuid = mem_strdup(*uid ? uid : variable(v, "server_uuid"));
	return 0;
}

static void take_files(struct facts *f, const struct variables *v)
{
	const char *d = f->datadir;

	f->redo_dir = variable_dir(v, "innodb_log_group_home_dir", d);
	f->undo_dir = variable_dir(v, "innodb_undo_directory", d);
	f->innodb_home = variable_dir(v, "innodb_data_home_dir", d);
	f->aria_log_dir = variable_dir(v, "aria_log_dir_path", d);
	f->data_file_path = mem_strdup(variable(v, "innodb_data_file_path"));
	f->pid_file = variable_path(v, "pid_file", d);
	f->socket = variable_path(v, "socket", d);
	f->log_error = variable_path(v, "log_error", d);
	f->general_log_file = variable_path(v, "general_log_file", d);
	f->slow_log_file = variable_path(v, "slow_query_log_file", d);
	f->relay_log_basename = variable_path(v, "relay_log_basename", d);
	f->relay_log_index = variable_path(v, "relay_log_index", d);
	f->relay_log_info_file = variable_path(v, "relay_log_info_file", d);
	f->log_bin_index = variable_path(v, "log_bin_index", d);
	f->log_bin = variable_is_on(v, "log_bin");
	if (f->log_bin)
		f->log_bin_basename = variable_path(v, "log_bin_basename", d);
}

static int take_innodb(struct facts *f, const struct variables *v, struct err *err)
{
	unsigned long size = strtoul(variable(v, "innodb_page_size"), NULL, 10);

	if (size < 4096 || size > 65536 || (size & (size - 1)) != 0)
		return err_set(
		    err, ERR_SERVER,
		    "the server says innodb_page_size is \"%s\": is InnoDB switched off?",
		    variable(v, "innodb_page_size"));
	f->page_size = (uint32_t)size;
	f->log_archive = variable_is_on(v, "innodb_log_archive");
	f->flush_log = (unsigned)strtoul(variable(v, "innodb_flush_log_at_trx_commit"), NULL, 10);
	f->myisam_mmap = variable_is_on(v, "myisam_use_mmap");
	return 0;
}

int facts_count_row(void *arg, unsigned n, char **fields, const unsigned long *lengths,
                    struct err *err)
{
	(void)n, (void)fields, (void)lengths, (void)err;
	++*(unsigned *)arg;
	return 0;
}

static int slaves_running(void *arg, unsigned n, char **fields, const unsigned long *lengths,
                          struct err *err)
{
	(void)lengths, (void)err;
	*(unsigned *)arg = n == 2 && fields[1] && strcmp(fields[1], "0") != 0;
	return 0;
}

/* Configured connections need a privilege to be seen; running ones do not. */
static int ask_replica(struct conn *c, struct facts *f, struct err *err)
{
	struct err why = ERR_INIT;
	unsigned n = 0;

	if (conn_query(c, "SHOW ALL SLAVES STATUS", facts_count_row, &n, &why) < 0) {
		if (why.kind == ERR_UNREACHABLE) {
			if (err)
				*err = why;
			return -1;
		}
		if (conn_query(c, "SHOW GLOBAL STATUS LIKE 'Slaves_running'", slaves_running, &n,
		               err) < 0)
			return -1;
	}
	f->is_replica = n > 0;
	return 0;
}

static int add_engine(void *arg, unsigned n, char **fields, const unsigned long *lengths,
                      struct err *err)
{
	struct facts *f = arg;

	(void)lengths, (void)err;
	if (n < 2 || !fields[0] || !fields[1])
		return 0;
	if (strcasecmp(fields[1], "YES") == 0 || strcasecmp(fields[1], "DEFAULT") == 0)
		*vec_push(&f->enabled_engines) = mem_strdup(fields[0]);
	return 0;
}

void facts_add_setting(struct facts *f, const char *name, const char *value)
{
	*vec_push(&f->setting_names) = mem_strdup(name);
	*vec_push(&f->setting_values) = setting_value(name, value);
}

static void take_settings(struct facts *f, const struct variables *v)
{
	for (size_t i = 0; i < v->names.n; i++)
		if (setting_is_of(f->flavour, v->names.v[i]) &&
		    setting_is_needed(v->names.v[i], v->values.v[i]))
			facts_add_setting(f, v->names.v[i], v->values.v[i]);
}

static int add_plugin(void *arg, unsigned n, char **fields, const unsigned long *lengths,
                      struct err *err)
{
	struct facts *f = arg;

	(void)lengths, (void)err;
	if (n != 2 || !fields[0] || !fields[1] || !setting_plugin_is_needed(fields[0], fields[1]))
		return 0;
	facts_add_setting(f, "plugin_load_add", fields[1]);
	return 0;
}

/* Abbreviations of zones are not unique. */
static int add_offset(void *arg, unsigned n, char **fields, const unsigned long *lengths,
                      struct err *err)
{
	(void)lengths, (void)err;
	if (n == 1 && fields[0])
		facts_add_setting(arg, ZONE_OFFSET_SETTING, fields[0]);
	return 0;
}

static int add_sysdate(void *arg, unsigned n, char **fields, const unsigned long *lengths,
                       struct err *err)
{
	(void)lengths, (void)err;
	if (n == 1 && fields[0])
		facts_add_setting(arg, SETTING_SYSDATE_IS_NOW, fields[0]);
	return 0;
}

static int ask_times(struct conn *c, struct facts *f, struct err *err)
{
	if (conn_query(c,
	               "SELECT TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), "
	               "CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', 'SYSTEM'))",
	               add_offset, f, err) < 0)
		return -1;
	return conn_query(c, "SELECT IF(SLEEP(0.01) = 0 AND SYSDATE(6) = NOW(6), 'ON', 'OFF')",
	                  add_sysdate, f, err);
}

static int ask_mariadb(struct conn *c, struct facts *f, struct err *err)
{
	if (ask_replica(c, f, err) < 0)
		return -1;
	return conn_query(c,
	                  "SELECT DISTINCT plugin_type, plugin_library FROM "
	                  "information_schema.plugins WHERE plugin_library IS NOT NULL AND "
	                  "plugin_status='ACTIVE' ORDER BY plugin_type, plugin_library",
	                  add_plugin, f, err);
}

static int ask_all(struct conn *c, struct facts *f, const struct variables *v, struct err *err)
{
	bool mariadb = f->flavour == FLAVOUR_MARIADB;

	take_files(f, v);
	if (take_innodb(f, v, err) < 0)
		return -1;
	take_settings(f, v);
	if (mariadb ? ask_mariadb(c, f, err) : facts_ask_mysql(c, f, v, err))
		return -1;
	if (ask_times(c, f, err) < 0)
		return -1;
	if (conn_query(c, "SHOW ENGINES", add_engine, f, err) < 0)
		return -1;
	return privileges_ask(c, f, err);
}

static bool is_hot(const struct facts *f)
{
	const struct flavour_row *row = flavour_find(f->flavour, f->major, f->minor, f->patch);
	return row && row->hot;
}

int facts_ask(struct conn *c, struct facts *ret, struct err *err)
{
	struct variables v = {0};
	struct facts f = {0};
	int rc = -1;

	if (conn_query(c, "SHOW GLOBAL VARIABLES", add_variable, &v, err) < 0)
		goto out;
	if (take_identity(&f, &v, err) < 0)
		goto out;
	/* Another one need not know the questions. */
	if (is_hot(&f) && ask_all(c, &f, &v, err) < 0)
		goto out;
	*ret = f;
	f = (struct facts){0};
	rc = 0;
out:
	facts_done(&f);
	variables_done(&v);
	return rc;
}

static void names_done(char **v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(v[i]);
	free(v);
}

void facts_done(struct facts *f)
{
	if (!f)
		return;
	char *const owned[] = {f->version,
	                       f->uuid,
	                       f->datadir,
	                       f->server_datadir,
	                       f->redo_dir,
	                       f->undo_dir,
	                       f->innodb_home,
	                       f->aria_log_dir,
	                       f->data_file_path,
	                       f->pid_file,
	                       f->socket,
	                       f->log_error,
	                       f->general_log_file,
	                       f->slow_log_file,
	                       f->log_bin_basename,
	                       f->relay_log_basename,
	                       f->log_bin_index,
	                       f->relay_log_index,
	                       f->relay_log_info_file};
	for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
		free(owned[i]);
	names_done(f->known_dirs.v, f->known_dirs.n);
	names_done(f->keyring_files.v, f->keyring_files.n);
	names_done(f->missing.v, f->missing.n);
	names_done(f->enabled_engines.v, f->enabled_engines.n);
	names_done(f->setting_names.v, f->setting_names.n);
	names_done(f->setting_values.v, f->setting_values.n);
	*f = (struct facts){0};
}

static int check_missing(const struct facts *f, struct err *err)
{
	struct str grants = {0};

	for (size_t i = 0; i < f->missing.n; i++)
		str_addf(&grants, "%s%s", i ? " " : "", f->missing.v[i]);
	if (f->missing.n > 0) {
		err_set(err, ERR_REFUSED, "the account lacks privileges a hot backup needs: %s",
		        str_text(&grants));
		err_hint(err, "Run on the server: %s", str_text(&grants));
	}
	str_done(&grants);
	return f->missing.n > 0 ? -1 : 0;
}

/* Engines whose files change under the copy and which no lock of ours stops. */
static int check_engines(const struct facts *f, struct err *err)
{
	static const char *const unknown[] = {"ROCKSDB", "TokuDB", "Columnstore", "ndbcluster"};

	for (size_t i = 0; i < f->enabled_engines.n; i++)
		for (size_t k = 0; k < sizeof unknown / sizeof *unknown; k++) {
			const char *name = f->enabled_engines.v[i];
			if (strcasecmp(name, unknown[k]) != 0)
				continue;
			err_set(err, ERR_REFUSED,
			        "storage engine %s is switched on: its files cannot be copied hot",
			        name);
			return err_hint(
			    err, "If no table uses it, uninstall the plugin of engine %s.", name);
		}
	return 0;
}

int facts_check_hot(const struct facts *f, struct err *err)
{
	const struct flavour_row *row = flavour_find(f->flavour, f->major, f->minor, f->patch);

	if (!row || !row->hot)
		return err_set(err, ERR_REFUSED, "%s %s: %s", flavour_name(f->flavour), f->version,
		               row ? row->why_not : "not a version this program knows");
	if (f->log_archive) {
		err_set(err, ERR_REFUSED,
		        "innodb_log_archive is ON: this form of the redo log cannot be read yet");
		return err_hint(err, "SET GLOBAL innodb_log_archive=OFF on the server.");
	}
	if (f->redo_off) {
		err_set(err, ERR_REFUSED,
		        "the server's redo log is switched off: files copied while it works cannot "
		        "be recovered");
		return err_hint(err, "ALTER INSTANCE ENABLE INNODB REDO_LOG on the server.");
	}
	if (check_engines(f, err) < 0)
		return -1;
	return check_missing(f, err);
}
