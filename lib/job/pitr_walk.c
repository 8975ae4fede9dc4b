#include "job/pitr_walk.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "job/pitr_choose.h"
#include "job/pitr_errors.h"
#include "job/pitr_group.h"
#include "job/pitr_local.h"
#include "job/pitr_tally.h"

/* Behind a time so many transactions are looked at for one of an earlier time. */
#define LOOK_ON 1000u

struct walk {
	const struct pitr_request *req;
	const struct segment *segment; /* being walked */
	struct group_walk group;
	unsigned seen; /* so many of the wanted GTIDs have begun */
	bool reached;  /* the wanted position: whatever begins now is left out */
	bool prepared; /* an XA PREPARE came since the last cut */
	bool anew;     /* the server was started, and no piece begins there yet */
	bool torn;     /* the group before this file may be half a one: */
	struct pitr_group half;
	bool stopped;
	uint64_t stop; /* position in `segment` */
	/* Behind that: transactions of an earlier time than the one it stopped before. */
	uint64_t earlier_n;
	struct pitr_group earlier; /* the last of them */
	unsigned looked;           /* so many transactions came since */
	uint64_t from;             /* where the next piece of `segment` begins */
	struct pitr_tally tally;
	struct pitr_plan *plan;
};

static void note_group(const struct walk *w, uint64_t end, struct pitr_group *g)
{
	*g = (struct pitr_group){
	    .known = true, .pos = w->group.pos, .end = end, .commit_us = w->group.commit_us};
	memcpy(g->gtid, w->group.gtid, sizeof g->gtid);
	snprintf(g->file, sizeof g->file, "%s", w->segment->file);
}

/* All of the group is there, or as much of it as there will be. */
static void applied(struct walk *w, const struct pitr_group *g)
{
	w->plan->last = *g;
	tally_applied(&w->tally, g->gtid);
}

static void applied_to(struct walk *w, uint64_t end)
{
	struct pitr_group g;

	note_group(w, end, &g);
	applied(w, &g);
}

/* The replay ends before the group that w is about. */
static int stop_before_group(struct walk *w)
{
	note_group(w, 0, &w->plan->next);
	w->stop = w->group.pos;
	w->stopped = true;
	return 1;
}

static bool stops_here(struct walk *w)
{
	const struct restore_point *p = w->req->point;

	switch (p->kind) {
	case POINT_TIME:
		return w->group.commit_us >= pitr_time_limit(w->req, w->segment);
	case POINT_GTID:
		if (!p->before && w->seen == p->gtid_n)
			return true;
		if (!pitr_is_wanted(p, w->group.gtid))
			return false;
		w->seen++;
		return p->before;
	case POINT_POSITION:
		return w->reached;
	default:
		return false;
	}
}

/* The position lies in a group: only with "before" is that a point. */
static int inside(struct walk *w, struct err *err)
{
	const struct restore_point *p = w->req->point;

	if (p->before) {
		w->plan->groups--;
		return stop_before_group(w);
	}
	err_set(err, ERR_USAGE,
	        "%s:%" PRIu64 " lies inside transaction %s, which begins at %" PRIu64, p->file,
	        p->pos, w->group.gtid, w->group.pos);
	return err_hint(err, "Say --before to stop just before it, or --gtid %s to have it whole.",
	                w->group.gtid);
}

/* `of_group`: the event belongs to the group that w is about. */
static int check_position(struct walk *w, uint64_t end, bool of_group, struct err *err)
{
	const struct restore_point *p = w->req->point;

	if (p->kind != POINT_POSITION || w->reached || strcmp(w->segment->file, p->file) != 0 ||
	    p->pos > end)
		return 0;
	if (of_group && (p->pos < end || !w->group.whole))
		return inside(w, err);
	if (p->pos < end)
		return err_set(err, ERR_USAGE, "%s:%" PRIu64 " is not the beginning of an event",
		               p->file, p->pos);
	w->reached = true;
	return 0;
}

static void add_piece(struct walk *w, uint64_t to)
{
	struct pitr_plan *plan = w->plan;

	if (to <= w->from)
		return;
	*vec_push(&plan->pieces) =
	    (struct pitr_piece){mem_strdup(w->segment->file), w->from, to, w->anew};
	plan->bytes += to - w->from;
	if (to > plan->largest)
		plan->largest = to;
	w->from = to;
	w->anew = false;
}

/* Half a transaction is none. */
static void drop_group(struct walk *w, const char *gtid)
{
	w->plan->groups--;
	w->seen -= pitr_is_wanted(w->req->point, gtid);
}

/* Take the half group off the pieces: it ends the last one, and may be all of it. */
static void cut_half(struct walk *w)
{
	struct pitr_plan *plan = w->plan;
	struct pitr_piece *p = plan->pieces.n ? &plan->pieces.v[plan->pieces.n - 1] : NULL;

	drop_group(w, w->half.gtid);
	if (!p || strcmp(p->file, w->half.file) != 0 || p->to <= w->half.pos)
		return;
	pitr_errors_forget(plan, w->half.file, w->half.pos);
	pitr_local_forget(plan, w->half.file, w->half.pos);
	plan->bytes -= p->to - w->half.pos;
	p->to = w->half.pos;
	if (p->from < p->to)
		return;
	w->anew = p->anew;
	free(p->file);
	plan->pieces.n--;
}

/* A file of the run begins.  The server goes on to another one only between groups; one
 * that was started anew may have died within. */
static void file_begins(struct walk *w, uint64_t pos, const struct binlog_event *e)
{
	bool started = binlog_format_is_start(e);

	if (pos != BINLOG_MAGIC_SIZE)
		return;
	if (w->torn && started)
		cut_half(w);
	else if (w->torn)
		applied(w, &w->half);
	w->torn = false;
	w->anew = w->anew || started;
}

/* What takes room while it is replayed. */
static void note_sizes(struct walk *w, uint64_t pos, const struct binlog_event *e)
{
	bool data = e->type == BINLOG_APPEND_BLOCK || e->type == BINLOG_BEGIN_LOAD;

	w->plan->load_data = w->plan->load_data || data || e->type == BINLOG_EXECUTE_LOAD;
	w->plan->load_bytes += data ? e->size : 0;
	if (w->group.open && !w->group.whole &&
	    pos + e->size - w->group.pos > w->plan->largest_group)
		w->plan->largest_group = pos + e->size - w->group.pos;
}

/* Servers from 11 on forget the session's pseudo_thread_id at XA PREPARE, which is part
 * of the names of its temporary tables, and mariadb-binlog writes it only when it
 * changes: begun anew it writes it again. */
static void cut_behind_prepare(struct walk *w, const struct binlog_event *e)
{
	if (e->type == BINLOG_XA_PREPARE)
		w->prepared = true;
	else if (w->prepared && (e->flags & BINLOG_FLAG_THREAD_SPECIFIC)) {
		w->prepared = false;
		add_piece(w, w->group.pos);
	}
}

/* A session can set its clock, and one whose clock was ahead ends a replay to a time
 * early: what came behind it is counted. */
static int look_on(struct walk *w, uint64_t pos, const struct binlog_event *e, struct err *err)
{
	struct pitr_group *g = &w->earlier;

	if (!binlog_begins_group(e))
		return 0;
	if (binlog_commit_time_us(e) >= pitr_time_limit(w->req, w->segment))
		return ++w->looked == LOOK_ON;
	*g = (struct pitr_group){.known = true, .pos = pos, .commit_us = binlog_commit_time_us(e)};
	snprintf(g->file, sizeof g->file, "%s", w->segment->file);
	w->earlier_n++;
	w->looked = 0;
	return binlog_gtid_text(e, g->gtid, err);
}

static void note_earlier(const struct walk *w)
{
	const struct pitr_group *next = &w->plan->next, *last = &w->earlier;
	char when[64];

	if (!w->earlier_n)
		return;
	pitr_note(w->plan,
	          "times go back in the binlog: behind %s at %s:%" PRIu64 ", committed %s by its "
	          "session's clock, %" PRIu64 " transactions have a time before the wanted one and "
	          "are left out, the last one at %s:%" PRIu64 "%s%s",
	          *next->gtid ? next->gtid : "the transaction", next->file, next->pos,
	          clock_format_local(when, sizeof when, next->commit_us), w->earlier_n, last->file,
	          last->pos, *last->gtid ? "; to have them all, replay up to it: --gtid " : "",
	          last->gtid);
}

static int each_event(void *arg, uint64_t pos, const struct binlog_event *e, struct err *err)
{
	struct walk *w = arg;
	bool going_on = w->group.open && !w->group.whole, begins;

	if (w->stopped)
		return look_on(w, pos, e, err);
	if (going_on && binlog_begins_group(e))
		applied_to(w, pos);
	if (group_walk_event(&w->group, pos, e, &begins, err) < 0)
		return err_add(err, "%s at %" PRIu64, w->segment->file, pos);
	if (begins && stops_here(w))
		return stop_before_group(w) && w->req->point->kind != POINT_TIME;
	w->plan->groups += begins;
	if (e->type == BINLOG_FORMAT)
		file_begins(w, pos, e);
	note_sizes(w, pos, e);
	cut_behind_prepare(w, e);
	if (pitr_errors_note(w->plan, w->segment->file, pos, e, w->group.gtid, err) < 0 ||
	    pitr_local_note(w->plan, w->segment->file, pos, e, w->group.gtid, err) < 0)
		return err_add(err, "%s at %" PRIu64, w->segment->file, pos);
	int rc = check_position(w, pos + e->size, begins || going_on, err);
	if (rc == 0 && w->group.whole && going_on)
		applied_to(w, pos + e->size);
	return rc;
}

static bool begins_at_position(const struct walk *w, uint64_t from)
{
	const struct restore_point *p = w->req->point;

	return p->kind == POINT_POSITION && !strcmp(w->segment->file, p->file) && p->pos <= from;
}

/* A group that is not whole: half a one at the end of what is there; where another file
 * follows, that tells. */
static void end_of_file(struct walk *w, bool last)
{
	if (!last) {
		note_group(w, w->segment->size, &w->half);
		w->torn = true;
		return;
	}
	drop_group(w, w->group.gtid);
	stop_before_group(w);
}

/* Everything between the backup's position and the point, or the end of the run. */
static int walk_run(struct walk *w, const struct pitr_place *place, struct err *err)
{
	const struct lineage *l = place->lineage;
	size_t end = pitr_run_end(l, place->segment);
	uint64_t from = w->plan->backup->binlog.pos;

	for (size_t i = place->segment; i <= end && !w->stopped; i++, from = BINLOG_MAGIC_SIZE) {
		w->segment = &l->segments.v[i];
		w->from = from;
		/* A group never goes on in another file. */
		w->group = (struct group_walk){0};
		w->reached = w->reached || begins_at_position(w, from);
		if (archive_walk(w->req->repo, w->req->instance, l, w->segment, from, each_event, w,
		                 w->req->cancel, err) < 0)
			return -1;
		if (!w->stopped && w->group.open && !w->group.whole)
			end_of_file(w, i == end);
		add_piece(w, w->stopped ? w->stop : w->segment->size);
	}
	if (w->stopped) {
		pitr_errors_forget(w->plan, w->segment->file, w->stop);
		pitr_local_forget(w->plan, w->segment->file, w->stop);
	}
	pitr_errors_say(w->plan);
	if (w->torn)
		applied(w, &w->half);
	return pitr_local_judge(w->plan, err);
}

/* It is of the server, and not in its tables. */
static void note_tally(const struct walk *w)
{
	struct pitr_plan *plan = w->plan;

	plan->gtid_pos = tally_gtids(&w->tally);
	if (plan->gtid_pos && plan->backup->replica_gtid && *plan->backup->replica_gtid)
		pitr_note(
		    plan,
		    "the source was a replica, and mysql.gtid_slave_pos says how far it was at "
		    "the backup: set gtid_slave_pos before replication is started, or it "
		    "applies again what was replayed");
}

int pitr_walk(const struct pitr_request *req, const struct archive_catalog *a,
              const struct pitr_place *place, struct pitr_plan *plan, struct err *err)
{
	const struct restore_point *p = req->point;
	struct walk w = {.req = req, .plan = plan, .seen = plan->gtids_reached};
	int rc = -1;

	memcpy(plan->lineage, place->lineage->name, sizeof plan->lineage);
	tally_backup(&w.tally, plan->backup);
	if (walk_run(&w, place, err) < 0)
		goto out;
	if (p->kind == POINT_GTID && w.seen < (p->before ? 1 : p->gtid_n)) {
		pitr_unreachable(req, a, plan, "it is not in the binlogs behind the backup", err);
		goto out;
	}
	note_earlier(&w);
	note_tally(&w);
	rc = 0;
out:
	tally_done(&w.tally);
	return rc;
}
