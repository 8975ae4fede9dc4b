/*
 * restore_recover_replica: MySQL: a copy of a replica that must not go on by itself.
 */
#ifndef JOB_RESTORE_RECOVER_REPLICA_H
#define JOB_RESTORE_RECOVER_REPLICA_H

#include "base/err.h"
#include "base/str.h"
#include "server/conn.h"

/* The server forgets that it was one; how far it had come goes into `note` (or NULL). */
int recover_end_replication(struct conn *c, struct str *note, struct err *err);

#endif
