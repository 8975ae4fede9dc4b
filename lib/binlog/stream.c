/*
 * The thread: its start, its end, and what it tells.
 */
#include "binlog/stream.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "binlog/stream_room.h"
#include "pipe/codec.h"

#define RETRY_MIN_S 1u
#define RETRY_MAX_S 60u
#define END_AWAY_MS 800u  /* for a thread that may hang in a connect */
#define END_WAIT_MS 5000u /* for one that may hang on a disk that is gone */
#define LOOK_WAIT_MS 100u /* between looks whether it has ended */

/* ---- small things */

void stream_wait_ms(struct stream *s, unsigned ms)
{
	clock_wait(&s->cond, &s->lock, clock_mono_ns() + ms * 1000000ULL);
}

void stream_say(struct stream *s, const char *what)
{
	pthread_mutex_lock(&s->lock);
	s->saying = s->plan.changed && !s->stopping;
	bool saying = s->saying;
	pthread_mutex_unlock(&s->lock);
	if (!saying)
		return;
	s->plan.changed(s->plan.arg, what);
	pthread_mutex_lock(&s->lock);
	s->saying = false;
	pthread_cond_broadcast(&s->cond);
	pthread_mutex_unlock(&s->lock);
}

void stream_set_state(struct stream *s, enum stream_state state)
{
	pthread_mutex_lock(&s->lock);
	bool new = s->status.state != state;
	s->status.state = state;
	if (state == STREAM_RUNNING)
		s->status.why = ERR_INIT;
	else
		s->status.lag_bytes = UINT64_MAX;
	pthread_cond_broadcast(&s->cond);
	pthread_mutex_unlock(&s->lock);
	if (new)
		stream_say(s, "state");
}

void stream_go_away(struct stream *s)
{
	pthread_mutex_lock(&s->lock);
	s->away = true;
	pthread_mutex_unlock(&s->lock);
}

bool stream_come_back(struct stream *s)
{
	pthread_mutex_lock(&s->lock);
	s->away = false;
	bool go_on = !s->stopping;
	pthread_mutex_unlock(&s->lock);
	return go_on;
}

bool stream_is_stopping(struct stream *s)
{
	pthread_mutex_lock(&s->lock);
	bool stopping = s->stopping;
	pthread_mutex_unlock(&s->lock);
	return stopping;
}

/* ---- the thread */

static void note_failure(struct stream *s, const struct err *why)
{
	pthread_mutex_lock(&s->lock);
	s->status.why = *why;
	s->status.reconnects++;
	pthread_mutex_unlock(&s->lock);
	stream_set_state(s, STREAM_WAITING);
}

static void wait_for_retry(struct stream *s, unsigned seconds)
{
	uint64_t until = clock_mono_ns() + seconds * 1000000000ULL;

	pthread_mutex_lock(&s->lock);
	while (!s->stopping && !s->hurry && clock_mono_ns() < until)
		stream_wait_ms(s, seconds * 1000);
	s->hurry = false;
	pthread_mutex_unlock(&s->lock);
}

static void destroy(struct stream *s)
{
	archive_free(s->archive);
	repo_close(s->repo);
	free(s->who);
	free((char *)(uintptr_t)s->plan.repo_url);
	free((char *)(uintptr_t)s->plan.instance);
	free((char *)(uintptr_t)s->plan.target.socket);
	free((char *)(uintptr_t)s->plan.target.host);
	free((char *)(uintptr_t)s->plan.target.defaults_file);
	free((char *)(uintptr_t)s->plan.target.user);
	pthread_cond_destroy(&s->cond);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static void *run(void *arg)
{
	struct stream *s = arg;
	unsigned seconds = RETRY_MIN_S;

	while (!stream_is_stopping(s)) {
		struct err why = ERR_INIT;

		stream_set_state(s, STREAM_CONNECTING);
		s->worked = false;
		if (session_run(s, &why) == 0 || stream_is_stopping(s))
			continue;
		/* Two readers with one id would end each other every second for ever. */
		if (s->worked && why.kind != ERR_BUSY)
			seconds = RETRY_MIN_S;
		note_failure(s, &why);
		wait_for_retry(s, seconds);
		seconds = seconds * 2 < RETRY_MAX_S ? seconds * 2 : RETRY_MAX_S;
	}
	pthread_mutex_lock(&s->lock);
	bool orphan = s->orphan;
	s->finished = true;
	pthread_cond_broadcast(&s->cond);
	pthread_mutex_unlock(&s->lock);
	if (orphan)
		destroy(s);
	return NULL;
}

/* ---- start and end */

/* The same after each start, another one for each host, repository and instance: a
 * server ends the stream of who has the same. */
static void make_uuid(const struct stream_plan *plan, char out[37])
{
	unsigned char hash[FRAME_HASH_SIZE];
	char host[256] = "", hex[2 * FRAME_HASH_SIZE + 1];
	struct str s = {0};

	gethostname(host, sizeof host - 1);
	str_addf(&s, "%s\n%s\n%s\n%u", host, plan->repo_url, plan->instance, plan->server_id);
	hash_bytes(s.p, s.n, hash);
	hash[6] = (hash[6] & 0x0f) | 0x80; /* RFC 9562, version 8: as one likes */
	hash[8] = (hash[8] & 0x3f) | 0x80;
	str_hex(hex, hash, sizeof hash);
	snprintf(out, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
	str_done(&s);
}

static struct stream *new_stream(const struct stream_plan *plan)
{
	struct stream *s = mem_zalloc(sizeof *s);

	s->plan = *plan;
	s->plan.repo_url = mem_strdup(plan->repo_url);
	s->plan.instance = mem_strdup(plan->instance);
	s->plan.target.socket = mem_strdup(plan->target.socket);
	s->plan.target.host = mem_strdup(plan->target.host);
	s->plan.target.defaults_file = mem_strdup(plan->target.defaults_file);
	s->plan.target.user = mem_strdup(plan->target.user);
	s->status.lag_bytes = UINT64_MAX;
	make_uuid(plan, s->uuid);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->cond, NULL);
	return s;
}

/* Signals are for another thread: here they would break a connection. */
static int start_thread(struct stream *s)
{
	sigset_t all, old;
	char name[16]; /* no more than that is allowed */

	snprintf(name, sizeof name, "binlog %s", s->plan.instance);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int rc = pthread_create(&s->thread, NULL, run, s);
	if (rc == 0)
		pthread_setname_np(s->thread, name);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc;
}

int stream_start(const struct stream_plan *plan, struct stream **ret, struct err *err)
{
	struct stream *s = new_stream(plan);
	int rc = start_thread(s);

	if (rc != 0) {
		destroy(s);
		return err_sys(err, rc, "cannot start the thread that reads the binlog");
	}
	*ret = s;
	return 0;
}

struct left {
	struct archive *archive;
	struct repo *repo;
};

static void *free_left(void *arg)
{
	struct left *l = arg;

	archive_free(l->archive);
	repo_close(l->repo);
	free(l);
	return NULL;
}

/* Closing files can hang as long as writing them. */
static void free_elsewhere(struct archive *a, struct repo *r)
{
	struct left *l = mem_dup(&(struct left){a, r}, sizeof *l);
	pthread_t thread;

	if ((a || r) && pthread_create(&thread, NULL, free_left, l) == 0)
		pthread_detach(thread);
	else
		free_left(l);
}

/* It ends when it can, and then frees all.  Of one that hangs in a connect, which may
 * take long, others get at once what they need: nobody else uses it. */
static void leave_behind(struct stream *s)
{
	struct archive *a = s->away ? s->archive : NULL;
	struct repo *r = s->away ? s->repo : NULL;

	if (s->away) {
		s->archive = NULL;
		s->repo = NULL;
	}
	s->orphan = true;
	pthread_detach(s->thread);
	pthread_mutex_unlock(&s->lock);
	free_elsewhere(a, r);
}

static void ask_to_end(struct stream *s)
{
	if (s->stopping)
		return;
	s->stopping = true;
	s->stop_ns = clock_mono_ns();
	cancel_ask(&s->cancel);
	s->status.state = STREAM_OFF;
	if (s->dump)
		dump_stop(s->dump);
	if (s->side)
		conn_stop(s->side);
	pthread_cond_broadcast(&s->cond);
}

void stream_stop(struct stream *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	ask_to_end(s);
	pthread_mutex_unlock(&s->lock);
}

static bool is_late(const struct stream *s)
{
	unsigned ms = s->away ? END_AWAY_MS : END_WAIT_MS;

	return !s->saying && clock_mono_ns() - s->stop_ns >= ms * 1000000ULL;
}

void stream_free(struct stream *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	ask_to_end(s);
	while (!s->finished) {
		if (is_late(s)) {
			leave_behind(s);
			return;
		}
		stream_wait_ms(s, LOOK_WAIT_MS);
	}
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	destroy(s);
}

void stream_status(struct stream *s, struct stream_status *ret)
{
	pthread_mutex_lock(&s->lock);
	*ret = s->status;
	pthread_mutex_unlock(&s->lock);
}
