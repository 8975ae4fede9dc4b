/*
 * The hot copy of MariaDB >= 10.8.
 *
 *	begin     BACKUP STAGE START; aria_log_control; redo capture from the newest
 *	          checkpoint; scan
 *	stage 1   tablespaces, while everything goes on
 *	advance   FLUSH, BLOCK_DDL; scan again
 *	stage 2   tablespaces that are new, then everything that is no tablespace
 *	advance   the capture catches up; BLOCK_COMMIT; end LSN, binlog position, tail of
 *	          the Aria logs; END; redo up to the end LSN
 *	stage 3   what was read into memory under the lock
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "source/mariadb.h"

/* Questions asked while commits are blocked: a server that hangs is let go soon. */
#define SIDE_TIMEOUT_S 10

static const struct engine_suffix engines[] = {
    {".ibd", "InnoDB"}, {".MAI", "Aria"},    {".MYI", "MyISAM"},
    {".CSV", "CSV"},    {".ARZ", "ARCHIVE"}, {NULL, NULL},
};

static const struct hot_rules rules = {
    .classify = mariadb_names_classify,
    .unstable = mariadb_names_unstable,
    .follow_isl = true,
    .engines = engines,
    .plan_log = aria_plan_log,
};

static struct mariadb *mariadb_of(struct source *s)
{
	return (struct mariadb *)s;
}

static int mariadb_current_lsn(struct conn *c, uint64_t *ret, struct err *err)
{
	struct redo_lsns lsns;
	if (redo_lsns_ask(c, &lsns, err) != 0)
		return -1;
	*ret = lsns.current;
	return 0;
}

static int open_sessions(struct mariadb *m, struct err *err)
{
	const struct source_plan *plan = &m->hot.plan;
	if (keep_open(&plan->target, 0, "BACKUP STAGE", plan->progress, &m->stages.keep, err) !=
	        0 ||
	    conn_open(&plan->target, SIDE_TIMEOUT_S, &m->side, err) != 0)
		return -1;
	m->stages.wait_s = plan->lock_wait_s;
	m->stages.retries = plan->lock_retries;
	m->stages.cancel = plan->cancel;
	return 0;
}

static int start_capture(struct mariadb *m, struct err *err)
{
	const struct facts *f = m->hot.plan.facts;
	struct manifest *out = m->hot.out;
	struct redo_capture_plan plan = {
	    .target = m->hot.plan.target,
	    .redo_dir = f->redo_dir ? f->redo_dir : out->roots.v[0].path,
	    .to = m->hot.plan.redo,
	    .cancel = m->hot.plan.cancel,
	    .keep = m->stages.keep,
	};
	char *path = mem_printf("%s/ib_logfile0", plan.redo_dir);
	hot_add_redo_file(&m->hot, "ib_logfile0", path);
	free(path);
	if (redo_capture_start(&plan, &m->capture, err) != 0)
		return -1;
	const struct mariadb_redo *log = redo_capture_log(m->capture);
	out->lsn_checkpoint = log->checkpoint;
	memcpy(out->redo.header, log->header, sizeof out->redo.header);
	out->redo.first_lsn = log->first_lsn;
	out->redo.capacity = log->capacity;
	out->redo.file_size = log->file_size;
	out->redo.checkpoint_end_lsn = log->checkpoint_end;
	return 0;
}

static void plan_aria_root(struct mariadb *m)
{
	m->aria_root = names_add_root(m->hot.out, m->hot.plan.facts->aria_log_dir, "aria_log");
}

static void mariadb_free(struct source *s);

static int mariadb_begin(const struct source_plan *plan, struct source **ret, struct err *err)
{
	struct mariadb *m = mem_zalloc(sizeof *m);
	int rc = hot_init(&m->hot, &source_hot_mariadb, &rules, plan, err);
	if (rc == 0) {
		plan_aria_root(m);
		hot_say_step(&m->hot, "start");
		if (open_sessions(m, err) != 0 || stages_enter(&m->stages, "START", err) != 0 ||
		    aria_begin(&m->aria, m->hot.out, m->aria_root, err) != 0 ||
		    start_capture(m, err) != 0 || hot_plan_first(&m->hot, err) != 0)
			rc = -1;
	}
	if (rc != 0) {
		mariadb_free(&m->hot.source);
		return -1;
	}
	hot_say_step(&m->hot, "copy");
	*ret = &m->hot.source;
	return 0;
}

static int mariadb_next(struct source *s, struct item *ret, struct err *err)
{
	struct mariadb *m = mariadb_of(s);
	/* A copy whose redo is lost is worth nothing: stop at once. */
	if (redo_capture_check(m->capture, err) != 0)
		return -1;
	keep_copying(m->stages.keep, true);
	return hot_next(&m->hot, ret, err);
}

static int enter_block_ddl(struct mariadb *m, struct err *err)
{
	hot_say_step(&m->hot, "block_ddl");
	if (stages_enter(&m->stages, "FLUSH", err) != 0 ||
	    stages_enter(&m->stages, "BLOCK_DDL", err) != 0 || hot_rescan(&m->hot, err) != 0)
		return -1;
	aria_plan_control(&m->aria, &m->hot.second);
	hot_say_step(&m->hot, "files");
	return 0;
}

static int mariadb_advance(struct source *s, struct err *err)
{
	struct mariadb *m = mariadb_of(s);
	keep_copying(m->stages.keep, false);
	if (redo_capture_check(m->capture, err) != 0)
		return -1;
	switch (m->hot.stage++) {
	case 1:
		return enter_block_ddl(m, err) == 0 ? 1 : -1;
	case 2:
		return mariadb_fix_point(m, err) == 0 ? 1 : -1;
	default:
		return 0;
	}
}

static void mariadb_free(struct source *s)
{
	struct mariadb *m = s ? mariadb_of(s) : NULL;
	struct err ignored;
	if (!m)
		return;
	/* The locks first, whatever the capture that uses their session waits for. */
	keep_break(m->stages.keep);
	if (mariadb_put_flush_back(m) == 0 && !m->ended && m->hot.plan.remember)
		m->hot.plan.remember(m->hot.plan.remember_arg, NULL, &ignored);
	redo_capture_free(m->capture);
	keep_free(m->stages.keep);
	conn_free(m->side);
	aria_done(&m->aria);
	hot_done(&m->hot);
	free(m);
}

const struct source_ops source_hot_mariadb = {
    .name = "hot",
    .probe = facts_check_hot,
    .current_lsn = mariadb_current_lsn,
    .begin = mariadb_begin,
    .next = mariadb_next,
    .done = hot_item_done,
    .advance = mariadb_advance,
    .free = mariadb_free,
    .undo = mariadb_undo,
};
