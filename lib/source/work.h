/*
 * work: the files of a stage and the ranges that copy threads take from them.
 *
 * A file is opened when its first range is taken; it must still be the file the
 * scan saw (device, inode, birth), else it is set aside as stale and looked for
 * again when names can no longer change.  Not locked: the source does that.
 */
#ifndef SOURCE_WORK_H
#define SOURCE_WORK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "model/item.h"
#include "model/manifest.h"
#include "source/names.h"
#include "source/parent.h"
#include "source/scan.h"

enum work_state {
	WORK_WAITING,
	WORK_TAKEN,     /* its ranges are being read or were */
	WORK_UNCHANGED, /* the parent has every byte */
	WORK_STALE,     /* gone, or another file has its name now */
};

struct work_file {
	struct found found; /* path owned here */
	enum work_state state;
	uint32_t number;   /* in the manifest; valid from WORK_TAKEN and WORK_UNCHANGED on */
	uint64_t from, to; /* bytes to read; to UINT64_MAX: to the end */
	bool may_wait;     /* an unwritten page 0 sets the file aside instead of being copied */
};

struct work {
	struct manifest *out;
	const struct parent *parent;
	const struct names *names;
	bool (*unstable)(const char *path); /* a plain file that may be written while it is read */
	uint32_t server_page_size;
	bool myisam_mmap;
	bool hurry;       /* a lock is held while these are read */
	bool names_fixed; /* since before the first scan: no tablespace can go */
	VEC(struct work_file) files;
	size_t at;              /* the file ranges are taken from */
	int fd;                 /* of that file while ranges remain, else -1 */
	uint64_t off;           /* next range */
	struct item model;      /* what all items of that file share */
	VEC(struct item) ready; /* in memory, or open already; handed out first */
};

void work_init(struct work *w);
void work_done(struct work *w);

/* Takes the name over from `f`. */
struct work_file *work_add(struct work *w, struct found *f);
/* Largest first, so that threads end together. */
void work_sort(struct work *w);
/* A file whose bytes are here already; takes `bytes` over.  Returns its number. */
uint32_t work_add_memory(struct work *w, const struct found *like, unsigned char *bytes,
                         uint64_t n);
/* A further range of a file that has its number already. */
void work_add_range(struct work *w, uint32_t number, uint64_t off, unsigned char *bytes,
                    uint64_t n);

/* A file that is open already, n bytes of it, whatever follows there, which are read from
 * `from` on; takes fd over.  Returns its number. */
uint32_t work_add_open(struct work *w, const struct found *like, int fd, uint64_t from, uint64_t n);

/* The next range: 1, 0 when there is none left, -1. */
int work_next(struct work *w, struct item *ret, struct err *err);

/* The error of a tablespace that went although its name is fixed; -1. */
int work_vanished(const struct work *w, const struct found *f, struct err *err);

/* What page 0 on disk says now, unchecked; false if it cannot be read. */
bool work_space_id(const struct work *w, const struct found *f, uint32_t *ret);

/* Bytes that are still to be read, by what the scan saw. */
uint64_t work_bytes(const struct work *w);

#endif
