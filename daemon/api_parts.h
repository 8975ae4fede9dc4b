/*
 * A call on its way through the files of the api: from the table of routes (api.c) to
 * what answers it.
 */
#ifndef DAEMON_API_PARTS_H
#define DAEMON_API_PARTS_H

#include <jansson.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "daemon/api.h"

#define API_ARGS_MAX 2
#define API_ARG_SIZE 128

struct call {
	struct daemon *d;
	const struct api_request *rq;
	char args[API_ARGS_MAX][API_ARG_SIZE]; /* what stood where the route has {} */
	int status;                            /* of success */
	json_t *json;                          /* the answer, … */
	struct str text;                       /* … or this, if type is set */
	const char *type;
	int64_t existing;  /* with ERR_BUSY: the job that is in the way; 0: none */
	struct str report; /* of a policy that was refused: a line for each error */
};

/* Each fills the answer in, or fails with the reason. */
typedef int api_call(struct call *c, struct err *err);

/* Questions (api_get.c). */
api_call api_get_status, api_get_jobs, api_get_job, api_get_backups, api_get_backup, api_get_space,
    api_get_check, api_get_history, api_get_metrics, api_get_healthz;

/* What changes something (api_control.c). */
api_call api_delete_job, api_post_job, api_post_reload;

/* A number from 1 on, as jobs have it. */
int api_job_id(const char *text, int64_t *ret, struct err *err);

#endif
