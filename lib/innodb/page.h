/*
 * innodb: byte formats of the server's files as pure functions: pages,
 * tablespace headers, redo logs.  No file is opened here and no server is asked;
 * every length read from the bytes is checked against the bytes given.
 *
 * page: what page 0 says of a tablespace, and whether a page is whole.
 */
#ifndef INNODB_PAGE_H
#define INNODB_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define PAGE_MIN_SIZE 1024u /* ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=1 */
#define PAGE_MAX_SIZE 65536u

struct page_space {
	uint32_t space_id;
	uint32_t flags;       /* FSP_SPACE_FLAGS */
	uint32_t page_size;   /* bytes of a page in the file (the compressed size for zip) */
	bool full_crc32;      /* MariaDB >= 10.5 format */
	bool zip;             /* ROW_FORMAT=COMPRESSED */
	bool page_compressed; /* by the flags (full_crc32: the algorithm field; legacy: bit 16) */
};

/* Reads the first PAGE_MIN_SIZE bytes of a tablespace; n bytes are there.
 * `server_page_size` (innodb_page_size) resolves legacy flags.  Returns -1
 * (ERR_DAMAGED) for flags that describe no tablespace.  Does not check the sum. */
int page_space_read(const void *page0, size_t n, uint32_t server_page_size, struct page_space *ret,
                    struct err *err);

/* The same from flags that were read before; page_size is that of the file. */
void page_space_init(struct page_space *space, uint32_t space_id, uint32_t flags,
                     uint32_t page_size);

enum page_state {
	PAGE_GOOD,
	PAGE_ZERO,       /* all zero: allocated, never written; valid */
	PAGE_UNVERIFIED, /* its format keeps no sum of the stored bytes */
	PAGE_BAD,        /* torn or corrupt */
};

/* `page` has space->page_size bytes; `page_no` is what bytes 4..7 must say.
 * UINT32_MAX: do not check the number.  Hot path: touches each byte once. */
enum page_state page_check(const struct page_space *space, const unsigned char *page,
                           uint32_t page_no);

uint64_t page_lsn(const unsigned char *page);

/* Page numbers [from, to) of the two doublewrite blocks of the system tablespace,
 * read from its TRX_SYS page (page 5, `page_size` bytes).  They need not adjoin:
 * the hull is returned, or from == to when the page names none. */
void page_doublewrite(const unsigned char *page5, uint32_t page_size, uint64_t *ret_from,
                      uint64_t *ret_to);

/* crc32c as InnoDB computes it; seed 0 to start. */
uint32_t innodb_crc32c(uint32_t seed, const void *bytes, size_t n);

#endif
