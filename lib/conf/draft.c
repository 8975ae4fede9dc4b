#include "conf/draft.h"

#include <stdlib.h>

#include "conf/rows.h"

static void default_compression(struct draft *d)
{
	const struct row *level = row_find("compression.", "level", 5);
	struct policy_compression_rule *rule = vec_push(&d->compression);

	*rule = (struct policy_compression_rule){.up_to = UINT64_MAX};
	row_store(level, level->def, &rule->level, NULL);
}

void draft_defaults(const char *section, void *base)
{
	for (size_t i = 0; i < row_n; i++) {
		const struct row *r = &rows[i];
		char *field = (char *)base + r->offset, *inner;
		if (!row_key(r, section))
			continue;
		if (r->type == ROW_SECTION && !r->like) {
			inner = row_section(r);
			draft_defaults(inner, field);
			free(inner);
		} else if (r->type == ROW_RULES) {
			default_compression(base);
		} else if (r->def) {
			row_store(r, r->def, field, NULL);
		}
	}
}

struct policy *draft_finish(struct draft *d, const char *path)
{
	struct policy *p = policy_new();

	free(p->compression);
	p->path = mem_strdup(path);
	p->repositories = d->repositories.v;
	p->repository_n = d->repositories.n;
	p->instances = d->instances.v;
	p->instance_n = d->instances.n;
	p->compression = d->compression.v;
	p->compression_n = d->compression.n;
	p->limits = d->limits;
	p->monitor = d->monitor;
	*d = (struct draft){0};
	return p;
}

void draft_done(struct draft *d)
{
	policy_unref(draft_finish(d, NULL));
}
