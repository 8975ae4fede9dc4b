/*
 * page_old: sums of pages that were last written by servers older than MariaDB
 * 10.2 (innodb_checksum_algorithm=innodb was the default then) and never since.
 * Today's servers still read them, so a backup must know them from torn pages.
 */
#ifndef INNODB_PAGE_OLD_H
#define INNODB_PAGE_OLD_H

#include <stdint.h>

#include "innodb/page.h"

#define PAGE_NO_SUM 0xdeadbeefu /* innodb_checksum_algorithm=none (buf0buf.h) */

/* Slow (a byte at a time): only for pages that no newer sum fits. */
enum page_state page_old_check(const unsigned char *page, uint32_t page_size);
enum page_state page_old_check_zip(const unsigned char *page, uint32_t page_size);

#endif
