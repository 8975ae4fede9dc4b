/*
 * mysql_redo: the redo log of MySQL >= 8.0.30 (files #innodb_redo/#ib_redoN).
 *
 * A file is a head of 2048 bytes (header, checkpoint, encryption, checkpoint) and
 * blocks of 512 bytes, each of which says its own number: offset of an LSN in the
 * file = 2048 + LSN - start LSN.
 *
 * Layout: storage/innobase log0constants.h, log0files_io.cc (heads),
 * log0buf.cc, log0write.cc (blocks), log0encryption.cc, os0enc.cc (encrypted
 * blocks), log0recv.cc (what recovery believes) of the server.  Integers are
 * big-endian.
 */
#ifndef INNODB_MYSQL_REDO_H
#define INNODB_MYSQL_REDO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define MYSQL_REDO_DIR "#innodb_redo"
#define MYSQL_REDO_FIRST "#ib_redo0" /* the one file of a restored log */
#define MYSQL_REDO_HEAD 2048u        /* first block in a file */
#define MYSQL_REDO_HEADER 512u
#define MYSQL_REDO_BLOCK 512u
#define MYSQL_REDO_BLOCK_HEAD 12u
#define MYSQL_REDO_BLOCK_TAIL 4u

struct mysql_redo {
	unsigned char header[MYSQL_REDO_HEADER];
	unsigned char encryption[MYSQL_REDO_HEADER]; /* the key, wrapped; all zero: none */
	uint64_t start_lsn, end_lsn;                 /* what the file has room for: [start, end) */
	uint64_t checkpoint;                         /* newer of the two; 0: this file has none */
	uint32_t uuid;                               /* the same in all files of a log */
	bool has_encryption;
	bool full; /* nothing more will be written to it */
};

/* `bytes`: the first MYSQL_REDO_HEAD bytes of the file, read in one go.
 * ERR_BUSY: caught in the middle of a write, read again.  ERR_REFUSED: a format this
 * program does not know, said by name, and redo logging that is switched off.
 * ERR_DAMAGED otherwise. */
int mysql_redo_read(const void *bytes, size_t n, uint64_t file_size, struct mysql_redo *ret,
                    struct err *err);

/* LSN of the block an LSN lies in. */
static inline uint64_t mysql_redo_align(uint64_t lsn)
{
	return lsn / MYSQL_REDO_BLOCK * MYSQL_REDO_BLOCK;
}

enum mysql_block_state {
	MYSQL_BLOCK_FULL,
	MYSQL_BLOCK_PARTIAL, /* the log ends in it so far: it will be written again */
	MYSQL_BLOCK_OLD,     /* not written yet: zero, or what was there a lap ago */
	MYSQL_BLOCK_LAPPED,  /* overwritten by a later lap: this block is lost */
	MYSQL_BLOCK_DAMAGED, /* or caught in the middle of a write */
};

struct mysql_block {
	enum mysql_block_state state;
	unsigned data_len; /* FULL and PARTIAL: bytes in use, head and all */
	bool encrypted;
	bool unsummed; /* nothing but its head was checked: see below */
};

/*
 * What `block` (512 bytes), read from the place of `lsn` (a multiple of 512), is.
 *
 * An encrypted block keeps its sum encrypted with the rest, and a block written with
 * innodb_log_checksums=OFF has none: only the head of these can be checked.  So such a
 * FULL one is to be believed only when it was read after the server said that
 * everything up to its end is flushed (a full block is not written again), a PARTIAL
 * one only when two readings agree.
 */
struct mysql_block mysql_block_check(const unsigned char *block, uint64_t lsn);
/* Is it to be believed as it is?  `flushed`: durable before it was read. */
static inline bool mysql_block_is_final(const struct mysql_block *b, uint64_t lsn, uint64_t flushed)
{
	return b->state == MYSQL_BLOCK_FULL && (!b->unsummed || lsn + MYSQL_REDO_BLOCK <= flushed);
}

/* Does an LSN lie inside of a block (true), or is it where one begins?  The server
 * counts the head of a block as soon as something is behind it, so the LSNs of a head
 * mean the end of the block before. */
static inline bool mysql_redo_is_inside(uint64_t lsn)
{
	return lsn % MYSQL_REDO_BLOCK > MYSQL_REDO_BLOCK_HEAD;
}

/* Bytes of the blocks from that of `from_lsn` on that a log has that ends exactly at
 * end_lsn; its last block, if end_lsn lies inside of one, has to be cut. */
uint64_t mysql_redo_bytes(uint64_t from_lsn, uint64_t end_lsn);

/*
 * Cut the block at align(end_lsn) so that the log ends exactly at end_lsn, which lies
 * inside of it.  ERR_DAMAGED: it does not reach that far, or is none.
 *
 * Without the key the sum of an encrypted block cannot be made anew: a log that was
 * cut in one is recovered exactly only by a server with innodb_log_checksums=OFF; any
 * other says so in its error log and leaves that block out.
 */
int mysql_block_cut(unsigned char *block, uint64_t end_lsn, struct err *err);

/* Make the sum of a block anew; an encrypted one stays as it is. */
void mysql_block_seal(unsigned char *block);

/* A block that holds nothing yet: the log ends where it begins. */
void mysql_block_make_empty(uint64_t lsn, unsigned char out[MYSQL_REDO_BLOCK]);

/*
 * Head (MYSQL_REDO_HEAD bytes) of a file of a log that starts recovery at
 * `checkpoint`; the file begins at start_lsn.  `header`: of the source's file that
 * held the checkpoint; `encryption`: 512 bytes, or NULL.  `last`: no other file
 * follows.
 *
 * uuid and creator stay the source's: recovery takes "MEB" and "MySQL Clone" for
 * other things (no doublewrite, no keys from the log) and warns of any other.
 */
void mysql_redo_make_head(const unsigned char *header, const unsigned char *encryption,
                          uint64_t start_lsn, uint64_t checkpoint, bool last,
                          unsigned char out[MYSQL_REDO_HEAD]);

#endif
