/*
 * binlog_view: the archived binlogs of an instance, held: none is expired while they
 * are looked at.
 */
#ifndef JOB_BINLOG_VIEW_H
#define JOB_BINLOG_VIEW_H

#include "binlog/archive.h"
#include "repo/repo.h"

/* The reader's lock, for what restore and verify also take it for.  ERR_BUSY: an expire
 * is running.  *ret_lock NULL: the repository cannot be written to, so that nobody can
 * take anything away either. */
int reader_lock_take(struct repo *r, const char *instance, const char *what, void **ret_lock,
                     struct err *err);

struct binlog_view {
	struct repo *repo; /* borrowed */
	void *lock;
	struct archive_catalog archive;
};
int binlog_view_open(struct repo *r, const char *instance, struct binlog_view *ret,
                     struct err *err);
void binlog_view_done(struct binlog_view *v); /* also of a zeroed one */

#endif
