/*
 * Every caller is given the moment at which its bytes are due and sleeps until
 * then, so the threads share the rate in the order in which they ask.
 */
#include "pipe/throttle.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

#define NS 1000000000ull
#define BURST_NS (NS / 10) /* what was not used longer ago than this is lost */

struct throttle {
	pthread_mutex_t lock;
	uint64_t rate;
	uint64_t due; /* when the bytes given out so far are paid for */
};

struct throttle *throttle_new(uint64_t bytes_per_second)
{
	struct throttle *t;

	if (bytes_per_second == 0)
		return NULL;
	t = mem_zalloc(sizeof *t);
	pthread_mutex_init(&t->lock, NULL);
	t->rate = bytes_per_second;
	return t;
}

void throttle_free(struct throttle *t)
{
	if (!t)
		return;
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/* In floating point: bytes times 10^9 does not fit 64 bits for a large read. */
static uint64_t cost_ns(const struct throttle *t, uint64_t bytes)
{
	double ns = (double)bytes / (double)t->rate * (double)NS;

	return ns < 1e15 ? (uint64_t)ns : (uint64_t)1e15;
}

void throttle_take(struct throttle *t, uint64_t bytes, const struct cancel *cancel)
{
	uint64_t now, due;

	if (!t)
		return;
	now = clock_mono_ns();
	pthread_mutex_lock(&t->lock);
	if (t->due + BURST_NS < now)
		t->due = now - BURST_NS;
	t->due += cost_ns(t, bytes);
	due = t->due;
	pthread_mutex_unlock(&t->lock);
	while (now < due && cancel_check(cancel, NULL) == 0) {
		uint64_t ms = (due - now) / 1000000 + 1;

		clock_sleep_ms(ms < 50 ? (unsigned)ms : 50);
		now = clock_mono_ns();
	}
}
