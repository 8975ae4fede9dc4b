/*
 * What is archived, and the mark by which its last event is known again (private to the
 * stream).
 */
#ifndef BINLOG_STREAM_HISTORY_H
#define BINLOG_STREAM_HISTORY_H

#include "binlog/archive.h"

/* The last event archived.  A server that sends the same bytes at the same place has
 * the same history; a name, a size and a second of creation prove much less. */
struct event_mark {
	uint64_t pos;
	uint32_t size;
	unsigned char head[BINLOG_HEADER_SIZE];
	uint32_t sum;
	char next[BINLOG_NAME_MAX]; /* file that a rotate event leads to, else "" */
};
void event_mark_set(struct event_mark *m, uint64_t pos, const unsigned char *event, size_t n,
                    bool checksum);
bool event_mark_is(const struct event_mark *m, const unsigned char *event, size_t n, bool checksum);

struct history {
	bool any; /* something is archived */
	char file[BINLOG_NAME_MAX];
	uint64_t pos; /* behind its last event */
	uint32_t created, server_id;
	struct event_mark last;
	int64_t last_us; /* commit time of the last group; 0: none */
};
/* From the archive itself, after it was opened or failed. */
int history_learn(struct repo *r, const char *instance, struct archive *a,
                  const struct cancel *cancel, struct history *ret, struct err *err);

#endif
