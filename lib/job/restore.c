#include "job/restore.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "job/catalog_load.h"
#include "job/restore_files.h"
#include "job/restore_owner.h"
#include "job/restore_place.h"
#include "job/restore_plan.h"
#include "job/restore_recover.h"
#include "job/restore_recover_mysql.h"
#include "job/restore_redo.h"
#include "job/restore_redo_source.h"
#include "job/restore_replay.h"
#include "job/restore_space.h"
#include "job/restore_target.h"
#include "repo/backups.h"

struct restore {
	const struct restore_request *req;
	struct repo *repo;
	void *lock;
	char *instance;
	struct catalog catalog;
	struct pitr_plan pitr;
	struct replay_tools tools;
	const struct manifest **chain; /* heads, newest first */
	size_t chain_n;
	struct manifest *m; /* the newest, with its files */
	char *binary;
	char *time_zone; /* of the private server, or NULL */
	struct places places;
	struct restore_plan plan;
	VEC(struct target) targets; /* the data directory first, then mapped roots */
	struct str found;           /* by the recovery: a note */
	bool recovering;            /* what is there is kept if it fails now */
	struct restore_result result;
};

static void step(struct restore *r, const char *literal)
{
	if (r->req->progress)
		progress_step(r->req->progress, literal);
}

static struct restore_files files_of(const struct restore *r)
{
	return (struct restore_files){.m = r->m,
	                              .places = &r->places,
	                              .cancel = r->req->cancel,
	                              .progress = r->req->progress};
}

/* A repository that we cannot write to (mounted read-only after a disaster) has
 * nobody who could take a backup away from under us either. */
static int take_lock(struct restore *r, struct err *err)
{
	char *name = backups_reader_lock(r->instance);
	struct err why = ERR_INIT;
	int rc = repo_lock(r->repo, name, false, "restore", &r->lock, &why);

	free(name);
	if (rc < 0 && why.kind == ERR_BUSY) {
		if (err)
			*err = why;
		return -1;
	}
	return 0;
}

static int open_repository(struct restore *r, struct err *err)
{
	struct repo_options options = {0};

	if (repo_open(r->req->repo_url, &options, &r->repo, err) < 0 ||
	    instance_choose(r->repo, r->req->instance, &r->instance, err) < 0 ||
	    take_lock(r, err) < 0)
		return -1;
	return catalog_load(r->repo, r->instance, &r->catalog, err);
}

static struct pitr_request pitr_of(const struct restore *r)
{
	static const struct restore_point only = {.kind = POINT_BACKUP};

	return (struct pitr_request){.repo = r->repo,
	                             .instance = r->instance,
	                             .catalog = &r->catalog,
	                             .point = r->req->point ? r->req->point : &only,
	                             .backup = r->req->backup,
	                             .caught_up_us = r->req->caught_up_us,
	                             .cancel = r->req->cancel};
}

static int choose_backup(struct restore *r, struct err *err)
{
	struct pitr_request request = pitr_of(r);

	if (pitr_plan_make(&request, &r->pitr, err) < 0)
		return -1;
	if (r->pitr.pieces.n && !r->req->recover)
		return err_set(err, ERR_USAGE, "binlogs cannot be replayed without recovery");
	if (catalog_chain(&r->catalog, r->pitr.backup->id, &r->chain, &r->chain_n, err) < 0)
		return -1;
	return manifest_load(r->repo, r->instance, r->pitr.backup->id, true, &r->m, err);
}

static int check_targets(struct restore *r, struct err *err)
{
	const struct restore_request *req = r->req;
	struct target t;

	if (target_check(req->to, TARGET_DATADIR, req->force, req->repo_url, &t, err) < 0)
		return -1;
	*vec_push(&r->targets) = t;
	if (places_init(r->m, t.path, req->maps, &r->places, err) < 0 ||
	    places_check_collisions(&r->places, r->m, err) < 0)
		return -1;
	for (size_t i = 0; i < r->places.n; i++) {
		if (!r->places.v[i].mapped)
			continue;
		if (target_check(r->places.v[i].dir, TARGET_MAPPED, req->force, req->repo_url, &t,
		                 err) < 0)
			return -1;
		*vec_push(&r->targets) = t;
	}
	return 0;
}

static int check_space(struct restore *r, struct err *err)
{
	struct restore_space s = {0};
	int rc = 0;

	for (size_t i = 0; i < r->places.n && rc == 0; i++)
		if (r->places.v[i].dir)
			rc = restore_space_need(
			    &s, r->places.v[i].dir,
			    restore_space_of_root(r->m, &r->plan, &r->places, i), err);
	for (size_t i = 0; i < r->targets.n && rc == 0; i++)
		rc = restore_space_frees(&s, r->targets.v[i].path, r->targets.v[i].would_free, err);
	/* One binlog at a time is laid beside the data. */
	if (rc == 0)
		rc = restore_space_need(&s, r->targets.v[0].path, r->pitr.largest, err);
	if (rc == 0)
		rc = restore_space_check(&s, err);
	restore_space_done(&s);
	return rc;
}

static const struct manifest_file *redo_file(const struct manifest *m)
{
	for (size_t i = 0; i < m->files.n; i++)
		if (m->files.v[i].kind == FILE_REDO)
			return &m->files.v[i];
	return NULL;
}

/* Everything that can be refused is refused here; nothing is written. */
static int preflight(struct restore *r, struct err *err)
{
	struct server_version version;

	step(r, "plan");
	if (open_repository(r, err) < 0 || choose_backup(r, err) < 0 || check_targets(r, err) < 0)
		return -1;
	if (redo_file(r->m) && restore_redo_check(r->m, &r->places, err) < 0)
		return -1;
	if (r->req->recover &&
	    (recover_find_binary(r->m, r->req->server_binary, &r->binary, err) < 0 ||
	     restore_owner_check(r->m, &r->places, r->binary, err) < 0))
		return -1;
	if (r->pitr.pieces.n && (recover_version(r->m, &version, err) < 0 ||
	                         replay_tools_find(r->binary, &version, &r->tools, err) < 0 ||
	                         recover_time_zone(r->m, &r->time_zone, err) < 0))
		return -1;
	if (restore_plan_make(r->repo, r->chain, r->chain_n, r->m, r->req->cancel, &r->plan, err) <
	    0)
		return -1;
	return check_space(r, err);
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

	step(r, "copy");
	if (r->req->progress)
		atomic_store(&r->req->progress->bytes_total,
		             r->plan.bytes + r->plan.redo_bytes + r->pitr.bytes);
	if (restore_files_create(&files, err) < 0)
		return -1;
	return restore_files_copy(&files, r->repo, &r->plan, r->req->jobs, err);
}

static int redo(struct restore *r, struct err *err)
{
	const struct manifest_file *f = redo_file(r->m);
	struct redo_frames *frames = NULL;
	char *path;
	int rc;

	step(r, "redo");
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
}

static int recover(struct restore *r, struct err *err)
{
	struct recover_plan plan = recover_plan(r);
	struct pitr_request request = pitr_of(r);

	if (!r->req->recover)
		return 0;
	step(r, "recover");
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
		if (r->places.v[i].link)
			str_addf(&s, "%s%s", s.n ? ", " : "", r->places.v[i].link);
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
	const char *const parts[] = {advice, links, r->found.n ? str_text(&r->found) : NULL,
	                             r->pitr.note};

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (parts[i])
			str_addf(&s, "%s%s", s.n ? "; " : "", parts[i]);
	r->result.note = s.n ? str_take(&s) : NULL;
	free(links);
	free(advice);
}

static int finish(struct restore *r, struct err *err)
{
	step(r, "finish");
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
	if (preflight(&r, &why) < 0 || !(r.result.backup = take_head(&r, &why)))
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
	*r = (struct restore_result){0};
}
