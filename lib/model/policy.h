/*
 * policy: what the DBA wants, as one value that nobody changes.
 *
 * Made by conf from YAML; shared between threads; a reload makes a new one and
 * running jobs keep theirs.  Reference counted, thread-safe counting.
 */
#ifndef MODEL_POLICY_H
#define MODEL_POLICY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/schedule.h"

struct policy_repository {
	char *name;
	char *url; /* "file:///path" */
	bool must_be_mounted;
};

enum corrupt_pages { CORRUPT_FAIL, CORRUPT_LIST };

struct policy_retention {
	unsigned full_days, incremental_days;
	unsigned min_full; /* never fewer fulls than this, default 1 */
};

enum policy_binlog { BINLOG_OFF, BINLOG_CONTINUOUS };

struct policy_schedule {
	struct schedule full, incremental, verify;
	enum policy_binlog binlog;
};

struct policy_compression_rule {
	uint64_t up_to; /* files up to this size; UINT64_MAX: any */
	int level;
};

struct policy_instance {
	char *name;
	char *socket; /* or NULL */
	char *host;   /* or NULL */
	unsigned port;
	char *defaults_file;   /* or NULL: the connector's own default user, no password */
	char *datadir;         /* or NULL: asked of the server */
	char *server_binary;   /* or NULL: looked for */
	char **server_options; /* extra options for the private server, NULL-terminated, or NULL */
	char *method;          /* "hot" */
	enum corrupt_pages corrupt_pages;
	/* the instance's own or, where it says nothing, the policy's */
	struct policy_schedule schedule;
	struct policy_retention retention;
};

struct policy_limits {
	unsigned workers;     /* copy threads of one job */
	unsigned jobs;        /* jobs at once, over all instances */
	unsigned lock_wait_s; /* longest wait for a server lock */
	unsigned lock_retries;
	uint64_t read_rate; /* bytes a second over all workers of a job; 0: no limit */
	int nice;           /* 0..19 for copy threads */
};

struct policy_monitor {
	int64_t full_max_age_s, incremental_max_age_s;
	unsigned repository_max_use; /* percent */
};

struct policy {
	atomic_uint refs;
	char *path; /* file it came from */
	struct policy_repository *repositories;
	size_t repository_n;
	struct policy_instance *instances;
	size_t instance_n;
	struct policy_compression_rule *compression; /* ends with up_to == UINT64_MAX */
	size_t compression_n;
	struct policy_limits limits;
	struct policy_monitor monitor;
};

/* Names of instances and repositories become parts of object names: 1 to 64 of
 * A-Z a-z 0-9 _ . - and not '.' in front. */
bool policy_name_valid(const char *name);

struct policy *policy_new(void); /* one reference, everything empty or default */
struct policy *policy_ref(struct policy *p);
void policy_unref(struct policy *p); /* NULL is fine; frees with the last reference */
const struct policy_instance *policy_find_instance(const struct policy *p, const char *name);
int policy_level_for(const struct policy *p, uint64_t file_size);

#endif
