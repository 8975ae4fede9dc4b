/*
 * model: the nouns of backup as plain data, and arithmetic over them: position,
 * frame, manifest, catalog, policy, schedule, progress.  No input or output
 * happens here, and nothing here knows a server, a file or a socket.
 *
 * position: a point in a server's binlog.
 */
#ifndef MODEL_POSITION_H
#define MODEL_POSITION_H

#include <stdint.h>

struct position {
	char *file;   /* "binlog.000007", NULL when the server writes no binlog */
	uint64_t pos; /* byte offset of the first event that is NOT in the backup */
	char *gtid;   /* MariaDB: gtid_binlog_pos; MySQL: gtid_executed; NULL if none, or no file */
	/* When that file began (the time of its first event, seconds since 1970): names begin
	 * again after RESET MASTER, this does not.  0: not known. */
	uint32_t created;
	int64_t taken_us; /* wall clock when it was asked for; 0: not known */
};

void position_done(struct position *p);

#endif
