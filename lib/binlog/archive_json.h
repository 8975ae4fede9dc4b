/*
 * The text of an index, of what goes before an open segment, and of a lineage:
 * mybak-repo(5).
 *
 * An index is one JSON object whose first line, with its comma for a brace, is an
 * object too: so the facts of ten thousand segments are read without their frames.
 * "check" stands at the end of that line and protects what is before it; the frames
 * have their hashes, and points are proved by the events they point to.
 */
#ifndef BINLOG_ARCHIVE_JSON_H
#define BINLOG_ARCHIVE_JSON_H

#include "binlog/archive_parts.h"

#define ARCHIVE_FORMAT 1
#define ARCHIVE_CHECK ",\"check\":\"" /* the sum and a quote follow */

/* Of <file>.json: the first line has the facts, what follows the frames and points. */
#define ARCHIVE_HEAD_MAX 16384u
#define ARCHIVE_INDEX_MAX (256u << 20)
void segment_write(const struct segment *s, const struct segment_frames *frames, struct str *out);
/* From the front of the object (all of it or ARCHIVE_HEAD_MAX bytes); ret zeroed. */
int segment_read_head(const char *text, size_t n, struct segment *ret, struct err *err);
/* Of the whole object; either ret may be NULL.  Frames adjoin and add up to s->size
 * and s->stored. */
int segment_read_index(const char *text, size_t n, const struct segment *s,
                       struct segment_frames *ret_frames, struct segment *ret_points,
                       struct err *err);

/* Of <file>.open: previous and gap. */
void segment_write_open(const struct segment *s, struct str *out);
int segment_read_open(const char *text, size_t n, struct segment *s, struct err *err);

/* Of lineage.json. */
void lineage_write(uint64_t number, struct str *out);
int lineage_read(const char *text, size_t n, uint64_t *ret_number, struct err *err);

#endif
