#include "daemon/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemon/metrics_parts.h"

struct row {
	const char *name; /* without "_total" */
	const char *help;
	bool counter;
	metrics_emit *emit;
};

enum metrics_format metrics_choose(const char *accept)
{
	return accept && strstr(accept, "application/openmetrics-text") ? METRICS_OPENMETRICS
	                                                                : METRICS_TEXT;
}

const char *metrics_content_type(enum metrics_format f)
{
	return f == METRICS_OPENMETRICS
	           ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
	           : "text/plain; version=0.0.4; charset=utf-8";
}

static void add_label(struct str *out, const char *key, const char *value)
{
	str_addf(out, "%s=\"", key);
	for (const char *p = value; *p; p++) {
		if (*p == '\\' || *p == '"')
			str_addn(out, "\\", 1);
		str_addn(out, *p == '\n' ? " " : p, 1);
	}
	str_add(out, "\"");
}

void metrics_sample(struct str *out, const char *name, const char *key, const char *value,
                    const char *type, double n)
{
	str_add(out, name);
	if (key) {
		str_add(out, "{");
		add_label(out, key, value);
		if (type) {
			str_add(out, ",");
			add_label(out, "type", type);
		}
		str_add(out, "}");
	}
	/* Whole numbers as such: 17 digits of a double are no help to anybody. */
	if (n == (double)(int64_t)n)
		str_addf(out, " %" PRId64 "\n", (int64_t)n);
	else
		str_addf(out, " %.6f\n", n);
}

double metrics_seconds(int64_t us)
{
	return us > 0 ? (double)us / 1e6 : 0;
}

/* Calls `value` for full and incremental of each instance. */
typedef void backup_value(struct str *out, const char *name, const struct daemon *d,
                          const char *instance, enum job_type type);

static const struct manifest *newest(const struct daemon *d, const char *instance,
                                     enum job_type type)
{
	const struct catalog *c = snapshot_catalog(d->snapshot, instance);
	return c ? catalog_newest_of(c, type == JOB_FULL ? BACKUP_FULL : BACKUP_INCREMENTAL) : NULL;
}

static void each_backup(struct str *out, const char *name, const struct daemon *d,
                        backup_value *value)
{
	for (size_t i = 0; i < d->policy->instance_n; i++) {
		value(out, name, d, d->policy->instances[i].name, JOB_FULL);
		value(out, name, d, d->policy->instances[i].name, JOB_INCREMENTAL);
	}
}

static void sample_of(struct str *out, const char *name, const char *instance, enum job_type type,
                      double n)
{
	metrics_sample(out, name, "instance", instance, job_type_name(type), n);
}

static void up(struct str *out, const char *name, const struct daemon *d)
{
	(void)d;
	metrics_sample(out, name, NULL, NULL, NULL, 1);
}

static void success_of(struct str *out, const char *name, const struct daemon *d,
                       const char *instance, enum job_type type)
{
	/* 0 when there is none, so that "too old" fires for what never ran, too. */
	const struct manifest *m = newest(d, instance, type);
	sample_of(out, name, instance, type, m ? metrics_seconds(m->finished_us) : 0);
}

static void last_success(struct str *out, const char *name, const struct daemon *d)
{
	each_backup(out, name, d, success_of);
}

static void duration_of(struct str *out, const char *name, const struct daemon *d,
                        const char *instance, enum job_type type)
{
	const struct manifest *m = newest(d, instance, type);
	if (m)
		sample_of(out, name, instance, type,
		          metrics_seconds(m->finished_us - m->started_us));
}

static void last_duration(struct str *out, const char *name, const struct daemon *d)
{
	each_backup(out, name, d, duration_of);
}

static void lock_of(struct str *out, const char *name, const struct daemon *d, const char *instance,
                    enum job_type type)
{
	const struct manifest *m = newest(d, instance, type);
	if (m)
		sample_of(out, name, instance, type, m->lock_seconds);
}

static void lock_seconds(struct str *out, const char *name, const struct daemon *d)
{
	each_backup(out, name, d, lock_of);
}

static void size_of(struct str *out, const char *name, const struct daemon *d, const char *instance,
                    enum job_type type)
{
	const struct manifest *m = newest(d, instance, type);
	if (m)
		sample_of(out, name, instance, type, (double)m->size_bytes);
}

static void size_bytes(struct str *out, const char *name, const struct daemon *d)
{
	each_backup(out, name, d, size_of);
}

static void stored_size_of(struct str *out, const char *name, const struct daemon *d,
                           const char *instance, enum job_type type)
{
	const struct manifest *m = newest(d, instance, type);
	if (m)
		sample_of(out, name, instance, type, (double)m->stored_bytes);
}

static void stored_size(struct str *out, const char *name, const struct daemon *d)
{
	each_backup(out, name, d, stored_size_of);
}

static void running_of(struct str *out, const char *name, const struct daemon *d,
                       const char *instance, enum job_type type)
{
	const struct job *j = jobs_active(&d->jobs, type, instance);
	bool total = strstr(name, "total_bytes") != NULL;
	uint64_t n = 0;
	if (j && j->state == JOB_RUNNING)
		n = atomic_load(total ? &j->progress.bytes_total : &j->progress.bytes_done);
	sample_of(out, name, instance, type, (double)n);
}

static void running_bytes(struct str *out, const char *name, const struct daemon *d)
{
	each_backup(out, name, d, running_of);
}

static void each_type(struct str *out, const char *name, const struct daemon *d, bool status)
{
	for (size_t i = 0; i < d->policy->instance_n; i++) {
		const struct instance *one = daemon_instance(d, d->policy->instances[i].name);
		/* A wait for the stream that failed is over; what the stream does has metrics
		 * of its own. */
		for (int t = 0; t < (status ? JOB_BINLOG : JOB_CHECK); t++)
			sample_of(out, name, one->name, (enum job_type)t,
			          status ? one->last[t].failed : (double)one->failures[t]);
	}
}

static void last_error(struct str *out, const char *name, const struct daemon *d)
{
	each_type(out, name, d, true);
}

static void failures(struct str *out, const char *name, const struct daemon *d)
{
	each_type(out, name, d, false);
}

static void jobs_running(struct str *out, const char *name, const struct daemon *d)
{
	metrics_sample(out, name, NULL, NULL, NULL, jobs_count(&d->jobs, JOB_RUNNING));
}

static void jobs_queued(struct str *out, const char *name, const struct daemon *d)
{
	metrics_sample(out, name, NULL, NULL, NULL, jobs_count(&d->jobs, JOB_QUEUED));
}

static void policy_ok(struct str *out, const char *name, const struct daemon *d)
{
	metrics_sample(out, name, NULL, NULL, NULL, d->policy_error.kind == ERR_NONE);
}

static void damaged(struct str *out, const char *name, const struct daemon *d)
{
	for (size_t i = 0; i < d->policy->instance_n; i++) {
		const char *instance = d->policy->instances[i].name;
		const struct catalog *c = snapshot_catalog(d->snapshot, instance);
		if (c)
			metrics_sample(out, name, "instance", instance, NULL, (double)c->damaged_n);
	}
}

static void verified(struct str *out, const char *name, const struct daemon *d)
{
	for (size_t i = 0; i < d->policy->instance_n; i++) {
		const struct instance *one = daemon_instance(d, d->policy->instances[i].name);
		metrics_sample(out, name, "instance", one->name, NULL,
		               metrics_seconds(one->last[JOB_VERIFY].success_us));
	}
}

static void pages(struct str *out, const char *name, const struct daemon *d)
{
	bool reread = strstr(name, "reread") != NULL;
	for (size_t i = 0; i < d->policy->instance_n; i++) {
		const struct instance *one = daemon_instance(d, d->policy->instances[i].name);
		const struct job *j = jobs_running_on(&d->jobs, one->name);
		uint64_t n = reread ? one->pages_reread : one->pages_unverified;
		if (j)
			n += atomic_load(reread ? &j->progress.pages_reread
			                        : &j->progress.pages_unverified);
		metrics_sample(out, name, "instance", one->name, NULL, (double)n);
	}
}

static void repositories(struct str *out, const char *name, const struct daemon *d)
{
	bool used = strstr(name, "used") != NULL;
	for (size_t i = 0; d->snapshot && i < d->snapshot->repository_n; i++) {
		const struct snapshot_repository *r = &d->snapshot->repositories[i];
		uint64_t n = used ? r->total_bytes - r->free_bytes : r->free_bytes;
		if (r->total_bytes)
			metrics_sample(out, name, "repo", r->name, NULL, (double)n);
	}
}

static void repository_up(struct str *out, const char *name, const struct daemon *d)
{
	for (size_t i = 0; d->snapshot && i < d->snapshot->repository_n; i++)
		metrics_sample(out, name, "repo", d->snapshot->repositories[i].name, NULL,
		               d->snapshot->repositories[i].err.kind == ERR_NONE);
}

static const struct row rows[] = {
    {"mybak_up", "The daemon answers.", false, up},
    {"mybak_policy_ok", "0: the policy file is wrong and the one read before is in force.", false,
     policy_ok},
    {"mybak_jobs_running", "Jobs at work.", false, jobs_running},
    {"mybak_jobs_queued", "Jobs that wait.", false, jobs_queued},
    {"mybak_job_failures", "Jobs that failed since the daemon started.", true, failures},
    {"mybak_backup_last_success_timestamp_seconds",
     "When the newest backup in the repository was finished; 0: there is none.", false,
     last_success},
    {"mybak_backup_last_duration_seconds", "How long the newest backup took.", false,
     last_duration},
    {"mybak_backup_last_error_status", "1: the last run of this type failed.", false, last_error},
    {"mybak_backup_lock_seconds", "How long the newest backup held commits.", false, lock_seconds},
    {"mybak_backup_size_bytes", "Size of the data directory at the newest backup.", false,
     size_bytes},
    {"mybak_backup_repo_size_bytes", "Bytes the newest backup takes in the repository.", false,
     stored_size},
    {"mybak_backup_complete_bytes", "Bytes the running backup has read; 0: none runs.", false,
     running_bytes},
    {"mybak_backup_total_bytes", "Bytes the running backup has to read; 0: none runs.", false,
     running_bytes},
    {"mybak_backups_damaged", "Backups whose manifest cannot be read.", false, damaged},
    {"mybak_recovery_window_oldest_timestamp_seconds", "The oldest point that can be restored.",
     false, metrics_window},
    {"mybak_recovery_window_newest_timestamp_seconds", "The newest point that can be restored.",
     false, metrics_window},
    {"mybak_binlog_streaming",
     "1: events of the binlog arrive in the archive; none where the server writes no binlog.",
     false, metrics_streaming},
    {"mybak_binlog_archive_lag_seconds",
     "Seconds since everything the server had was known to be archived.", false,
     metrics_lag_seconds},
    {"mybak_binlog_archive_lag_bytes", "Bytes of the binlog that are not archived yet.", false,
     metrics_lag_bytes},
    {"mybak_binlog_gap_detected",
     "Gaps found since the daemon started: binlogs lost before they were archived.", true,
     metrics_gaps},
    {"mybak_binlog_gaps", "Gaps there are in the archive.", false, metrics_gaps_now},
    {"mybak_binlog_archived_bytes", "Bytes of binlogs archived since the daemon started.", true,
     metrics_archived},
    {"mybak_verify_last_success_timestamp_seconds",
     "When all backups were last read and found good; 0: never.", false, verified},
    {"mybak_repository_up", "1: the repository could be read.", false, repository_up},
    {"mybak_repository_used_bytes", "Bytes in use where the repository is.", false, repositories},
    {"mybak_repository_free_bytes", "Bytes free where the repository is.", false, repositories},
    {"mybak_page_reread", "Pages read again because they were being written.", true, pages},
    {"mybak_page_unverified", "Pages copied that carry no checksum.", true, pages},
};

void metrics_write(const struct daemon *d, enum metrics_format f, struct str *out)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct row *r = &rows[i];
		char name[128];
		snprintf(name, sizeof name, "%s%s", r->name, r->counter ? "_total" : "");
		const char *family = f == METRICS_OPENMETRICS ? r->name : name;
		str_addf(out, "# HELP %s %s\n# TYPE %s %s\n", family, r->help, family,
		         r->counter ? "counter" : "gauge");
		r->emit(out, name, d);
	}
	str_add(out, "# EOF\n");
}
