/*
 * aria: the files of MariaDB's Aria engine that follow rules of their own.
 *
 * The control file is taken before anything else, so that recovery starts from a
 * checkpoint older than every copied page.  The logs only grow: their bodies are
 * copied while the server works, and under the commit lock just their first page
 * and their tail are read, into memory.
 */
#ifndef SOURCE_ARIA_H
#define SOURCE_ARIA_H

#include "base/err.h"
#include "source/scan.h"
#include "source/work.h"

struct aria {
	unsigned char *control; /* aria_log_control as it was at the start; NULL: none */
	uint64_t control_n;
	struct found found; /* what the file system said of it */
};

/* `root`: number of the root the logs lie in. */
int aria_begin(struct aria *a, const struct manifest *out, uint16_t root, struct err *err);
void aria_done(struct aria *a);

/* A log file the scan found: plan what can be read before commits are blocked. */
void aria_plan_log(struct work *w, struct found *f);
/* The control file's bytes, as an item. */
void aria_plan_control(struct aria *a, struct work *w);

/* Commits are blocked: read what is still missing of the logs into memory. */
int aria_seal(struct work *w, uint16_t root, struct err *err);

/* A small file read again as a whole under the lock if it changed since it was
 * copied in this stage: tables of statistics. */
int aria_seal_statistics(struct work *w, struct err *err);

#endif
