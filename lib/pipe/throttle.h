/*
 * throttle: so many bytes a second over several threads.
 */
#ifndef PIPE_THROTTLE_H
#define PIPE_THROTTLE_H

#include <stdint.h>

#include "base/cancel.h"

struct throttle;

struct throttle *throttle_new(uint64_t bytes_per_second); /* 0: NULL, no limit */
void throttle_free(struct throttle *t);
/* Sleeps as long as needed (looking at cancel at least every 100 ms). */
void throttle_take(struct throttle *t, uint64_t bytes, const struct cancel *cancel);

#endif
