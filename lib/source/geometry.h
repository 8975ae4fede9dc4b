/*
 * geometry: what the file of a tablespace is (page size, format, space id), read
 * from it while the server writes it.
 *
 * Page 0 says so.  In a young tablespace it may still be only in the server's
 * memory, long after other pages were written: then these pages tell.
 */
#ifndef SOURCE_GEOMETRY_H
#define SOURCE_GEOMETRY_H

#include <stdint.h>

#include "base/err.h"
#include "innodb/page.h"

enum geometry {
	GEOMETRY_KNOWN,
	GEOMETRY_NOTHING, /* every page is zero: all of it is in the redo */
};

/* A torn reading is repeated for up to 2 s; then ERR_DAMAGED (page 0 is corrupt) or
 * ERR_BUSY (there are pages, but of no format known). */
int geometry_read(int fd, const char *name, uint32_t server_page_size, struct page_space *ret,
                  enum geometry *ret_state, struct err *err);

#endif
