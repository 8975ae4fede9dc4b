/*
 * ctl: mybakctl, the small client people and scripts use.  Speaks to mybakd over
 * its UNIX socket, or goes straight at a repository.  Knows nothing of how a
 * backup is taken.
 *
 * One run of mybakctl is one struct ctl, used by one thread.
 */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include <jansson.h>
#include <stdbool.h>

#include "base/cancel.h"
#include "base/err.h"
#include "daemon/ctl/args.h"
#include "daemon/ctl/client.h"
#include "daemon/ctl/term.h"

#define CTL_SOCKET "/run/mybakd/mybakd.sock"
#define CTL_POLICY "/etc/mybakd/policy.yaml"

struct ctl {
	struct args args;
	bool json;
	char *policy_path; /* see place_policy_path; owned */
	struct term out;   /* stdout */
	struct term notes; /* stderr */
	struct client client;
	bool printed;  /* JSON has gone to stdout, errors included */
	int exit_code; /* of a verb that succeeded */
};

/* GET, POST or DELETE at the daemon. */
int ctl_get(struct ctl *ctl, const char *path, json_t **ret, struct err *err);

/* The instance asked for, or the only one the daemon has; new string. */
int ctl_instance(struct ctl *ctl, char **ret, struct err *err);

/* With --json: print it and return true.  A value for a failure has its "error". */
bool ctl_print_json(struct ctl *ctl, const json_t *value);
void ctl_json_line(const json_t *value); /* compact, one line */

json_t *ctl_error_json(const struct err *err); /* {"kind","message","hint"} */

/* An error for people on stderr and, with --json, for programs on stdout. */
void ctl_report(struct ctl *ctl, const struct err *err);

/* SIGINT and SIGTERM ask this instead of ending the process. */
struct cancel *ctl_catch_interrupt(void);

#endif
