/*
 * The one moment of the hot copy in which commits wait: end LSN, binlog position, the
 * tail of the Aria logs.  Nothing happens here that could happen elsewhere.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "source/mariadb.h"

#define FLUSH_SETTING "innodb_flush_log_at_trx_commit"
#define CATCH_UP_BYTES (256u << 10)

/* On some versions a flush of the redo log is durable only while every commit's is:
 * so that is switched on for the blink of the lock, and remembered in case this
 * process dies in that blink. */
static bool needs_flush_setting(const struct mariadb *m)
{
	return m->flush_was != 1 && m->hot.plan.facts->can_set_global;
}

/* Somebody may have changed it since the backup began. */
static int ask_flush(struct mariadb *m, struct err *err)
{
	uint64_t now;
	if (conn_u64(m->side, "SELECT @@global." FLUSH_SETTING, &now, err) != 0)
		return -1;
	m->flush_was = (unsigned)now;
	return 0;
}

static int set_flush(struct conn *c, unsigned value, struct err *err)
{
	char *sql = mem_printf("SET GLOBAL " FLUSH_SETTING "=%u", value);
	int rc = conn_exec(c, err, sql);
	free(sql);
	return rc;
}

static int remember_flush(struct mariadb *m, struct err *err)
{
	if (!m->hot.plan.remember)
		return 0;
	char *token = mem_printf(FLUSH_SETTING "=%u", m->flush_was);
	int rc = m->hot.plan.remember(m->hot.plan.remember_arg, token, err);
	free(token);
	return rc;
}

static int put_flush_back(struct mariadb *m, struct conn *c, struct err *err)
{
	if (!m->flush_changed)
		return 0;
	if (set_flush(c, m->flush_was, err) != 0)
		return err_add(err, "putting " FLUSH_SETTING " back to %u", m->flush_was);
	m->flush_changed = false;
	return 0;
}

static int wait_durable(struct mariadb *m, uint64_t end_lsn, struct err *err)
{
	struct redo_lsns now;
	uint64_t from = clock_mono_ns();
	for (;;) {
		if (redo_lsns_ask(m->side, &now, err) != 0 ||
		    cancel_check(m->hot.plan.cancel, err) != 0)
			return -1;
		if (now.flushed >= end_lsn)
			return 0;
		if (clock_mono_ns() - from > 10000000000ull)
			return err_set(err, ERR_SERVER,
			               "the server did not make its redo durable within 10 s "
			               "(flushed LSN %llu, "
			               "wanted %llu)",
			               (unsigned long long)now.flushed,
			               (unsigned long long)end_lsn);
		clock_sleep_ms(1);
	}
}

static int fix_end_lsn(struct mariadb *m, struct err *err)
{
	struct redo_lsns now;
	if (needs_flush_setting(m)) {
		m->flush_changed = true; /* also when the answer is lost */
		if (set_flush(m->side, 1, err) != 0)
			return -1;
	}
	if (redo_lsns_ask(m->side, &now, err) != 0 ||
	    conn_exec(m->side, err, "FLUSH NO_WRITE_TO_BINLOG ENGINE LOGS") != 0 ||
	    put_flush_back(m, m->side, err) != 0 || wait_durable(m, now.current, err) != 0)
		return -1;
	m->hot.out->lsn_end = now.current;
	return 0;
}

static int take_position(void *arg, unsigned n, char **fields, const unsigned long *lengths,
                         struct err *err)
{
	struct position *p = arg;
	(void)lengths;
	if (n < 2 || !fields[0] || !fields[1])
		return err_set(err, ERR_SERVER, "SHOW MASTER STATUS answered in an unknown form");
	free(p->file);
	p->file = mem_strdup(fields[0]);
	p->pos = strtoull(fields[1], NULL, 10);
	p->taken_us = clock_wall_us();
	return 0;
}

static int fix_position(struct mariadb *m, struct err *err)
{
	const struct facts *f = m->hot.plan.facts;
	struct position *p = &m->hot.out->binlog;
	if (f->log_bin &&
	    (conn_query(m->side, "SHOW MASTER STATUS", take_position, p, err) != 0 ||
	     conn_value(m->side, "SELECT @@global.gtid_binlog_pos", &p->gtid, err) != 0))
		return -1;
	if (f->is_replica && conn_value(m->side, "SELECT @@global.gtid_slave_pos",
	                                &m->hot.out->replica_gtid, err) != 0)
		return -1;
	return 0;
}

/* What happens while no commit can: nothing in here that could happen elsewhere. */
static int seal_point(struct mariadb *m, struct err *err)
{
	if (stages_block_commit(&m->stages, err) != 0)
		return -1;
	redo_capture_hold(m->capture);
	if (fix_end_lsn(m, err) != 0 || fix_position(m, err) != 0 ||
	    aria_seal(&m->hot.second, m->aria_root, err) != 0 ||
	    aria_seal_statistics(&m->hot.second, err) != 0)
		return -1;
	if (stages_end(&m->stages, &m->hot.out->lock_seconds, &m->hot.out->ddl_lock_seconds, err) !=
	    0)
		return -1;
	m->ended = true;
	m->hot.out->binlog.created =
	    hot_binlog_created(m->hot.plan.facts->log_bin_basename, m->hot.out->binlog.file);
	return 0;
}

int mariadb_fix_point(struct mariadb *m, struct err *err)
{
	hot_say_step(&m->hot, "block_commit");
	if (ask_flush(m, err) != 0 || (needs_flush_setting(m) && remember_flush(m, err) != 0))
		return -1;
	if (redo_capture_catch_up(m->capture, CATCH_UP_BYTES, err) != 0 || seal_point(m, err) != 0)
		return -1;
	if (needs_flush_setting(m) && m->hot.plan.remember &&
	    m->hot.plan.remember(m->hot.plan.remember_arg, NULL, err) != 0)
		return -1;
	hot_say_step(&m->hot, "redo");
	if (redo_capture_finish(m->capture, m->hot.out->lsn_end, err) != 0)
		return -1;
	m->hot.out->files.v[0].size = m->hot.out->lsn_end - m->hot.out->lsn_checkpoint;
	hot_sum_sizes(&m->hot);
	return 0;
}

/* The session that changed the setting may be gone, the server not. */
int mariadb_put_flush_back(struct mariadb *m)
{
	struct err ignored;
	struct conn *c = NULL;
	if (!m->flush_changed || put_flush_back(m, m->side, &ignored) == 0)
		return 0;
	int rc = conn_open(&m->hot.plan.target, 5, &c, &ignored);
	if (rc == 0)
		rc = put_flush_back(m, c, &ignored);
	conn_free(c);
	return rc;
}

int mariadb_undo(const struct conn_target *target, const char *token, struct err *err)
{
	unsigned value;
	char extra;
	uint64_t now;
	struct conn *c = NULL;
	int rc = -1;

	if (sscanf(token, FLUSH_SETTING "=%1u%c", &value, &extra) != 1)
		return err_set(err, ERR_DAMAGED, "unknown undo token \"%s\"", token);
	if (conn_open(target, 30, &c, err) != 0 ||
	    conn_u64(c, "SELECT @@global." FLUSH_SETTING, &now, err) != 0)
		goto out;
	rc = 0;
	if (now == 1 && value != 1) {
		char *sql = mem_printf("SET GLOBAL " FLUSH_SETTING "=%u", value);
		rc = conn_exec(c, err, sql);
		free(sql);
	}
out:
	conn_free(c);
	return rc;
}
