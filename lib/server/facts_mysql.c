/* Facts that only MySQL has. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "server/facts_room.h"
#include "server/settings.h"

/* "/a;/b": tablespaces may lie anywhere below these. */
static void take_known_dirs(struct facts *f, const struct variables *v)
{
	char *copy = mem_strdup(variable(v, "innodb_directories")), *save = NULL;

	/* The server takes quotes off, wherever they are. */
	for (char *dir = strtok_r(copy, ";\"'", &save); dir; dir = strtok_r(NULL, ";\"'", &save))
		*vec_push(&f->known_dirs) = server_path(f->datadir, dir);
	free(copy);
}

static int take_redo(void *arg, unsigned n, char **fields, const unsigned long *lengths,
                     struct err *err)
{
	struct facts *f = arg;

	(void)lengths, (void)err;
	if (n < 2 || !fields[0] || !fields[1])
		return 0;
	if (strcasecmp(fields[0], "Innodb_redo_log_enabled") == 0)
		f->redo_off = strcasecmp(fields[1], "OFF") == 0;
	else if (strcasecmp(fields[0], "Innodb_redo_log_capacity_resized") == 0)
		f->redo_capacity = strtoull(fields[1], NULL, 10);
	return 0;
}

/* Without the privilege to see it we learn so from privileges_ask. */
static int ask_replica(struct conn *c, struct facts *f, struct err *err)
{
	struct err why = ERR_INIT;
	unsigned n = 0;

	if (conn_query(c, "SHOW REPLICA STATUS", facts_count_row, &n, &why) < 0 &&
	    why.kind == ERR_UNREACHABLE) {
		if (err)
			*err = why;
		return -1;
	}
	f->is_replica = n > 0;
	return 0;
}

/* Keyring plugins (until 8.3) must be there before InnoDB is; components say so in a
 * file beside the program or in the data directory. */
static int add_keyring_plugin(void *arg, unsigned n, char **fields, const unsigned long *lengths,
                              struct err *err)
{
	(void)lengths, (void)err;
	if (n == 1 && fields[0] && setting_is_needed("early_plugin_load", fields[0]))
		facts_add_setting(arg, "early_plugin_load", fields[0]);
	return 0;
}

int facts_ask_mysql(struct conn *c, struct facts *f, const struct variables *v, struct err *err)
{
	take_known_dirs(f, v);
	facts_take_keyring(f, v);
	if (conn_query(c, "SHOW GLOBAL STATUS LIKE 'Innodb\\_redo\\_log\\_%'", take_redo, f, err) <
	        0 ||
	    ask_replica(c, f, err) < 0 || facts_ask_keyring(c, f, err) < 0)
		return -1;
	return conn_query(c,
	                  "SELECT DISTINCT plugin_library FROM information_schema.plugins WHERE "
	                  "plugin_type='KEYRING' AND plugin_library IS NOT NULL AND "
	                  "plugin_status='ACTIVE'",
	                  add_keyring_plugin, f, err);
}
