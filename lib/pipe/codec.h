/*
 * pipe: the way of bytes from a file to a frame and back: read, check pages,
 * choose, hash, compress; and decompress, check.  The only room that states the
 * order of the stages, and the only one that sees <zstd.h>.  Knows neither
 * repository nor source: a frame goes out through a callback.
 *
 * codec: one frame, there and back.  A codec is used by one thread.
 */
#ifndef PIPE_CODEC_H
#define PIPE_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/sink.h"
#include "model/frame.h"

struct codec;

int codec_new(struct codec **ret, struct err *err);
void codec_free(struct codec *c);

/* Compress raw[0..f->raw) and set f->stored and both hashes.  *ret_stored points
 * into the codec and is valid until the next call. */
int codec_encode(struct codec *c, int level, const void *raw, struct frame *f,
                 const void **ret_stored, struct err *err);

/* Check stored[0..f->stored) against stored_hash, decompress into raw (at least
 * FRAME_RAW_MAX bytes), check size and raw_hash.  ERR_DAMAGED says which. */
int codec_decode(struct codec *c, const struct frame *f, const void *stored, void *raw,
                 struct err *err);

/* Largest f->stored that encode can make: the bound a reader trusts. */
size_t codec_stored_max(void);

void hash_bytes(const void *bytes, size_t n, unsigned char out[FRAME_HASH_SIZE]);

/* Whole objects of lines (the manifest): one zstd frame with content checksum.  A sink
 * that compresses what is written and passes it on to `to`, which it owns; its memory
 * does not grow with the object. */
struct sink *codec_object_sink(struct sink *to, int level);
/* Streamed: each whole line of the decoded text goes to `line`, which returns 0 to
 * go on, 1 to stop (success), -1 for failure.  Damage and truncation are
 * ERR_DAMAGED.  A line longer than 16 MiB is damage. */
typedef int codec_line(void *arg, const char *line, size_t n, struct err *err);
int codec_unpack_lines(const void *stored, size_t n, codec_line *line, void *arg, struct err *err);

#endif
