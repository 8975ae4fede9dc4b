#include "daemon/ctl/meter.h"

#include <signal.h>

#include "base/clock.h"

#define LOOK_MS 200u

static void draw(struct meter *m)
{
	const char *step = atomic_load_explicit(&m->progress->step, memory_order_acquire);

	bar_draw(&m->bar, step ? step : "starting", atomic_load(&m->progress->bytes_done),
	         atomic_load(&m->progress->bytes_total));
}

static void *run(void *arg)
{
	struct meter *m = arg;

	while (!atomic_load(&m->stop)) {
		draw(m);
		clock_sleep_ms(LOOK_MS);
	}
	draw(m); /* the end is seen however short the job was */
	return NULL;
}

void meter_start(struct meter *m, const struct term *term, const struct progress *progress)
{
	sigset_t all, before;

	m->bar = (struct bar){.term = term};
	m->progress = progress;
	atomic_store(&m->stop, false);
	if (!term->tty)
		return;
	/* signals are for the thread that works */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	m->running = pthread_create(&m->thread, NULL, run, m) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void meter_stop(struct meter *m)
{
	if (!m->running)
		return;
	atomic_store(&m->stop, true);
	pthread_join(m->thread, NULL);
	m->running = false;
	bar_clear(&m->bar);
}
