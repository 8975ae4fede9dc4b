/*
 * job: the verbs: backup, restore, verify, expire, check.  Each introduces the
 * rooms below to each other and reads as a list of named steps.  Knows nothing of
 * sockets, HTTP or schedules.
 *
 * backup: take one.  Runs in the calling thread plus limits.workers copy threads.
 * A failure, at whatever step, leaves no lock on the server and nothing in the
 * repository.
 */
#ifndef JOB_BACKUP_H
#define JOB_BACKUP_H

#include "base/cancel.h"
#include "base/err.h"
#include "model/manifest.h"
#include "model/policy.h"
#include "model/progress.h"

struct backup_request {
	const struct policy *policy;
	const struct policy_instance *instance;
	enum backup_kind kind;
	const struct cancel *cancel;
	struct progress *progress;
	int (*remember)(void *arg, const char *token, struct err *err); /* see source_plan */
	void *remember_arg;
};

/* *ret_head: the manifest without its files, owned by the caller. */
int backup_run(const struct backup_request *req, struct manifest **ret_head, struct err *err);

/* At start: undo what a killed run left (a token given to `remember`). */
int backup_undo(const struct policy_instance *instance, const char *token, struct err *err);
/* At start and before each backup: remove leftovers of killed runs.  Does nothing
 * while another process writes. */
int backup_clean(const struct policy *policy, const struct policy_instance *instance,
                 unsigned *ret_removed, struct err *err);

#endif
