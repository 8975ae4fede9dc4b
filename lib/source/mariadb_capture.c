#include "source/mariadb_capture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fsio.h"
#include "base/mem.h"
#include "source/side_thread.h"

#define CHUNK (1u << 20)
#define POLL_NS 10000000u
#define HEAD_TRIES 100

struct redo_capture {
	struct redo_capture_plan plan;
	char *path;
	int fd;
	ino_t ino;
	struct mariadb_redo log;
	struct conn *conn;
	unsigned char *buf;
	struct redo_walk walk; /* of what was captured: every mini-transaction is checked */
	struct {
		unsigned char *bytes; /* read, but not yet a whole mini-transaction */
		size_t n, cap;
	} rest;

	struct side_thread side;
	/* under its lock */
	uint64_t lsn;     /* everything before it went to the sink */
	uint64_t flushed; /* what the server last said is durable */
	uint64_t rounds;  /* how often it has asked */
	uint64_t end_lsn; /* 0: not known yet */
	bool hold;        /* the end is being fixed: take nothing beyond it */
};

static int take_lsn(void *arg, unsigned n, char **fields, const unsigned long *lengths,
                    struct err *err)
{
	struct redo_lsns *l = arg;
	(void)lengths;
	(void)err;
	if (n < 2 || !fields[0] || !fields[1])
		return 0;
	if (strcasecmp(fields[0], "Innodb_lsn_current") == 0)
		l->current = strtoull(fields[1], NULL, 10);
	else if (strcasecmp(fields[0], "Innodb_lsn_flushed") == 0)
		l->flushed = strtoull(fields[1], NULL, 10);
	return 0;
}

int redo_lsns_ask(struct conn *c, struct redo_lsns *ret, struct err *err)
{
	struct redo_lsns l = {0};
	if (conn_query(c, "SHOW GLOBAL STATUS LIKE 'Innodb\\_lsn\\_%'", take_lsn, &l, err) != 0)
		return err_add(err, "asking the server for its redo LSN");
	if (!l.current || !l.flushed)
		return err_set(err, ERR_SERVER,
		               "the server has no status Innodb_lsn_current and "
		               "Innodb_lsn_flushed");
	*ret = l;
	return 0;
}

/* The header is rewritten in place by the server: a reading that makes no sense is
 * repeated a few times before it is believed. */
static int read_log_head(struct redo_capture *c, struct err *err)
{
	struct stat st;
	if (fstat(c->fd, &st) != 0)
		return err_sys(err, errno, "fstat %s", c->path);
	c->ino = st.st_ino;
	for (int i = 0;; i++) {
		size_t n;
		if (fsio_pread(c->fd, c->buf, MARIADB_REDO_START, 0, &n, c->path, err) != 0)
			return -1;
		if (mariadb_redo_read(c->buf, n, (uint64_t)st.st_size, &c->log, err) == 0)
			return 0;
		if (err->kind != ERR_BUSY && err->kind != ERR_DAMAGED)
			return err_add(err, "%s", c->path);
		if (i >= HEAD_TRIES)
			return err_add(err, "%s", c->path);
		clock_sleep_ms(5);
	}
}

static int check_not_replaced(const struct redo_capture *c, struct err *err)
{
	struct stat st;
	if (stat(c->path, &st) == 0 && st.st_ino == c->ino &&
	    (uint64_t)st.st_size == c->log.file_size)
		return 0;
	err_set(err, ERR_FAILED, "%s was resized or replaced during the backup", c->path);
	return err_hint(err,
	                "run the backup again; do not change innodb_log_file_size while one runs");
}

static int check_not_lapped(const struct redo_capture *c, uint64_t from, uint64_t current,
                            struct err *err)
{
	if (current + 8192 <= from + c->log.capacity)
		return 0;
	err_set(
	    err, ERR_FAILED,
	    "the redo log was overwritten before it could be read: the server is at LSN %llu, the "
	    "backup at %llu, the log holds %llu bytes",
	    (unsigned long long)current, (unsigned long long)from,
	    (unsigned long long)c->log.capacity);
	return err_hint(err,
	                "raise innodb_log_file_size (SET GLOBAL innodb_log_file_size=… works while "
	                "the server runs), or use a faster repository");
}

/* What is captured must make sense now, not on the day it is needed: walk over all
 * mini-transactions that are whole; the beginning of the next one waits. */
static int check_walk(struct redo_capture *c, const unsigned char *bytes, size_t n, struct err *err)
{
	size_t used;
	if (c->rest.n + n > c->rest.cap) {
		c->rest.cap = 2 * (c->rest.n + n);
		c->rest.bytes = mem_resize(c->rest.bytes, c->rest.cap, 1);
	}
	memcpy(c->rest.bytes + c->rest.n, bytes, n);
	c->rest.n += n;
	if (redo_walk_feed(&c->walk, c->rest.bytes, c->rest.n, false, false, NULL, NULL, &used,
	                   err) != 0)
		return err_add(err, "the redo read from %s", c->path);
	c->rest.n -= used;
	memmove(c->rest.bytes, c->rest.bytes + used, c->rest.n);
	return 0;
}

static int check_walked_to(const struct redo_capture *c, uint64_t end_lsn, struct err *err)
{
	if (c->walk.lsn == end_lsn)
		return 0;
	return err_set(err, ERR_DAMAGED,
	               "the redo read from %s ends within a mini-transaction at LSN %llu, not at "
	               "the end LSN %llu",
	               c->path, (unsigned long long)c->walk.lsn, (unsigned long long)end_lsn);
}

/* Read [lsn, upto) and hand it on; both are within what is durable. */
static int pull(struct redo_capture *c, uint64_t upto, struct err *err)
{
	while (c->lsn < upto) {
		uint64_t at = mariadb_redo_offset(&c->log, c->lsn);
		uint64_t n = upto - c->lsn;
		size_t got;
		struct redo_lsns now;

		if (n > c->log.file_size - at)
			n = c->log.file_size - at;
		if (n > CHUNK)
			n = CHUNK;
		if (fsio_pread(c->fd, c->buf, n, at, &got, c->path, err) != 0)
			return -1;
		if (got != n)
			return check_not_replaced(c, err) != 0
			           ? -1
			           : err_set(err, ERR_DAMAGED, "%s ends before its own size",
			                     c->path);
		/* Only now is it known whether these bytes were still the ones we meant. */
		if (redo_lsns_ask(c->conn, &now, err) != 0 ||
		    check_not_lapped(c, c->lsn, now.current, err) != 0 ||
		    cancel_check(c->plan.cancel, err) != 0 || keep_beat(c->plan.keep, err) != 0 ||
		    check_walk(c, c->buf, n, err) != 0 ||
		    sink_write(c->plan.to, c->buf, n, err) != 0)
			return -1;
		pthread_mutex_lock(&c->side.lock);
		c->lsn += n;
		bool stop = c->side.stop;
		pthread_cond_broadcast(&c->side.changed);
		pthread_mutex_unlock(&c->side.lock);
		if (stop)
			return err_set(err, ERR_CANCELLED, "cancelled");
	}
	return 0;
}

/* One round: what is durable now, up to the end if there is one.  1 at the end. */
static int round_of_capture(struct redo_capture *c, struct err *err)
{
	struct redo_lsns now;
	if (redo_lsns_ask(c->conn, &now, err) != 0 || check_not_replaced(c, err) != 0 ||
	    keep_beat(c->plan.keep, err) != 0)
		return -1;
	pthread_mutex_lock(&c->side.lock);
	c->flushed = now.flushed;
	uint64_t end = c->end_lsn;
	uint64_t upto = now.flushed;
	if (end && end < upto)
		upto = end;
	else if (!end && c->hold)
		upto = c->lsn;
	pthread_mutex_unlock(&c->side.lock);

	if (pull(c, upto, err) != 0)
		return -1;

	pthread_mutex_lock(&c->side.lock);
	c->rounds++;
	end = c->end_lsn;
	pthread_cond_broadcast(&c->side.changed);
	pthread_mutex_unlock(&c->side.lock);
	if (!end || c->lsn < end)
		return 0;
	if (check_walked_to(c, end, err) != 0 || sink_finish(c->plan.to, err) != 0)
		return -1;
	return 1;
}

static void *capture_main(void *arg)
{
	struct redo_capture *c = arg;
	struct err err = ERR_INIT;
	int rc = 0;

	pthread_mutex_lock(&c->side.lock);
	while (!c->side.stop && rc == 0) {
		pthread_mutex_unlock(&c->side.lock);
		rc = round_of_capture(c, &err);
		pthread_mutex_lock(&c->side.lock);
		if (rc == 0 && !c->side.stop && !c->end_lsn)
			clock_wait(&c->side.changed, &c->side.lock, clock_mono_ns() + POLL_NS);
	}
	side_thread_end(&c->side, rc < 0 ? &err : NULL);
	pthread_mutex_unlock(&c->side.lock);
	return NULL;
}

int redo_capture_start(const struct redo_capture_plan *plan, struct redo_capture **ret,
                       struct err *err)
{
	struct redo_capture *c = mem_zalloc(sizeof *c);
	c->plan = *plan;
	c->path = mem_printf("%s/ib_logfile0", plan->redo_dir);
	side_thread_init(&c->side);

	c->fd = open(c->path, O_RDONLY | O_CLOEXEC);
	if (c->fd < 0) {
		err_sys(err, errno, "cannot open the redo log %s", c->path);
		err_hint(
		    err,
		    "run mybakd on the database host, as the user that owns the data directory");
		goto fail;
	}
	if (!(c->buf = mem_pages(CHUNK, err)) || conn_open(&plan->target, 60, &c->conn, err) != 0 ||
	    read_log_head(c, err) != 0)
		goto fail;
	c->lsn = c->log.checkpoint;
	redo_walk_init(&c->walk, &c->log, c->lsn);
	if (side_thread_start(&c->side, capture_main, c, "redo capture thread", err) != 0)
		goto fail;
	*ret = c;
	return 0;
fail:
	redo_capture_free(c);
	return -1;
}

void redo_capture_free(struct redo_capture *c)
{
	if (!c)
		return;
	side_thread_stop(&c->side);
	conn_free(c->conn);
	if (c->fd >= 0)
		close(c->fd);
	side_thread_done(&c->side);
	free(c->rest.bytes);
	free(c->buf);
	free(c->path);
	free(c);
}

const struct mariadb_redo *redo_capture_log(const struct redo_capture *c)
{
	return &c->log;
}

int redo_capture_check(struct redo_capture *c, struct err *err)
{
	return side_thread_check(&c->side, err);
}

int redo_capture_catch_up(struct redo_capture *c, uint64_t bytes, struct err *err)
{
	pthread_mutex_lock(&c->side.lock);
	/* Two more rounds, so that `flushed` was asked after this call. */
	uint64_t from = c->rounds;
	while (!c->side.ended && (c->rounds < from + 2 || c->flushed > c->lsn + bytes))
		pthread_cond_wait(&c->side.changed, &c->side.lock);
	int rc = side_thread_failed(&c->side, err);
	pthread_mutex_unlock(&c->side.lock);
	return rc;
}

void redo_capture_hold(struct redo_capture *c)
{
	pthread_mutex_lock(&c->side.lock);
	c->hold = true;
	pthread_mutex_unlock(&c->side.lock);
}

int redo_capture_finish(struct redo_capture *c, uint64_t end_lsn, struct err *err)
{
	pthread_mutex_lock(&c->side.lock);
	c->end_lsn = end_lsn;
	pthread_cond_broadcast(&c->side.changed);
	int rc = side_thread_wait(&c->side, err);
	pthread_mutex_unlock(&c->side.lock);
	return rc;
}
