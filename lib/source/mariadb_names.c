#include "source/mariadb_names.h"

#include <ctype.h>
#include <string.h>

#include "base/str.h"

/* Files at the top of the data directory that a restored server makes anew or must
 * not have: logs of this run, traces of replication that would start by itself. */
static const char *const skipped_top[] = {
    "ib_logfile*",
    "ibtmp*",
    "ib_buffer_pool",
    "ddl*.log",
    "tc.log",
    "*.pid",
    "*.sock",
    "master.info",
    "relay-log.info",
    "multi-master.info",
    "master-*.info",
    "relay-log-*.info",
    "*-relay-bin.[0-9]*",
    "*-relay-bin.index",
    "*-relay-bin-*.[0-9]*",
    "*-relay-bin-*.index",
    "*.err",
    "core",
    "core.[0-9]*",
    "mybak-recovery.log",
    "mybak-restore.incomplete",
    NULL,
};

static bool is_undo(const char *name)
{
	if (!str_starts(name, "undo") || !name[4])
		return false;
	for (const char *p = name + 4; *p; p++)
		if (!isdigit((unsigned char)*p))
			return false;
	return true;
}

static bool is_skipped(const struct names *n, uint16_t root, const char *dir, const char *name)
{
	if (names_is_servers_own(n, root, dir, name))
		return true;
	return dir[0] ? str_starts(name, "#sql") : names_match(skipped_top, name);
}

bool mariadb_names_classify(void *arg, uint16_t root, const char *dir, const char *name,
                            enum found_kind *ret_kind)
{
	const struct names *n = arg;
	bool top = !dir[0];

	/* Only the data directory has databases; deeper levels hold nothing of ours. */
	if (!name[0])
		return root == 0 && !names_is_foreign_dir(n, root, dir) &&
		       strcmp(dir, "#binlog_cache_files") != 0;
	if (names_is_system_here(n, root, dir, name)) {
		*ret_kind = FOUND_INNODB;
		return true;
	}
	if (top && is_undo(name) && names_is_root_of(n, root, n->facts->undo_dir)) {
		*ret_kind = FOUND_INNODB;
		return true;
	}
	if (top && str_starts(name, "aria_log") &&
	    names_is_root_of(n, root, n->facts->aria_log_dir)) {
		*ret_kind = FOUND_LOG;
		/* aria_log_control was taken before everything else. */
		return strcmp(name, "aria_log_control") != 0;
	}
	if (root != 0) /* other files of a foreign directory are not ours */
		return false;
	if (str_ends(name, ".ibd")) {
		*ret_kind = FOUND_INNODB;
		return true;
	}
	if (is_skipped(n, root, dir, name))
		return false;
	*ret_kind = FOUND_PLAIN;
	return true;
}

bool mariadb_names_unstable(const char *path)
{
	return str_ends(path, ".MAD") || str_ends(path, ".MAI") || str_ends(path, ".CSV") ||
	       str_ends(path, ".CSM");
}

bool mariadb_names_statistics(const char *path)
{
	static const char *const tables[] = {"table_stats", "column_stats", "index_stats"};
	if (!str_starts(path, "mysql/"))
		return false;
	const char *name = path + strlen("mysql/");
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		size_t n = strlen(tables[i]);
		if (strncmp(name, tables[i], n) == 0 && str_starts(name + n, ".MA"))
			return true;
	}
	return false;
}
