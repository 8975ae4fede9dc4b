/*
 * place: the repository a verb works on without the daemon: --repo, or the first
 * one of the policy.
 */
#ifndef CTL_PLACE_H
#define CTL_PLACE_H

#include "daemon/ctl/ctl.h"
#include "model/policy.h"
#include "repo/repo.h"

/* --policy, or the one the daemon reads, or the usual one.  A daemon that hangs is
 * not waited for long: what works without it must not hang with it. */
const char *place_policy_path(struct ctl *ctl);

/* Every error of the policy goes to stderr, the first of them to err. */
int place_policy(struct ctl *ctl, struct policy **ret, struct err *err);

/* The instance of the policy that -i names, or its only one. */
int place_instance(struct ctl *ctl, const struct policy *p, const struct policy_instance **ret,
                   struct err *err);

/* Where to look, and what the policy says of it, if it was needed to know that. */
struct place {
	char *url;
	bool must_be_mounted;
	struct policy *policy;                  /* NULL with --repo */
	const struct policy_instance *instance; /* the one asked for or the only one; or NULL */
};
int place_find(struct ctl *ctl, struct place *ret, struct err *err);
void place_done(struct place *p);

/* The daemon is away: open what the policy names and say so on stderr.  `away` is
 * why; it comes back in err if the policy does not help either. */
int place_instead_of_daemon(struct ctl *ctl, const struct err *away, struct repo **ret,
                            struct err *err);

int place_open(struct ctl *ctl, struct repo **ret, struct err *err);

int place_id(const char *word, const char **ret, struct err *err); /* a well-formed id */
/* The same, or NULL for "latest". */
int place_backup(const char *word, const char **ret, struct err *err);

#endif
