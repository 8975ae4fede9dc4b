#include "source/side_thread.h"

void side_thread_init(struct side_thread *t)
{
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->changed, NULL);
}

int side_thread_start(struct side_thread *t, void *(*body)(void *), void *arg, const char *what,
                      struct err *err)
{
	if (pthread_create(&t->thread, NULL, body, arg) != 0)
		return err_set(err, ERR_FAILED, "cannot start the %s", what);
	t->running = true;
	return 0;
}

void side_thread_stop(struct side_thread *t)
{
	if (!t->running)
		return;
	pthread_mutex_lock(&t->lock);
	t->stop = true;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
	pthread_join(t->thread, NULL);
	t->running = false;
}

void side_thread_done(struct side_thread *t)
{
	pthread_cond_destroy(&t->changed);
	pthread_mutex_destroy(&t->lock);
}

int side_thread_failed(const struct side_thread *t, struct err *err)
{
	if (t->failed.kind == ERR_NONE)
		return 0;
	*err = t->failed;
	return -1;
}

int side_thread_check(struct side_thread *t, struct err *err)
{
	pthread_mutex_lock(&t->lock);
	int rc = side_thread_failed(t, err);
	pthread_mutex_unlock(&t->lock);
	return rc;
}

int side_thread_wait(struct side_thread *t, struct err *err)
{
	while (!t->ended)
		pthread_cond_wait(&t->changed, &t->lock);
	return side_thread_failed(t, err);
}

void side_thread_end(struct side_thread *t, const struct err *why)
{
	if (why)
		t->failed = *why;
	t->ended = true;
	pthread_cond_broadcast(&t->changed);
}
