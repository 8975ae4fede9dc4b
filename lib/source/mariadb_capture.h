/*
 * mariadb_capture: a thread that takes the redo of a running MariaDB from the start
 * checkpoint on, as it is written, before the ring overwrites it.
 *
 * It has a session of its own and stops with a reason when the ring was lapped,
 * the log was resized or replaced, the locks were lost, or the server went away.
 */
#ifndef SOURCE_MARIADB_CAPTURE_H
#define SOURCE_MARIADB_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/sink.h"
#include "innodb/mariadb_redo.h"
#include "server/conn.h"
#include "source/keep.h"

struct redo_capture;

struct redo_capture_plan {
	struct conn_target target;
	const char *redo_dir;
	struct sink *to; /* gets the bytes in order; finished at the end LSN */
	const struct cancel *cancel;
	struct keep *keep; /* beaten by the thread */
};

/* Reads header and newest checkpoint and starts capturing there. */
int redo_capture_start(const struct redo_capture_plan *plan, struct redo_capture **ret,
                       struct err *err);
void redo_capture_free(struct redo_capture *c); /* stops it; NULL is fine */

/* The log as it was at the start. */
const struct mariadb_redo *redo_capture_log(const struct redo_capture *c);

/* Has it failed?  0 or -1 with its reason. */
int redo_capture_check(struct redo_capture *c, struct err *err);

/* Wait until less than `bytes` of what is durable now are still to be read. */
int redo_capture_catch_up(struct redo_capture *c, uint64_t bytes, struct err *err);

/* From now on nothing is taken until the end LSN is given: an end LSN that the server
 * is asked for after this call has not been passed.  For milliseconds only. */
void redo_capture_hold(struct redo_capture *c);

/* Everything up to end_lsn, which the server has made durable; then the sink is
 * finished.  Returns when that is done. */
int redo_capture_finish(struct redo_capture *c, uint64_t end_lsn, struct err *err);

struct redo_lsns {
	uint64_t current, flushed;
};
int redo_lsns_ask(struct conn *c, struct redo_lsns *ret, struct err *err);

#endif
