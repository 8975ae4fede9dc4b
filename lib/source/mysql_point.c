/*
 * The point of a hot copy of MySQL: one question, log_status, to which the server answers
 * with an end LSN and a binlog position that belong together.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "source/mysql.h"
#include "source/mysql_keys.h"
#include "source/mysql_log_status.h"
#include "source/mysql_names.h"

#define ENGINE_LOGS "FLUSH NO_WRITE_TO_BINLOG ENGINE LOGS"

static int take_status(void *arg, unsigned n, char **fields, const unsigned long *lengths,
                       struct err *err)
{
	(void)lengths;
	return log_status_read(fields[0], n > 1 ? fields[1] : NULL, arg, err);
}

int mysql_ask_status(struct conn *c, struct log_status *ret, struct err *err)
{
	struct log_status s = {0};
	if (conn_query(c, "SELECT LOCAL, STORAGE_ENGINES FROM performance_schema.log_status",
	               take_status, &s, err) != 0)
		return -1;
	if (!s.lsn)
		return err_set(err, ERR_SERVER, "performance_schema.log_status is empty");
	*ret = s;
	return 0;
}

int mysql_ask_checkpoint(struct conn *c, uint64_t *ret, struct err *err)
{
	struct log_status s;
	if (mysql_ask_status(c, &s, err) != 0)
		return -1;
	*ret = s.checkpoint;
	log_status_done(&s);
	return 0;
}

/* Columns of SHOW REPLICA STATUS, which have kept their places since 8.0.22; one that is
 * new comes behind them. */
enum { REPLICA_SOURCE_FILE = 9, REPLICA_SOURCE_POS = 21, REPLICA_CHANNEL = 55 };

static int take_replica(void *arg, unsigned n, char **fields, const unsigned long *lengths,
                        struct err *err)
{
	struct manifest *out = arg;
	(void)lengths;
	if (n <= REPLICA_CHANNEL || !fields[REPLICA_SOURCE_FILE] || !fields[REPLICA_SOURCE_POS])
		return err_set(err, ERR_SERVER, "SHOW REPLICA STATUS answered in an unknown form");
	const char *channel = fields[REPLICA_CHANNEL];
	*vec_push(&out->replica) = (struct manifest_replica){
	    .channel = mem_strdup(channel ? channel : ""),
	    .file = mem_strdup(fields[REPLICA_SOURCE_FILE]),
	    .position = strtoull(fields[REPLICA_SOURCE_POS], NULL, 10),
	};
	return 0;
}

/* Nothing is held up here but what log_status itself holds up for a moment. */
static int ask_point(struct mysql *m, struct err *err)
{
	struct manifest *out = m->hot.out;
	struct log_status s;

	/* What prepared transactions wait for is in the last binlog alone: let it be short. */
	if (conn_exec(m->side, err, ENGINE_LOGS) != 0 ||
	    conn_exec(m->side, err, "FLUSH NO_WRITE_TO_BINLOG BINARY LOGS") != 0 ||
	    mysql_capture_hold(m->capture, err) != 0)
		return -1;
	/* Before the point: what a replica does once more can be skipped, what it never did
	 * cannot be had. */
	if (m->hot.plan.facts->is_replica &&
	    conn_query(m->side, "SHOW REPLICA STATUS", take_replica, out, err) != 0)
		return -1;
	uint64_t from = clock_mono_ns();
	if (mysql_ask_status(m->side, &s, err) != 0)
		return -1;
	out->lock_seconds = (double)(clock_mono_ns() - from) / 1e9;
	out->lsn_end = s.lsn;
	out->binlog = s.binlog;
	if (mysql_binlog_open(&m->binlog, &m->hot, m->side, err) != 0)
		return -1;
	return conn_exec(m->side, err, ENGINE_LOGS);
}

/* Names and files up to the point are what they were; later ones do not matter. */
static int let_ddl_go(struct mysql *m, struct err *err)
{
	if (keep_check(m->locked, err) != 0)
		return -1;
	keep_let_go(m->locked);
	m->hot.out->ddl_lock_seconds = (double)(clock_mono_ns() - m->locked_ns) / 1e9;
	return 0;
}

static void describe_redo(struct mysql *m)
{
	struct manifest *out = m->hot.out;
	const struct mysql_redo *log = mysql_capture_log(m->capture);
	memcpy(out->redo.header, log->header, sizeof out->redo.header);
	memcpy(out->redo.encryption, log->encryption, sizeof out->redo.encryption);
	out->redo.first_lsn = log->start_lsn;
	out->redo.capacity = m->hot.plan.facts->redo_capacity;
	out->files.v[0].size = mysql_capture_bytes(m->capture);
}

int mysql_fix_point(struct mysql *m, struct err *err)
{
	struct manifest *out = m->hot.out;

	hot_say_step(&m->hot, "point");
	if (ask_point(m, err) != 0 || let_ddl_go(m, err) != 0)
		return -1;
	hot_say_step(&m->hot, "redo");
	if (mysql_capture_finish(m->capture, out->lsn_end, err) != 0 ||
	    mysql_binlog_plan(&m->binlog, &m->hot, err) != 0)
		return -1;
	describe_redo(m);
	mysql_capture_free(m->capture);
	m->capture = NULL;
	mysql_consumer_free(m->consumer);
	m->consumer = NULL;
	mysql_keys_warn(m->hot.plan.facts, out);
	hot_sum_sizes(&m->hot);
	return 0;
}
