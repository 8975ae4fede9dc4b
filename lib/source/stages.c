#include "source/stages.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

/* Server error numbers that mean "not granted in time": ER_LOCK_WAIT_TIMEOUT,
 * ER_STATEMENT_TIMEOUT. */
static bool is_timeout(unsigned number)
{
	return number == 1205 || number == 1969;
}

static int who_holds(const char *stage, struct err *err)
{
	if (strcmp(stage, "START") == 0)
		return err_hint(err, "another backup of this server may be running, or a session "
		                     "holds LOCK TABLES or a global read lock: see SHOW FULL "
		                     "PROCESSLIST");
	return err_hint(err, "look for long-running statements and open transactions with SHOW "
	                     "FULL PROCESSLIST, let them end, or raise limits.lock_wait in the "
	                     "policy");
}

/* One attempt of at most a second.  1 granted, 0 not in time, -1 failed. */
static int attempt(struct stages *s, const char *stage, struct err *err)
{
	char *sql = mem_printf("BACKUP STAGE %s", stage);
	int rc = conn_exec(s->conn, err, "SET SESSION lock_wait_timeout=1");
	if (rc == 0)
		rc = conn_exec(s->conn, err, sql);
	free(sql);
	if (rc == 0)
		return 1;
	if (!is_timeout(conn_errno(s->conn)))
		return err_add(err, "BACKUP STAGE %s", stage);
	err_clear(err);
	return 0;
}

int stages_enter(struct stages *s, const char *stage, struct err *err)
{
	uint64_t from = clock_mono_ns();
	for (;;) {
		if (cancel_check(s->cancel, err) != 0)
			return -1;
		int got = attempt(s, stage, err);
		if (got < 0)
			return -1;
		if (got > 0)
			break;
		if (clock_mono_ns() - from >= (uint64_t)s->wait_s * 1000000000u) {
			err_set(err, ERR_BUSY, "BACKUP STAGE %s was not granted within %u s", stage,
			        s->wait_s);
			return who_holds(stage, err);
		}
	}
	if (strcmp(stage, "BLOCK_DDL") == 0)
		s->ddl_ns = clock_mono_ns();
	return 0;
}

static int pause_unless_cancelled(const struct stages *s, unsigned ms, struct err *err)
{
	for (unsigned slept = 0; slept < ms; slept += 100) {
		if (cancel_check(s->cancel, err) != 0)
			return -1;
		clock_sleep_ms(100);
	}
	return 0;
}

int stages_block_commit(struct stages *s, struct err *err)
{
	for (unsigned tries = 0;; tries++) {
		if (cancel_check(s->cancel, err) != 0)
			return -1;
		int got = attempt(s, "BLOCK_COMMIT", err);
		if (got < 0)
			return -1;
		if (got > 0)
			break;
		if (tries >= s->retries) {
			err_set(err, ERR_BUSY,
			        "BACKUP STAGE BLOCK_COMMIT was not granted in %u attempts of 1 s",
			        tries + 1);
			return who_holds("BLOCK_COMMIT", err);
		}
		if (pause_unless_cancelled(s, 1000, err) != 0)
			return -1;
	}
	s->commit_ns = clock_mono_ns();
	return 0;
}

int stages_end(struct stages *s, double *ret_commit_s, double *ret_ddl_s, struct err *err)
{
	if (conn_exec(s->conn, err, "BACKUP STAGE END") != 0)
		return err_add(err, "BACKUP STAGE END");
	uint64_t now = clock_mono_ns();
	*ret_commit_s = (double)(now - s->commit_ns) / 1e9;
	*ret_ddl_s = (double)(now - s->ddl_ns) / 1e9;
	return 0;
}
