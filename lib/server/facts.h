/*
 * facts: what a server says of itself, asked once per job.
 */
#ifndef SERVER_FACTS_H
#define SERVER_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "server/conn.h"

enum flavour { FLAVOUR_MARIADB, FLAVOUR_MYSQL };

struct facts {
	enum flavour flavour;
	char *version; /* as @@version */
	unsigned major, minor, patch;
	char *uuid;           /* server_uid / server_uuid or "" */
	char *datadir;        /* absolute, no trailing '/' */
	char *server_datadir; /* as the server says where it is another one, else NULL */
	char *redo_dir, *undo_dir, *innodb_home, *aria_log_dir; /* absolute; datadir if the same */
	uint32_t page_size;
	char *data_file_path; /* innodb_data_file_path */
	/* absolute; NULL where the server has none */
	char *pid_file, *socket, *log_error, *general_log_file, *slow_log_file;
	char *log_bin_basename;   /* absolute, or NULL without log_bin */
	char *relay_log_basename; /* absolute, or NULL where there is no relay log */
	/* absolute; their names need not be the logs' own; NULL where there is none */
	char *log_bin_index, *relay_log_index, *relay_log_info_file;
	bool log_bin, is_replica;
	bool log_archive; /* innodb_log_archive=ON */
	/* MySQL only */
	VEC(char *) known_dirs; /* innodb_directories, absolute */
	/* Absolute: files and directories where keys are kept, and what opens them. */
	VEC(char *) keyring_files;
	uint64_t redo_capacity; /* bytes its redo log may take */
	bool redo_off;          /* ALTER INSTANCE DISABLE INNODB REDO_LOG was said */
	unsigned flush_log;     /* innodb_flush_log_at_trx_commit */
	bool myisam_mmap;
	bool can_set_global; /* may SET GLOBAL; a convenience, never asked for */
	VEC(char *) missing; /* GRANT statements that would give what is missing */
	/* Storage engines that are switched on.  Which tables use them is seen in the
	 * files only: with the few privileges a backup needs, a server shows no table. */
	VEC(char *) enabled_engines;
	/* Option names and values a restored server needs to open the files
	 * (innodb_page_size, …), never a secret and no directory of this server's;
	 * plugin_load_add may come repeatedly. */
	VEC(char *) setting_names;
	VEC(char *) setting_values;
};

/* A version that cannot be backed up hot: only flavour, version and datadir are filled,
 * so that it can be refused by name.  Privileges are tried, not read: what the server itself says
 * counts. */
int facts_ask(struct conn *c, struct facts *ret, struct err *err);
/* The data directory is seen here as `datadir` (NULL: as the server says): so is every path
 * in it. */
void facts_move(struct facts *f, const char *datadir);
/* Where a path as the server has it, relative to its data directory or absolute, is here; new
 * string. */
char *facts_path_here(const struct facts *f, const char *path);
void facts_done(struct facts *f); /* NULL and half-filled are fine; leaves it zeroed */

/* Can `method: hot` work on this server?  ERR_REFUSED with the reason and what to
 * do: version too old, innodb_log_archive, missing privileges (names every GRANT). */
int facts_check_hot(const struct facts *f, struct err *err);

/* One row a flavour and range of versions: what can be done with it, and with what. */
struct flavour_row {
	enum flavour flavour;
	unsigned from, to; /* flavour_version(), inclusive */
	bool hot;
	const char *why_not;
	/* Programs that recover it and replay its binlogs, best first, NULL-terminated:
	 * the server (names and usual places), the client, the reader of binlogs. */
	const char *const *servers, *const *clients, *const *binlogs;
	/* For whoever goes on by hand: the program that shuts a server down, the service. */
	const char *admin, *service;
};
static inline unsigned flavour_version(unsigned major, unsigned minor, unsigned patch)
{
	return (major * 100 + minor) * 100 + patch;
}
const struct flavour_row *flavour_find(enum flavour flavour, unsigned major, unsigned minor,
                                       unsigned patch);
const char *flavour_name(enum flavour flavour); /* "MariaDB": for people */
const char *flavour_word(enum flavour flavour); /* "mariadb": in manifests */
/* "10.11.19-MariaDB…" -> flavour, 10, 11, 19; 0 or -1. */
int flavour_parse(const char *version, enum flavour *ret, unsigned *major, unsigned *minor,
                  unsigned *patch);

#endif
