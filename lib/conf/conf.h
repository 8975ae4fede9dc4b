/*
 * conf: YAML to policy, by a table of rows.
 *
 * Each key is one row: name, type, range, default, help, and since when it works;
 * parser, errors, `mybakctl config show` and mybakd.yaml(5) come from the same
 * rows.  Only this room sees <yaml.h>.
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include "base/err.h"
#include "base/str.h"
#include "model/policy.h"

/* Reads the file and gives a policy, or -1 with every error of the file in
 * `report`, one a line ("policy.yaml:7:3: schedule.ful: unknown key; did you mean
 * "full"?"), and the first of them in err (ERR_USAGE). */
int conf_load(const char *path, struct policy **ret, struct str *report, struct err *err);
/* The same from memory; `name` stands for the file in messages. */
int conf_parse(const char *text, size_t n, const char *name, struct policy **ret,
               struct str *report, struct err *err);

/* The policy in force, defaults included, as YAML with a comment a key. */
void conf_show(const struct policy *p, struct str *out);
/* The key table as mdoc (for mybakd.yaml(5)). */
void conf_help_mdoc(struct str *out);

#endif
