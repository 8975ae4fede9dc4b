/*
 * pitr_group: following the events of a binlog group by group: where one begins, and
 * whether it is whole.  The newest binlog can end in the middle of one.
 */
#ifndef JOB_PITR_GROUP_H
#define JOB_PITR_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "binlog/event.h"

struct group_walk {
	bool open;  /* a group has begun */
	bool whole; /* and all of it was seen */
	bool one_statement;
	bool unsaid; /* MySQL: its first statement is yet to tell whether there are more */
	uint64_t pos;
	int64_t commit_us;
	char gtid[BINLOG_GTID_MAX];
};

/* An event at `pos`.  *ret_begins: it begins a group, and w is about that one now. */
int group_walk_event(struct group_walk *w, uint64_t pos, const struct binlog_event *e,
                     bool *ret_begins, struct err *err);

#endif
