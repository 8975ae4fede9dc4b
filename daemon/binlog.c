#include "daemon/binlog.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/note.h"

#define UNSEEN_US CLOCK_US /* what was found so long ago can be seen in the repository */

struct binlog_hold {
	atomic_uint holders;
	struct stream *stream;
	struct mbox *box;
	char *instance;
};

/* ---- holders */

struct binlog_hold *binlog_hold(struct binlog_hold *h)
{
	if (h)
		atomic_fetch_add(&h->holders, 1);
	return h;
}

void binlog_let_go(struct binlog_hold *h)
{
	if (!h || atomic_fetch_sub(&h->holders, 1) != 1)
		return;
	stream_free(h->stream);
	free(h->instance);
	free(h);
}

struct stream *binlog_stream(const struct binlog_hold *h)
{
	return h->stream;
}

/* ---- what streams tell */

/* From the stream's thread. */
static void changed(void *arg, const char *what)
{
	struct binlog_hold *h = arg;
	struct binlog_note *n = mem_zalloc(sizeof *n);

	n->instance = mem_strdup(h->instance);
	snprintf(n->what, sizeof n->what, "%s", what);
	note_post(h->box, NOTE_BINLOG, n);
}

void binlog_note_free(struct binlog_note *n)
{
	if (!n)
		return;
	free(n->instance);
	free(n);
}

/* ---- start and end */

/* Among the replicas of a server each has its own number: the same at each start, and
 * another one for another host or instance. */
static uint32_t replica_id(const char *url, const char *instance)
{
	char host[256] = "";
	uint32_t hash = 2166136261u; /* FNV-1a */
	const char *const parts[] = {host, url, instance};

	gethostname(host, sizeof host - 1);
	for (size_t i = 0; i < 3; i++)
		for (const char *p = parts[i]; *p; p++)
			hash = (hash ^ (unsigned char)*p) * 16777619u;
	return 0x40000000u | (hash & 0x3fffffffu); /* far from those that people give */
}

static char *source_of(const struct policy *policy, const struct policy_instance *p)
{
	return mem_printf("%s\n%d\n%s\n%s\n%u\n%s", policy->repositories[0].url,
	                  policy->repositories[0].must_be_mounted, p->socket ? p->socket : "",
	                  p->host ? p->host : "", p->port,
	                  p->defaults_file ? p->defaults_file : "");
}

static void start(struct binlog *b, struct mbox *box, const struct policy *policy,
                  const struct policy_instance *p)
{
	struct binlog_hold *h = mem_zalloc(sizeof *h);
	struct stream_plan plan = {
	    .repo_url = policy->repositories[0].url,
	    .must_be_mounted = policy->repositories[0].must_be_mounted,
	    .instance = p->name,
	    .target = {.socket = p->socket,
	               .host = p->host,
	               .port = p->port,
	               .defaults_file = p->defaults_file},
	    .server_id = replica_id(policy->repositories[0].url, p->name),
	    .changed = changed,
	    .arg = h,
	};

	atomic_init(&h->holders, 1);
	h->box = box;
	h->instance = mem_strdup(p->name);
	err_clear(&b->why);
	if (stream_start(&plan, &h->stream, &b->why) < 0) {
		log_err(LOG_LEVEL_ERR, &b->why, "cannot start to archive the binlog", "instance=%s",
		        p->name);
		free(h->instance);
		free(h);
		return;
	}
	b->hold = h;
	b->source = source_of(policy, p);
}

static void end(struct binlog *b)
{
	struct stream_status st;

	if (binlog_status(b, &st)) {
		b->gaps = st.gaps;
		b->reconnects = st.reconnects;
		b->events = st.events;
		b->bytes = st.bytes;
	}
	binlog_let_go(b->hold);
	b->hold = NULL;
	/* One that ends does not say any more what it found. */
	if (b->gaps != b->gaps_told)
		binlog_gap(b, clock_wall_us());
	free(b->source);
	b->source = NULL;
	b->said[0] = '\0';
	b->again = false;
}

static bool is_wanted(const struct policy *policy, const struct policy_instance *p)
{
	return p && policy->repository_n && p->schedule.binlog == BINLOG_CONTINUOUS;
}

bool binlog_changes(const struct binlog *b, const struct policy *policy,
                    const struct policy_instance *p)
{
	char *source = b->hold && is_wanted(policy, p) ? source_of(policy, p) : NULL;
	bool same = source && !strcmp(source, b->source);

	free(source);
	return b->hold && (!same || b->again);
}

void binlog_retry_now(struct binlog *b)
{
	struct stream_status st;

	b->again = binlog_status(b, &st) && st.state == STREAM_WAITING;
}

void binlog_follow(struct binlog *b, struct mbox *box, const struct policy *policy,
                   const struct policy_instance *p)
{
	if (binlog_changes(b, policy, p))
		end(b);
	if (!b->hold && is_wanted(policy, p))
		start(b, box, policy, p);
}

void binlog_stop(struct binlog *b)
{
	if (b->hold)
		stream_stop(b->hold->stream);
}

void binlog_done(struct binlog *b)
{
	end(b);
}

/* ---- questions */

bool binlog_status(const struct binlog *b, struct stream_status *ret)
{
	*ret = (struct stream_status){.state = STREAM_OFF, .lag_bytes = UINT64_MAX, .why = b->why};
	if (b->hold)
		stream_status(b->hold->stream, ret);
	ret->gaps += b->gaps;
	ret->reconnects += b->reconnects;
	ret->events += b->events;
	ret->bytes += b->bytes;
	return b->hold;
}

void binlog_gap(struct binlog *b, int64_t now_us)
{
	struct stream_status st;

	binlog_status(b, &st);
	b->gaps_told = st.gaps;
	b->gap_us = now_us;
}

int64_t binlog_reaches_us(const struct binlog *b, const struct stream_status *st,
                          const struct binlog_state *seen)
{
	if (!seen->open_ended || !st->lineage[0] || strcmp(st->lineage, seen->lineage) != 0 ||
	    st->gaps != b->gaps_told)
		return 0;
	return b->gap_us && seen->seen_us < b->gap_us + UNSEEN_US ? 0 : st->caught_up_us;
}

double binlog_lag_seconds(const struct stream_status *st, int64_t now_us)
{
	/* Where no binlog is written any more it would only grow. */
	if (!st->current_us || binlog_none(st))
		return -1;
	return now_us > st->current_us ? (double)(now_us - st->current_us) / 1e6 : 0;
}

bool binlog_none(const struct stream_status *st)
{
	return st->why.kind == ERR_REFUSED && st->why.sys == STREAM_NO_BINLOG;
}

const char *binlog_state_name(enum stream_state state)
{
	static const char *const names[] = {[STREAM_CONNECTING] = "connecting",
	                                    [STREAM_RUNNING] = "running",
	                                    [STREAM_WAITING] = "waiting",
	                                    [STREAM_OFF] = "off"};
	return names[state];
}

void binlog_log(struct binlog *b, const char *instance)
{
	struct stream_status st;

	if (!binlog_status(b, &st))
		return;
	if (binlog_none(&st)) {
		if (strcmp(b->said, st.why.text) != 0)
			log_err(LOG_LEVEL_INFO, &st.why, "there is no binlog to archive",
			        "instance=%s", instance);
		memcpy(b->said, st.why.text, sizeof b->said);
	} else if (st.state == STREAM_WAITING && strcmp(b->said, st.why.text) != 0) {
		log_err(LOG_LEVEL_WARN, &st.why, "the binlog is not archived: trying again",
		        "instance=%s", instance);
		memcpy(b->said, st.why.text, sizeof b->said);
	} else if (st.state == STREAM_RUNNING && strcmp(b->said, "running") != 0) {
		log_msg(LOG_LEVEL_INFO, "archiving the binlog", "instance=%s lineage=%s", instance,
		        st.lineage[0] ? st.lineage : "-");
		memcpy(b->said, "running", sizeof "running");
	}
}
