/*
 * Metrics of the binlogs: whether they arrive, and what can be reached by them.
 */
#include <string.h>

#include "base/clock.h"
#include "daemon/metrics_parts.h"
#include "daemon/status.h"

void metrics_window(struct str *out, const char *name, const struct daemon *d)
{
	bool oldest = strstr(name, "oldest") != NULL;
	for (size_t i = 0; i < d->policy->instance_n; i++) {
		const char *instance = d->policy->instances[i].name;
		int64_t from, to;
		status_window(d, instance, &from, &to);
		if (from)
			metrics_sample(out, name, "instance", instance, NULL,
			               metrics_seconds(oldest ? from : to));
	}
}

/* Calls `value` for each instance whose binlog is to be archived. */
typedef void binlog_value(struct str *out, const char *name, const char *instance,
                          const struct stream_status *st);

static void each_binlog(struct str *out, const char *name, const struct daemon *d,
                        binlog_value *value)
{
	for (size_t i = 0; i < d->policy->instance_n; i++) {
		const struct policy_instance *p = &d->policy->instances[i];
		struct stream_status st;
		if (p->schedule.binlog != BINLOG_CONTINUOUS)
			continue;
		binlog_status(&daemon_instance(d, p->name)->binlog, &st);
		value(out, name, p->name, &st);
	}
}

static void streaming_of(struct str *out, const char *name, const char *instance,
                         const struct stream_status *st)
{
	if (!binlog_none(st))
		metrics_sample(out, name, "instance", instance, NULL, st->state == STREAM_RUNNING);
}

void metrics_streaming(struct str *out, const char *name, const struct daemon *d)
{
	each_binlog(out, name, d, streaming_of);
}

static void lag_of(struct str *out, const char *name, const char *instance,
                   const struct stream_status *st)
{
	double lag = binlog_lag_seconds(st, clock_wall_us());
	if (lag >= 0)
		metrics_sample(out, name, "instance", instance, NULL, lag);
}

void metrics_lag_seconds(struct str *out, const char *name, const struct daemon *d)
{
	each_binlog(out, name, d, lag_of);
}

static void lag_bytes_of(struct str *out, const char *name, const char *instance,
                         const struct stream_status *st)
{
	if (st->lag_bytes != UINT64_MAX && !binlog_none(st))
		metrics_sample(out, name, "instance", instance, NULL, (double)st->lag_bytes);
}

void metrics_lag_bytes(struct str *out, const char *name, const struct daemon *d)
{
	each_binlog(out, name, d, lag_bytes_of);
}

static void gaps_of(struct str *out, const char *name, const char *instance,
                    const struct stream_status *st)
{
	metrics_sample(out, name, "instance", instance, NULL, (double)st->gaps);
}

void metrics_gaps(struct str *out, const char *name, const struct daemon *d)
{
	each_binlog(out, name, d, gaps_of);
}

void metrics_gaps_now(struct str *out, const char *name, const struct daemon *d)
{
	for (size_t i = 0; i < d->policy->instance_n; i++) {
		const char *instance = d->policy->instances[i].name;
		const struct binlog_state *s = snapshot_binlog(d->snapshot, instance);
		if (s && s->segments)
			metrics_sample(out, name, "instance", instance, NULL, (double)s->gaps);
	}
}

static void archived_of(struct str *out, const char *name, const char *instance,
                        const struct stream_status *st)
{
	metrics_sample(out, name, "instance", instance, NULL, (double)st->bytes);
}

void metrics_archived(struct str *out, const char *name, const struct daemon *d)
{
	each_binlog(out, name, d, archived_of);
}
