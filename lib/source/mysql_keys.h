/*
 * mysql_keys: keys of encrypted tables that lie in the data directory.  A key does not
 * belong beside what it encrypts, nor does what opens a keyring: passwords, tokens,
 * certificates.
 */
#ifndef SOURCE_MYSQL_KEYS_H
#define SOURCE_MYSQL_KEYS_H

#include <stdbool.h>

#include "source/names.h"

/* Is this file, or directory (`name` is ""), one of them? */
bool mysql_keys_here(const struct names *n, uint16_t root, const char *dir, const char *name);

/* A warning that names what was left out because of that. */
void mysql_keys_warn(const struct facts *facts, struct manifest *out);

#endif
