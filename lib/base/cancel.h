/*
 * cancel: a flag one thread sets and others look at on every buffer.  A flag may
 * hang under another (`up`): it counts as set when that one is.
 */
#ifndef BASE_CANCEL_H
#define BASE_CANCEL_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/err.h"

struct cancel {
	atomic_bool asked;
	const struct cancel *up; /* or NULL */
};

static inline void cancel_ask(struct cancel *c)
{
	atomic_store_explicit(&c->asked, true, memory_order_relaxed);
}

/* 0 to go on, -1 (ERR_CANCELLED) to stop.  `c` may be NULL. */
static inline int cancel_check(const struct cancel *c, struct err *err)
{
	for (; c; c = c->up)
		if (atomic_load_explicit(&c->asked, memory_order_relaxed))
			return err_set(err, ERR_CANCELLED, "cancelled");
	return 0;
}

#endif
