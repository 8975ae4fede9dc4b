/*
 * mariadb_names: the rules of a MariaDB data directory.
 */
#ifndef SOURCE_MARIADB_NAMES_H
#define SOURCE_MARIADB_NAMES_H

#include <stdbool.h>

#include "source/names.h"

/* A scan_classify over struct names. */
bool mariadb_names_classify(void *arg, uint16_t root, const char *dir, const char *name,
                            enum found_kind *ret_kind);

/* May the server write this non-InnoDB file while DDL is blocked? (Aria tables) */
bool mariadb_names_unstable(const char *path);
/* A table of statistics that is written until commits are blocked. */
bool mariadb_names_statistics(const char *path);

#endif
