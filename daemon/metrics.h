/*
 * metrics: what the daemon knows, for Prometheus: OpenMetrics 1.0 or the older
 * text format, which differ in how a counter is announced.
 */
#ifndef DAEMON_METRICS_H
#define DAEMON_METRICS_H

#include "base/str.h"
#include "daemon/daemon.h"

enum metrics_format { METRICS_TEXT, METRICS_OPENMETRICS };

/* From the Accept header (NULL: none). */
enum metrics_format metrics_choose(const char *accept);
const char *metrics_content_type(enum metrics_format f);
void metrics_write(const struct daemon *d, enum metrics_format f, struct str *out);

#endif
