#include "model/policy.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

bool policy_name_valid(const char *name)
{
	size_t n =
	    strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-");

	return n >= 1 && n <= 64 && name[n] == 0 && name[0] != '.';
}

struct policy *policy_new(void)
{
	struct policy *p = mem_zalloc(sizeof *p);

	atomic_init(&p->refs, 1);
	p->compression = mem_alloc(sizeof *p->compression);
	p->compression[0] = (struct policy_compression_rule){.up_to = UINT64_MAX, .level = 3};
	p->compression_n = 1;
	p->limits = (struct policy_limits){
	    .workers = 2,
	    .jobs = 2,
	    .lock_wait_s = 60,
	    .lock_retries = 3,
	};
	p->monitor = (struct policy_monitor){
	    .full_max_age_s = 25 * 3600,
	    .incremental_max_age_s = 2 * 3600,
	    .repository_max_use = 85,
	};
	return p;
}

struct policy *policy_ref(struct policy *p)
{
	atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
	return p;
}

static void free_instance(struct policy_instance *i)
{
	free(i->name);
	free(i->socket);
	free(i->host);
	free(i->defaults_file);
	free(i->datadir);
	free(i->server_binary);
	for (char **o = i->server_options; o && *o; o++)
		free(*o);
	free(i->server_options);
	free(i->method);
}

void policy_unref(struct policy *p)
{
	if (!p || atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < p->repository_n; i++) {
		free(p->repositories[i].name);
		free(p->repositories[i].url);
	}
	free(p->repositories);
	for (size_t i = 0; i < p->instance_n; i++)
		free_instance(&p->instances[i]);
	free(p->instances);
	free(p->compression);
	free(p->path);
	free(p);
}

const struct policy_instance *policy_find_instance(const struct policy *p, const char *name)
{
	for (size_t i = 0; i < p->instance_n; i++)
		if (!strcmp(p->instances[i].name, name))
			return &p->instances[i];
	return NULL;
}

int policy_level_for(const struct policy *p, uint64_t file_size)
{
	for (size_t i = 0; i < p->compression_n; i++)
		if (file_size <= p->compression[i].up_to)
			return p->compression[i].level;
	return 3;
}
