#include "job/binlog_view.h"

#include <stdlib.h>

#include "repo/backups.h"

int reader_lock_take(struct repo *r, const char *instance, const char *what, void **ret_lock,
                     struct err *err)
{
	char *name = backups_reader_lock(instance);
	struct err why = ERR_INIT;
	int rc = repo_lock(r, name, false, what, ret_lock, &why);

	free(name);
	if (rc < 0 && why.kind == ERR_BUSY) {
		if (err)
			*err = why;
		return -1;
	}
	return 0;
}

int binlog_view_open(struct repo *r, const char *instance, struct binlog_view *ret, struct err *err)
{
	struct binlog_view v = {.repo = r};

	if (reader_lock_take(r, instance, "binlog", &v.lock, err) < 0)
		return -1;
	if (archive_load(r, instance, &v.archive, err) < 0) {
		binlog_view_done(&v);
		return -1;
	}
	*ret = v;
	return 0;
}

void binlog_view_done(struct binlog_view *v)
{
	archive_catalog_done(&v->archive);
	if (v->lock)
		repo_unlock(v->repo, v->lock);
	*v = (struct binlog_view){0};
}
