/*
 * restore_redo_mariadb: ib_logfile0.
 *
 * ring:   same size as the source's, every byte at the offset it had there; used
 *         when the redo fits and no name in it has to change.
 * linear: first_lsn is the checkpoint and the file as long as the redo needs;
 *         every mini-transaction is rewritten as if the ring had never turned.
 */
#ifndef JOB_RESTORE_REDO_MARIADB_H
#define JOB_RESTORE_REDO_MARIADB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "innodb/mariadb_redo.h"
#include "job/restore_place.h"
#include "model/manifest.h"

/* What the manifest says of the log; ERR_DAMAGED for a geometry that is none. */
int restore_redo_geometry(const struct manifest *m, struct mariadb_redo *ret, struct err *err);

#endif
