/*
 * Where to go on (private to the stream): what is archived, what the server has, and
 * what follows from both.
 */
#ifndef BINLOG_STREAM_RESUME_H
#define BINLOG_STREAM_RESUME_H

#include "base/mem.h"
#include "binlog/archive.h"
#include "server/conn.h"

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

struct server_file {
	char *name;
	uint64_t size;
};
struct server_look {
	bool mariadb;
	uint64_t resets;               /* before anything else was asked */
	VEC(struct server_file) files; /* oldest first; never empty */
};
/* ERR_REFUSED where the server keeps no binlog, or names the missing GRANT. */
int look_ask(struct conn *c, struct server_look *ret, struct err *err);
void look_done(struct server_look *l);

/* Where the server's binlog ends at this moment. */
struct server_end {
	char file[BINLOG_NAME_MAX];
	uint64_t pos;
};
int look_end(struct conn *c, struct server_end *ret, struct err *err);
/* The second in which the server is.  All transactions of the seconds before it have been
 * given their time; of this one more may come. */
int look_clock(struct conn *c, int64_t *ret_us, struct err *err);
/* How often RESET was said since the server started.  A binlog begun anew can have the
 * name and the size of the one before. */
int look_resets(struct conn *c, uint64_t *ret, struct err *err);
/* Bytes from file:pos to the end of all. */
int look_behind(struct conn *c, const char *file, uint64_t pos, uint64_t *ret, struct err *err);

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
