/*
 * lock: asking a server for a lock with patience: every wait is bounded and can be
 * cancelled, and none stands in the server's way for more than a second at a time.
 */
#ifndef SOURCE_LOCK_H
#define SOURCE_LOCK_H

#include "base/cancel.h"
#include "base/err.h"
#include "server/conn.h"

/* Attempts until it is granted.  ERR_BUSY after wait_s, with `hint`: how to find out who
 * holds it. */
int lock_enter(struct conn *c, const char *sql, unsigned wait_s, const struct cancel *cancel,
               const char *hint, struct err *err);

/* At most retries + 1 attempts with a second of peace between, for a lock whose waiting
 * holds others up. */
int lock_enter_gently(struct conn *c, const char *sql, unsigned retries,
                      const struct cancel *cancel, const char *hint, struct err *err);

#endif
