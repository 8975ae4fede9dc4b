#include "job/restore.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "job/catalog_load.h"
#include "job/restore_files.h"
#include "job/restore_parts.h"
#include "job/restore_persisted.h"
#include "job/restore_recover.h"
#include "job/restore_recover_mysql.h"
#include "job/restore_redo.h"
#include "job/restore_redo_source.h"
#include "job/restore_replay.h"
#include "job/restore_unlocked.h"

static struct restore_files files_of(const struct restore *r)
{
	return (struct restore_files){.m = r->m,
	                              .places = &r->places,
	                              .cancel = r->req->cancel,
	                              .progress = r->req->progress};
}

static int prepare(struct restore *r, struct err *err)
{
	char now[STR_HUMAN_MAX];
	char *text =
	    mem_printf("Restore of backup %s, begun %s by process %ld, is not complete.\n"
	               "Do not use what is here: begin again with --force.\n",
	               r->m->id, clock_format(now, sizeof now, clock_wall_us()), (long)getpid());
	int rc = 0;

	for (size_t i = 0; i < r->targets.n && rc == 0; i++)
		rc = target_prepare(&r->targets.v[i], text, r->req->cancel, err);
	free(text);
	return rc;
}

static int copy(struct restore *r, struct err *err)
{
	struct restore_files files = files_of(r);

	restore_step(r, "copy");
	if (r->req->progress)
		atomic_store(&r->req->progress->bytes_total,
		             r->plan.bytes + r->plan.redo_bytes + r->pitr.bytes);
	if (restore_files_create(&files, err) < 0)
		return -1;
	return restore_files_copy(&files, r->repo, &r->plan, r->req->jobs, err);
}

static int redo(struct restore *r, struct err *err)
{
	const struct manifest_file *f = restore_redo_file(r->m);
	struct redo_frames *frames = NULL;
	char *path;
	int rc;

	restore_step(r, "redo");
	if (!f)
		return 0;
	path = places_path(&r->places, f);
	rc = redo_frames_new(r->repo, &r->plan, r->req->progress, &frames, err);
	if (rc == 0) {
		struct redo_source from = {.next = redo_frames_next, .arg = frames};
		rc = restore_redo_write(r->m, &r->places, &from, path, r->req->cancel, err);
	}
	redo_frames_free(frames);
	free(path);
	if (rc == 0)
		rc = recover_mysql_index(r->m, &r->places, err);
	if (rc == 0)
		rc = restore_persisted(r->m, &r->places, &r->found, err);
	return rc == 0 ? places_make_links(&r->places, err) : -1;
}

static struct recover_plan recover_plan(struct restore *r)
{
	return (struct recover_plan){.m = r->m,
	                             .places = &r->places,
	                             .binary = r->binary,
	                             .server_options = r->req->server_options,
	                             .time_zone = r->time_zone,
	                             .cancel = r->req->cancel,
	                             .note = &r->found};
}

static double seconds_since(uint64_t from_ns)
{
	return (double)(clock_mono_ns() - from_ns) / 1e9;
}

static void note_replay(struct restore *r)
{
	r->result.replay.done = r->pitr.lineage[0];
	r->result.replay.groups = r->pitr.groups;
	r->result.replay.bytes = r->pitr.bytes;
	r->result.replay.last = r->pitr.last;
	r->result.replay.next = r->pitr.next;
	r->result.replay.gtid_pos = mem_strdup(r->pitr.gtid_pos);
}

static int recover(struct restore *r, struct err *err)
{
	struct recover_plan plan = recover_plan(r);
	struct pitr_request request = restore_pitr_request(r);

	if (!r->req->recover)
		return 0;
	restore_step(r, "recover");
	r->recovering = true;
	if (restore_replay(&plan, &request, &r->pitr, &r->tools, r->req->progress,
	                   &r->result.replay.seconds, err) < 0 ||
	    places_remove_links(&r->places, err) < 0)
		return -1;
	note_replay(r);
	return 0;
}

/* Without a recovery the links in the redo are still needed by whoever does it. */
static char *note_links(const struct restore *r)
{
	struct str s = {0};
	char *note = NULL;

	for (size_t i = 0; i < r->places.n; i++)
		if (r->places.v[i].link) {
			str_sep(&s, ", ");
			str_add(&s, r->places.v[i].link);
		}
	if (s.n)
		note = mem_printf("recovery of %s goes through the links %s in it: remove these "
		                  "after the first start of a server there",
		                  r->places.target, str_text(&s));
	str_done(&s);
	return note;
}

/* What whoever uses the directory must know: first what he has to do. */
static void make_note(struct restore *r)
{
	struct str s = {0};
	char *links = r->req->recover ? NULL : note_links(r);
	char *advice = r->req->recover ? NULL : recover_mysql_advice(r->m, &r->places);
	char *unlocked = unlocked_note(r->m, r->pitr.pieces.n > 0);
	const char *const parts[] = {advice, links, r->found.n ? str_text(&r->found) : NULL,
	                             unlocked, r->pitr.note};

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (parts[i]) {
			str_sep(&s, "; ");
			str_add(&s, parts[i]);
		}
	r->result.note = s.n ? str_take(&s) : NULL;
	if (!r->req->recover)
		recover_mysql_first(r->m, &r->places, &r->result.first);
	free(links);
	free(advice);
	free(unlocked);
}

static int finish(struct restore *r, struct err *err)
{
	restore_step(r, "finish");
	if (restore_files_sync(&r->places, err) < 0)
		return -1;
	/* The data directory last: it is the one that is looked at. */
	for (size_t i = r->targets.n; i-- > 0;)
		if (target_finish(&r->targets.v[i], err) < 0)
			return -1;
	make_note(r);
	return 0;
}

/* The restore is whole already: what goes wrong here takes nothing away. */
static int keep_server(struct restore *r, struct err *err)
{
	struct recover_plan plan = recover_plan(r);

	if (!r->req->recover || !r->req->keep_server ||
	    recover_keep(&plan, &r->result.socket, &r->result.server_pid, err) == 0)
		return 0;
	return err_add(err,
	               "backup %s is restored into %s and can be used, but no server could be "
	               "left running on it",
	               r->m->id, r->places.target);
}

static int write_all(struct restore *r, struct err *err)
{
	struct restore_files files = files_of(r);
	uint64_t from = clock_mono_ns();

	if (prepare(r, err) < 0 || copy(r, err) < 0 || redo(r, err) < 0 ||
	    restore_files_finish(&files, err) < 0 || restore_files_give_away(&files, err) < 0)
		return -1;
	r->result.bytes_written = r->plan.bytes + r->plan.redo_bytes;
	r->result.copy_seconds = seconds_since(from);
	from = clock_mono_ns();
	if (recover(r, err) < 0)
		return -1;
	r->result.recover_seconds =
	    r->req->recover ? seconds_since(from) - r->result.replay.seconds : 0;
	return finish(r, err);
}

/* Say what is there now and what to do; take away what nobody can use. */
static void clean_up(struct restore *r, struct err *err)
{
	const char *dir = r->targets.v[0].path;

	if (err->kind == ERR_CANCELLED)
		r->recovering = false;
	if (r->recovering) {
		err_add(err,
		        "restore of backup %s into %s: all files were written, but do not use "
		        "them",
		        r->m->id, dir);
		if (!err->hint[0])
			err_hint(err,
			         "look into %s/mybak-recovery.log; then the same command with "
			         "--force begins again",
			         dir);
		return;
	}
	err_add(err, "restore of backup %s into %s", r->m->id, dir);
	for (size_t i = 0; i < r->targets.n; i++)
		if (r->targets.v[i].state == TARGET_EMPTYING)
			err_hint(err,
			         "%s was being emptied: some of what it held is gone, the rest is "
			         "still there; with --force the same command can be repeated",
			         r->targets.v[i].path);
	for (size_t i = 0; i < r->targets.n; i++)
		target_undo(&r->targets.v[i]);
	if (err->hint[0])
		return;
	if (err->kind == ERR_DAMAGED)
		err_hint(err,
		         "what was written was removed again; mybakctl verify tells which backups "
		         "are whole, --backup restores another one");
	else
		err_hint(err,
		         "what was written was removed again; the same command can be repeated");
}

static void restore_done(struct restore *r)
{
	for (size_t i = 0; i < r->targets.n; i++)
		target_done(&r->targets.v[i]);
	vec_done(&r->targets);
	restore_plan_done(&r->plan);
	places_done(&r->places);
	str_done(&r->found);
	free(r->binary);
	free(r->time_zone);
	replay_tools_done(&r->tools);
	pitr_plan_done(&r->pitr);
	manifest_free(r->m);
	free(r->chain);
	catalog_done(&r->catalog);
	if (r->lock)
		repo_unlock(r->repo, r->lock);
	repo_close(r->repo);
	free(r->instance);
}

/* The caller gets the head alone. */
static struct manifest *take_head(struct restore *r, struct err *err)
{
	struct manifest *head = NULL;

	return manifest_load(r->repo, r->instance, r->m->id, false, &head, err) == 0 ? head : NULL;
}

int restore_run(const struct restore_request *req, struct restore_result *ret, struct err *err)
{
	struct restore r = {.req = req};
	struct err why = ERR_INIT;
	int rc = -1;

	catalog_init(&r.catalog);
	if (restore_preflight(&r, &why) < 0 || !(r.result.backup = take_head(&r, &why)))
		goto out;
	rc = write_all(&r, &why);
	if (rc < 0)
		clean_up(&r, &why);
	else
		rc = keep_server(&r, &why);
out:
	if (rc == 0)
		*ret = r.result;
	else
		restore_result_done(&r.result);
	if (rc < 0 && err)
		*err = why;
	restore_done(&r);
	return rc;
}

void restore_result_done(struct restore_result *r)
{
	manifest_free(r->backup);
	free(r->socket);
	free(r->note);
	first_start_done(&r->first);
	free(r->replay.gtid_pos);
	*r = (struct restore_result){0};
}
