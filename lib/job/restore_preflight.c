/* restore: the look before anything is written. */
#include <stdlib.h>

#include "job/binlog_view.h"
#include "job/catalog_load.h"
#include "job/restore_owner.h"
#include "job/restore_parts.h"
#include "job/restore_recover.h"
#include "job/restore_redo.h"
#include "job/restore_space.h"

void restore_step(struct restore *r, const char *literal)
{
	if (r->req->progress)
		progress_step(r->req->progress, literal);
}

struct pitr_request restore_pitr_request(const struct restore *r)
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

const struct manifest_file *restore_redo_file(const struct manifest *m)
{
	for (size_t i = 0; i < m->files.n; i++)
		if (m->files.v[i].kind == FILE_REDO)
			return &m->files.v[i];
	return NULL;
}

static int open_repository(struct restore *r, struct err *err)
{
	struct repo_options options = {0};

	if (repo_open(r->req->repo_url, &options, &r->repo, err) < 0 ||
	    instance_choose(r->repo, r->req->instance, &r->instance, err) < 0 ||
	    reader_lock_take(r->repo, r->instance, "restore", &r->lock, err) < 0)
		return -1;
	return catalog_load(r->repo, r->instance, &r->catalog, err);
}

static int choose_backup(struct restore *r, struct err *err)
{
	struct pitr_request request = restore_pitr_request(r);

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

/* Laid beside the data: one binlog at a time, all files of LOAD DATA, and what
 * mariadb-binlog makes of a transaction (base64) before it prints it. */
static uint64_t replay_bytes(const struct pitr_plan *p)
{
	return p->largest + p->load_bytes + p->largest_group / 3 * 4;
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
	if (rc == 0)
		rc = restore_space_need(&s, r->targets.v[0].path, replay_bytes(&r->pitr), err);
	if (rc == 0)
		rc = restore_space_check(&s, err);
	restore_space_done(&s);
	return rc;
}

/* Programs for what is to be done, which may be run by whoever they are to run as. */
static int check_programs(struct restore *r, struct err *err)
{
	struct server_version version;

	if (!r->req->recover)
		return 0;
	if (recover_find_binary(r->m, r->req->server_binary, &r->binary, &r->found, err) < 0 ||
	    restore_owner_check(r->m, &r->places, r->binary, err) < 0)
		return -1;
	if (!r->pitr.pieces.n)
		return 0;
	if (recover_version(r->m, &version, err) < 0 ||
	    replay_tools_find(r->binary, &version, &r->tools, err) < 0 ||
	    restore_owner_check_tools(r->m, &r->tools, r->req->as_root, err) < 0)
		return -1;
	return recover_time_zone(r->m, &r->time_zone, err);
}

int restore_preflight(struct restore *r, struct err *err)
{
	restore_step(r, "plan");
	if (open_repository(r, err) < 0 || choose_backup(r, err) < 0 || check_targets(r, err) < 0)
		return -1;
	if (restore_redo_file(r->m) && restore_redo_check(r->m, &r->places, err) < 0)
		return -1;
	if (check_programs(r, err) < 0)
		return -1;
	if (restore_plan_make(r->repo, r->chain, r->chain_n, r->m, r->req->cancel, &r->plan, err) <
	    0)
		return -1;
	return check_space(r, err);
}
