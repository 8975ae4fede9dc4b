/*
 * The hot copy of MySQL >= 8.0.30.
 *
 *	begin     LOCK INSTANCE FOR BACKUP (no DDL, no truncation of undo tablespaces); a
 *	          consumer holds the redo; redo capture from the checkpoint; scan
 *	stage 1   tablespaces, while everything goes on
 *	advance   scan again: what is new since the first one
 *	stage 2   tablespaces that are new, then everything that is no tablespace
 *	advance   a new binlog; log_status: end LSN and binlog position of one moment; redo up
 *	          to exactly there; the locks go
 *	stage 3   the binlog up to the position
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "source/lock.h"
#include "source/mysql.h"
#include "source/mysql_names.h"
#include "source/mysql_spaces.h"

/* A server that hangs is let go soon; rotating a binlog can take a while. */
#define TIMEOUT_S 120
#define LOCK "LOCK INSTANCE FOR BACKUP"

static const struct engine_suffix engines[] = {
    {".ibd", "InnoDB"}, {".MYI", "MyISAM"}, {".CSV", "CSV"}, {".ARZ", "ARCHIVE"}, {NULL, NULL},
};

static const struct hot_rules rules = {
    .classify = mysql_names_classify,
    .unstable = mysql_names_unstable,
    .names_fixed = true,
    .engines = engines,
    .look = mysql_names_unlocked,
};

static struct mysql *mysql_of(struct source *s)
{
	return (struct mysql *)s;
}

static int mysql_current_lsn(struct conn *c, uint64_t *ret, struct err *err)
{
	struct mysql_lsns now;
	if (mysql_lsns_ask(c, &now, err) != 0)
		return -1;
	*ret = now.current;
	return 0;
}

static int lock_instance(struct mysql *m, struct err *err)
{
	const struct source_plan *plan = &m->hot.plan;
	if (keep_open(&plan->target, TIMEOUT_S, LOCK, plan->progress, &m->locked, err) != 0 ||
	    conn_open(&plan->target, TIMEOUT_S, &m->side, err) != 0)
		return -1;
	int rc =
	    lock_enter(keep_take(m->locked), LOCK, plan->lock_wait_s, plan->cancel,
	               "a long-running DDL statement holds it (ALTER TABLE, OPTIMIZE, …): see "
	               "SHOW FULL PROCESSLIST and SELECT OWNER_THREAD_ID FROM "
	               "performance_schema.metadata_locks WHERE OBJECT_TYPE='BACKUP LOCK'; let it "
	               "end, or raise limits.lock_wait in the policy",
	               err);
	keep_give(m->locked);
	m->locked_ns = clock_mono_ns();
	return rc;
}

/* The consumer first: what is behind the checkpoint that is asked for then stays. */
static int start_capture(struct mysql *m, struct err *err)
{
	struct manifest *out = m->hot.out;
	const char *redo_dir = m->hot.plan.facts->redo_dir;

	if (mysql_consumer_new(&m->hot.plan.target, &m->consumer, err) != 0 ||
	    mysql_ask_checkpoint(m->side, &out->lsn_checkpoint, err) != 0 ||
	    mysql_consumer_watch(m->consumer, out->lsn_checkpoint, err) != 0)
		return -1;
	if (!mysql_consumer_holds(m->consumer))
		*vec_push(&out->warnings) = mem_strdup(
		    "another program is registered as the consumer of the server's redo log, so "
		    "the backup could only hope that none of it is reused before it was read; "
		    "none was");
	char *dir = mem_printf("%s/" MYSQL_REDO_DIR, redo_dir ? redo_dir : out->roots.v[0].path);
	const struct mysql_capture_plan plan = {
	    .dir = dir,
	    .checkpoint = out->lsn_checkpoint,
	    .consumer = m->consumer,
	    .keep = m->locked,
	    .to = m->hot.plan.redo,
	    .cancel = m->hot.plan.cancel,
	};
	int rc = mysql_capture_start(&plan, &m->capture, err);
	free(dir);
	if (rc == 0)
		hot_add_redo_file(&m->hot, MYSQL_REDO_DIR "/" MYSQL_REDO_FIRST,
		                  mysql_capture_first_path(m->capture));
	return rc;
}

static void mysql_free(struct source *s);

static int mysql_begin(const struct source_plan *plan, struct source **ret, struct err *err)
{
	struct mysql *m = mem_zalloc(sizeof *m);
	m->binlog.fd = -1;
	int rc = hot_init(&m->hot, &source_hot_mysql, &rules, plan, err);
	if (rc == 0) {
		mysql_names_add_roots(plan->facts, m->hot.out);
		hot_say_step(&m->hot, "start");
		if (lock_instance(m, err) != 0 || start_capture(m, err) != 0 ||
		    mysql_check_spaces(m->side, plan->facts, m->hot.out, err) != 0 ||
		    hot_plan_first(&m->hot, err) != 0)
			rc = -1;
	}
	if (rc != 0) {
		mysql_free(&m->hot.source);
		return -1;
	}
	hot_say_step(&m->hot, "copy");
	*ret = &m->hot.source;
	return 0;
}

/* Is the copy still worth going on with?  The point is fixed when there is no capture. */
static int check_alive(struct mysql *m, struct err *err)
{
	return m->capture ? mysql_capture_check(m->capture, err) : 0;
}

static int mysql_next(struct source *s, struct item *ret, struct err *err)
{
	struct mysql *m = mysql_of(s);
	if (check_alive(m, err) != 0)
		return -1;
	keep_copying(m->locked, true);
	return hot_next(&m->hot, ret, err);
}

static int plan_second(struct mysql *m, struct err *err)
{
	hot_say_step(&m->hot, "files");
	return hot_rescan(&m->hot, err);
}

static int mysql_advance(struct source *s, struct err *err)
{
	struct mysql *m = mysql_of(s);
	keep_copying(m->locked, false);
	if (check_alive(m, err) != 0)
		return -1;
	switch (m->hot.stage++) {
	case 1:
		return plan_second(m, err) == 0 ? 1 : -1;
	case 2:
		return mysql_fix_point(m, err) == 0 ? 1 : -1;
	default:
		return 0;
	}
}

static void mysql_free(struct source *s)
{
	struct mysql *m = s ? mysql_of(s) : NULL;
	if (!m)
		return;
	/* The lock first, whatever the capture that uses its session waits for. */
	keep_break(m->locked);
	mysql_capture_free(m->capture);
	keep_free(m->locked);
	mysql_consumer_free(m->consumer);
	conn_free(m->side);
	mysql_binlog_close(&m->binlog);
	hot_done(&m->hot);
	free(m);
}

const struct source_ops source_hot_mysql = {
    .name = "hot",
    .probe = facts_check_hot,
    .current_lsn = mysql_current_lsn,
    .begin = mysql_begin,
    .next = mysql_next,
    .done = hot_item_done,
    .advance = mysql_advance,
    .free = mysql_free,
};
