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
	uint64_t start_lsn, end_lsn; /* what the file has room for: [start, end) */
	uint64_t checkpoint;         /* newer of the two; 0: this file has none */
	uint32_t uuid;               /* the same in all files of a log */
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
	bool encrypted;    /* its sum cannot be checked without the key: see below */
};

/*
 * What `block` (512 bytes), read from the place of `lsn` (a multiple of 512), is.
 *
 * An encrypted block keeps its sum encrypted with the rest; only its head can be
 * checked.  So a FULL one is to be believed only when it was read after the server
 * said that everything up to its end is flushed (a full block is not written again),
 * a PARTIAL one only when two readings agree.
 */
struct mysql_block mysql_block_check(const unsigned char *block, uint64_t lsn);

/* Bytes of the blocks from that of `from_lsn` on that a log has that ends exactly at
 * end_lsn; its last block, if end_lsn lies inside of one, has to be cut. */
uint64_t mysql_redo_bytes(uint64_t from_lsn, uint64_t end_lsn);

/* Does a log that ends there end inside of a block?  Then *ret is where that begins. */
bool mysql_redo_ends_inside(uint64_t end_lsn, uint64_t *ret);

/*
 * Cut the block that lies at align(end_lsn) so that the log ends exactly at end_lsn.
 *
 * ERR_DAMAGED: it does not reach that far, or is none.  ERR_BUSY: it is encrypted and
 * holds more; its sum cannot be made anew without the key.  Then another reading of it
 * is needed, from the moment when it held just that much, or another end LSN.
 */
int mysql_block_cut(unsigned char *block, uint64_t end_lsn, struct err *err);

/* Head (MYSQL_REDO_HEAD bytes) of the one file of a log that starts recovery at
 * `checkpoint`.  `header`: of the source's file that held the checkpoint;
 * `encryption`: 512 bytes, or NULL.  uuid and creator stay the source's. */
void mysql_redo_make_head(const unsigned char *header, const unsigned char *encryption,
                          uint64_t checkpoint, unsigned char out[MYSQL_REDO_HEAD]);

#endif
