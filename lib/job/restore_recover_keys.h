/*
 * restore_recover_keys: MySQL: what a replay writes into a keyring that others may use.
 */
#ifndef JOB_RESTORE_RECOVER_KEYS_H
#define JOB_RESTORE_RECOVER_KEYS_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "server/conn.h"

/* How many tablespaces are encrypted. */
int recover_keys_count(struct conn *c, uint64_t *ret, struct err *err);
/* Behind a replay before which so many were: what must be done lest its key is lost. */
int recover_keys_note(struct conn *c, uint64_t before, struct str *note, struct err *err);

#endif
