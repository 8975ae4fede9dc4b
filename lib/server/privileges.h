/*
 * privileges: what our account may do on a server, found out by trying.
 *
 * Each probe is a statement that the server checks for the privilege and then
 * turns down for another reason, or that only reads.  So roles, PUBLIC, aliases
 * and names that change between versions need no rules of our own.
 */
#ifndef SERVER_PRIVILEGES_H
#define SERVER_PRIVILEGES_H

#include "base/err.h"
#include "server/conn.h"
#include "server/facts.h"

/* Fills `missing` and `can_set_global`; needs log_bin and flavour. */
int privileges_ask(struct conn *c, struct facts *f, struct err *err);

/* "GRANT RELOAD ON *.* TO `bak`@`localhost`;" for privileges "RELOAD" and an
 * account as CURRENT_USER() gives it; ready to paste.  New string. */
char *privileges_grant_text(const char *privileges, const char *account);

#endif
