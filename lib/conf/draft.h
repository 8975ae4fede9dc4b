/*
 * draft: what a policy is read into.  Its top-level schedule and retention are
 * what an instance has that says nothing of its own.  Private to the room.
 */
#ifndef CONF_DRAFT_H
#define CONF_DRAFT_H

#include "base/mem.h"
#include "model/policy.h"

struct draft {
	VEC(struct policy_repository) repositories;
	VEC(struct policy_instance) instances;
	VEC(struct policy_compression_rule) compression;
	struct policy_schedule schedule;
	struct policy_retention retention;
	struct policy_limits limits;
	struct policy_monitor monitor;
};

/* Every row of the section, and of those inside it, at its default. */
void draft_defaults(const char *section, void *base);
/* Hands over what is in the draft. */
struct policy *draft_finish(struct draft *d, const char *path);
void draft_done(struct draft *d);

#endif
