/*
 * side_thread: a thread that works beside the copying until it comes to its end, fails,
 * or is told to stop; for an owner that puts what else both sides share under its lock.
 */
#ifndef SOURCE_SIDE_THREAD_H
#define SOURCE_SIDE_THREAD_H

#include <pthread.h>
#include <stdbool.h>

#include "base/err.h"

struct side_thread {
	pthread_t thread;
	bool running;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* anything under the lock */
	/* under lock */
	bool stop; /* asked for */
	bool ended;
	struct err failed;
};

void side_thread_init(struct side_thread *t);
/* `what`: "cannot start the …". */
int side_thread_start(struct side_thread *t, void *(*body)(void *), void *arg, const char *what,
                      struct err *err);
/* Asks it to stop and waits until it has; also of one that never ran. */
void side_thread_stop(struct side_thread *t);
/* Of one that does not run; what it owns goes. */
void side_thread_done(struct side_thread *t);

/* Has it failed?  0 or -1 with its reason. */
int side_thread_check(struct side_thread *t, struct err *err);

/* The same with the lock held; and the same once it has ended. */
int side_thread_failed(const struct side_thread *t, struct err *err);
int side_thread_wait(struct side_thread *t, struct err *err);
/* Said by the thread itself, with the lock held: it ends.  `why` NULL: well. */
void side_thread_end(struct side_thread *t, const struct err *why);

#endif
