#include "job/expire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "job/catalog_load.h"
#include "job/expire_binlog.h"
#include "repo/backups.h"

struct expire {
	const struct policy_instance *instance;
	struct repo *repo;
	void *writer, *reader;
	struct catalog catalog;
	struct expire_verdict *verdicts; /* one a readable backup, newest first */
	struct expire_result result;
};

static int take_locks(struct expire *e, struct err *err)
{
	char *writer = backups_writer_lock(e->instance->name);
	char *reader = backups_reader_lock(e->instance->name);
	int rc = repo_lock(e->repo, writer, true, "expire", &e->writer, err);

	if (rc == 0)
		rc = repo_lock(e->repo, reader, true, "expire", &e->reader, err);
	free(writer);
	free(reader);
	return rc;
}

static int line_order(const void *a, const void *b)
{
	return strcmp(((const struct expire_line *)a)->id, ((const struct expire_line *)b)->id);
}

static void fill_lines(struct expire *e, bool removed_only)
{
	for (size_t i = 0; i < e->catalog.backups.n; i++) {
		const struct expire_verdict *v = &e->verdicts[i];
		struct expire_line *l = vec_push(&e->result.lines);
		*l = (struct expire_line){.remove = v->remove,
		                          .stored_bytes = v->backup->stored_bytes};
		memcpy(l->id, v->backup->id, sizeof l->id);
		memcpy(l->reason, v->reason, sizeof l->reason);
		if (v->remove && !removed_only)
			e->result.freed_bytes += l->stored_bytes;
	}
	for (size_t i = 0; i < e->catalog.damaged_n; i++) {
		struct expire_line *l = vec_push(&e->result.lines);
		*l = (struct expire_line){.remove = false};
		memcpy(l->id, e->catalog.damaged[i].id, sizeof l->id);
		snprintf(l->reason, sizeof l->reason,
		         "cannot be read, never removed by itself: %.100s",
		         e->catalog.damaged[i].why.text);
	}
	if (e->result.lines.n)
		qsort(e->result.lines.v, e->result.lines.n, sizeof *e->result.lines.v, line_order);
}

/* Newest first: whenever it is interrupted, no backup has lost its parent. */
static int remove_all(struct expire *e, const struct cancel *cancel, struct err *err)
{
	size_t done = 0;

	for (size_t i = 0; i < e->catalog.backups.n; i++) {
		const struct expire_verdict *v = &e->verdicts[i];
		if (!v->remove)
			continue;
		if (cancel_check(cancel, err) < 0 ||
		    backups_remove(e->repo, e->instance->name, v->backup->id, err) < 0)
			return err_add(err, "%zu backups were removed, then", done);
		e->result.freed_bytes += v->backup->stored_bytes;
		done++;
	}
	return 0;
}

static int decide(struct expire *e, struct err *err)
{
	if (catalog_load(e->repo, e->instance->name, &e->catalog, err) < 0)
		return -1;
	catalog_expire(&e->catalog, &e->instance->retention, clock_wall_us(), &e->verdicts);
	return 0;
}

/* After the backups: at no moment is there one whose binlogs are gone. */
static int expire_their_binlogs(struct expire *e, bool dry_run, const struct cancel *cancel,
                                struct err *err)
{
	struct expire_binlog_plan plan = {
	    .repo = e->repo,
	    .instance = e->instance->name,
	    .catalog = &e->catalog,
	    .verdicts = e->verdicts,
	    .full_days = e->instance->retention.full_days,
	    .dry_run = dry_run,
	    .cancel = cancel,
	};

	return expire_binlogs(&plan, &e->result, err);
}

int expire_run(const struct policy *policy, const struct policy_instance *instance, bool dry_run,
               const struct cancel *cancel, struct expire_result *ret, struct err *err)
{
	const struct policy_repository *where = &policy->repositories[0];
	struct repo_options options = {.must_be_mounted = where->must_be_mounted};
	struct expire e = {.instance = instance};
	int rc;

	catalog_init(&e.catalog);
	rc = repo_open(where->url, &options, &e.repo, err);
	if (rc == 0 && !dry_run)
		rc = take_locks(&e, err);
	if (rc == 0)
		rc = decide(&e, err);
	if (rc == 0 && !dry_run)
		rc = remove_all(&e, cancel, err);
	if (rc == 0)
		rc = expire_their_binlogs(&e, dry_run, cancel, err);
	if (rc == 0) {
		fill_lines(&e, !dry_run);
		*ret = e.result;
	} else {
		expire_result_done(&e.result);
	}
	free(e.verdicts);
	catalog_done(&e.catalog);
	if (e.reader)
		repo_unlock(e.repo, e.reader);
	if (e.writer)
		repo_unlock(e.repo, e.writer);
	repo_close(e.repo);
	return rc;
}

void expire_result_done(struct expire_result *r)
{
	for (size_t i = 0; i < r->binlogs.n; i++) {
		free(r->binlogs.v[i].first);
		free(r->binlogs.v[i].last);
	}
	vec_done(&r->binlogs);
	vec_done(&r->lines);
}
