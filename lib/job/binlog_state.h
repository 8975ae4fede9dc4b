/*
 * binlog_state: what the archived binlogs of an instance are worth: which seconds can
 * be reached, and whether a backup is due because none stands where the newest ones
 * begin.
 */
#ifndef JOB_BINLOG_STATE_H
#define JOB_BINLOG_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "model/catalog.h"
#include "repo/repo.h"

struct binlog_window {
	int64_t from_us, to_us;
};

struct binlog_state {
	VEC(struct binlog_window) windows; /* oldest first */
	bool open_ended;                   /* the last window goes on with what the stream brings */
	uint64_t lineages, segments, gaps;
	uint64_t size_bytes, stored_bytes;
	char full_due[200]; /* why a full backup is due at once, or "" */
};

int binlog_state_load(struct repo *r, const char *instance, const struct catalog *c,
                      struct binlog_state *ret, struct err *err);
void binlog_state_done(struct binlog_state *s);

#endif
