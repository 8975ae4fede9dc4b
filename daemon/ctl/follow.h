/*
 * follow: stay with a job of the daemon until it has ended.
 */
#ifndef CTL_FOLLOW_H
#define CTL_FOLLOW_H

#include <stdint.h>

#include "daemon/ctl/ctl.h"

/* POST /v1/jobs; `instance` may be NULL. */
int follow_start(struct ctl *ctl, const char *type, const char *instance, uint64_t *ret_job,
                 struct err *err);

/* Poll until the job has ended or max_ms have passed (0: no limit, ERR_BUSY when they
 * have), with a bar on stderr.  *ret_job is owned by the caller.  Ctrl-C stops the
 * following, not the job: ERR_CANCELLED. */
int follow_job(struct ctl *ctl, uint64_t id, unsigned max_ms, json_t **ret_job, struct err *err);

/* 0 for a job that is done; else why it is not. */
int follow_outcome(const json_t *job, struct err *err);

/* "job 17 full main: copy" */
void follow_label(const json_t *job, struct str *out);
bool follow_ended(const json_t *job);

#endif
