/*
 * mysql_capture: a thread that takes the redo of a running MySQL from the start
 * checkpoint on, block by block as they become full, before the server reuses its files.
 *
 * Every block is checked.  It stops with a reason when the log was lapped or is damaged,
 * when the consumer that holds the redo gave up, or when the lock was lost.
 */
#ifndef SOURCE_MYSQL_CAPTURE_H
#define SOURCE_MYSQL_CAPTURE_H

#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/sink.h"
#include "innodb/mysql_redo.h"
#include "source/keep.h"
#include "source/mysql_consumer.h"

struct mysql_capture;

struct mysql_capture_plan {
	const char *dir; /* …/#innodb_redo; borrowed for the call only */
	uint64_t checkpoint;
	struct mysql_consumer *consumer;
	struct keep *keep; /* beaten by the thread */
	struct sink *to;   /* gets whole blocks in order; finished at the end LSN */
	const struct cancel *cancel;
};

int mysql_capture_start(const struct mysql_capture_plan *plan, struct mysql_capture **ret,
                        struct err *err);
void mysql_capture_free(struct mysql_capture *c); /* stops it; NULL is fine */

/* Of the file that held the checkpoint; its `encryption` is the newest that was seen. */
const struct mysql_redo *mysql_capture_log(const struct mysql_capture *c);

/* The file of the checkpoint, for its mode and owner. */
const char *mysql_capture_first_path(const struct mysql_capture *c);

/* Has it, the consumer or the lock failed?  0 or -1 with the reason. */
int mysql_capture_check(struct mysql_capture *c, struct err *err);

/* Nothing more is taken until the end LSN is given: an end LSN that the server is asked
 * for after this call has not been passed.  For milliseconds only. */
int mysql_capture_hold(struct mysql_capture *c, struct err *err);

/* Everything up to end_lsn, which the server has written to its files; then the sink is
 * finished.  The log ends exactly there: its last block is cut. */
int mysql_capture_finish(struct mysql_capture *c, uint64_t end_lsn, struct err *err);

/* Bytes given to the sink. */
uint64_t mysql_capture_bytes(const struct mysql_capture *c);

#endif
