/*
 * mariadb_redo: the redo log of MariaDB >= 10.8 (one circular ib_logfile0).
 *
 * Layout: storage/innobase log0log.h, log0log.cc, buf0flu.cc, log0recv.cc,
 * mtr0mtr.cc of the server.  Integers are big-endian.
 */
#ifndef INNODB_MARIADB_REDO_H
#define INNODB_MARIADB_REDO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define MARIADB_REDO_START 12288u /* first byte of the ring in the file */
#define MARIADB_REDO_HEADER 512u

struct mariadb_redo {
	unsigned char header[MARIADB_REDO_HEADER];
	uint64_t first_lsn;
	uint64_t file_size, capacity; /* capacity = file_size - MARIADB_REDO_START */
	uint64_t checkpoint;          /* newest valid checkpoint */
	uint64_t checkpoint_end;      /* where its FILE_CHECKPOINT record lies */
	bool encrypted;
	/* Encrypted as servers since 10.11.15, 11.4.9 and 11.8.4 do it: even the names in
	 * FILE_ records cannot be seen. */
	bool names_hidden;
};

/* `bytes`: the first MARIADB_REDO_START bytes of ib_logfile0, read in one go.
 * ERR_BUSY: caught in the middle of a write, read again.  ERR_REFUSED: a format
 * this program does not know (older than 10.8, innodb_log_archive), said by name.
 * ERR_DAMAGED otherwise. */
int mariadb_redo_read(const void *bytes, size_t n, uint64_t file_size, struct mariadb_redo *ret,
                      struct err *err);

/* Offset in the ring file of an LSN. */
static inline uint64_t mariadb_redo_offset(const struct mariadb_redo *r, uint64_t lsn)
{
	return MARIADB_REDO_START + (lsn - r->first_lsn) % r->capacity;
}

/*
 * Walking captured redo, mini-transaction by mini-transaction, in pieces of any
 * size: for checking it and for rewriting it to linear form.
 */
struct redo_walk {
	struct mariadb_redo redo; /* as captured: gives ring geometry for the sequence bits */
	uint64_t lsn;             /* start of the next mini-transaction */
	uint64_t mtrs;
};
void redo_walk_init(struct redo_walk *w, const struct mariadb_redo *redo, uint64_t start_lsn);

/* Renames a path inside FILE_ records, in place: `name` (n bytes, no NUL) is
 * replaced by exactly as many bytes, or left alone.  Returns true if changed.  Not
 * called for a log whose names are hidden. */
typedef bool redo_rename(void *arg, unsigned char *name, size_t n);

/*
 * Consume whole mini-transactions at the front of bytes[0..n) (the first belongs
 * to w->lsn), checking sequence bit and crc of each.  With `linear`, every
 * sequence byte becomes 1, names go through `rename` (may be NULL) and the crc is
 * made anew.  *ret_used tells how many bytes were consumed; 0 with more to come
 * means: give a larger buffer.  `last`: no more bytes follow.
 * 0, or ERR_DAMAGED with LSN and reason at the first mini-transaction that is not
 * whole (with `last`, an incomplete one at the end is one too).
 */
int redo_walk_feed(struct redo_walk *w, unsigned char *bytes, size_t n, bool last, bool linear,
                   redo_rename *rename, void *arg, size_t *ret_used, struct err *err);

/* Header block (MARIADB_REDO_START bytes) of a log that starts recovery at the
 * captured checkpoint.  linear: first_lsn becomes the checkpoint.  The creator is
 * set to "Backup mybak", which makes InnoDB drop orphaned #sql tables of an
 * interrupted ALTER at start (log0recv.cc, drop_garbage_tables_after_restore). */
void mariadb_redo_make_head(const struct mariadb_redo *redo, bool linear,
                            unsigned char out[MARIADB_REDO_START]);

#endif
