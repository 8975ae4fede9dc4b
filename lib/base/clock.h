/*
 * clock: what time it is, in one place so that tests can say.
 *
 * Wall time is microseconds since 1970 UTC (int64_t); monotonic time is
 * nanoseconds (uint64_t).  Thread-safe except clock_set_fake.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define CLOCK_US 1000000LL /* in a second */
#define CLOCK_NS 1000000000ULL

int64_t clock_wall_us(void);
uint64_t clock_mono_ns(void);
void clock_sleep_ms(unsigned ms);
/* pthread_cond_wait, and no longer than until that monotonic time: somebody may set the
 * wall clock back by an hour.  The condition needs no attribute. */
void clock_wait(pthread_cond_t *cond, pthread_mutex_t *lock, uint64_t until_mono_ns);

/* From now on wall time is `us` (tests); -1 goes back to the real one. */
void clock_set_fake(int64_t us);

/* RFC 3339 in UTC, "2026-11-22T02:00:00Z" (fraction cut); buf >= 32 bytes. */
const char *clock_format(char *buf, size_t size, int64_t wall_us);
/* The same for people, in local time with zone: "2026-11-22 03:00:00 CET". */
const char *clock_format_local(char *buf, size_t size, int64_t wall_us);
/* RFC 3339 (with Z or +hh:mm, optional fraction) to microseconds; 0 or -1. */
int clock_parse(const char *text, int64_t *ret_wall_us);
/* "20261122T020000Z", the form used in backup ids. */
const char *clock_format_id(char *buf, size_t size, int64_t wall_us);

#endif
