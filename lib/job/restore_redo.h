/*
 * restore_redo: ib_logfile0 made of the captured redo, so that a plain server
 * start is the recovery.
 *
 * ring:   same size as the source's, every byte at the offset it had there; used
 *         when the redo fits and no name in it has to change.
 * linear: first_lsn is the checkpoint and the file as long as the redo needs;
 *         every mini-transaction is rewritten as if the ring had never turned.
 *
 * In both forms the redo is walked to its end: the last mini-transaction must end
 * exactly at the backup's end LSN.
 */
#ifndef JOB_RESTORE_REDO_H
#define JOB_RESTORE_REDO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "innodb/mariadb_redo.h"
#include "job/restore_place.h"
#include "model/manifest.h"

/* Bytes [off, off+len) of the captured redo, in order; 1 a piece, 0 no more, -1.
 * The piece is borrowed until the next call. */
struct redo_source {
	int (*next)(void *arg, const unsigned char **ret, size_t *ret_n, struct err *err);
	void *arg;
};

/* What the manifest says of the log; ERR_DAMAGED for a geometry that is none. */
int restore_redo_geometry(const struct manifest *m, struct mariadb_redo *ret, struct err *err);

/* Can the log be written with these places?  ERR_REFUSED when a name would have to
 * change that cannot be seen. */
int restore_redo_check(const struct manifest *m, const struct places *p, struct err *err);

bool restore_redo_is_linear(const struct mariadb_redo *redo, uint64_t bytes,
                            const struct places *p);
/* Size of the file that will be written. */
uint64_t restore_redo_size(const struct mariadb_redo *redo, uint64_t bytes, bool linear);

/* Write the log to `path` (must not exist). */
int restore_redo_write(const struct manifest *m, const struct places *p,
                       const struct redo_source *from, const char *path,
                       const struct cancel *cancel, struct err *err);

#endif
