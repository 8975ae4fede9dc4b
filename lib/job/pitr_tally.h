/*
 * pitr_tally: how far a replay comes in GTIDs, which a MariaDB's data do not show.
 */
#ifndef JOB_PITR_TALLY_H
#define JOB_PITR_TALLY_H

#include "base/mem.h"
#include "binlog/event.h"
#include "model/manifest.h"

struct tally_gtid {
	uint32_t domain;
	uint64_t number;
	char text[BINLOG_GTID_MAX];
};

struct pitr_tally {
	VEC(struct tally_gtid) gtids; /* the largest of each domain, in their order */
};

/* What the backup has: of its own binlog, and of another server's if it is a replica. */
void tally_backup(struct pitr_tally *t, const struct manifest *m);
void tally_applied(struct pitr_tally *t, const char *gtid);

/* "0-1-42,7-1-5" as a new string; NULL: there are none. */
char *tally_gtids(const struct pitr_tally *t);
void tally_done(struct pitr_tally *t);

#endif
