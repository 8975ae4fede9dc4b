/*
 * The binlog's part of the status: what the stream does, and what can be reached by it.
 */
#include "base/clock.h"
#include "daemon/status.h"
#include "daemon/status_parts.h"
#include "job/catalog_load.h"

/* Everything known up to then, from what is in the repository and what the stream says. */
void status_window(const struct daemon *d, const char *instance, int64_t *ret_oldest_us,
                   int64_t *ret_newest_us)
{
	const struct binlog_state *s = snapshot_binlog(d->snapshot, instance);
	const struct catalog *c = snapshot_catalog(d->snapshot, instance);
	const struct instance *i = daemon_instance(d, instance);
	struct stream_status st;
	*ret_oldest_us = *ret_newest_us = 0;
	if (c && c->backups.n) {
		*ret_oldest_us = c->backups.v[0]->finished_us;
		*ret_newest_us = c->backups.v[c->backups.n - 1]->finished_us;
	}
	if (!s || !s->windows.n)
		return;
	*ret_oldest_us = s->windows.v[0].from_us;
	/* What came while the newest backup ran may not be archived yet. */
	if (s->open_ended || *ret_newest_us < s->windows.v[s->windows.n - 1].to_us)
		*ret_newest_us = s->windows.v[s->windows.n - 1].to_us;
	binlog_status(&i->binlog, &st);
	int64_t reaches = binlog_reaches_us(&i->binlog, &st, s);
	if (*ret_newest_us < reaches)
		*ret_newest_us = reaches;
}

static json_t *windows_json(const struct daemon *d, const char *instance)
{
	const struct binlog_state *s = snapshot_binlog(d->snapshot, instance);
	int64_t oldest, newest;
	json_t *list = json_array();
	status_window(d, instance, &oldest, &newest);
	for (size_t i = 0; s && i < s->windows.n; i++) {
		json_t *o = json_object();
		bool last = i + 1 == s->windows.n && s->open_ended;
		json_object_set_new(o, "from", status_time(s->windows.v[i].from_us));
		json_object_set_new(o, "to", status_time(last ? newest : s->windows.v[i].to_us));
		json_array_append_new(list, o);
	}
	return list;
}

json_t *status_recovery(const struct daemon *d, const char *instance)
{
	const struct binlog_state *s = snapshot_binlog(d->snapshot, instance);
	int64_t oldest, newest;
	json_t *o = json_object();
	status_window(d, instance, &oldest, &newest);
	/* Else those in the windows, and the moments of backups that stand in none. */
	bool any = s && s->windows.n == 1 && (s->open_ended || newest == s->windows.v[0].to_us);
	json_object_set_new(o, "any_second", json_boolean(any));
	json_object_set_new(o, "oldest", status_time(oldest));
	json_object_set_new(o, "newest", status_time(newest));
	json_object_set_new(o, "windows", windows_json(d, instance));
	return o;
}

json_t *status_binlog(const struct daemon *d, const struct instance *i)
{
	const struct binlog_state *s = snapshot_binlog(d->snapshot, i->name);
	struct stream_status st;
	json_t *o = json_object();
	binlog_status(&i->binlog, &st);
	double lag = binlog_lag_seconds(&st, clock_wall_us());
	json_object_set_new(
	    o, "state", json_string(binlog_none(&st) ? "no_log_bin" : binlog_state_name(st.state)));
	json_object_set_new(o, "lineage", status_text(st.lineage));
	json_object_set_new(o, "file", status_text(st.file));
	json_object_set_new(o, "position",
	                    st.file[0] ? json_integer((json_int_t)st.durable_pos) : json_null());
	json_object_set_new(o, "last_event", status_time(st.last_event_us));
	json_object_set_new(o, "caught_up", status_time(st.caught_up_us));
	json_object_set_new(o, "lag_seconds", lag < 0 ? json_null() : json_real(lag));
	json_object_set_new(o, "lag_bytes",
	                    st.lag_bytes == UINT64_MAX ? json_null()
	                                               : json_integer((json_int_t)st.lag_bytes));
	status_set_u64(o, "events", st.events);
	status_set_u64(o, "bytes", st.bytes);
	status_set_u64(o, "reconnects", st.reconnects);
	status_set_u64(o, "gaps_detected", st.gaps);
	status_set_u64(o, "gaps", s ? s->gaps : 0);
	status_set_u64(o, "stored_bytes", s ? s->stored_bytes : 0);
	json_object_set_new(o, "error", status_error(&st.why));
	return o;
}

json_t *status_backup(const struct daemon *d, const struct manifest *m)
{
	const struct binlog_state *s = snapshot_binlog(d->snapshot, m->instance);
	json_t *o = backup_to_json(m, false);
	int64_t oldest, newest;
	status_window(d, m->instance, &oldest, &newest);
	json_object_set_new(o, "recovery_window",
	                    s ? binlog_state_json(s, m->id, newest) : json_null());
	return o;
}

json_t *status_backups(const struct daemon *d, const char *instance)
{
	const struct catalog *c = snapshot_catalog(d->snapshot, instance);
	json_t *list = json_array();
	for (size_t i = 0; c && i < c->backups.n; i++)
		json_array_append_new(list, status_backup(d, c->backups.v[i]));
	return list;
}
