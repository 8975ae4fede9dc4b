/*
 * Where to go on (private to the stream): what follows from what is archived and what
 * the server has.
 */
#ifndef BINLOG_STREAM_RESUME_H
#define BINLOG_STREAM_RESUME_H

#include "binlog/stream_history.h"
#include "binlog/stream_look.h"

enum resume_kind {
	RESUME_HERE,    /* in the middle or at the end of the last file */
	RESUME_NEXT,    /* with the file that is known to follow it */
	RESUME_GAP,     /* with a later one: what lies between is gone */
	RESUME_LINEAGE, /* another history: from the oldest file, as a lineage of its own */
};
struct resume {
	enum resume_kind kind;
	char file[BINLOG_NAME_MAX];
	uint64_t pos;
};
/* Of names and sizes alone; whether it is the same history shows the event mark. */
void resume_choose(const struct server_look *l, const struct history *h, struct resume *ret);
void resume_from(struct resume *r, enum resume_kind kind, const char *file); /* its begin */
/* The file behind `file`, where reading that one is of no use; NULL: there is none. */
const char *resume_file_behind(const struct server_look *l, const char *file);

#endif
