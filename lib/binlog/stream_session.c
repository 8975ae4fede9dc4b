/*
 * One connection: look, choose where to go on, read until it ends.
 */
#include <stdlib.h>
#include <string.h>

#include "binlog/stream_session.h"
#include "binlog/who.h"

/* The server says something at least this often, so a thread that waits for it wakes
 * in time to make durable what came last. */
#define HEARTBEAT_MS 300u
#define SILENCE_S 20u
#define NOT_FOUND_MAX 2u
#define UNREADABLE_MAX 3u

/* The disk may have gone from where it was mounted: healing what is there now would be
 * to begin anew below it. */
static void let_go_if_failed(struct stream *s)
{
	if (!s->archive || !archive_has_failed(s->archive))
		return;
	archive_free(s->archive);
	s->archive = NULL;
	repo_close(s->repo);
	s->repo = NULL;
	s->learned = false;
}

static int open_archive(struct stream *s, struct err *err)
{
	const struct repo_options existing = {.must_be_mounted = s->plan.must_be_mounted};

	let_go_if_failed(s);
	if (!s->repo && repo_open(s->plan.repo_url, &existing, &s->repo, err) < 0)
		return -1;
	if (!s->archive &&
	    archive_open(s->repo, s->plan.instance, &s->cancel, &s->archive, err) < 0)
		return -1;
	if (s->learned)
		return 0;
	if (history_learn(s->repo, s->plan.instance, s->archive, &s->cancel, &s->history, err) < 0)
		return err_add(err, "cannot find out where the archive of the binlogs ends");
	s->learned = true;
	return 0;
}

/* A place that the server lists and yet cannot stream is another server's, or it lost
 * what it had written there. */
static void choose(struct session *ss)
{
	struct stream *s = ss->s;

	resume_choose(&ss->look, &s->history, &ss->plan);
	if (ss->plan.kind != RESUME_HERE)
		s->not_found = s->unreadable = 0;
	const char *behind = resume_file_behind(&ss->look, s->history.file);
	if (s->other_history || (ss->plan.kind == RESUME_HERE && s->not_found >= NOT_FOUND_MAX)) {
		resume_from(&ss->plan, RESUME_LINEAGE, ss->look.files.v[0].name);
	} else if (ss->plan.kind == RESUME_HERE && s->unreadable >= UNREADABLE_MAX && behind) {
		resume_from(&ss->plan, RESUME_GAP, behind);
	}
	ss->ours = ss->plan.kind != RESUME_HERE;
}

static int open_dump(struct session *ss, struct err *err)
{
	struct stream *s = ss->s;
	struct dump_plan plan = {
	    .target = s->plan.target,
	    .mariadb = ss->look.mariadb,
	    .server_id = s->plan.server_id,
	    .uuid = s->uuid,
	    .who = s->who,
	    .file = ss->plan.file,
	    .pos = ss->plan.pos,
	    .heartbeat_ms = HEARTBEAT_MS,
	    .timeout_s = SILENCE_S,
	    .cancel = &s->cancel,
	};

	stream_go_away(s);
	int rc = dump_open(&plan, &ss->dump, err);
	if (!stream_come_back(s) || rc < 0)
		return -1;
	pthread_mutex_lock(&s->lock);
	s->dump = ss->dump;
	bool stopping = s->stopping; /* since then, with nothing to wake us with */
	pthread_mutex_unlock(&s->lock);
	return stopping ? -1 : 0;
}

static int open_side(struct session *ss, struct err *err)
{
	struct stream *s = ss->s;

	stream_go_away(s);
	int rc = conn_open(&s->plan.target, SIDE_TIMEOUT_S, &ss->side, err);
	if (!stream_come_back(s) || rc < 0)
		return -1;
	pthread_mutex_lock(&s->lock);
	s->side = ss->side;
	bool stopping = s->stopping; /* since then, with nothing to wake us with */
	pthread_mutex_unlock(&s->lock);
	return stopping ? -1 : 0;
}

/* All that is asked is asked of this server, and the stream must be its own.  What was
 * found out of another one says nothing of it. */
static int look(struct session *ss, struct err *err)
{
	struct stream *s = ss->s;
	char *who = NULL;

	if (who_ask(ss->side, &who, err) < 0)
		return -1;
	if (s->who && strcmp(s->who, who) != 0) {
		s->other_history = false;
		s->not_found = s->unreadable = 0;
	}
	pthread_mutex_lock(&s->lock);
	free(s->who);
	s->who = who;
	pthread_mutex_unlock(&s->lock);
	return look_ask(ss->side, &ss->look, err);
}

static int read_on(struct session *ss, struct err *err)
{
	const unsigned char *event;
	size_t n;

	while (!stream_is_stopping(ss->s)) {
		if (dump_next(ss->dump, &event, &n, err) < 0)
			return -1;
		if (session_take(ss, event, n, err) < 0) {
			/* Nothing more from memory: the archive itself says where it ends. */
			ss->s->learned = false;
			return -1;
		}
	}
	return 0;
}

/* Keep what came before the stream broke, and think about why it did. */
static void wind_up(struct session *ss, const struct err *why)
{
	struct stream *s = ss->s;

	if (ss->pending > 0 && !archive_has_failed(s->archive) && session_keep(ss, NULL) < 0)
		s->learned = false;
	if (why->kind != ERR_NOT_FOUND || s->other_history || ss->plan.kind != RESUME_HERE)
		return;
	if (ss->ours)
		s->unreadable++;
	else
		s->not_found++;
}

static void session_done(struct session *ss)
{
	struct stream *s = ss->s;

	pthread_mutex_lock(&s->lock);
	s->dump = NULL;
	s->side = NULL;
	pthread_mutex_unlock(&s->lock);
	dump_free(ss->dump);
	conn_free(ss->side);
	look_done(&ss->look);
}

int session_run(struct stream *s, struct err *err)
{
	struct session ss = {.s = s};
	struct err why = ERR_INIT;
	bool knew = s->other_history;
	int rc = -1;

	if (open_side(&ss, &why) < 0 || look(&ss, &why) < 0 || open_archive(s, &why) < 0)
		goto out;
	choose(&ss);
	if (open_dump(&ss, &why) == 0)
		rc = read_on(&ss, &why);
	if (rc < 0)
		wind_up(&ss, &why);
out:
	session_done(&ss);
	/* It now knows better: that is no failure yet. */
	if (s->other_history && !knew)
		return 0;
	if (rc < 0 && err)
		*err = why;
	return rc;
}
