/*
 * verb: what mybakctl can do, a row a verb.
 */
#ifndef CTL_VERB_H
#define CTL_VERB_H

#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

struct ctl;

struct verb {
	const char *name;
	const char *synopsis; /* what stands behind the name */
	const char *help;     /* one line */
	uint64_t options;     /* OPT_BIT of the options it takes, besides the global ones */
	unsigned min_words, max_words;
	/* 0 or -1; a verb whose success has several exit codes sets ctl->exit_code.
	 * NULL: known by name, not built yet. */
	int (*run)(struct ctl *ctl, struct err *err);
};

const struct verb *verb_find(const char *name); /* or NULL */
const char *verb_nearest(const char *name);     /* or NULL */
void verb_usage(FILE *to);                      /* all of them */
void verb_help(const struct verb *v, FILE *to);

/* Asked of the daemon. */
int verb_status(struct ctl *ctl, struct err *err);
int verb_run_now(struct ctl *ctl, struct err *err);
int verb_jobs(struct ctl *ctl, struct err *err);
int verb_cancel(struct ctl *ctl, struct err *err);
int verb_watch(struct ctl *ctl, struct err *err);
int verb_history(struct ctl *ctl, struct err *err);
int verb_space(struct ctl *ctl, struct err *err);
int verb_reload(struct ctl *ctl, struct err *err);
/* Asked of the daemon, or done here when it is away or told so. */
int verb_list(struct ctl *ctl, struct err *err);
int verb_show(struct ctl *ctl, struct err *err);
int verb_check(struct ctl *ctl, struct err *err);
int verb_expire(struct ctl *ctl, struct err *err);
/* Done here. */
int verb_restore(struct ctl *ctl, struct err *err);
int verb_verify(struct ctl *ctl, struct err *err);
int verb_binlog(struct ctl *ctl, struct err *err);
int verb_config(struct ctl *ctl, struct err *err);

#endif
