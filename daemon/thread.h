/*
 * thread: start one that takes no signals (they are the loop's) and has a name
 * that `top -H` shows.
 */
#ifndef DAEMON_THREAD_H
#define DAEMON_THREAD_H

#include <pthread.h>

#include "base/err.h"

int thread_start(pthread_t *ret, const char *name, void *(*run)(void *), void *arg,
                 struct err *err);

#endif
