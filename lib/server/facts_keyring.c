/* Where a MySQL keeps the keys of its encrypted tables: by what its component says of itself,
 * whose configuration need not be seen here, and by that configuration, which names more. */
#include <dirent.h>
#include <fnmatch.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/fsio.h"
#include "server/facts_room.h"
#include "server/settings.h"

#define CONFIG_MAX 65536

static void add(struct facts *f, const char *path)
{
	char *full = server_path(f->datadir, path);

	for (size_t i = 0; i < f->keyring_files.n; i++)
		if (strcmp(f->keyring_files.v[i], full) == 0) {
			free(full);
			return;
		}
	*vec_push(&f->keyring_files) = full;
}

/* {"path": …} in most; others name certificates and key files absolutely, beside what is
 * no path at all.  One that is no JSON names nothing. */
static void add_named(struct facts *f, const char *config)
{
	char *text = NULL;
	struct err ignored;
	const char *key;
	json_t *o = NULL, *value;
	size_t n;

	if (fsio_read_file(config, CONFIG_MAX, &text, &n, &ignored) == 0)
		o = json_loadb(text, n, 0, NULL);
	json_object_foreach(o, key, value)
	{
		const char *path = json_string_value(value);
		if (path && (path[0] == '/' || (path[0] && strcmp(key, "path") == 0)))
			add(f, path);
	}
	json_decref(o);
	free(text);
}

void facts_add_keyrings(struct facts *f, const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		if (fnmatch("component_keyring_*.cnf", e->d_name, 0) != 0)
			continue;
		char *config = mem_printf("%s/%s", dir, e->d_name);
		add_named(f, config);
		free(config);
	}
	if (d)
		closedir(d);
}

/* A component without a file says <NONE> or the like. */
static int take_data_file(void *arg, unsigned n, char **fields, const unsigned long *lengths,
                          struct err *err)
{
	(void)lengths, (void)err;
	if (n == 1 && fields[0] && fields[0][0] && fields[0][0] != '<')
		add(arg, fields[0]);
	return 0;
}

int facts_ask_keyring(struct conn *c, struct facts *f, struct err *err)
{
	struct err why = ERR_INIT;

	/* Without the privilege to see it we learn so from privileges_ask. */
	if (conn_query(c,
	               "SELECT STATUS_VALUE FROM performance_schema.keyring_component_status "
	               "WHERE STATUS_KEY='Data_file'",
	               take_data_file, f, &why) == 0 ||
	    why.kind == ERR_REFUSED)
		return 0;
	if (err)
		*err = why;
	return -1;
}

void facts_take_keyring(struct facts *f, const struct variables *v)
{
	static const char *const plugins[] = {
	    "keyring_file_data",     "keyring_encrypted_file_data", "keyring_okv_conf_dir",
	    "keyring_aws_conf_file", "keyring_aws_data_file",       "keyring_vault_config"};
	char *dir = server_path(f->datadir, variable(v, "plugin_dir"));

	facts_add_keyrings(f, dir);
	facts_add_keyrings(f, f->datadir);
	for (size_t i = 0; i < sizeof plugins / sizeof *plugins; i++)
		if (*variable(v, plugins[i]))
			add(f, variable(v, plugins[i]));
	free(dir);
}
