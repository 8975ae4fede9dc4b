#include "base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static _Atomic int64_t fake_us = -1;

int64_t clock_wall_us(void)
{
	int64_t fake = atomic_load_explicit(&fake_us, memory_order_relaxed);
	if (fake != -1)
		return fake;
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * CLOCK_US + t.tv_nsec / 1000;
}

uint64_t clock_mono_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * CLOCK_NS + (uint64_t)t.tv_nsec;
}

void clock_sleep_ms(unsigned ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

void clock_wait(pthread_cond_t *cond, pthread_mutex_t *lock, uint64_t until_mono_ns)
{
	struct timespec t = {.tv_sec = (time_t)(until_mono_ns / CLOCK_NS),
	                     .tv_nsec = (long)(until_mono_ns % CLOCK_NS)};
	pthread_cond_clockwait(cond, lock, CLOCK_MONOTONIC, &t);
}

void clock_set_fake(int64_t us)
{
	atomic_store_explicit(&fake_us, us, memory_order_relaxed);
}

/* Whole seconds, rounded down also before 1970. */
static time_t seconds_of(int64_t us)
{
	int64_t s = us / CLOCK_US;
	return (time_t)(us % CLOCK_US < 0 ? s - 1 : s);
}

/* A year that does not fit into the library's struct tm. */
static const char *no_time(char *buf, size_t size)
{
	snprintf(buf, size, "?");
	return buf;
}

const char *clock_format(char *buf, size_t size, int64_t wall_us)
{
	struct tm tm;
	time_t t = seconds_of(wall_us);
	if (!gmtime_r(&t, &tm) || strftime(buf, size, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return no_time(buf, size);
	return buf;
}

const char *clock_format_local(char *buf, size_t size, int64_t wall_us)
{
	struct tm tm;
	time_t t = seconds_of(wall_us);
	if (!localtime_r(&t, &tm) || strftime(buf, size, "%Y-%m-%d %H:%M:%S %Z", &tm) == 0)
		return no_time(buf, size);
	return buf;
}

const char *clock_format_id(char *buf, size_t size, int64_t wall_us)
{
	struct tm tm;
	time_t t = seconds_of(wall_us);
	if (!gmtime_r(&t, &tm) || strftime(buf, size, "%Y%m%dT%H%M%SZ", &tm) == 0)
		return no_time(buf, size);
	return buf;
}

/* Exactly n digits at *s. */
static int digits(const char **s, int n, int *ret)
{
	int v = 0;
	for (int i = 0; i < n; i++) {
		if (!isdigit((unsigned char)(*s)[i]))
			return -1;
		v = v * 10 + ((*s)[i] - '0');
	}
	*s += n;
	*ret = v;
	return 0;
}

static int one_of(const char **s, const char *allowed)
{
	if (!**s || !strchr(allowed, **s))
		return -1;
	(*s)++;
	return 0;
}

static int parse_fraction(const char **s, int64_t *ret_us)
{
	*ret_us = 0;
	if (**s != '.')
		return 0;
	(*s)++;
	if (!isdigit((unsigned char)**s))
		return -1;
	for (int64_t unit = CLOCK_US / 10; isdigit((unsigned char)**s); (*s)++, unit /= 10)
		*ret_us += (**s - '0') * unit;
	return 0;
}

static int parse_zone(const char **s, int *ret_seconds)
{
	*ret_seconds = 0;
	if (**s == 'Z' || **s == 'z') {
		(*s)++;
		return 0;
	}
	int sign = **s == '-' ? -1 : 1, hours, minutes;
	if (one_of(s, "+-") < 0 || digits(s, 2, &hours) < 0 || one_of(s, ":") < 0 ||
	    digits(s, 2, &minutes) < 0 || hours > 23 || minutes > 59)
		return -1;
	*ret_seconds = sign * (hours * 3600 + minutes * 60);
	return 0;
}

int clock_parse(const char *text, int64_t *ret_wall_us)
{
	struct tm tm = {0};
	const char *s = text;
	int64_t fraction;
	int zone;
	if (digits(&s, 4, &tm.tm_year) < 0 || one_of(&s, "-") < 0 ||
	    digits(&s, 2, &tm.tm_mon) < 0 || one_of(&s, "-") < 0 ||
	    digits(&s, 2, &tm.tm_mday) < 0 || one_of(&s, "Tt ") < 0 ||
	    digits(&s, 2, &tm.tm_hour) < 0 || one_of(&s, ":") < 0 ||
	    digits(&s, 2, &tm.tm_min) < 0 || one_of(&s, ":") < 0 || digits(&s, 2, &tm.tm_sec) < 0 ||
	    parse_fraction(&s, &fraction) < 0 || parse_zone(&s, &zone) < 0 || *s)
		return -1;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	/* timegm corrects what is out of range ("February 30"): a corrected date was none. */
	struct tm asked = tm;
	int64_t t = timegm(&tm);
	if (tm.tm_year != asked.tm_year || tm.tm_mon != asked.tm_mon ||
	    tm.tm_mday != asked.tm_mday || tm.tm_hour != asked.tm_hour ||
	    tm.tm_min != asked.tm_min || tm.tm_sec != asked.tm_sec)
		return -1;
	*ret_wall_us = (t - zone) * CLOCK_US + fraction;
	return 0;
}
