/*
 * mysql_spaces: does the scan reach every tablespace the server knows?
 *
 * A server opens what its data dictionary names, also where innodb_directories, which the
 * scan goes by, does not lead any more, and also in places that are not seen from here.
 */
#ifndef SOURCE_MYSQL_SPACES_H
#define SOURCE_MYSQL_SPACES_H

#include "base/err.h"
#include "model/manifest.h"
#include "server/conn.h"
#include "server/facts.h"

/* While no DDL can run, with all roots in `out`.  ERR_REFUSED names a tablespace that is
 * below none of them, or that is not there: only of one that the server itself calls
 * discarded is there nothing to copy. */
int mysql_check_spaces(struct conn *c, const struct facts *facts, const struct manifest *out,
                       struct err *err);

#endif
