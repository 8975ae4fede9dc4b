/*
 * names: which files of a data directory belong into a backup, and what each of them
 * is, by name.  What all kinds of server have in common; the rules of one kind are in
 * mariadb_names.c and mysql_names.c.
 */
#ifndef SOURCE_NAMES_H
#define SOURCE_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "model/manifest.h"
#include "server/facts.h"
#include "source/scan.h"

struct system_file { /* one of innodb_data_file_path */
	char *name;
	uint64_t size; /* as configured; the real size of all but the last */
};

struct names {
	const struct facts *facts;
	const struct manifest *out;
	VEC(struct system_file) system;
};

/* Adds the roots that all servers can keep outside their data directory (undo,
 * innodb_home) to `out`. */
int names_init(struct names *n, const struct facts *facts, struct manifest *out, struct err *err);
void names_done(struct names *n);

/* Number of the root that is this place, whatever it is called there; added with `role` if
 * there is none yet.  No path: the data directory. */
uint16_t names_add_root(struct manifest *out, const char *path, const char *role);

/* Position of a system tablespace file in innodb_data_file_path, or -1. */
int names_system(const struct names *n, const char *name);

/* Is root/dir/name the file the server says it has at `absolute`?  NULL: no. */
bool names_is_at(const struct names *n, uint16_t root, const char *dir, const char *name,
                 const char *absolute);
/* Is it one of what the running server writes for itself: logs, their indexes, pid? */
bool names_is_servers_own(const struct names *n, uint16_t root, const char *dir, const char *name);
/* Does a system tablespace file of this name belong right here? */
bool names_is_system_here(const struct names *n, uint16_t root, const char *dir, const char *name);

/* Is the root this place?  NULL: the data directory. */
bool names_is_root_of(const struct names *n, uint16_t root, const char *path);
/* Is this directory a root of its own, or one that holds nothing of any server?  In the data
 * directory a place of tablespaces alone is not: it can be a database, too. */
bool names_is_foreign_dir(const struct names *n, uint16_t root, const char *dir);

/* fnmatch with each of a NULL-terminated list. */
bool names_match(const char *const *patterns, const char *name);

#endif
