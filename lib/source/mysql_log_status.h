/*
 * mysql_log_status: the one answer of a MySQL server in which LSN, binlog position and
 * GTIDs belong to the same moment: a row of performance_schema.log_status.
 */
#ifndef SOURCE_MYSQL_LOG_STATUS_H
#define SOURCE_MYSQL_LOG_STATUS_H

#include <stdint.h>

#include "base/err.h"
#include "model/position.h"

struct log_status {
	uint64_t lsn, checkpoint;
	struct position binlog; /* file NULL: the server writes none */
};

/* From its columns LOCAL and STORAGE_ENGINES, JSON.  ERR_SERVER if one is not of the form
 * that is known; *ret is as it was then. */
int log_status_read(const char *local, const char *engines, struct log_status *ret,
                    struct err *err);
void log_status_done(struct log_status *s);

#endif
