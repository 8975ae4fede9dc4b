#include "server/conn_watch.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

#define LOOK_NS 100000000

struct conn_watch {
	struct conn *conn;
	const struct cancel *cancel;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool over; /* under lock */
};

static void *watch(void *arg)
{
	struct conn_watch *w = arg;

	pthread_mutex_lock(&w->lock);
	while (!w->over && cancel_check(w->cancel, NULL) == 0)
		clock_wait(&w->changed, &w->lock, clock_mono_ns() + LOOK_NS);
	if (!w->over)
		conn_stop(w->conn);
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static void watch_free(struct conn_watch *w)
{
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

int conn_watch_begin(struct conn *c, const struct cancel *cancel, struct conn_watch **ret,
                     struct err *err)
{
	struct conn_watch *w = mem_zalloc(sizeof *w);

	w->conn = c;
	w->cancel = cancel;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->changed, NULL);
	int failed = pthread_create(&w->thread, NULL, watch, w);
	if (failed) {
		watch_free(w);
		return err_sys(err, failed, "cannot start a thread that watches %s", conn_where(c));
	}
	*ret = w;
	return 0;
}

void conn_watch_end(struct conn_watch *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->over = true;
	pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	watch_free(w);
}
