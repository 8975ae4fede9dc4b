#include "source/keep.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

/* Longer than a disk that works may keep a write waiting. */
#define IDLE_S 60ull
#define IDLE "SET SESSION wait_timeout=60"
#define BEAT_NS 3000000000ull

struct keep {
	const char *what;
	const struct progress *progress;
	atomic_bool copying;
	_Atomic uint64_t moved_ns; /* when the copy was last seen to go on, or began to */
	/* of the thread that beats */
	uint64_t next_ns;
	uint64_t seen; /* of the copy */

	pthread_mutex_t lock; /* whose it is, the session is */
	struct conn *conn;    /* NULL: let go */
};

int keep_open(const struct conn_target *target, unsigned timeout_s, const char *what,
              const struct progress *progress, struct keep **ret, struct err *err)
{
	struct keep *k = mem_zalloc(sizeof *k);

	k->what = what;
	k->progress = progress;
	pthread_mutex_init(&k->lock, NULL);
	if (conn_open(target, timeout_s, &k->conn, err) != 0 ||
	    conn_exec(k->conn, err, IDLE) != 0) {
		keep_free(k);
		return -1;
	}
	*ret = k;
	return 0;
}

void keep_free(struct keep *k)
{
	if (!k)
		return;
	conn_free(k->conn);
	pthread_mutex_destroy(&k->lock);
	free(k);
}

struct conn *keep_take(struct keep *k)
{
	pthread_mutex_lock(&k->lock);
	return k->conn;
}

void keep_give(struct keep *k)
{
	pthread_mutex_unlock(&k->lock);
}

void keep_copying(struct keep *k, bool copying)
{
	/* What came before, a long wait for a lock perhaps, is not the copy's. */
	if (!atomic_load(&k->copying))
		atomic_store(&k->moved_ns, clock_mono_ns());
	atomic_store(&k->copying, copying);
}

/* A page that is read again and again moves nothing else. */
static uint64_t steps(const struct progress *p)
{
	return atomic_load(&p->bytes_done) + atomic_load(&p->pages_reread) +
	       atomic_load(&p->pages_unverified);
}

static int check_moving(struct keep *k, uint64_t now, struct err *err)
{
	uint64_t seen = k->progress ? steps(k->progress) : 0;

	if (!k->progress || !atomic_load(&k->copying))
		return 0;
	if (seen != k->seen) {
		k->seen = seen;
		atomic_store(&k->moved_ns, now);
	}
	/* It may just have begun, a moment behind our look at the clock. */
	if (now < atomic_load(&k->moved_ns) + IDLE_S * CLOCK_NS)
		return 0;
	conn_stop(k->conn);
	err_set(err, ERR_FAILED,
	        "nothing was copied for %llu s: the backup gives up, so that %s does not keep the "
	        "server waiting any longer",
	        IDLE_S, k->what);
	return err_hint(err, "see whether the repository still takes what is written (a network "
	                     "file system that hangs, a failing disk), and start the backup again");
}

static int ask(struct keep *k, struct err *err)
{
	struct err why = ERR_INIT;

	if (conn_exec(k->conn, &why, "DO 0") == 0)
		return 0;
	err_set(err, ERR_FAILED,
	        "the session that held %s was lost, so what it held back may have happened: %s",
	        k->what, why.text);
	return err_hint(err,
	                "see in the server's error log who ended it (KILL, a restart); the server "
	                "does so by itself when mybakd stands still for %llu s; start the backup "
	                "again",
	                IDLE_S);
}

int keep_beat(struct keep *k, struct err *err)
{
	uint64_t now = clock_mono_ns();
	int rc = 0;

	if (now < k->next_ns || pthread_mutex_trylock(&k->lock) != 0)
		return 0;
	k->next_ns = now + BEAT_NS;
	if (k->conn && (ask(k, err) != 0 || check_moving(k, now, err) != 0))
		rc = -1;
	pthread_mutex_unlock(&k->lock);
	return rc;
}

int keep_check(struct keep *k, struct err *err)
{
	keep_take(k);
	int rc = ask(k, err);
	keep_give(k);
	return rc;
}

void keep_let_go(struct keep *k)
{
	conn_free(keep_take(k));
	k->conn = NULL;
	keep_give(k);
}

void keep_break(struct keep *k)
{
	if (k && k->conn)
		conn_stop(k->conn);
}
