/*
 * mariadb_names: which files of a MariaDB data directory belong into a backup,
 * and what each of them is, by name.
 */
#ifndef SOURCE_MARIADB_NAMES_H
#define SOURCE_MARIADB_NAMES_H

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

struct mariadb_names {
	const struct facts *facts;
	const struct manifest *out;
	VEC(struct system_file) system;
};

/* Adds the roots the server keeps outside its data directory to `out`. */
int mariadb_names_init(struct mariadb_names *n, const struct facts *facts, struct manifest *out,
                       struct err *err);
void mariadb_names_done(struct mariadb_names *n);

/* A scan_classify over struct mariadb_names. */
bool mariadb_names_classify(void *arg, uint16_t root, const char *dir, const char *name,
                            enum found_kind *ret_kind);

/* Position of a system tablespace file in innodb_data_file_path, or -1. */
int mariadb_names_system(const struct mariadb_names *n, const char *name);

/* May the server write this non-InnoDB file while DDL is blocked? (Aria tables) */
bool mariadb_names_unstable(const char *path);
/* A table of statistics that is written until commits are blocked. */
bool mariadb_names_statistics(const char *path);

#endif
