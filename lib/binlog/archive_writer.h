/*
 * What the files of the writing side share: archive.c (the calls), archive_begin.c
 * (the objects of a new segment), archive_heal.c (what a crash left), archive_press.c (compressing
 * and closing).
 */
#ifndef BINLOG_ARCHIVE_WRITER_H
#define BINLOG_ARCHIVE_WRITER_H

#include "binlog/archive_parts.h"

/* The compressed form of a segment, made along with it, a frame for each whole MiB:
 * so closing one has a MiB left to do and not a GiB, and the stream goes on. */
struct press {
	struct codec *codec;
	unsigned char *raw;
	const struct cancel *cancel;
	struct sink *out; /* NULL: not begun, or given up until the segment is closed */
	bool given_up;
	struct segment_frames frames;
	uint64_t raw_at, stored_at;
};

struct archive {
	struct repo *repo;
	char *instance;
	void *lock;
	const struct cancel *cancel;
	bool settled;              /* else what follows says nothing: archive_settle */
	uint64_t number;           /* highest of the lineages */
	char lineage[LINEAGE_MAX]; /* the newest; "" */
	bool fresh;                /* the next file begins a lineage */
	struct segment s;          /* the last one, open or closed; file NULL: none */
	struct repo_append *part;  /* of the open one; NULL: none is */
	uint64_t durable;          /* of it */
	char *pending;             /* begun, but its format event did not come yet */
	struct segment_gap *pending_gap;
	unsigned char *buf; /* events not yet written; s.size counts them */
	size_t buf_n;
	struct press press;
};

#define ARCHIVE_BUFFER (256u << 10)

static inline struct archive_at archive_here(const struct archive *a)
{
	return (struct archive_at){a->repo, a->instance, a->lineage};
}

/* archive.c: forget all about the last segment; its objects stay. */
void archive_drop(struct archive *a);

/* Heal all lineages and find the last segment of the newest. */
int archive_settle(struct archive *a, struct err *err);

/* The next lineage, and its object; its name is in `a`. */
int archive_begin_lineage(struct archive *a, const struct binlog_format *f, struct err *err);
/* Of an open segment that has no byte yet; its .part is open in `a`.  ERR_BUSY if it is
 * there already. */
int archive_make_objects(struct archive *a, const struct segment *s, struct err *err);

int press_init(struct press *p, struct err *err);
void press_done(struct press *p);
void press_drop(struct press *p); /* give up what was begun; may be begun again */
/* Whole MiBs of the first `have` bytes, at most `most` of them.  A failure is not said:
 * the work is done when the segment is closed. */
void press_some(struct press *p, const struct archive_at *at, const char *file, uint64_t have,
                unsigned most);
/* Compress the rest, write the index, remove .part and .open.  All of .part that
 * counts (s->size) is written. */
int press_close(struct press *p, const struct archive_at *at, struct segment *s, struct err *err);

#endif
