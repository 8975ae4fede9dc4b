#include "job/backup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "job/backup_copy.h"
#include "job/backup_parent.h"
#include "job/catalog_load.h"
#include "repo/backups.h"
#include "repo/pack.h"
#include "repo/repo.h"
#include "server/conn.h"
#include "server/facts.h"
#include "source/source.h"

/* Everything a run holds; backup_end lets go of whatever is there. */
struct run {
	const struct backup_request *req;
	struct conn_target target;
	struct repo *repo;
	char *lock_name;
	void *lock;
	struct conn *conn;
	struct facts facts;
	bool facts_known;
	uint64_t current_lsn;
	const struct source_ops *ops;
	struct manifest *parent; /* with files; NULL: a full */
	struct manifest *out;
	struct pack_set packs;
	struct backup_copy *copy;
	struct source *source;
	bool stored; /* the manifest is there: the backup exists */
};

static struct conn_target target_of(const struct policy_instance *i)
{
	return (struct conn_target){.socket = i->socket,
	                            .host = i->host,
	                            .port = i->port,
	                            .defaults_file = i->defaults_file};
}

static int open_repo(const struct policy *p, bool create, struct repo **ret, struct err *err)
{
	const struct policy_repository *r = &p->repositories[0];
	const struct repo_options o = {.create = create, .must_be_mounted = r->must_be_mounted};
	return repo_open(r->url, &o, ret, err);
}

/* A reader who may not write here goes on without a lock it cannot make: so it is
 * there from the first backup on. */
static void make_reader_lock(struct run *r)
{
	char *name = backups_reader_lock(r->req->instance->name);
	void *lock = NULL;
	struct err busy; /* an expire has it: then it is there */
	if (repo_lock(r->repo, name, false, "backup", &lock, &busy) == 0)
		repo_unlock(r->repo, lock);
	free(name);
}

static int take_writer_lock(struct run *r, struct err *err)
{
	unsigned removed;
	r->lock_name = backups_writer_lock(r->req->instance->name);
	if (repo_lock(r->repo, r->lock_name, true, "backup", &r->lock, err) != 0)
		return -1;
	make_reader_lock(r);
	return backups_clean(r->repo, r->req->instance->name, &removed, err);
}

static int meet_server(struct run *r, struct err *err)
{
	if (conn_open(&r->target, 60, &r->conn, err) != 0 ||
	    facts_ask(r->conn, &r->facts, err) != 0)
		return -1;
	r->facts_known = true;
	facts_move(&r->facts, r->req->instance->datadir);
	if (source_choose(r->req->instance->method, &r->facts, &r->ops, err) != 0 ||
	    r->ops->probe(&r->facts, err) != 0 ||
	    r->ops->current_lsn(r->conn, &r->current_lsn, err) != 0)
		return -1;
	/* The source has sessions of its own. */
	conn_free(r->conn);
	r->conn = NULL;
	return 0;
}

static int find_parent(struct run *r, struct err *err)
{
	const struct parent_wish wish = {
	    .repo = r->repo,
	    .instance = r->req->instance->name,
	    .method = r->ops->name,
	    .facts = &r->facts,
	    .current_lsn = r->current_lsn,
	};
	char *reason = NULL;
	if (r->req->kind == BACKUP_FULL)
		return 0;
	if (parent_choose(&wish, &r->parent, &reason, err) != 0)
		return -1;
	if (!r->parent)
		r->out->full_reason = reason;
	else if (reason)
		*vec_push(&r->out->warnings) = reason;
	return 0;
}

/* "20261122T020000Z…" to wall time; -1 if it is not one. */
static int64_t time_of_id(const char *id)
{
	struct tm tm = {0};
	const char *end = strptime(id, "%Y%m%dT%H%M%SZ", &tm);
	return end ? (int64_t)timegm(&tm) * CLOCK_US : -1;
}

/* Ids sort by time and the newest backup has the greatest: within one second of
 * another, or after the clock was put back, the second behind it is taken. */
static int choose_id(struct run *r, struct err *err)
{
	struct name_list backups = {0}, leftovers = {0};
	char stamp[32];
	if (backups_ids(r->repo, r->req->instance->name, &backups, &leftovers, err) != 0)
		return -1;
	int64_t newest = backups.names.n ? time_of_id(backups.names.v[backups.names.n - 1]) : -1;
	int64_t us = r->out->started_us - r->out->started_us % CLOCK_US;
	clock_format_id(stamp, sizeof stamp, us > newest ? us : newest + CLOCK_US);
	snprintf(r->out->id, sizeof r->out->id, "%s-%s", stamp,
	         r->out->kind == BACKUP_FULL ? "full" : "incr");
	name_list_done(&backups);
	name_list_done(&leftovers);
	return 0;
}

/* Options that come repeatedly (plugin_load_add) become one, as the server reads it. */
static void add_setting(struct manifest *m, const char *name, const char *value)
{
	const char *before = manifest_setting(m, name);
	char *joined = before ? mem_printf("%s;%s", before, value) : mem_strdup(value);
	manifest_set(m, name, joined);
	free(joined);
}

static int describe(struct run *r, struct err *err)
{
	struct manifest *m = r->out;
	const struct facts *f = &r->facts;
	m->instance = mem_strdup(r->req->instance->name);
	m->started_us = clock_wall_us();
	m->method = mem_strdup(r->ops->name);
	m->mybak_version = mem_strdup(MYBAK_VERSION);
	m->flavour = mem_strdup(flavour_word(f->flavour));
	m->version = mem_strdup(f->version);
	m->uuid = mem_strdup(f->uuid ? f->uuid : "");
	m->page_size = f->page_size;
	for (size_t i = 0; i < f->setting_names.n; i++)
		add_setting(m, f->setting_names.v[i], f->setting_values.v[i]);
	if (find_parent(r, err) != 0)
		return -1;
	m->kind = r->parent ? BACKUP_INCREMENTAL : BACKUP_FULL;
	if (r->parent)
		snprintf(m->parent, sizeof m->parent, "%s", r->parent->id);
	return choose_id(r, err);
}

static int begin(struct run *r, struct err *err)
{
	const struct policy *p = r->req->policy;
	r->packs.repo = r->repo;
	r->packs.instance = r->out->instance;
	r->packs.id = r->out->id;
	const struct backup_copy_plan copy = {
	    .policy = p,
	    .list_corrupt = r->req->instance->corrupt_pages == CORRUPT_LIST,
	    .packs = &r->packs,
	    .out = r->out,
	    .cancel = r->req->cancel,
	    .progress = r->req->progress,
	};
	if (backup_copy_new(&copy, &r->copy, err) != 0)
		return -1;
	const struct source_plan plan = {
	    .target = r->target,
	    .facts = &r->facts,
	    .lock_wait_s = p->limits.lock_wait_s,
	    .lock_retries = p->limits.lock_retries,
	    .parent = r->parent,
	    .out = r->out,
	    .redo = backup_copy_redo(r->copy),
	    .cancel = r->req->cancel,
	    .progress = r->req->progress,
	    .remember = r->req->remember,
	    .remember_arg = r->req->remember_arg,
	};
	return r->ops->begin(&plan, &r->source, err);
}

static int copy_stages(struct run *r, struct err *err)
{
	int more;
	do {
		if (backup_copy_stage(r->copy, r->source, err) != 0)
			return -1;
		more = r->ops->advance(r->source, err);
	} while (more == 1);
	return more;
}

/* Nothing refers to the packs until the manifest does, and that comes last. */
static int store(struct run *r, struct err *err)
{
	if (r->req->progress)
		progress_step(r->req->progress, "manifest");
	if (backup_copy_finish(r->copy, err) != 0 || cancel_check(r->req->cancel, err) != 0)
		return -1;
	r->out->finished_us = clock_wall_us();
	if (manifest_store(r->repo, r->out, err) != 0)
		return -1;
	r->stored = true;
	return 0;
}

static void remove_traces(struct run *r)
{
	struct err ignored;
	if (!r->out->id[0] || r->stored)
		return;
	char *dir = repo_name_dir(r->req->instance->name, r->out->id);
	repo_remove_all(r->repo, dir, &ignored); /* what stays, the next run removes */
	free(dir);
}

static void backup_end(struct run *r)
{
	if (r->source)
		r->ops->free(r->source); /* lets the server go first */
	backup_copy_free(r->copy);
	if (r->lock)
		remove_traces(r);
	conn_free(r->conn);
	if (r->facts_known)
		facts_done(&r->facts);
	if (r->repo)
		repo_unlock(r->repo, r->lock);
	repo_close(r->repo);
	manifest_free(r->parent);
	free(r->lock_name);
}

static void drop_files(struct manifest *m)
{
	for (size_t i = 0; i < m->files.n; i++) {
		free(m->files.v[i].path);
		free(m->files.v[i].target);
	}
	vec_done(&m->files);
}

int backup_run(const struct backup_request *req, struct manifest **ret_head, struct err *err)
{
	struct run r = {.req = req, .target = target_of(req->instance)};
	r.out = manifest_new();
	int rc = -1;

	if (req->progress)
		progress_step(req->progress, "connect");
	if (open_repo(req->policy, true, &r.repo, err) == 0 && take_writer_lock(&r, err) == 0 &&
	    meet_server(&r, err) == 0 && describe(&r, err) == 0 && begin(&r, err) == 0 &&
	    copy_stages(&r, err) == 0 && store(&r, err) == 0)
		rc = 0;
	backup_end(&r);
	if (rc == 0) {
		drop_files(r.out);
		*ret_head = r.out;
	} else {
		manifest_free(r.out);
	}
	return rc;
}

int backup_undo(const struct policy_instance *instance, const char *token, struct err *err)
{
	const struct conn_target target = target_of(instance);
	return source_undo(&target, token, err);
}

int backup_clean(const struct policy *policy, const struct policy_instance *instance,
                 unsigned *ret_removed, struct err *err)
{
	struct repo *repo = NULL;
	void *lock = NULL;
	char *name = backups_writer_lock(instance->name);
	int rc = -1;

	*ret_removed = 0;
	if (open_repo(policy, false, &repo, err) == 0 &&
	    repo_lock(repo, name, true, "clean", &lock, err) == 0) {
		rc = backups_clean(repo, instance->name, ret_removed, err);
	} else if (err->kind == ERR_BUSY || err->kind == ERR_NOT_FOUND) {
		/* Somebody writes: nothing of theirs is a leftover.  Or there is nothing yet. */
		err_clear(err);
		rc = 0;
	}
	if (repo)
		repo_unlock(repo, lock);
	repo_close(repo);
	free(name);
	return rc;
}
