/*
 * pitr: from a backup to a point: which backup, which bytes of which binlogs, and
 * their replay.
 */
#ifndef JOB_PITR_H
#define JOB_PITR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/mem.h"
#include "binlog/archive.h"
#include "job/restore_point.h"
#include "model/catalog.h"
#include "model/progress.h"
#include "repo/repo.h"
#include "server/replay.h"

/* A transaction, or whatever else the server gave a GTID. */
struct pitr_group {
	bool known; /* false: there is none */
	char file[BINLOG_NAME_MAX];
	uint64_t pos, end; /* its bytes; end 0: not seen */
	int64_t commit_us;
	char gtid[BINLOG_GTID_MAX];
};

struct pitr_piece { /* bytes [from, to) of a binlog */
	char *file;
	uint64_t from, to;
	bool anew; /* before it the source's server was started anew */
};

struct pitr_local; /* pitr_local.h */

struct pitr_plan {
	const struct manifest *backup;   /* of the catalog */
	char lineage[LINEAGE_MAX];       /* "": nothing is replayed, the backup is the point */
	VEC(struct pitr_piece) pieces;   /* in order; owned */
	VEC(struct replay_error) errors; /* in order; owned, with what they point to */
	VEC(struct pitr_local) locals;   /* in order; owned */
	uint64_t bytes, groups;
	struct pitr_group last; /* the last one applied */
	struct pitr_group next; /* the first one left out */
	uint64_t largest;       /* size of the largest binlog among the pieces */
	uint64_t largest_group; /* and of the largest transaction */
	bool load_data;         /* there is LOAD DATA in them, */
	uint64_t load_bytes;    /* with so much to load, at most */
	char *note;             /* what people should know of it, or NULL */
	char *gtid_pos;         /* the largest GTID of each domain then, or NULL: not known */
	unsigned gtids_reached; /* of the GTIDs asked for the backup has so many */
	bool unreachable;       /* of one that failed: nothing else leads there either */
};

struct pitr_request {
	struct repo *repo;
	const char *instance;
	const struct catalog *catalog;
	const struct restore_point *point;
	const char *backup;   /* start from this one; NULL: the best */
	int64_t caught_up_us; /* everything up to then is archived; 0: not known */
	const struct cancel *cancel;
};

/* ERR_NOT_FOUND for a point that cannot be reached, with what can. */
int pitr_plan_make(const struct pitr_request *req, struct pitr_plan *ret, struct err *err);
void pitr_plan_done(struct pitr_plan *p);

/* Where a backup stands in the archive. */
struct pitr_place {
	const struct lineage *lineage;
	size_t segment; /* index */
};
bool pitr_locate(const struct archive_catalog *a, const struct manifest *m, struct pitr_place *ret);
/* Index of the last segment of the unbroken run that `first` belongs to. */
size_t pitr_run_end(const struct lineage *l, size_t first);

/* The same segment in a catalog loaded later; NULL if it is gone. */
const struct segment *pitr_segment(const struct archive_catalog *a, const char *lineage,
                                   const char *file, const struct lineage **ret_lineage);

#endif
