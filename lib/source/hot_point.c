/*
 * The one moment of the hot copy in which commits wait: end LSN, binlog position, the
 * tail of the Aria logs.  Nothing happens here that could happen elsewhere.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "source/hot.h"

#define FLUSH_SETTING "innodb_flush_log_at_trx_commit"
#define CATCH_UP_BYTES (256u << 10)

/* On some versions a flush of the redo log is durable only while every commit's is:
 * so that is switched on for the blink of the lock, and remembered in case this
 * process dies in that blink. */
static bool needs_flush_setting(const struct hot *h)
{
	return h->flush_was != 1 && h->plan.facts->can_set_global;
}

/* Somebody may have changed it since the backup began. */
static int ask_flush(struct hot *h, struct err *err)
{
	uint64_t now;
	if (conn_u64(h->side, "SELECT @@global." FLUSH_SETTING, &now, err) != 0)
		return -1;
	h->flush_was = (unsigned)now;
	return 0;
}

static int set_flush(struct conn *c, unsigned value, struct err *err)
{
	char *sql = mem_printf("SET GLOBAL " FLUSH_SETTING "=%u", value);
	int rc = conn_exec(c, err, sql);
	free(sql);
	return rc;
}

static int remember_flush(struct hot *h, struct err *err)
{
	if (!h->plan.remember)
		return 0;
	char *token = mem_printf(FLUSH_SETTING "=%u", h->flush_was);
	int rc = h->plan.remember(h->plan.remember_arg, token, err);
	free(token);
	return rc;
}

static int put_flush_back(struct hot *h, struct conn *c, struct err *err)
{
	if (!h->flush_changed)
		return 0;
	if (set_flush(c, h->flush_was, err) != 0)
		return err_add(err, "putting " FLUSH_SETTING " back to %u", h->flush_was);
	h->flush_changed = false;
	return 0;
}

static int wait_durable(struct hot *h, uint64_t end_lsn, struct err *err)
{
	struct redo_lsns now;
	uint64_t from = clock_mono_ns();
	for (;;) {
		if (redo_lsns_ask(h->side, &now, err) != 0 ||
		    cancel_check(h->plan.cancel, err) != 0)
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

static int fix_end_lsn(struct hot *h, struct err *err)
{
	struct redo_lsns now;
	if (needs_flush_setting(h)) {
		h->flush_changed = true; /* also when the answer is lost */
		if (set_flush(h->side, 1, err) != 0)
			return -1;
	}
	if (redo_lsns_ask(h->side, &now, err) != 0 ||
	    conn_exec(h->side, err, "FLUSH NO_WRITE_TO_BINLOG ENGINE LOGS") != 0 ||
	    put_flush_back(h, h->side, err) != 0 || wait_durable(h, now.current, err) != 0)
		return -1;
	h->out->lsn_end = now.current;
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

/* When the binlog file of that name began, from the time in its first event.  Without
 * it (the directory may be closed to us) the position is as good, but cannot be told
 * from one in another history of the same names. */
static uint32_t binlog_created(const char *basename, const char *file)
{
	static const unsigned char magic[4] = {0xfe, 'b', 'i', 'n'};
	unsigned char head[8];
	const char *slash = basename ? strrchr(basename, '/') : NULL;
	uint32_t created = 0;
	if (!slash || !file || strchr(file, '/'))
		return 0;
	char *path = mem_printf("%.*s/%s", (int)(slash - basename), basename, file);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	free(path);
	if (fd < 0)
		return 0;
	if (read(fd, head, sizeof head) == (ssize_t)sizeof head && !memcmp(head, magic, 4))
		created = le32_get(head + 4);
	close(fd);
	return created;
}

static int fix_position(struct hot *h, struct err *err)
{
	const struct facts *f = h->plan.facts;
	struct position *p = &h->out->binlog;
	if (f->log_bin &&
	    (conn_query(h->side, "SHOW MASTER STATUS", take_position, p, err) != 0 ||
	     conn_value(h->side, "SELECT @@global.gtid_binlog_pos", &p->gtid, err) != 0))
		return -1;
	if (f->is_replica &&
	    conn_value(h->side, "SELECT @@global.gtid_slave_pos", &h->out->replica_gtid, err) != 0)
		return -1;
	return 0;
}

/* What happens while no commit can: nothing in here that could happen elsewhere. */
static int seal_point(struct hot *h, struct err *err)
{
	if (stages_block_commit(&h->stages, err) != 0)
		return -1;
	redo_capture_hold(h->capture);
	if (fix_end_lsn(h, err) != 0 || fix_position(h, err) != 0 ||
	    aria_seal(&h->second, h->aria_root, err) != 0 ||
	    aria_seal_statistics(&h->second, err) != 0)
		return -1;
	if (stages_end(&h->stages, &h->out->lock_seconds, &h->out->ddl_lock_seconds, err) != 0)
		return -1;
	h->ended = true;
	h->out->binlog.created =
	    binlog_created(h->plan.facts->log_bin_basename, h->out->binlog.file);
	return 0;
}

static void sum_sizes(struct manifest *m)
{
	m->size_bytes = 0;
	for (size_t i = 0; i < m->files.n; i++)
		if (m->files.v[i].kind == FILE_INNODB || m->files.v[i].kind == FILE_PLAIN)
			m->size_bytes += m->files.v[i].size;
}

int hot_fix_point(struct hot *h, struct err *err)
{
	hot_say_step(h, "block_commit");
	if (ask_flush(h, err) != 0 || (needs_flush_setting(h) && remember_flush(h, err) != 0))
		return -1;
	if (redo_capture_catch_up(h->capture, CATCH_UP_BYTES, err) != 0 || seal_point(h, err) != 0)
		return -1;
	if (needs_flush_setting(h) && h->plan.remember &&
	    h->plan.remember(h->plan.remember_arg, NULL, err) != 0)
		return -1;
	hot_say_step(h, "redo");
	if (redo_capture_finish(h->capture, h->out->lsn_end, err) != 0)
		return -1;
	h->out->files.v[0].size = h->out->lsn_end - h->out->lsn_checkpoint;
	sum_sizes(h->out);
	return 0;
}

/* The session that changed the setting may be gone, the server not. */
int hot_put_flush_back(struct hot *h)
{
	struct err ignored;
	struct conn *c = NULL;
	if (!h->flush_changed || put_flush_back(h, h->side, &ignored) == 0)
		return 0;
	int rc = conn_open(&h->plan.target, 5, &c, &ignored);
	if (rc == 0)
		rc = put_flush_back(h, c, &ignored);
	conn_free(c);
	return rc;
}

int hot_undo(const struct conn_target *target, const char *token, struct err *err)
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
