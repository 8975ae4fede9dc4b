/*
 * restore_persisted: settings that a MySQL wrote down itself (mysqld-auto.cnf) and that a
 * copy of it must not have.
 */
#ifndef JOB_RESTORE_PERSISTED_H
#define JOB_RESTORE_PERSISTED_H

#include "base/err.h"
#include "base/str.h"
#include "job/restore_place.h"
#include "model/manifest.h"

/* A copy of a member would join its group at the first start: all settings of group
 * replication are taken out, and `note` gets a sentence that names them. */
int restore_persisted(const struct manifest *m, const struct places *places, struct str *note,
                      struct err *err);

#endif
