/*
 * catalog: the backups of one instance in one repository, as heads of manifests.
 *
 * Choosing a parent, planning a chain and retention are pure functions of the
 * catalog, the policy and now.
 */
#ifndef MODEL_CATALOG_H
#define MODEL_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "model/manifest.h"
#include "model/policy.h"

struct catalog {
	VEC(struct manifest *) backups; /* owned; oldest first (ids sort by time) */
	/* Backups whose manifest is there but cannot be read: id and why, so that they
	 * are shown and never silently skipped. */
	struct catalog_damaged {
		char id[BACKUP_ID_MAX];
		struct err why;
	} * damaged;
	size_t damaged_n;
};

void catalog_init(struct catalog *c);
void catalog_done(struct catalog *c);
void catalog_add(struct catalog *c, struct manifest *head); /* takes ownership, keeps order */
void catalog_add_damaged(struct catalog *c, const char *id, const struct err *why);

const struct manifest *catalog_find(const struct catalog *c, const char *id);
/* The newest backup of any kind, or NULL. */
const struct manifest *catalog_newest(const struct catalog *c);
const struct manifest *catalog_newest_of(const struct catalog *c, enum backup_kind kind);

/* The chain of `id`, newest first down to its full.  ERR_NOT_FOUND or ERR_DAMAGED
 * (a link is missing or unreadable) with the id of the missing link. */
int catalog_chain(const struct catalog *c, const char *id, const struct manifest ***ret_chain,
                  size_t *ret_n, struct err *err);

/* What an expire would remove, newest first so that no parent goes before its
 * children, with the reason in words for each backup, kept or not. */
struct expire_verdict {
	const struct manifest *backup;
	bool remove;
	char reason[160]; /* "full older than 30 days", "parent of 2026…-incr", "last full" */
};
/* Rules: a full is kept full_days, an incremental incremental_days, after it
 * finished; a parent of something kept is kept; at least min_full (>= 1) newest
 * restorable fulls are kept; future-dated backups are kept; so is what a damaged
 * incremental of that age may stand on.  *ret (n = backups.n) is owned by the
 * caller. */
void catalog_expire(const struct catalog *c, const struct policy_retention *r, int64_t now_us,
                    struct expire_verdict **ret);

#endif
