/*
 * pitr_search: where a GTID or a position lies in one history of binlogs.
 */
#ifndef JOB_PITR_SEARCH_H
#define JOB_PITR_SEARCH_H

#include "job/pitr.h"

struct pitr_spot { /* in a lineage */
	size_t segment;
	uint64_t pos;
};
bool pitr_spot_earlier(const struct pitr_spot *a, const struct pitr_spot *b);

struct pitr_match {
	const struct lineage *lineage;
	/* Of each GTID asked for; of a position only the first is used. */
	struct {
		bool found;
		bool settled; /* there is no need to look for it */
		struct pitr_spot spot;
	} of[POINT_GTIDS_MAX];
};

/* Look for what was not found yet.  `unlikely`: where, by the numbers, a GTID ought not
 * to be, instead of where it ought to; every binlog is one or the other. */
int pitr_search(const struct pitr_request *req, struct pitr_match *m, bool unlikely,
                struct err *err);

/* By its name or number the point belongs to this history, whether it is archived or
 * not: what is asked for may come yet, or be in a gap. */
bool pitr_search_claims(const struct restore_point *p, const struct pitr_match *m);

#endif
