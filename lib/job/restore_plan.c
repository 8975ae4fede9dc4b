#include "job/restore_plan.h"

#include <stdlib.h>

#include "job/catalog_load.h"
#include "job/restore_plan_builder.h"
#include "repo/pack.h"

static int each_frame(void *arg, const struct frame *f, struct err *err)
{
	return plan_frame(arg, f, err);
}

static int read_level(struct repo *r, struct plan_builder *b, const struct manifest *m,
                      const struct cancel *cancel, bool *ret_more, struct err *err)
{
	if (plan_level_begin(b, m, err) < 0)
		return -1;
	for (size_t i = 0; i < m->packs.n; i++) {
		if (cancel_check(cancel, err) < 0)
			return -1;
		char *name = repo_name_pack(m->instance, m->id, m->packs.v[i].number);
		plan_pack_begin(b, name);
		free(name);
		if (pack_read_index(r, m, &m->packs.v[i], each_frame, b, err) < 0)
			return -1;
	}
	return plan_level_end(b, ret_more, err);
}

int restore_plan_make(struct repo *r, const struct manifest *const *chain, size_t n,
                      const struct manifest *newest, const struct cancel *cancel,
                      struct restore_plan *ret, struct err *err)
{
	struct restore_plan p = {0};
	struct plan_builder *b = plan_builder_new(&p, newest);
	bool more = true;
	int rc = 0;

	for (size_t i = 0; i < n && more && rc == 0; i++) {
		struct manifest *m = NULL;
		if (i > 0)
			rc = manifest_load(r, newest->instance, chain[i]->id, true, &m, err);
		if (rc == 0)
			rc = read_level(r, b, m ? m : newest, cancel, &more, err);
		manifest_free(m);
	}
	if (rc == 0 && more)
		rc = err_set(err, ERR_DAMAGED,
		             "backup %s: some of its files stand on a parent "
		             "that is not in its chain",
		             newest->id);
	if (rc == 0)
		rc = plan_redo_end(b, err);
	plan_builder_free(b);
	if (rc < 0) {
		restore_plan_done(&p);
		return -1;
	}
	*ret = p;
	return 0;
}

void restore_plan_done(struct restore_plan *p)
{
	for (size_t i = 0; i < p->packs.n; i++)
		free(p->packs.v[i]);
	vec_done(&p->packs);
	vec_done(&p->frames);
	vec_done(&p->first_piece);
	vec_done(&p->pieces);
	vec_done(&p->redo);
	free(p->stored);
	p->stored = NULL;
}
