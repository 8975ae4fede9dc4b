/* pitr: the plan, from a choice of the backup and the walk to the point. */
#include <stdlib.h>

#include "job/pitr.h"
#include "job/pitr_choose.h"
#include "job/pitr_errors.h"
#include "job/pitr_local.h"
#include "job/pitr_walk.h"

static int make(const struct pitr_request *req, const struct archive_catalog *a,
                struct pitr_plan *plan, struct err *err)
{
	struct pitr_place place = {0};

	if (req->point->kind == POINT_BACKUP)
		return pitr_choose_backup(req, plan, err);
	if (pitr_choose(req, a, plan, &place, err) < 0)
		return -1;
	return place.lineage ? pitr_walk(req, a, &place, plan, err) : 0;
}

int pitr_plan_make(const struct pitr_request *req, struct pitr_plan *ret, struct err *err)
{
	struct archive_catalog a = {0};
	struct pitr_plan plan = {0};
	struct err why = ERR_INIT;
	int rc = -1;

	/* A binlog that is closed while we look goes from one name to another: what was
	 * there a moment ago is looked for once more. */
	for (int attempt = 0; rc < 0 && attempt < 2; attempt++) {
		pitr_plan_done(&plan);
		archive_catalog_done(&a);
		a = (struct archive_catalog){0};
		err_clear(&why);
		if (archive_load(req->repo, req->instance, &a, &why) == 0)
			rc = make(req, &a, &plan, &why);
		if (rc < 0 && (why.kind != ERR_NOT_FOUND || plan.unreachable))
			break;
	}
	archive_catalog_done(&a);
	if (rc == 0) {
		*ret = plan;
		return 0;
	}
	pitr_plan_done(&plan);
	if (err)
		*err = why;
	return -1;
}

void pitr_plan_done(struct pitr_plan *p)
{
	for (size_t i = 0; i < p->pieces.n; i++)
		free(p->pieces.v[i].file);
	vec_done(&p->pieces);
	pitr_errors_done(p);
	pitr_local_done(p);
	free(p->note);
	free(p->gtid_pos);
	*p = (struct pitr_plan){0};
}
