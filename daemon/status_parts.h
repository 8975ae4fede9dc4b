/*
 * status_parts: what the files of the status share.
 */
#ifndef DAEMON_STATUS_PARTS_H
#define DAEMON_STATUS_PARTS_H

#include <jansson.h>

#include "daemon/daemon.h"

json_t *status_time(int64_t us);       /* 0: null */
json_t *status_text(const char *text); /* NULL and "": null */
void status_set_u64(json_t *o, const char *key, uint64_t n);

/* status_binlog.c */
json_t *status_binlog(const struct daemon *d, const struct instance *i);
json_t *status_recovery(const struct daemon *d, const char *instance);

/* status_problems.c */
json_t *status_problems(const struct daemon *d);
/* Whether the newest transactions of an instance arrive.  since_s: for how long the daemon
 * is there; good_too: also where all is well. */
void status_stream_line(json_t *list, const char *instance, const struct stream_status *st,
                        double since_s, bool good_too);

#endif
