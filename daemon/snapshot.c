#include "daemon/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "job/catalog_load.h"
#include "repo/repo.h"

/* Binlogs that cannot be read say nothing against the backups. */
static void look_at(struct snapshot_instance *one, struct repo *repo, struct binlog_memory *memory,
                    struct err *err)
{
	struct catalog fresh;
	catalog_init(&fresh);
	if (catalog_load(repo, one->name, &fresh, err) < 0) {
		catalog_done(&fresh);
		return;
	}
	catalog_done(&one->catalog);
	one->catalog = fresh;
	one->loaded = true;
	one->binlog_loaded = binlog_state_load(repo, one->name, &one->catalog, memory, &one->binlog,
	                                       &one->binlog_err) == 0;
}

static void look_into(struct snapshot *s, struct snapshot_repository *at, bool must_be_mounted,
                      struct binlog_memory *memory, bool with_catalogs)
{
	struct repo *repo = NULL;
	struct repo_options options = {.must_be_mounted = must_be_mounted};
	if (repo_open(at->url, &options, &repo, &at->err) < 0 ||
	    repo_space(repo, &at->free_bytes, &at->total_bytes, &at->err) < 0)
		goto out;
	for (size_t i = 0; with_catalogs && i < s->instance_n; i++)
		look_at(&s->instances[i], repo, memory, &at->err);
out:
	repo_close(repo);
}

struct snapshot *snapshot_take(const struct policy *policy, struct binlog_memory *memory)
{
	struct snapshot *s = mem_zalloc(sizeof *s);
	s->begun_us = clock_wall_us();
	s->instance_n = policy->instance_n;
	s->instances = mem_zalloc((s->instance_n + 1) * sizeof *s->instances);
	for (size_t i = 0; i < s->instance_n; i++) {
		s->instances[i].name = mem_strdup(policy->instances[i].name);
		catalog_init(&s->instances[i].catalog);
	}
	s->repository_n = policy->repository_n;
	s->repositories = mem_zalloc((s->repository_n + 1) * sizeof *s->repositories);
	for (size_t i = 0; i < s->repository_n; i++) {
		const struct policy_repository *from = &policy->repositories[i];
		s->repositories[i].name = mem_strdup(from->name);
		s->repositories[i].url = mem_strdup(from->url);
		/* Backups go to the first repository. */
		look_into(s, &s->repositories[i], from->must_be_mounted, memory, i == 0);
	}
	return s;
}

void snapshot_free(struct snapshot *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->instance_n; i++) {
		free(s->instances[i].name);
		catalog_done(&s->instances[i].catalog);
		binlog_state_done(&s->instances[i].binlog);
	}
	for (size_t i = 0; i < s->repository_n; i++) {
		free(s->repositories[i].name);
		free(s->repositories[i].url);
	}
	free(s->instances);
	free(s->repositories);
	free(s);
}

static struct snapshot_instance *find(const struct snapshot *s, const char *name)
{
	for (size_t i = 0; s && i < s->instance_n; i++)
		if (!strcmp(s->instances[i].name, name))
			return &s->instances[i];
	return NULL;
}

/* Whether a full is still due, or which seconds it adds, tells the next look. */
static void take(struct snapshot_instance *one, struct manifest *head)
{
	one->binlog.full_due[0] = '\0';
	catalog_add(&one->catalog, head);
}

static void inherit_one(struct snapshot_instance *mine, struct snapshot_instance *was,
                        int64_t begun_us)
{
	if (!mine->binlog_loaded) {
		binlog_state_done(&mine->binlog);
		mine->binlog = was->binlog;
		was->binlog = (struct binlog_state){0};
	}
	if (!mine->loaded) {
		struct catalog empty = mine->catalog;
		mine->catalog = was->catalog;
		was->catalog = empty;
		return;
	}
	size_t n = was->catalog.backups.n;
	struct manifest **list = was->catalog.backups.v;
	while (n > 0 && list[n - 1]->finished_us >= begun_us) {
		struct manifest *m = list[--n];
		if (catalog_find(&mine->catalog, m->id))
			continue;
		memmove(&list[n], &list[n + 1],
		        (--was->catalog.backups.n - n) * sizeof(struct manifest *));
		take(mine, m);
	}
}

static bool same_place(const struct snapshot *a, const struct snapshot *b)
{
	return a && b && a->repository_n && b->repository_n &&
	       !strcmp(a->repositories[0].url, b->repositories[0].url);
}

void snapshot_inherit(struct snapshot *s, struct snapshot *old)
{
	if (!same_place(s, old))
		return;
	for (size_t i = 0; i < s->instance_n; i++) {
		struct snapshot_instance *was = find(old, s->instances[i].name);
		if (was)
			inherit_one(&s->instances[i], was, s->begun_us);
	}
}

void snapshot_add(struct snapshot *s, struct manifest *head)
{
	struct snapshot_instance *one = find(s, head->instance);
	if (one && !catalog_find(&one->catalog, head->id))
		take(one, head);
	else
		manifest_free(head);
}

const struct snapshot_repository *snapshot_repository(const struct snapshot *s, const char *name)
{
	for (size_t i = 0; s && i < s->repository_n; i++)
		if (!strcmp(s->repositories[i].name, name))
			return &s->repositories[i];
	return NULL;
}

const struct catalog *snapshot_catalog(const struct snapshot *s, const char *instance)
{
	const struct snapshot_instance *one = find(s, instance);
	return one ? &one->catalog : NULL;
}

const struct binlog_state *snapshot_binlog(const struct snapshot *s, const char *instance)
{
	const struct snapshot_instance *one = find(s, instance);
	return one ? &one->binlog : NULL;
}

const struct err *snapshot_binlog_err(const struct snapshot *s, const char *instance)
{
	const struct snapshot_instance *one = find(s, instance);
	return one && one->binlog_err.kind != ERR_NONE ? &one->binlog_err : NULL;
}

struct check_note *check_take(const struct policy *policy, struct binlog_memory *memory)
{
	struct check_note *c = mem_zalloc(sizeof *c);
	check_again(policy, memory, &c->result);
	c->at_us = clock_wall_us();
	return c;
}

void check_note_free(struct check_note *c)
{
	if (!c)
		return;
	check_result_done(&c->result);
	free(c);
}
