/*
 * Event by event to the archive.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "binlog/stream_session.h"

#define STUCK_MAX 10u /* heartbeats in a row that say there is nothing more, although */

static int other_history(struct session *ss, struct err *err)
{
	ss->s->other_history = true;
	return err_set(err, ERR_NOT_FOUND,
	               "the server's %s:%" PRIu64 " is not what is archived of that name",
	               ss->s->history.file, ss->s->history.pos);
}

static void fill_gap(const struct history *h, struct segment_gap *gap)
{
	*gap = (struct segment_gap){
	    .from_file = (char *)(uintptr_t)h->file,
	    .from_pos = h->pos,
	    .from_us = h->last_us,
	};
}

static int begin_file(struct session *ss, const struct binlog_format *f, struct err *err)
{
	struct stream *s = ss->s;
	struct history *h = &s->history;
	bool first = strcmp(ss->file, ss->plan.file) == 0; /* of this connection */
	bool gap = first && ss->plan.kind == RESUME_GAP;
	bool lineage = first && ss->plan.kind == RESUME_LINEAGE;
	struct segment_gap missed;

	/* No event of ours is on this server any more to compare: what follows by its name
	 * must at least be younger and, if nothing seems to be missing, of the same server. */
	if (first && h->any && !lineage &&
	    (f->created < h->created || (!gap && f->server_id != h->server_id)))
		return other_history(ss, err);
	/* Of a history begun anew meanwhile, its second file could seem to follow ours. */
	if (!first && session_check_resets(ss, err) < 0)
		return -1;
	if (gap)
		fill_gap(h, &missed);
	if (lineage)
		archive_new_lineage(s->archive);
	if (archive_begin_file(s->archive, ss->file, gap ? &missed : NULL, err) < 0)
		return -1;
	bool closed = h->any;
	h->any = true;
	snprintf(h->file, sizeof h->file, "%s", ss->file);
	h->created = f->created;
	h->server_id = f->server_id;
	if (closed)
		stream_say(s, "segment");
	if (gap || lineage) {
		s->news = gap ? "gap" : "lineage";
		snprintf(s->news_file, sizeof s->news_file, "%s", ss->file);
	}
	return 0;
}

/* What was archived before goes by once more; its last event must be the same. */
static int compare(struct session *ss, const unsigned char *event, size_t n, struct err *err)
{
	const struct event_mark *m = &ss->s->history.last;

	if (ss->pos > m->pos || (ss->pos == m->pos && !event_mark_is(m, event, n, ss->checksum)))
		return other_history(ss, err);
	ss->ours = ss->pos == m->pos;
	ss->pos += n;
	if (ss->ours) {
		ss->s->not_found = 0;
		session_publish(ss, ss->pos);
		session_tell_news(ss);
	}
	return 0;
}

static int append(struct session *ss, const struct binlog_event *head, const unsigned char *event,
                  size_t n, struct err *err)
{
	struct history *h = &ss->s->history;
	struct binlog_event e = *head;

	if (archive_append(ss->s->archive, event, n, err) < 0)
		return -1;
	if (ss->pending == 0)
		ss->pending_since = clock_mono_ns();
	event_mark_set(&h->last, ss->pos, event, n, ss->checksum);
	e.body = event + BINLOG_HEADER_SIZE;
	e.body_n = n - BINLOG_HEADER_SIZE;
	if (binlog_begins_group(&e))
		h->last_us = binlog_commit_time_us(&e);
	ss->pos += n;
	h->pos = ss->pos;
	ss->pending += n;
	ss->bytes += n;
	ss->events++;
	ss->stuck = 0;
	ss->s->unreadable = 0;
	return session_sync_if_due(ss, err);
}

static int take_format(struct session *ss, const struct binlog_event *head,
                       const unsigned char *event, size_t n, struct err *err)
{
	struct history *h = &ss->s->history;
	struct binlog_format f = {0};

	bool repeated = ss->pos > BINLOG_MAGIC_SIZE;
	if ((repeated ? binlog_format_parse_repeated : binlog_format_parse)(event, n, &f, err) < 0)
		return -1;
	ss->checksum = f.checksum;
	if (repeated) {
		if (f.created != h->created || f.server_id != h->server_id)
			return other_history(ss, err);
		return 0;
	}
	if (!ss->ours)
		return compare(ss, event, n, err);
	if (begin_file(ss, &f, err) < 0 || append(ss, head, event, n, err) < 0)
		return -1;
	/* It is there: what was found out of the server led to this, and to nothing else. */
	ss->s->other_history = false;
	ss->s->not_found = ss->s->unreadable = 0;
	return 0;
}

/* The server says which file follows in the stream. */
static int take_lead(struct session *ss, const struct binlog_event *head,
                     const unsigned char *event, size_t n, struct err *err)
{
	char name[BINLOG_NAME_MAX];
	struct binlog_event e = *head;
	uint64_t pos;

	/* Before the format event nobody says whether it ends with a checksum. */
	if (binlog_event_parse(event, n, true, &e, NULL) < 0 &&
	    binlog_event_parse(event, n, false, &e, err) < 0)
		return -1;
	if (binlog_rotate_parse(&e, name, &pos, err) < 0)
		return -1;
	bool first = !ss->file[0];
	if (first && (strcmp(name, ss->plan.file) != 0 || pos != ss->plan.pos))
		return err_set(err, ERR_SERVER,
		               "the server was asked for %s:%" PRIu64 " and sends %s:%" PRIu64,
		               ss->plan.file, ss->plan.pos, name, pos);
	if (!first && !ss->ours)
		return other_history(ss, err);
	if (!first && pos != BINLOG_MAGIC_SIZE)
		return err_set(err, ERR_SERVER, "behind %s the server goes on at %s:%" PRIu64,
		               ss->file, name, pos);
	if (!first && ss->pending > 0 && session_sync(ss, err) < 0)
		return -1;
	memcpy(ss->file, name, sizeof ss->file);
	ss->pos = pos;
	return 0;
}

/* The server has nothing more to send. */
static int take_heartbeat(struct session *ss, struct err *err)
{
	if (!ss->ours)
		return other_history(ss, err);
	if (ss->pending > 0 && session_sync(ss, err) < 0)
		return -1;
	session_runs(ss);
	if (ss->end_pending && ++ss->stuck >= STUCK_MAX)
		return err_set(err, ERR_SERVER,
		               "the server says that its binlog ends at %s:%" PRIu64
		               " and sends nothing behind %s:%" PRIu64,
		               ss->end.file, ss->end.pos, ss->file, ss->pos);
	return session_ask_end_if_due(ss, err);
}

/* Made up for this stream, not in the file. */
static bool is_artificial(const struct session *ss, const struct binlog_event *e)
{
	if (e->flags & BINLOG_FLAG_ARTIFICIAL)
		return true;
	/* MariaDB 11.8 writes 0 into all events inside a transaction; a control event has
	 * a place, or was made up. */
	if (e->type != BINLOG_MARIADB_START_ENCRYPTION && e->type != BINLOG_MARIADB_GTID_LIST &&
	    e->type != BINLOG_ROTATE && e->type != BINLOG_FORMAT)
		return false;
	/* Behind 4 GiB there are servers that write 0 into all that they really have. */
	return e->next_pos == 0 && ss->pos + e->size <= UINT32_MAX;
}

int session_take(struct session *ss, const unsigned char *event, size_t n, struct err *err)
{
	struct binlog_event e = {0};

	if (binlog_header_parse(event, n, &e, err) < 0)
		return -1;
	if (e.size != n)
		return err_set(err, ERR_DAMAGED,
		               "the stream of %s: an event of %u bytes came as %zu", ss->file,
		               e.size, n);
	if (e.type == BINLOG_ROTATE && is_artificial(ss, &e))
		return take_lead(ss, &e, event, n, err);
	if (!ss->file[0])
		return err_set(err, ERR_SERVER,
		               "the server sends events before it says of which file");
	if (e.type == BINLOG_HEARTBEAT || e.type == BINLOG_HEARTBEAT_2)
		return take_heartbeat(ss, err);
	if (e.type == BINLOG_FORMAT)
		return take_format(ss, &e, event, n, err);
	if (is_artificial(ss, &e))
		return 0;
	if (!ss->ours)
		return compare(ss, event, n, err);
	return append(ss, &e, event, n, err);
}
