/*
 * Waiting until the archive has all that the server had when it was asked.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "binlog/stream_room.h"
#include "binlog/who.h"

#define LOOK_WAIT_MS 100u      /* between looks at a cancel flag */
#define QUESTION_TIMEOUT_S 10u /* of a session that asks one thing */

/* Where a server's binlog ended, and when that was asked. */
struct asked {
	char *who;
	struct server_end end;
	uint64_t ns;
};

static int ask(struct stream *s, struct asked *ret, struct err *err)
{
	struct conn *c = NULL;

	if (conn_open(&s->plan.target, QUESTION_TIMEOUT_S, &c, err) < 0)
		return -1;
	int rc = who_ask(c, &ret->who, err);
	if (rc == 0)
		rc = look_end(c, &ret->end, err);
	conn_free(c);
	ret->ns = clock_mono_ns();
	return rc;
}

static bool is_of_another(const struct stream *s, const struct asked *asked)
{
	return s->status.state == STREAM_RUNNING && strcmp(s->who, asked->who) != 0;
}

/* Names and positions begin again after a RESET: what the status says counts only when
 * the thread itself asked the server later. */
static bool has_reached(const struct stream *s, const struct asked *asked)
{
	const struct stream_status *st = &s->status;
	const struct server_end *end = &asked->end;

	if (st->state != STREAM_RUNNING || s->confirmed_ns <= asked->ns || is_of_another(s, asked))
		return false;
	int order = archive_file_order(st->file, end->file);
	return order > 0 || (order == 0 && st->durable_pos >= end->pos);
}

static int not_caught_up(struct stream *s, const struct asked *asked, unsigned timeout_s,
                         struct err *err)
{
	const struct server_end *end = &asked->end;

	if (s->status.why.kind != ERR_NONE) {
		if (err)
			*err = s->status.why;
		return err_add(err, "the binlog is not archived up to %s:%" PRIu64, end->file,
		               end->pos);
	}
	if (is_of_another(s, asked))
		return err_set(err, ERR_SERVER,
		               "the server that was asked where its binlog ends (%s) is not the "
		               "one whose binlog is archived (%s)",
		               asked->who, s->who);
	return err_set(err, ERR_BUSY,
	               "the binlog is archived up to %s:%" PRIu64 ", not yet to %s:%" PRIu64
	               " after %u s",
	               s->status.file, s->status.durable_pos, end->file, end->pos, timeout_s);
}

/* One failure may be the break that was just being mended. */
#define FAILURES_MAX 2u

/* It tries again and again and gets nowhere: nobody is made to wait for that. */
static bool is_stuck(const struct stream *s, uint64_t failures_before)
{
	return s->status.state == STREAM_WAITING &&
	       s->status.reconnects >= failures_before + FAILURES_MAX;
}

int stream_catch_up(struct stream *s, unsigned timeout_s, const struct cancel *cancel,
                    struct stream_status *ret, struct err *err)
{
	uint64_t until = clock_mono_ns() + timeout_s * 1000000000ULL;
	struct asked asked = {0};
	int rc = ask(s, &asked, err);

	if (rc < 0)
		goto out;
	pthread_mutex_lock(&s->lock);
	uint64_t failures = s->status.reconnects;
	s->hurry = s->status.state == STREAM_WAITING;
	pthread_cond_broadcast(&s->cond);
	while (!has_reached(s, &asked)) {
		rc = cancel_check(cancel, err);
		if (rc == 0 && (clock_mono_ns() >= until || s->stopping || is_stuck(s, failures)))
			rc = not_caught_up(s, &asked, timeout_s, err);
		if (rc < 0)
			break;
		stream_wait_ms(s, LOOK_WAIT_MS);
	}
	*ret = s->status;
	pthread_mutex_unlock(&s->lock);
out:
	free(asked.who);
	return rc;
}
