/*
 * snapshot: what was in the repositories when somebody last looked.  Made by the
 * watch thread, then owned and read by the loop thread alone, so a GET never
 * waits for a disk.
 */
#ifndef DAEMON_SNAPSHOT_H
#define DAEMON_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "job/binlog_state.h"
#include "job/check.h"
#include "model/catalog.h"
#include "model/policy.h"

struct snapshot_instance {
	char *name;
	bool loaded; /* false: the repository could not be read; catalog is empty */
	struct catalog catalog;
	bool binlog_loaded; /* false: the archive could not be read; binlog is empty */
	struct binlog_state binlog;
	struct err binlog_err; /* why it is not loaded, though the catalog is */
};

struct snapshot_repository {
	char *name, *url;
	uint64_t free_bytes, total_bytes; /* of the file system it is on */
	struct err err;                   /* ERR_NONE, or why nothing is known */
};

struct snapshot {
	int64_t begun_us; /* what changed after this may not be in it */
	struct snapshot_instance *instances;
	size_t instance_n;
	struct snapshot_repository *repositories;
	size_t repository_n;
};

/* The result of a check and when it was made. */
struct check_note {
	int64_t at_us;
	struct check_result result;
};

/* Reads every repository of the policy; never fails as such.  May take long.  `memory`, here
 * and in check_take: of who looks again and again, or NULL. */
struct snapshot *snapshot_take(const struct policy *policy, struct binlog_memory *memory);
void snapshot_free(struct snapshot *s); /* NULL is fine */

/* `s` takes the place of `old` and gets from it what it cannot know: the catalogs of
 * instances it could not load (a repository that is away now does not make its
 * backups unknown), what it could not learn of their binlogs, and backups finished since it was
 * begun.  Nothing if the policy names another place for backups meanwhile. */
void snapshot_inherit(struct snapshot *s, struct snapshot *old);
/* A backup that was just made; takes ownership of `head`.  `s` may be NULL.  That a full is
 * due because of the binlogs is forgotten: what was seen before it can be settled by it. */
void snapshot_add(struct snapshot *s, struct manifest *head);

/* NULL if unknown.  `s` may be NULL in all of these. */
const struct snapshot_repository *snapshot_repository(const struct snapshot *s, const char *name);
const struct catalog *snapshot_catalog(const struct snapshot *s, const char *instance);
const struct binlog_state *snapshot_binlog(const struct snapshot *s, const char *instance);
/* Why its archive of binlogs could not be read at the last look; NULL: it could. */
const struct err *snapshot_binlog_err(const struct snapshot *s, const char *instance);

struct check_note *check_take(const struct policy *policy, struct binlog_memory *memory);
void check_note_free(struct check_note *c); /* NULL is fine */

#endif
