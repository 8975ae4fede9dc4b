/*
 * restore_redo: the server's redo log made of the captured redo, so that a plain
 * server start is the recovery.  What the log looks like depends on the flavour of
 * the backup: restore_redo_mariadb, restore_redo_mysql.
 *
 * In every form the redo is checked to its end, which must be exactly the backup's
 * end LSN, and the head of the log is written last: a log cut short is no log.
 */
#ifndef JOB_RESTORE_REDO_H
#define JOB_RESTORE_REDO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "job/restore_place.h"
#include "model/manifest.h"

/* The captured redo, in order; 1 a piece, 0 no more, -1.  The piece is borrowed until
 * the next call. */
struct redo_source {
	int (*next)(void *arg, const unsigned char **ret, size_t *ret_n, struct err *err);
	void *arg;
};

/* Does what the manifest says of the log make sense, and can the log be written with
 * these places?  ERR_DAMAGED for a geometry that is none; ERR_REFUSED when a name
 * would have to change that cannot be seen. */
int restore_redo_check(const struct manifest *m, const struct places *p, struct err *err);

/* Bytes of captured redo the log is made of, from the front of the redo's file. */
uint64_t restore_redo_captured(const struct manifest *m);

/* Bytes the log takes on disk. */
uint64_t restore_redo_space(const struct manifest *m, const struct places *p);

/* MySQL, encrypted redo: the log may have been cut inside of a block whose sum cannot
 * be made anew without the key.  The server that recovers it must be started with
 * innodb_log_checksums=OFF, and set it ON again before it is shut down. */
bool restore_redo_wants_no_sums(const struct manifest *m);

/* Write the log to `path` (must not exist). */
int restore_redo_write(const struct manifest *m, const struct places *p,
                       const struct redo_source *from, const char *path,
                       const struct cancel *cancel, struct err *err);

#endif
