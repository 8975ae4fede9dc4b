/*
 * item: one piece of work for a copy thread: a range of one file.
 *
 * Made by a source, carried by pipe; neither knows the other.
 */
#ifndef MODEL_ITEM_H
#define MODEL_ITEM_H

#include <stdbool.h>
#include <stdint.h>

struct item {
	uint32_t file;      /* number in the manifest being made */
	const char *name;   /* for messages; valid until item is done */
	int fd;             /* opened for this item and closed by item's user; -1: use `mem` */
	unsigned char *mem; /* bytes already in memory (owned, free()d by the user), or NULL */
	bool hurry;         /* a lock is held meanwhile: the rate is not limited */
	uint64_t off, len;  /* the range; a file that ends earlier ends the item */
	uint64_t file_size;

	/* pages: only when page_size != 0 */
	uint32_t page_size; /* physical; off and len are multiples of it */
	uint32_t fsp_flags;
	uint32_t space_id;
	uint64_t first_page;         /* page number of offset 0 (ibdata2, ibdata3: not 0) */
	uint64_t skip_from, skip_to; /* page numbers whose checksum means nothing (doublewrite) */
	uint64_t since_lsn;          /* take pages with LSN >= this … */
	uint64_t base_size; /* … or at or beyond this offset (the parent's size of the file); */
	bool has_base;      /* false: take every page, zero pages need no extent */
	bool unstable;      /* plain file that may be written while read: read until two
	                     * readings agree */
};

/* Number in its tablespace of the page at `off`. */
static inline uint64_t item_page_number(const struct item *item, uint64_t off)
{
	return item->first_page + off / item->page_size;
}

#endif
