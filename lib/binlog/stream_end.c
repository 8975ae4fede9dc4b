/*
 * What is durable, and how far the server is.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "binlog/stream_session.h"

#define SYNC_AFTER_NS (250 * 1000000ULL)
#define SYNC_AFTER_BYTES (4u << 20)
#define ASK_END_NS (500 * 1000000ULL)

static bool is_reached(const struct session *ss, uint64_t durable)
{
	int order = archive_file_order(ss->file, ss->end.file);

	return order > 0 || (order == 0 && durable >= ss->end.pos);
}

void session_publish(struct session *ss, uint64_t durable)
{
	struct stream *s = ss->s;
	struct stream_status *st = &s->status;

	pthread_mutex_lock(&s->lock);
	snprintf(st->lineage, sizeof st->lineage, "%s", archive_lineage(s->archive));
	snprintf(st->file, sizeof st->file, "%s", ss->file);
	st->durable_pos = durable;
	st->last_event_us = s->history.last_us;
	st->events += ss->events;
	st->bytes += ss->bytes;
	if (ss->end_pending && is_reached(ss, durable)) {
		ss->end_pending = false;
		st->caught_up_us = ss->end_us;
		st->current_us = ss->end_here_us;
	}
	pthread_cond_broadcast(&s->cond);
	pthread_mutex_unlock(&s->lock);
	ss->events = ss->bytes = 0;
}

void session_runs(struct session *ss)
{
	ss->s->worked = true;
	stream_set_state(ss->s, STREAM_RUNNING);
}

void session_tell_news(struct session *ss)
{
	struct stream *s = ss->s;
	const char *news = s->news;

	s->news = NULL;
	if (!news || strcmp(s->news_file, s->history.file) != 0)
		return;
	if (strcmp(news, "gap") == 0) {
		pthread_mutex_lock(&s->lock);
		s->status.gaps++;
		pthread_mutex_unlock(&s->lock);
	}
	stream_say(s, news);
}

int session_keep(struct session *ss, struct err *err)
{
	uint64_t durable;

	if (archive_sync(ss->s->archive, &durable, err) < 0)
		return -1;
	ss->pending = 0;
	ss->s->worked = true;
	session_publish(ss, durable);
	session_tell_news(ss);
	return 0;
}

int session_sync(struct session *ss, struct err *err)
{
	if (session_keep(ss, err) < 0)
		return -1;
	session_runs(ss);
	return 0;
}

int session_check_resets(struct session *ss, struct err *err)
{
	uint64_t resets = ss->look.resets;

	if (look_resets(ss->side, &resets, err) < 0)
		return -1;
	if (resets != ss->look.resets)
		return err_set(err, ERR_SERVER, "somebody has reset something on the server");
	return 0;
}

/* Is what was sent still part of the binlog that ends at `end`? */
static int check_end(struct session *ss, const struct server_end *end, struct err *err)
{
	int order = archive_file_order(end->file, ss->file);

	if (order < 0 || (order == 0 && end->pos < ss->pos))
		return err_set(err, ERR_SERVER,
		               "the server's binlog ends at %s:%" PRIu64 ", before %s:%" PRIu64
		               " that it has sent: somebody has reset it",
		               end->file, end->pos, ss->file, ss->pos);
	/* A new one of the same name may have become longer meanwhile. */
	return session_check_resets(ss, err);
}

/* Its heartbeats alone cannot be believed: after a RESET MASTER, MariaDB goes on with
 * them at a place of a file that is gone.  Only when all is durable. */
static int ask_end(struct session *ss, uint64_t asked, struct err *err)
{
	uint64_t behind;
	struct server_end end;
	int64_t here_us = clock_wall_us(), there_us;

	if (look_clock(ss->side, &there_us, err) < 0 || look_end(ss->side, &end, err) < 0 ||
	    check_end(ss, &end, err) < 0)
		return -1;
	if (strcmp(end.file, ss->file) == 0)
		behind = end.pos - ss->pos;
	else if (look_behind(ss->side, ss->file, ss->pos, &behind, err) < 0)
		return -1;
	ss->asked_ns = asked;
	/* One end at a time: of a server that is never at rest the next is always ahead. */
	if (!ss->end_pending) {
		ss->end = end;
		ss->end_us = there_us;
		ss->end_here_us = here_us;
		ss->end_pending = true;
	}
	pthread_mutex_lock(&ss->s->lock);
	ss->s->status.lag_bytes = behind;
	ss->s->confirmed_ns = asked;
	pthread_mutex_unlock(&ss->s->lock);
	session_publish(ss, ss->pos);
	return 0;
}

int session_ask_end_if_due(struct session *ss, struct err *err)
{
	uint64_t asked = clock_mono_ns();
	struct err why = ERR_INIT;

	if (asked - ss->asked_ns < ASK_END_NS || ask_end(ss, asked, &why) == 0)
		return 0;
	if (why.kind == ERR_UNREACHABLE && clock_mono_ns() - asked >= SIDE_TIMEOUT_S * CLOCK_NS)
		return err_set(err, ERR_UNREACHABLE,
		               "nothing was heard of the server for %u s when it was asked where "
		               "its binlog ends: %s",
		               SIDE_TIMEOUT_S, why.text);
	if (err)
		*err = why;
	return -1;
}

int session_sync_if_due(struct session *ss, struct err *err)
{
	uint64_t now = clock_mono_ns();

	if (ss->pending < SYNC_AFTER_BYTES && now - ss->pending_since < SYNC_AFTER_NS)
		return 0;
	if (session_sync(ss, err) < 0)
		return -1;
	return session_ask_end_if_due(ss, err);
}
