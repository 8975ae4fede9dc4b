/*
 * progress: how far a job is, written by its threads, read by anybody.
 */
#ifndef MODEL_PROGRESS_H
#define MODEL_PROGRESS_H

#include <stdatomic.h>
#include <stdint.h>

struct progress {
	_Atomic(const char *) step; /* a string literal */
	_Atomic uint64_t bytes_done, bytes_total;
	_Atomic uint64_t pages_reread, pages_unverified;
};

static inline void progress_step(struct progress *p, const char *literal)
{
	atomic_store_explicit(&p->step, literal, memory_order_release);
}
static inline void progress_add(struct progress *p, uint64_t bytes)
{
	atomic_fetch_add_explicit(&p->bytes_done, bytes, memory_order_relaxed);
}

#endif
