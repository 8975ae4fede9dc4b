#include "source/mysql_consumer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "source/side_thread.h"

#define TIMEOUT_S 20
#define REGISTER_TRIES 11
#define REGISTER_PAUSE_MS 100u
#define ADVANCE_BYTES (1u << 20)
/* A process that is frozen can look after nothing: the server itself ends the session of
 * one that has not asked for so long, and with it the hold. */
#define IDLE "SET SESSION wait_timeout=10"
#define LOOK_MS 50u /* the server sums up all its counters for an answer */
#define STUCK_LOOKS 4
#define FAR_LOOKS 40

struct mysql_consumer {
	struct conn *conn; /* of the thread once it runs */
	bool holds;
	unsigned far, stuck; /* looks in a row that found reading so */
	uint64_t last_lsn;   /* where the last look found it */

	struct side_thread side;
	/* under its lock */
	uint64_t lsn;      /* reading is there */
	uint64_t advanced; /* the server knows that it is there */
	uint64_t flushed;
};

static int take_lsn(void *arg, unsigned n, char **fields, const unsigned long *lengths,
                    struct err *err)
{
	struct mysql_lsns *l = arg;
	(void)lengths, (void)err;
	if (n < 2 || !fields[0] || !fields[1])
		return 0;
	uint64_t v = strtoull(fields[1], NULL, 10);
	if (strcasecmp(fields[0], "Innodb_redo_log_current_lsn") == 0)
		l->current = v;
	else if (strcasecmp(fields[0], "Innodb_redo_log_flushed_to_disk_lsn") == 0)
		l->flushed = v;
	else if (strcasecmp(fields[0], "Innodb_redo_log_checkpoint_lsn") == 0)
		l->checkpoint = v;
	else if (strcasecmp(fields[0], "Innodb_redo_log_capacity_resized") == 0)
		l->capacity = v;
	return 0;
}

int mysql_lsns_ask(struct conn *c, struct mysql_lsns *ret, struct err *err)
{
	struct mysql_lsns l = {0};
	if (conn_query(c, "SHOW GLOBAL STATUS LIKE 'Innodb\\_redo\\_log\\_%'", take_lsn, &l, err) !=
	    0)
		return err_add(err, "asking the server for its redo LSN");
	if (!l.current || !l.flushed || !l.checkpoint || !l.capacity)
		return err_set(err, ERR_SERVER,
		               "the server has no status Innodb_redo_log_current_lsn, "
		               "_flushed_to_disk_lsn, _checkpoint_lsn and _capacity_resized");
	*ret = l;
	return 0;
}

/* A check of the server registers, too, for a moment: that alone is no refusal yet. */
static int ask_hold(struct mysql_consumer *c, struct err *err)
{
	uint64_t refused = 1;

	for (int i = 0; i < REGISTER_TRIES && refused; i++) {
		if (i > 0)
			clock_sleep_ms(REGISTER_PAUSE_MS);
		if (conn_u64(c->conn, "SELECT innodb_redo_log_consumer_register()", &refused,
		             err) != 0)
			return -1;
	}
	c->holds = !refused;
	return 0;
}

int mysql_consumer_new(const struct conn_target *target, struct mysql_consumer **ret,
                       struct err *err)
{
	struct mysql_consumer *c = mem_zalloc(sizeof *c);
	side_thread_init(&c->side);
	if (conn_open(target, TIMEOUT_S, &c->conn, err) != 0 ||
	    conn_exec(c->conn, err, IDLE) != 0 || ask_hold(c, err) != 0) {
		mysql_consumer_free(c);
		return err_add(err, "registering a consumer of the redo log");
	}
	*ret = c;
	return 0;
}

bool mysql_consumer_holds(const struct mysql_consumer *c)
{
	return c->holds;
}

static int too_far_behind(const struct mysql_lsns *now, uint64_t lsn, struct err *err)
{
	char behind[STR_HUMAN_MAX], capacity[STR_HUMAN_MAX];
	err_set(err, ERR_FAILED,
	        "the backup is %s of redo behind the server, whose redo log holds %s: it gives up "
	        "before the server would have to wait for it",
	        str_size(behind, now->current - lsn), str_size(capacity, now->capacity));
	return err_hint(err, "raise innodb_redo_log_capacity (SET GLOBAL "
	                     "innodb_redo_log_capacity=… works while the server runs), use a "
	                     "faster repository, or a quieter hour");
}

static int advance(struct mysql_consumer *c, uint64_t lsn, struct err *err)
{
	char *sql =
	    mem_printf("SELECT innodb_redo_log_consumer_advance(%llu)", (unsigned long long)lsn);
	uint64_t refused = 0; /* also where this is not ahead of what the server knows */
	int rc = conn_u64(c->conn, sql, &refused, err);
	free(sql);
	return rc;
}

/*
 * The server needs all of its log from its own checkpoint on anyway: only what lies before
 * that is held for us.  Beyond three quarters of the log it may soon have to wait, for as
 * long as reading stands still; while reading goes on, it waits for moments at most.
 */
static int judge(struct mysql_consumer *c, const struct mysql_lsns *now, uint64_t lsn,
                 struct err *err)
{
	bool far = lsn < now->checkpoint && now->current - lsn > now->capacity / 4 * 3;
	c->far = far ? c->far + 1 : 0;
	c->stuck = far && lsn == c->last_lsn ? c->stuck + 1 : 0;
	c->last_lsn = lsn;
	if (c->stuck >= STUCK_LOOKS || c->far >= FAR_LOOKS)
		return too_far_behind(now, lsn, err);
	return 0;
}

/* What is due: tell how far reading is, or look how far the server is. */
static int act(struct mysql_consumer *c, uint64_t lsn, bool tell, bool look, struct err *err)
{
	struct mysql_lsns now;
	if (tell && advance(c, lsn, err) != 0)
		return -1;
	if (!look)
		return 0;
	if (mysql_lsns_ask(c->conn, &now, err) != 0)
		return -1;
	pthread_mutex_lock(&c->side.lock);
	c->flushed = now.flushed;
	lsn = c->lsn;
	pthread_mutex_unlock(&c->side.lock);
	return c->holds ? judge(c, &now, lsn, err) : 0;
}

static void *watch_main(void *arg)
{
	struct mysql_consumer *c = arg;
	struct err err = ERR_INIT;
	uint64_t next_look = clock_mono_ns();
	int rc = 0;

	pthread_mutex_lock(&c->side.lock);
	while (!c->side.stop && rc == 0) {
		uint64_t lsn = c->lsn;
		bool tell = c->holds && lsn >= c->advanced + ADVANCE_BYTES;
		bool look = clock_mono_ns() >= next_look;
		if (!tell && !look) {
			clock_wait(&c->side.changed, &c->side.lock, next_look);
			continue;
		}
		if (tell)
			c->advanced = lsn;
		pthread_mutex_unlock(&c->side.lock);
		rc = act(c, lsn, tell, look, &err);
		if (rc != 0 && err.kind == ERR_UNREACHABLE)
			err_add(&err, "the session that holds the server's redo was lost");
		if (look)
			next_look = clock_mono_ns() + LOOK_MS * 1000000ull;
		pthread_mutex_lock(&c->side.lock);
	}
	side_thread_end(&c->side, rc != 0 ? &err : NULL);
	pthread_mutex_unlock(&c->side.lock);
	/* At once, whatever the reader is waiting for: the consumer goes with its session. */
	conn_free(c->conn);
	c->conn = NULL;
	return NULL;
}

int mysql_consumer_watch(struct mysql_consumer *c, uint64_t lsn, struct err *err)
{
	c->lsn = c->advanced = lsn;
	return side_thread_start(&c->side, watch_main, c, "thread that watches the redo log", err);
}

void mysql_consumer_read_to(struct mysql_consumer *c, uint64_t lsn)
{
	pthread_mutex_lock(&c->side.lock);
	c->lsn = lsn;
	if (lsn >= c->advanced + ADVANCE_BYTES)
		pthread_cond_signal(&c->side.changed);
	pthread_mutex_unlock(&c->side.lock);
}

int mysql_consumer_check(struct mysql_consumer *c, struct err *err)
{
	return side_thread_check(&c->side, err);
}

uint64_t mysql_consumer_flushed(struct mysql_consumer *c)
{
	pthread_mutex_lock(&c->side.lock);
	uint64_t lsn = c->flushed;
	pthread_mutex_unlock(&c->side.lock);
	return lsn;
}

void mysql_consumer_free(struct mysql_consumer *c)
{
	if (!c)
		return;
	side_thread_stop(&c->side);
	conn_free(c->conn);
	side_thread_done(&c->side);
	free(c);
}
