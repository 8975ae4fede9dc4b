/*
 * status: what the daemon knows, as JSON.  Reads only what the loop thread holds.
 * Each returns a new value.
 */
#ifndef DAEMON_STATUS_H
#define DAEMON_STATUS_H

#include <jansson.h>
#include <stddef.h>

#include "daemon/daemon.h"

json_t *status_json(const struct daemon *d);
json_t *status_run(const struct job *j); /* a job with the measures of its run */
json_t *status_jobs(const struct daemon *d, bool only_active);
json_t *status_check(const struct daemon *d);
json_t *status_space(const struct daemon *d);
json_t *status_backup(const struct daemon *d, const struct manifest *m);
json_t *status_backups(const struct daemon *d, const char *instance);
json_t *status_error(const struct err *err); /* null if there is none */

/* Oldest and newest moment that can be restored; 0: there is none. */
void status_window(const struct daemon *d, const char *instance, int64_t *ret_oldest_us,
                   int64_t *ret_newest_us);

/* One line for people: the running job, or that there is none. */
const char *status_line(const struct daemon *d, char *buf, size_t size);

#endif
