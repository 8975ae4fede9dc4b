/*
 * stream_check: could a stream archive the binlog of this server?  Changes nothing there.
 */
#ifndef BINLOG_STREAM_CHECK_H
#define BINLOG_STREAM_CHECK_H

#include <stdbool.h>

#include "base/err.h"
#include "server/conn.h"

/* *ret_log_bin: does it keep one at all?  Without it nothing else is asked.  ERR_REFUSED
 * names the GRANT to run. */
int stream_check(struct conn *c, bool *ret_log_bin, struct err *err);

#endif
