/*
 * daemon: mybakd.  The loop thread owns the job table, the schedule, the
 * snapshots and every connection; jobs run in threads of their own and hand
 * their results over as notes in a mailbox.  Nothing here copies a byte of a
 * backup: that is lib/job.
 *
 * loop: signals, timers, descriptors, one thread.  The only wrapper around
 * <event2/event.h>; http.c is the other file that sees libevent.
 */
#ifndef DAEMON_LOOP_H
#define DAEMON_LOOP_H

#include <stdint.h>

#include "base/err.h"

struct loop;
struct loop_timer;
struct event_base;

typedef void loop_fn(void *arg);

int loop_new(struct loop **ret, struct err *err);
void loop_free(struct loop *l); /* frees handlers and timers too; NULL is fine */

int loop_on_signal(struct loop *l, int signo, loop_fn *fn, void *arg, struct err *err);
int loop_on_readable(struct loop *l, int fd, loop_fn *fn, void *arg, struct err *err);

/* Not armed yet; fires once each time it is armed.  Owned by the loop. */
struct loop_timer *loop_timer_new(struct loop *l, loop_fn *fn, void *arg);
void loop_timer_arm(struct loop_timer *t, int64_t in_us); /* replaces what was armed */

/* Until loop_stop; -1 if libevent gives up. */
int loop_run(struct loop *l, struct err *err);
void loop_stop(struct loop *l);

struct event_base *loop_base(struct loop *l); /* for http.c */

#endif
