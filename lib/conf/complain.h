/*
 * complain: what is wrong with a policy, everything at once, in the order of the
 * file.  Private to the room.
 */
#ifndef CONF_COMPLAIN_H
#define CONF_COMPLAIN_H

#include <yaml.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

struct complaint {
	size_t line, column; /* from 0 */
	size_t order;        /* as they came */
	char *text;
};

struct complaints {
	const char *name; /* of the file */
	VEC(struct complaint) list;
};

/* `where`: the key ("limits.workers"), or "" for the file as a whole. */
void complain(struct complaints *c, const yaml_mark_t *at, const char *where, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Every line into `report` (may be NULL), the first into err; returns -1. */
int complaints_report(struct complaints *c, struct str *report, struct err *err);
void complaints_done(struct complaints *c);

#endif
