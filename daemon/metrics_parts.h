/*
 * metrics_parts: what the files of the metrics share.
 */
#ifndef DAEMON_METRICS_PARTS_H
#define DAEMON_METRICS_PARTS_H

#include "base/str.h"
#include "daemon/daemon.h"

/* NULL labels are left out. */
void metrics_sample(struct str *out, const char *name, const char *key, const char *value,
                    const char *type, double n);
double metrics_seconds(int64_t us);

/* One metric each, of all instances (metrics_binlog.c). */
typedef void metrics_emit(struct str *out, const char *name, const struct daemon *d);
metrics_emit metrics_window, metrics_streaming, metrics_lag_seconds, metrics_lag_bytes,
    metrics_gaps, metrics_gaps_now, metrics_archived;

#endif
