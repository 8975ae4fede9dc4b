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
#include "binlog/archive.h"
#include "model/catalog.h"
#include "repo/repo.h"

struct binlog_window {
	int64_t from_us, to_us;
};

struct binlog_stand { /* a backup that stands in a window */
	char id[BACKUP_ID_MAX];
	size_t window;
	bool begins; /* the window begins with it */
};

struct binlog_state {
	int64_t seen_us;                   /* nothing that came later is in it */
	char lineage[LINEAGE_MAX];         /* the newest, or "" */
	VEC(struct binlog_window) windows; /* oldest first */
	VEC(struct binlog_stand) stands;
	bool open_ended; /* the last window goes on with what the stream brings */
	uint64_t lineages, segments, gaps;
	/* Segments before all that the backups need.  An expire removes them, unless one
	 * that cannot be read may need them. */
	uint64_t unneeded;
	uint64_t size_bytes, stored_bytes;
	char full_due[200]; /* why a full backup is due at once, or "" */
};

/* What whoever looks again and again saw last, so that only what is new is read: an open
 * segment may be a gigabyte.  One thread. */
struct binlog_memory_of {
	char *url, *instance;
	struct archive_catalog archive;
};
struct binlog_memory {
	VEC(struct binlog_memory_of) list;
};
void binlog_memory_done(struct binlog_memory *m);

/* `memory` may be NULL. */
int binlog_state_load(struct repo *r, const char *instance, const struct catalog *c,
                      struct binlog_memory *memory, struct binlog_state *ret, struct err *err);
void binlog_state_done(struct binlog_state *s);

/* "recovery_window" of that backup: null, or "oldest", "newest" and "begins".  newest_us:
 * up to where a window that is open-ended is known to go; 0: as far as it was seen. */
struct json_t;
struct json_t *binlog_state_json(const struct binlog_state *s, const char *id, int64_t newest_us);

#endif
