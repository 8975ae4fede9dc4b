/*
 * restore_parts: what the halves of a restore, the look before anything is written and
 * the writing, have in common.
 */
#ifndef JOB_RESTORE_PARTS_H
#define JOB_RESTORE_PARTS_H

#include "base/str.h"
#include "job/pitr.h"
#include "job/restore.h"
#include "job/restore_place.h"
#include "job/restore_plan.h"
#include "job/restore_target.h"
#include "model/catalog.h"
#include "server/replay.h"

struct restore {
	const struct restore_request *req;
	struct repo *repo;
	void *lock;
	char *instance;
	struct catalog catalog;
	struct pitr_plan pitr;
	struct replay_tools tools;
	const struct manifest **chain; /* heads, newest first */
	size_t chain_n;
	struct manifest *m; /* the newest, with its files */
	char *binary;
	char *time_zone; /* of the private server, or NULL */
	struct places places;
	struct restore_plan plan;
	VEC(struct target) targets; /* the data directory first, then mapped roots */
	struct str found;           /* by the recovery: a note */
	bool recovering;            /* what is there is kept if it fails now */
	struct restore_result result;
};

void restore_step(struct restore *r, const char *literal);
struct pitr_request restore_pitr_request(const struct restore *r);
const struct manifest_file *restore_redo_file(const struct manifest *m);

/* Everything that can be refused is refused here; nothing is written. */
int restore_preflight(struct restore *r, struct err *err);

#endif
