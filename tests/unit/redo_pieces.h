/*
 * Captured redo that comes in pieces of uneven size, so that whatever it is made of is
 * cut everywhere.
 */
#ifndef TESTS_REDO_PIECES_H
#define TESTS_REDO_PIECES_H

#include "job/restore_redo.h"

struct redo_pieces {
	const unsigned char *redo;
	size_t n, largest;
	size_t given;
};

static inline int redo_pieces_next(void *arg, const unsigned char **ret, size_t *ret_n,
                                   struct err *err)
{
	struct redo_pieces *p = arg;
	size_t n = 1 + p->given % p->largest, left = p->n - p->given;

	(void)err;
	if (left == 0)
		return 0;
	*ret = p->redo + p->given;
	*ret_n = n < left ? n : left;
	p->given += *ret_n;
	return 1;
}

#endif
