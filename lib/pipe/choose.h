/*
 * choose: which pages of a file belong to a backup.
 */
#ifndef PIPE_CHOOSE_H
#define PIPE_CHOOSE_H

#include <stdint.h>

#include "innodb/page.h"
#include "model/item.h"

enum choice {
	CHOICE_TAKE, /* its bytes go into a frame */
	CHOICE_ZERO, /* a zero extent: the parent may have something else there */
	CHOICE_SKIP, /* unchanged since the parent, or zero where nothing says otherwise */
};

/* `off`: of the page in its file. */
enum choice choose_page(const struct item *item, enum page_state state, uint64_t lsn, uint64_t off);

#endif
