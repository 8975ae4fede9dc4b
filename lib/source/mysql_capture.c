#include "source/mysql_capture.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fsio.h"
#include "base/mem.h"
#include "source/mysql_log_dir.h"
#include "source/side_thread.h"

#define CHUNK (1u << 20)
#define PEEK (16u << 10) /* enough where the log grows slowly */
#define POLL_NS 5000000u
/* What does not pass in this time is no write caught halfway. */
#define PATIENCE_NS 5000000000ull

struct mysql_capture {
	struct mysql_capture_plan plan;
	char *dir, *first_path;
	unsigned char *buf;
	struct mysql_redo log;
	struct log_file file;
	bool encrypted;         /* any block that was taken */
	uint64_t lsn;           /* of the next block to be taken */
	uint64_t bytes;         /* given to the sink */
	uint64_t trouble_since; /* monotonic; 0: none */
	size_t want;            /* to be read at once */

	struct side_thread side;
	/* under its lock */
	uint64_t end_lsn; /* 0: not known yet */
	bool hold, held;  /* asked for; in force */
};

/* Has it lasted too long?  The first time only begins to count. */
static bool out_of_patience(struct mysql_capture *c)
{
	uint64_t now = clock_mono_ns();
	if (!c->trouble_since)
		c->trouble_since = now;
	return now - c->trouble_since > PATIENCE_NS;
}

static int lapped(const struct mysql_capture *c, struct err *err)
{
	err_set(err, ERR_FAILED,
	        "the redo log was overwritten before it could be read: LSN %llu is in no file of "
	        "%s any more",
	        (unsigned long long)c->lsn, c->dir);
	return err_hint(err, "raise innodb_redo_log_capacity (SET GLOBAL "
	                     "innodb_redo_log_capacity=… works while the server runs), use a "
	                     "faster repository, or end the other program that is registered as "
	                     "the consumer of the redo log");
}

/* 1 the file with c->lsn is open; 0 not yet; -1 */
static int open_file(struct mysql_capture *c, struct err *err)
{
	enum log_dir_state state;

	if (c->file.fd >= 0 && c->lsn < c->file.log.end_lsn)
		return 1;
	log_file_close(&c->file);
	if (log_dir_find(c->dir, c->lsn, &c->file, &state, err) != 0)
		return -1;
	if (state == LOG_DIR_FOUND) {
		c->trouble_since = 0;
		/* Encryption can be switched on, and files are used anew, while this goes on. */
		return log_dir_key(c->dir, &c->log, err) == 0 ? 1 : -1;
	}
	/* While names change a file can be overlooked: believe it only if it lasts. */
	if (state == LOG_DIR_GONE && out_of_patience(c))
		return lapped(c, err);
	return 0;
}

/* A block that was durable before it was read is final: waiting for it has an end. */
static int not_there(struct mysql_capture *c, uint64_t flushed, struct err *err)
{
	if (c->lsn + MYSQL_REDO_BLOCK > flushed || !out_of_patience(c))
		return 0;
	err_set(err, ERR_DAMAGED,
	        "%s: the block of LSN %llu is not in the redo log, which the server has written up "
	        "to LSN %llu",
	        c->file.path ? c->file.path : c->dir, (unsigned long long)c->lsn,
	        (unsigned long long)flushed);
	return err_hint(err, "see the server's error log; does mybakd see the server's own files, "
	                     "and not a copy of them?");
}

/* How many bytes at the front are final blocks?  `limit`: no block beyond is taken. */
static int count_final(struct mysql_capture *c, size_t n, uint64_t flushed, uint64_t limit,
                       size_t *ret, struct err *err)
{
	size_t at = 0;
	for (; at + MYSQL_REDO_BLOCK <= n && c->lsn + at + MYSQL_REDO_BLOCK <= limit;
	     at += MYSQL_REDO_BLOCK) {
		struct mysql_block b = mysql_block_check(c->buf + at, c->lsn + at);
		if (mysql_block_is_final(&b, c->lsn + at, flushed)) {
			c->encrypted |= b.encrypted;
			continue;
		}
		if (b.state == MYSQL_BLOCK_LAPPED && at == 0)
			return lapped(c, err);
		/* Damaged although the server has long gone on: what it waits for is no write. */
		if (b.state == MYSQL_BLOCK_DAMAGED && at == 0 &&
		    c->lsn + MYSQL_REDO_BLOCK <= flushed && out_of_patience(c))
			return err_set(err, ERR_DAMAGED,
			               "%s: the block of LSN %llu does not match its checksum",
			               c->file.path, (unsigned long long)c->lsn);
		break;
	}
	*ret = at;
	return 0;
}

static int take(struct mysql_capture *c, const unsigned char *bytes, size_t n, struct err *err)
{
	if (sink_write(c->plan.to, bytes, n, err) != 0)
		return -1;
	c->lsn += n;
	c->bytes += n;
	c->trouble_since = 0;
	mysql_consumer_read_to(c->plan.consumer, c->lsn);
	return 0;
}

/* Read from c->lsn on; *ret_n is what is in the buffer, in whole blocks. */
static int read_on(struct mysql_capture *c, size_t want, size_t *ret_n, struct err *err)
{
	const struct mysql_redo *log = &c->file.log;
	uint64_t left = log->end_lsn - c->lsn;
	size_t n;

	if (want > left)
		want = (size_t)left;
	if (fsio_pread(c->file.fd, c->buf, want, MYSQL_REDO_HEAD + (c->lsn - log->start_lsn), &n,
	               c->file.path, err) != 0)
		return -1;
	*ret_n = n / MYSQL_REDO_BLOCK * MYSQL_REDO_BLOCK;
	return 0;
}

/* Blocks that are final, up to `limit`.  1: some were taken, 0: none yet, -1. */
static int pull(struct mysql_capture *c, uint64_t limit, struct err *err)
{
	size_t n, final = 0;
	/* Asked for before reading: what is durable now does not change any more. */
	uint64_t flushed = mysql_consumer_flushed(c->plan.consumer);

	if (c->lsn + MYSQL_REDO_BLOCK > limit)
		return 0;
	int open = open_file(c, err);
	if (open <= 0)
		return open < 0 ? -1 : not_there(c, flushed, err);
	if (read_on(c, c->want, &n, err) != 0 ||
	    count_final(c, n, flushed, limit, &final, err) != 0)
		return -1;
	c->want = n && final == n ? CHUNK : PEEK;
	if (final == 0)
		return not_there(c, flushed, err);
	return take(c, c->buf, final, err) == 0 ? 1 : -1;
}

/* Two readings of the block at c->lsn that agree; one that is being written differs. */
static int read_twice(struct mysql_capture *c, bool *ret_same, struct err *err)
{
	unsigned char first[MYSQL_REDO_BLOCK];
	size_t n, again;

	if (read_on(c, MYSQL_REDO_BLOCK, &n, err) != 0)
		return -1;
	memcpy(first, c->buf, MYSQL_REDO_BLOCK);
	clock_sleep_ms(1);
	if (read_on(c, MYSQL_REDO_BLOCK, &again, err) != 0)
		return -1;
	*ret_same =
	    n == MYSQL_REDO_BLOCK && again == n && memcmp(first, c->buf, MYSQL_REDO_BLOCK) == 0;
	return 0;
}

static int not_written(const struct mysql_capture *c, uint64_t end, struct err *err)
{
	return err_set(err, ERR_SERVER,
	               "%s: the redo log was not written up to LSN %llu within %llu s", c->dir,
	               (unsigned long long)end, (unsigned long long)(PATIENCE_NS / 1000000000ull));
}

/* The last block, in which the log ends.  1 taken, 0 not written so far yet, -1. */
static int take_last(struct mysql_capture *c, uint64_t end, struct err *err)
{
	bool same;
	int open = open_file(c, err);
	if (open < 0)
		return -1;
	if (open == 0)
		return out_of_patience(c) ? not_written(c, end, err) : 0;
	if (read_twice(c, &same, err) != 0)
		return -1;
	struct mysql_block b = mysql_block_check(c->buf, c->lsn);
	bool there = b.state == MYSQL_BLOCK_FULL || b.state == MYSQL_BLOCK_PARTIAL;
	if (!same || !there || c->lsn + b.data_len < end) {
		return out_of_patience(c) ? not_written(c, end, err) : 0;
	}
	if (mysql_block_cut(c->buf, end, err) != 0)
		return -1;
	c->encrypted |= b.encrypted;
	return take(c, c->buf, MYSQL_REDO_BLOCK, err) == 0 ? 1 : -1;
}

/* What is encrypted can be recovered with the key alone. */
static int take_key(struct mysql_capture *c, struct err *err)
{
	if (log_dir_key(c->dir, &c->log, err) != 0)
		return -1;
	if (!c->encrypted || c->log.has_encryption)
		return 0;
	err_set(err, ERR_FAILED, "%s: the redo log is encrypted, and no file of it holds the key",
	        c->dir);
	return err_hint(err, "was innodb_redo_log_encrypt changed during the backup?  Take "
	                     "another one");
}

/* All up to the end.  1 when it is done. */
static int pull_end(struct mysql_capture *c, uint64_t end, struct err *err)
{
	uint64_t limit = mysql_redo_align(end);
	int rc = pull(c, limit, err);

	if (rc < 0 || c->lsn < limit)
		return rc < 0 ? -1 : 0;
	if (mysql_redo_is_inside(end) && (rc = take_last(c, end, err)) <= 0)
		return rc;
	if (take_key(c, err) != 0)
		return -1;
	return sink_finish(c->plan.to, err) == 0 ? 1 : -1;
}

/* One round without the lock: 1 go on at once, 0 wait a little, -1, 2 all is done. */
static int round_of_capture(struct mysql_capture *c, uint64_t end, struct err *err)
{
	if (cancel_check(c->plan.cancel, err) != 0 ||
	    mysql_consumer_check(c->plan.consumer, err) != 0 || keep_beat(c->plan.keep, err) != 0)
		return -1;
	if (!end)
		return pull(c, UINT64_MAX, err);
	int rc = pull_end(c, end, err);
	return rc == 1 ? 2 : rc;
}

static void *capture_main(void *arg)
{
	struct mysql_capture *c = arg;
	struct err err = ERR_INIT;
	int rc = 1;

	pthread_mutex_lock(&c->side.lock);
	while (!c->side.stop && rc >= 0 && rc < 2) {
		if (rc == 0)
			clock_wait(&c->side.changed, &c->side.lock, clock_mono_ns() + POLL_NS);
		if (c->hold && !c->end_lsn) {
			c->held = true;
			c->trouble_since = 0; /* patience was not used up by being held */
			pthread_cond_broadcast(&c->side.changed);
			pthread_mutex_unlock(&c->side.lock);
			rc = keep_beat(c->plan.keep, &err);
			pthread_mutex_lock(&c->side.lock);
			continue;
		}
		uint64_t end = c->end_lsn;
		pthread_mutex_unlock(&c->side.lock);
		rc = round_of_capture(c, end, &err);
		pthread_mutex_lock(&c->side.lock);
	}
	side_thread_end(&c->side, rc < 0 ? &err : NULL);
	pthread_mutex_unlock(&c->side.lock);
	return NULL;
}

/* The file of the checkpoint, whose header the restored log gets. */
static int find_start(struct mysql_capture *c, struct err *err)
{
	for (;;) {
		int rc = open_file(c, err);
		if (rc != 0)
			return rc < 0 ? -1 : 0;
		if (cancel_check(c->plan.cancel, err) != 0)
			return -1;
		if (out_of_patience(c))
			return lapped(c, err);
		clock_sleep_ms(POLL_NS / 1000000u);
	}
}

int mysql_capture_start(const struct mysql_capture_plan *plan, struct mysql_capture **ret,
                        struct err *err)
{
	struct mysql_capture *c = mem_zalloc(sizeof *c);
	c->plan = *plan;
	c->dir = mem_strdup(plan->dir);
	c->file.fd = -1;
	c->lsn = mysql_redo_align(plan->checkpoint);
	c->want = CHUNK;
	side_thread_init(&c->side);
	if (!(c->buf = mem_pages(CHUNK, err)) || find_start(c, err) != 0)
		goto fail;
	c->log = c->file.log;
	c->first_path = mem_strdup(c->file.path);
	if (side_thread_start(&c->side, capture_main, c, "redo capture thread", err) != 0)
		goto fail;
	*ret = c;
	return 0;
fail:
	mysql_capture_free(c);
	return -1;
}

void mysql_capture_free(struct mysql_capture *c)
{
	if (!c)
		return;
	side_thread_stop(&c->side);
	log_file_close(&c->file);
	side_thread_done(&c->side);
	free(c->buf);
	free(c->first_path);
	free(c->dir);
	free(c);
}

const struct mysql_redo *mysql_capture_log(const struct mysql_capture *c)
{
	return &c->log;
}

const char *mysql_capture_first_path(const struct mysql_capture *c)
{
	return c->first_path;
}

uint64_t mysql_capture_bytes(const struct mysql_capture *c)
{
	return c->bytes;
}

int mysql_capture_check(struct mysql_capture *c, struct err *err)
{
	/* The consumer first: it is the reason while the capture waits for a slow sink. */
	if (mysql_consumer_check(c->plan.consumer, err) != 0)
		return -1;
	return side_thread_check(&c->side, err);
}

int mysql_capture_hold(struct mysql_capture *c, struct err *err)
{
	pthread_mutex_lock(&c->side.lock);
	c->hold = true;
	pthread_cond_broadcast(&c->side.changed);
	while (!c->held && !c->side.ended)
		pthread_cond_wait(&c->side.changed, &c->side.lock);
	int rc = side_thread_failed(&c->side, err);
	pthread_mutex_unlock(&c->side.lock);
	return rc;
}

int mysql_capture_finish(struct mysql_capture *c, uint64_t end_lsn, struct err *err)
{
	pthread_mutex_lock(&c->side.lock);
	c->end_lsn = end_lsn;
	pthread_cond_broadcast(&c->side.changed);
	int rc = side_thread_wait(&c->side, err);
	pthread_mutex_unlock(&c->side.lock);
	return rc;
}
