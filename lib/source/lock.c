#include "source/lock.h"

#include <stdbool.h>

#include "base/clock.h"

/* Server error numbers that mean "not granted in time": ER_LOCK_WAIT_TIMEOUT,
 * ER_STATEMENT_TIMEOUT (MariaDB). */
static bool is_timeout(unsigned number)
{
	return number == 1205 || number == 1969;
}

/* One attempt of at most a second at a statement that takes a lock: 1 granted, 0 not in
 * time, -1 failed. */
static int lock_try(struct conn *c, const char *sql, const struct cancel *cancel, struct err *err)
{
	if (cancel_check(cancel, err) != 0)
		return -1;
	if (conn_exec(c, err, "SET SESSION lock_wait_timeout=1") != 0)
		return -1;
	if (conn_exec(c, err, sql) == 0)
		return 1;
	if (!is_timeout(conn_errno(c)))
		return err_add(err, "%s", sql);
	err_clear(err);
	return 0;
}

int lock_enter(struct conn *c, const char *sql, unsigned wait_s, const struct cancel *cancel,
               const char *hint, struct err *err)
{
	uint64_t from = clock_mono_ns();
	for (;;) {
		int got = lock_try(c, sql, cancel, err);
		if (got != 0)
			return got > 0 ? 0 : -1;
		if (clock_mono_ns() - from >= (uint64_t)wait_s * 1000000000u) {
			err_set(err, ERR_BUSY, "%s was not granted within %u s", sql, wait_s);
			return err_hint(err, "%s", hint);
		}
	}
}

static int pause_unless_cancelled(const struct cancel *cancel, unsigned ms, struct err *err)
{
	for (unsigned slept = 0; slept < ms; slept += 100) {
		if (cancel_check(cancel, err) != 0)
			return -1;
		clock_sleep_ms(100);
	}
	return 0;
}

int lock_enter_gently(struct conn *c, const char *sql, unsigned retries,
                      const struct cancel *cancel, const char *hint, struct err *err)
{
	for (unsigned tries = 0;; tries++) {
		int got = lock_try(c, sql, cancel, err);
		if (got != 0)
			return got > 0 ? 0 : -1;
		if (tries >= retries) {
			err_set(err, ERR_BUSY, "%s was not granted in %u attempts of 1 s", sql,
			        tries + 1);
			return err_hint(err, "%s", hint);
		}
		if (pause_unless_cancelled(cancel, 1000, err) != 0)
			return -1;
	}
}
