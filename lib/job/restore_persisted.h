/*
 * restore_persisted: settings that a MySQL wrote down itself (mysqld-auto.cnf, which wins
 * over every configuration file) and that a copy of it must not have.
 */
#ifndef JOB_RESTORE_PERSISTED_H
#define JOB_RESTORE_PERSISTED_H

#include "base/err.h"
#include "base/str.h"
#include "job/restore_place.h"
#include "model/manifest.h"

/* Taken out, and named in `note`:
 *
 * - all of group replication, and what lets a replica start by itself: a copy would join the
 *   group of its source, or go on in its place, at the first start;
 * - every path outside the new data directory: the server of the source may write there.
 *   In the directory the source had, such a path stays if it exists.  So do certificates
 *   everywhere, and other files that a server only reads. */
int restore_persisted(const struct manifest *m, const struct places *places, struct str *note,
                      struct err *err);

#endif
