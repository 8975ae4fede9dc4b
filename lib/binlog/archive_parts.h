/*
 * What the files of the archive share: names of objects, what a lineage's directory
 * holds, reading a segment's bytes, counting its events.
 */
#ifndef BINLOG_ARCHIVE_PARTS_H
#define BINLOG_ARCHIVE_PARTS_H

#include "base/str.h"
#include "binlog/archive.h"
#include "model/frame.h"

/* ---- names (archive_names.c) */

/* Where a segment's objects are; all borrowed. */
struct archive_at {
	struct repo *repo;
	const char *instance, *lineage;
};

bool archive_file_valid(const char *file); /* "name.000007", fit for an object's name */
bool archive_lineage_valid(const char *name);
/* New strings. */
char *archive_root(const char *instance); /* "main/binlogs/" */
char *archive_dir(const struct archive_at *at);
char *archive_object(const struct archive_at *at, const char *file, const char *suffix);
char *archive_lock_name(const char *instance);

#define ARCHIVE_PART ".part"
#define ARCHIVE_ZST ".zst"
#define ARCHIVE_JSON ".json"
#define ARCHIVE_OPEN ".open"
#define ARCHIVE_LINEAGE "lineage" ARCHIVE_JSON

/* ---- what is there (archive_list.c) */

/* All objects of one binlog; sizes UINT64_MAX where there is none. */
struct archive_item {
	char *file;
	uint64_t part, zst, json, open;
};
#define ARCHIVE_NONE UINT64_MAX
/* A .part without a format event is one that never came into being, unless it is this
 * large: then something has happened to it, and it is not ours to throw away. */
#define ARCHIVE_UNBORN_MAX (1u << 20)
struct archive_items {
	VEC(struct archive_item) list; /* in the order of the server */
};
int archive_items_list(const struct archive_at *at, struct archive_items *ret, struct err *err);
void archive_items_done(struct archive_items *l);
/* Of a lineage without segments its number goes, and its directory unless something is in
 * it that is not ours. */
int archive_remove_empty(const struct archive_at *at, struct err *err);

struct lineage_name {
	char name[LINEAGE_MAX];
	uint64_t number; /* 0: its lineage.json is not there or says nothing */
};
struct lineage_names {
	VEC(struct lineage_name) list; /* oldest first */
};
int archive_lineages(struct repo *r, const char *instance, struct lineage_names *ret,
                     struct err *err);

/* ---- the compressed form */

struct segment_frame { /* 1 MiB of the binlog, the last one less */
	uint64_t raw_at, stored_at;
	uint32_t raw, stored;
	unsigned char stored_hash[FRAME_HASH_SIZE], raw_hash[FRAME_HASH_SIZE];
};
struct segment_frames {
	VEC(struct segment_frame) list;
};

/* ---- segments in memory (archive_segment.c, archive_load.c) */

void segment_done(struct segment *s); /* leaves it zeroed */
void segment_copy(struct segment *to, const struct segment *from);
/* By the name of the file; NULL if it is not there (or l is NULL). */
const struct segment *lineage_segment(const struct lineage *l, const char *file);
struct segment_gap *segment_gap_copy(const struct segment_gap *gap); /* NULL stays NULL */
/* The facts of a closed one. */
int segment_load(const struct archive_at *at, const struct archive_item *item, struct segment *ret,
                 struct err *err);
/* Facts of an open one: .open and all whole events of .part.  `strict`: each event is
 * checked as a whole, else large ones by their header only.  `*ret` zeroed, or what an
 * earlier call found.  ERR_DAMAGED if not even its format is there. */
int segment_measure(const struct archive_at *at, const struct archive_item *item, bool strict,
                    struct segment *ret, const struct cancel *cancel, struct err *err);

/* ---- reading (archive_bytes.c, archive_walk.c) */

/* Bytes of a segment, at any place, as often as one likes; a frame at a time. */
struct segment_bytes;
/* Of a closed one this reads its index.  An open one that was closed meanwhile is read
 * as such. */
int segment_bytes_open(const struct archive_at *at, const struct segment *s,
                       struct segment_bytes **ret, struct err *err);
void segment_bytes_free(struct segment_bytes *b); /* NULL is fine */
/* Exactly n bytes at pos, borrowed until the next call. */
int segment_bytes_at(struct segment_bytes *b, uint64_t pos, size_t n, const unsigned char **ret,
                     struct err *err);
/* What there is from pos on without reading twice: at least one byte, unless pos is
 * the end. */
int segment_bytes_some(struct segment_bytes *b, uint64_t pos, const unsigned char **ret,
                       size_t *ret_n, struct err *err);

struct segment_walk {
	struct segment_bytes *bytes;
	bool checksum;
	uint64_t pos, end; /* of the next event; of the walk */
};
/* The next event and its offset: 1; 0 at the end; -1 (ERR_DAMAGED: no whole event is
 * there).  `whole` false: of one larger than 64 KiB only the header is read. */
int segment_walk_next(struct segment_walk *w, bool whole, uint64_t *ret_pos,
                      struct binlog_event *ret, struct err *err);
/* Does an event at pos say so itself? */
int segment_check_place(uint64_t pos, const struct binlog_event *e, struct err *err);
/* The magic and the format event, into s (size is then behind it). */
int segment_walk_format(struct segment_bytes *b, uint64_t end, struct segment *s, struct err *err);

/* Count an event that lies at s->size. */
void segment_count(struct segment *s, const struct binlog_event *e);
void segment_set_format(struct segment *s, const struct binlog_format *f);

#define ARCHIVE_POINT_EVERY (1u << 20)

#endif
