#include "daemon/loop.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "base/log.h"
#include "base/mem.h"

struct handler {
	loop_fn *fn;
	void *arg;
	struct event *event;
};

struct loop_timer {
	struct handler h;
};

struct loop {
	struct event_base *base;
	VEC(struct handler *) handlers; /* timers too: a handler is their first member */
};

static void say(int severity, const char *msg)
{
	log_msg(severity >= EVENT_LOG_WARN ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG, msg, "from=%s",
	        "libevent");
}

int loop_new(struct loop **ret, struct err *err)
{
	event_set_log_callback(say);
	struct loop *l = mem_zalloc(sizeof *l);
	l->base = event_base_new();
	if (!l->base) {
		free(l);
		return err_set(err, ERR_FAILED, "cannot make an event loop");
	}
	*ret = l;
	return 0;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->handlers.n; i++) {
		event_free(l->handlers.v[i]->event);
		free(l->handlers.v[i]);
	}
	vec_done(&l->handlers);
	event_base_free(l->base);
	free(l);
}

static void call(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	struct handler *h = arg;
	h->fn(h->arg);
}

static struct handler *handler_new(struct loop *l, int fd, short what, loop_fn *fn, void *arg)
{
	struct handler *h = mem_zalloc(sizeof(struct loop_timer));
	h->fn = fn;
	h->arg = arg;
	h->event = event_new(l->base, fd, what, call, h);
	if (!h->event) {
		free(h);
		return NULL;
	}
	*vec_push(&l->handlers) = h;
	return h;
}

int loop_on_signal(struct loop *l, int signo, loop_fn *fn, void *arg, struct err *err)
{
	struct handler *h = handler_new(l, signo, EV_SIGNAL | EV_PERSIST, fn, arg);
	if (!h || event_add(h->event, NULL) < 0)
		return err_set(err, ERR_FAILED, "cannot watch for signal %d", signo);
	return 0;
}

int loop_on_readable(struct loop *l, int fd, loop_fn *fn, void *arg, struct err *err)
{
	struct handler *h = handler_new(l, fd, EV_READ | EV_PERSIST, fn, arg);
	if (!h || event_add(h->event, NULL) < 0)
		return err_set(err, ERR_FAILED, "cannot watch descriptor %d", fd);
	return 0;
}

struct loop_timer *loop_timer_new(struct loop *l, loop_fn *fn, void *arg)
{
	struct handler *h = handler_new(l, -1, 0, fn, arg);
	if (!h)
		abort(); /* only memory can be short here */
	return (struct loop_timer *)h;
}

void loop_timer_arm(struct loop_timer *t, int64_t in_us)
{
	if (in_us < 0)
		in_us = 0;
	struct timeval tv = {.tv_sec = in_us / 1000000, .tv_usec = in_us % 1000000};
	event_add(t->h.event, &tv);
}

int loop_run(struct loop *l, struct err *err)
{
	if (event_base_dispatch(l->base) < 0)
		return err_set(err, ERR_FAILED, "the event loop gave up");
	return 0;
}

void loop_stop(struct loop *l)
{
	event_base_loopbreak(l->base);
}

struct event_base *loop_base(struct loop *l)
{
	return l->base;
}
