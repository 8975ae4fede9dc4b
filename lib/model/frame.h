/*
 * frame: what one compressed piece of a pack holds.
 *
 * A frame is one zstd frame of up to FRAME_RAW_MAX bytes: the contents of its
 * extents one behind the other.  Extents may belong to different files, so many
 * small files share a frame.  A zero extent has no bytes in the frame: it says
 * that this range of the file is zero now, whatever the parent has there.
 * Byte layout in the index: repo/index.h and mybak-repo(5).
 */
#ifndef MODEL_FRAME_H
#define MODEL_FRAME_H

#include <stdint.h>

#define FRAME_RAW_MAX (1u << 20)
#define FRAME_EXTENTS_MAX 1024u /* bounds the index entry; a frame is closed when it is reached */
#define FRAME_HASH_SIZE 16

struct extent {
	uint32_t file; /* number of the file in the manifest of the same backup */
	uint32_t zero; /* 1: a run of zeros, nothing stored */
	uint64_t off;  /* where in that file, bytes */
	uint64_t len;  /* bytes; of non-zero extents the sum is raw_len */
};

struct frame {
	uint32_t pack;   /* pack.NNN that holds it */
	uint32_t stored; /* bytes in the pack; 0 if there are only zero extents */
	uint64_t at;     /* offset in the pack */
	uint32_t raw;    /* bytes after decompression */
	uint32_t extent_n;
	const struct extent *extents;               /* borrowed from whoever gave the frame */
	unsigned char stored_hash[FRAME_HASH_SIZE]; /* XXH3-128 (canonical) of the stored bytes */
	unsigned char raw_hash[FRAME_HASH_SIZE];    /* XXH3-128 (canonical) of the raw bytes */
};

#endif
