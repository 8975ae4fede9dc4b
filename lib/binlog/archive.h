/*
 * archive: the binlogs of an instance as kept in a repository.
 *
 * <instance>/binlogs/<lineage>/            one unbroken history of one server
 *   <file>.part    the binlog being written: byte for byte what the server has, up to
 *                  some event; grows, and is durable within a second
 *   <file>.zst     a closed binlog: zstd frames of 1 MiB each (`zstd -d` opens it)
 *   <file>.json    its facts and index, written last: a closed segment exists if and
 *                  only if this does; then .part and .open go
 *   <file>.open    what came before the binlog being written; there as long as .part is
 *   lineage.json   which lineage of the instance it is, counted from 1
 *
 * A lineage is named by the creation time and server id of the first binlog archived
 * in it ("20261122T143000Z-1"), so that RESET MASTER, a failover, a restore or a server
 * made anew never overwrite or splice: names and numbers begin again, these do not.
 * The names of the binlogs in it differ in their number only.
 * A gap (binlogs purged before they were read) stays within the lineage and is
 * recorded in the segment behind it.
 *
 * One writer (the stream, under the lock <instance>/binlog.lock); any number of readers.
 */
#ifndef BINLOG_ARCHIVE_H
#define BINLOG_ARCHIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/sink.h"
#include "binlog/event.h"
#include "repo/repo.h"

#define LINEAGE_MAX 48

struct segment_gap {            /* what is missing just before a segment */
	char *from_file;        /* last file that is archived (whole or in part) */
	uint64_t from_pos;      /* first byte that is missing */
	int64_t from_us, to_us; /* last transaction before and first behind it; 0: not known */
	bool lost; /* it was archived once: a segment between is gone or cannot be read */
};

struct segment_point { /* begin of a group, about one a MiB: where to start reading */
	uint64_t pos;
	int64_t commit_us;
	char gtid[BINLOG_GTID_MAX];
};

struct segment {
	char *file;                  /* "binlog.000007" */
	bool open;                   /* .part */
	uint64_t size;               /* bytes of the binlog (so far) */
	uint64_t stored;             /* bytes in the repository */
	uint32_t created, server_id; /* of its format event */
	bool mariadb, checksum;
	char version[51];
	int64_t first_us, last_us; /* commit times of first and last group; 0: it has none */
	char first_gtid[BINLOG_GTID_MAX], last_gtid[BINLOG_GTID_MAX];
	uint64_t events, groups;
	char *previous; /* file before it on the server, or NULL: the first of its lineage */
	struct segment_gap *gap; /* or NULL: it follows the segment before it */
	/* Of an open one as far as it was looked through; of a closed one only after
	 * archive_points. */
	VEC(struct segment_point) points;
};

struct segment_damaged { /* its index cannot be read, or its begin if it was never closed */
	char *file;
	struct err why;
};

struct lineage {
	char name[LINEAGE_MAX];
	uint64_t number;              /* in the order in which they were begun */
	VEC(struct segment) segments; /* in the order of the server */
	VEC(struct segment_damaged) damaged;
};

struct archive_catalog {
	VEC(struct lineage) lineages; /* oldest first */
};
/* All lineages of an instance; an open segment is measured by walking its headers.  Of
 * a closed one only the first line of its index is read. */
int archive_load(struct repo *r, const char *instance, struct archive_catalog *ret,
                 struct err *err);
/* The same again over what an earlier load found: reads only what is new since.  On
 * failure `c` stays as it was; on success pointers into it have become invalid. */
int archive_refresh(struct repo *r, const char *instance, struct archive_catalog *c,
                    struct err *err);
void archive_catalog_done(struct archive_catalog *c);
/* Fetch the points of a closed segment (of this catalog), if not done yet. */
int archive_points(struct repo *r, const char *instance, const struct lineage *l, struct segment *s,
                   struct err *err);

/* Binlogs of one lineage in the order of their numbers: <0, 0, >0. */
int archive_file_order(const char *a, const char *b);

/* The segment that holds file:pos (pos may be its end) and was created then; created 0:
 * any, newest lineage first.  NULL if none. */
const struct segment *archive_find(const struct archive_catalog *c, const char *file, uint64_t pos,
                                   uint32_t created, const struct lineage **ret_lineage);

/* ---- writing */

/*
 * archive_open takes the lock (ERR_BUSY: somebody else archives this instance) and heals
 * what a crash left, at whatever point it came; then archive_tail says where to go on.
 *
 * After a failure of any of these the same holds: archive_tail first, and then go on
 * from what it says; the others fail until then.  Nothing that was durable is lost by
 * it.  Used by one thread.
 */
struct archive;
/* `cancel` may be NULL.  What takes long, in this and in all later calls, ends when it is
 * set: reading and compressing what a crash left may be a gigabyte.  It fails then as
 * from any other cause (ERR_CANCELLED). */
int archive_open(struct repo *r, const char *instance, const struct cancel *cancel,
                 struct archive **ret, struct err *err);
void archive_free(struct archive *a); /* the open segment stays as it is */

/* Where to go on: the newest lineage's last segment and the byte behind its last whole
 * event (a torn tail of a crash is cut off here), with its format.  file NULL: nothing yet.
 * What was begun since and has no event yet is forgotten. */
struct archive_tail {
	char *file; /* the caller's to free */
	uint64_t pos;
	uint32_t created, server_id;
};
int archive_tail(struct archive *a, struct archive_tail *ret, struct err *err);

/* Has something failed, and archive_tail was not asked since? */
bool archive_has_failed(const struct archive *a);

/* Begin a lineage; the next archive_begin_file names it. */
void archive_new_lineage(struct archive *a);
/* The server goes on with this file: the one open is closed (compressed, indexed) first.
 * `gap`: what was missed before it, or NULL; to_us may be 0.  The file comes into being
 * with its format event, the first that archive_append must be given. */
int archive_begin_file(struct archive *a, const char *file, const struct segment_gap *gap,
                       struct err *err);
/* An event of the open file, at its end.  ERR_DAMAGED when offset + size is not the
 * event's next position, or the checksum is wrong. */
int archive_append(struct archive *a, const void *event, size_t n, struct err *err);
/* Make everything appended durable; returns the offset up to which the open file is
 * durable now (0: none is open, or nothing of it came yet). */
int archive_sync(struct archive *a, uint64_t *ret_pos, struct err *err);
/* The segment being written, with what was counted so far; NULL: none.  Until the next
 * call. */
const struct segment *archive_current(const struct archive *a);
/* Name of the lineage it belongs to, "" if nothing is archived yet. */
const char *archive_lineage(const struct archive *a);

/* ---- reading */

/* Bytes [from, to) of a segment into `to_sink` (to UINT64_MAX: its end); only the frames
 * needed are read, each checked. */
int archive_read(struct repo *r, const char *instance, const struct lineage *l,
                 const struct segment *s, uint64_t from, uint64_t to, struct sink *to_sink,
                 struct err *err);

/* Each whole event from `from` (0, or where an event begins) on, with its offset and
 * checked; 0 to go on, 1 to stop, -1. */
typedef int archive_event(void *arg, uint64_t pos, const struct binlog_event *e, struct err *err);
int archive_walk(struct repo *r, const char *instance, const struct lineage *l,
                 const struct segment *s, uint64_t from, archive_event *each, void *arg,
                 const struct cancel *cancel, struct err *err);

/* ---- retention and verification */

/* Re-read a segment: each frame against its hash, each event against its checksum and
 * its neighbours, all that is counted against the index.  ERR_DAMAGED says what is
 * wrong where. */
int archive_check(struct repo *r, const char *instance, const struct lineage *l,
                  const struct segment *s, const struct cancel *cancel, struct err *err);

/* Remove closed segments from the front of a lineage: all before `keep_from`.  NULL: all
 * of it, which only suits one that is not the newest.  Index first, then data.  What was
 * removed before a failure counts as freed. */
int archive_remove_before(struct repo *r, const char *instance, const struct lineage *l,
                          const char *keep_from, uint64_t *ret_freed, struct err *err);

#endif
