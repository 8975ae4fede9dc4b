/*
 * mysql_names: the rules of a MySQL data directory.
 */
#ifndef SOURCE_MYSQL_NAMES_H
#define SOURCE_MYSQL_NAMES_H

#include <stdbool.h>

#include "source/names.h"
#include "source/scan.h"

/* innodb_directories become roots with the role "external": what the server itself
 * looks through for tablespaces when it starts. */
void mysql_names_add_roots(const struct facts *facts, struct manifest *out);

/* A scan_classify over struct names. */
bool mysql_names_classify(void *arg, uint16_t root, const char *dir, const char *name,
                          enum found_kind *ret_kind);

/* No lock of a backup's holds a table of another engine still: reading such a file until
 * it does not change would only wait for the end of the load. */
bool mysql_names_unstable(const char *path);

/* Tables that no lock holds still, by their files, into out->unlocked, and a warning for
 * each of their engines. */
void mysql_names_unlocked(const struct scan *scan, struct manifest *out);

/* "db/t@0020x.MYI" to "db.t x": names of files as the server makes them of those of
 * tables.  New string. */
char *mysql_names_table(const char *path);

#endif
