/*
 * meter: a thread that draws the bar of a job done in this process.
 */
#ifndef CTL_METER_H
#define CTL_METER_H

#include <pthread.h>
#include <stdatomic.h>

#include "daemon/ctl/bar.h"
#include "model/progress.h"

struct meter {
	struct bar bar;
	const struct progress *progress;
	pthread_t thread;
	atomic_bool stop;
	bool running;
};

/* No terminal, no thread. */
void meter_start(struct meter *m, const struct term *term, const struct progress *progress);
void meter_stop(struct meter *m); /* wipes the bar */

#endif
