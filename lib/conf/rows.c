#include "conf/rows.h"

#include <string.h>

#include "base/mem.h"
#include "conf/draft.h"

#define AT(type, field) .offset = offsetof(type, field), .width = sizeof(((type *)0)->field)
#define IN_REPO(f) AT(struct policy_repository, f)
#define IN_INST(f) AT(struct policy_instance, f)
#define IN_SCHED(f) AT(struct policy_schedule, f)
#define IN_RET(f) AT(struct policy_retention, f)
#define IN_LIM(f) AT(struct policy_limits, f)
#define IN_MON(f) AT(struct policy_monitor, f)
#define IN_RULE(f) AT(struct policy_compression_rule, f)
#define IN_DRAFT(f) AT(struct draft, f)

#define KIB 1024LL
#define TIB (KIB * KIB * KIB * KIB)
#define DAY 86400LL

const struct row rows[] = {
    {"repositories", ROW_LIST, IN_DRAFT(repositories), .must = true,
     .help = "Where backups are kept. Exactly one for now."},
    {"repositories[].name", ROW_NAME, IN_REPO(name), .must = true,
     .help = "Name of the repository in messages and metrics."},
    {"repositories[].url", ROW_URL, IN_REPO(url), .must = true,
     .help = "Place of the repository: file:///path. s3:// is not built yet."},
    {"repositories[].must_be_mounted", ROW_BOOL, IN_REPO(must_be_mounted), .def = "false",
     .help = "Refuse to write unless the path lies on a mounted file system of its own: a NAS "
             "that did not come up leaves an empty mount point on the system disk."},
    {"repositories[].encryption_key_file", ROW_LATER, .help = "Key file for encryption at rest."},

    {"instances", ROW_LIST, IN_DRAFT(instances), .must = true, .help = "The servers to back up."},
    {"instances[].name", ROW_NAME, IN_INST(name), .must = true,
     .help = "Name of the instance; also its directory in the repository."},
    {"instances[].socket", ROW_PATH, IN_INST(socket),
     .help = "UNIX socket of the server. An instance has a socket or a host."},
    {"instances[].host", ROW_TEXT, IN_INST(host),
     .help = "Host name or address of the server, whose files must be on this machine."},
    {"instances[].port", ROW_INT, IN_INST(port), 1, 65535, .def = "3306",
     .help = "TCP port, with host."},
    {"instances[].defaults_file", ROW_PATH, IN_INST(defaults_file),
     .help = "File in my.cnf syntax with user and password in its [client] section. Refused if "
             "group or others can read it. Without it the operating system's user connects "
             "without a password."},
    {"instances[].datadir", ROW_PATH, IN_INST(datadir),
     .help = "Data directory, where it is seen under another path than the server's. Asked of "
             "the server otherwise."},
    {"instances[].server_binary", ROW_PATH, IN_INST(server_binary),
     .help = "Server program that recovers restored files. Found otherwise."},
    {"instances[].server_options", ROW_TEXTS, IN_INST(server_options),
     .help = "Further options for that server, each starting with two dashes."},
    {"instances[].method", ROW_WORD, IN_INST(method), .words = "hot",
     .later = "lock cold snapshot dump", .def = "hot",
     .help = "How a consistent copy is made. hot: while the server runs and is written to."},
    {"instances[].corrupt_pages", ROW_ENUM, IN_INST(corrupt_pages), .words = "fail list",
     .def = "fail",
     .help = "What a page with a wrong checksum does to a backup. fail: the backup fails and "
             "names it. list: the page is copied as it is and listed in the backup."},
    {"instances[].schedule", ROW_SECTION, IN_INST(schedule), .like = "schedule",
     .help = "The instance's own schedule; keys left out are as in the common one."},
    {"instances[].retention", ROW_SECTION, IN_INST(retention), .like = "retention",
     .help = "The instance's own retention; keys left out are as in the common one."},

    {"schedule", ROW_SECTION, IN_DRAFT(schedule),
     .help = "When jobs run, in the daemon's local time."},
    {"schedule.full", ROW_SCHEDULE, IN_SCHED(full), .def = "daily 02:00", .help = "Full backups."},
    {"schedule.incremental", ROW_SCHEDULE, IN_SCHED(incremental), .def = "hourly",
     .help = "Incremental backups."},
    {"schedule.binlog", ROW_ENUM, IN_SCHED(binlog), .words = "off continuous", .def = "continuous",
     .help = "Archiving of the binary log. continuous: each event within a second or so, so that "
             "any second can be restored. off: a restore ends at a backup."},
    {"schedule.verify", ROW_SCHEDULE, IN_SCHED(verify), .def = "weekly sun 05:00",
     .help = "Reading every stored byte again."},
    {"schedule.drill", ROW_LATER, .words = "off", .def = "off",
     .help = "Restoring a backup for practice and looking at what came back."},

    {"retention", ROW_SECTION, IN_DRAFT(retention),
     .help = "How long backups are kept. What a kept backup stands on is kept too."},
    {"retention.full_days", ROW_INT, IN_RET(full_days), 0, 36500, .def = "30",
     .help = "Days a full backup is kept."},
    {"retention.incremental_days", ROW_INT, IN_RET(incremental_days), 0, 36500, .def = "7",
     .help = "Days an incremental backup is kept."},
    {"retention.min_full", ROW_INT, IN_RET(min_full), 1, 1000, .def = "1",
     .help = "So many of the newest full backups are kept, however old they are."},
    {"retention.keep_daily", ROW_LATER, .words = "0", .def = "0", .help = "Daily backups to keep."},
    {"retention.keep_weekly", ROW_LATER, .words = "0", .def = "0",
     .help = "Weekly backups to keep."},
    {"retention.keep_monthly", ROW_LATER, .words = "0", .def = "0",
     .help = "Monthly backups to keep."},
    {"retention.keep_yearly", ROW_LATER, .words = "0", .def = "0",
     .help = "Yearly backups to keep."},

    {"compression", ROW_RULES, IN_DRAFT(compression),
     .help = "A mapping with one level, or a list of rules of which the first that fits a "
             "file's size holds."},
    {"compression.level", ROW_INT, IN_RULE(level), 1, 19, .def = "3",
     .help = "Zstandard level for every file."},
    {"compression[].up_to", ROW_SIZE, IN_RULE(up_to), 1, INT64_MAX,
     .help = "The rule holds for files up to this size. The last rule has none."},
    {"compression[].level", ROW_INT, IN_RULE(level), 1, 19, .must = true,
     .help = "Zstandard level of the rule."},

    {"limits", ROW_SECTION, IN_DRAFT(limits), .help = "What jobs may use."},
    {"limits.workers", ROW_INT, IN_LIM(workers), 1, 64, .def = "2",
     .help = "Copy threads of one job."},
    {"limits.jobs", ROW_INT, IN_LIM(jobs), 1, 64, .def = "2",
     .help = "Jobs at once; on one instance there is never more than one."},
    {"limits.lock_wait", ROW_DURATION, IN_LIM(lock_wait_s), 1, DAY, .def = "60s",
     .help = "Longest wait for a lock of the server."},
    {"limits.lock_retries", ROW_INT, IN_LIM(lock_retries), 0, 100, .def = "3",
     .help = "How often a lock that was not granted is asked for again."},
    {"limits.read_rate", ROW_SIZE, IN_LIM(read_rate), 64 * KIB, TIB,
     .help = "Bytes a second that one job reads at most. Pages without a checksum of their own "
             "(encrypted or compressed ones) are read twice, and both readings count. Without "
             "it there is no limit."},
    {"limits.nice", ROW_INT, IN_LIM(nice), 0, 19, .def = "0",
     .help = "Scheduling priority of copy threads; 19 is the lowest."},
    {"limits.io_class", ROW_LATER, .help = "I/O scheduling class of copy threads."},
    {"limits.window", ROW_LATER, .help = "Hours in which jobs may run."},

    {"monitor", ROW_SECTION, IN_DRAFT(monitor), .help = "From when on check complains."},
    {"monitor.full_max_age", ROW_DURATION, IN_MON(full_max_age_s), 60, 3660 * DAY, .def = "25h",
     .help = "Age of the newest full backup."},
    {"monitor.incremental_max_age", ROW_DURATION, IN_MON(incremental_max_age_s), 60, 3660 * DAY,
     .def = "2h", .help = "Age of the newest backup of any kind."},
    {"monitor.repository_max_use", ROW_PERCENT, IN_MON(repository_max_use), 1, 100, .def = "85%",
     .help = "How full the repository's file system may be."},

    {"drill", ROW_SECTION, .help = "What a drill looks at."},
    {"drill.checks", ROW_LATER, .words = "[]", .def = "[]",
     .help = "Queries on the restored server, each with the largest answer allowed."},
    {"notify", ROW_LATER, .words = "[]", .def = "[]",
     .help = "Who is told of failures: mail, webhook, command."},
    {"http", ROW_SECTION, .help = "Access besides the control socket."},
    {"http.listen", ROW_LATER, .help = "Address and port for read-only requests over TCP."},
};
const size_t row_n = sizeof rows / sizeof *rows;

const char *row_key(const struct row *r, const char *section)
{
	size_t n = strlen(section);
	const char *key = r->path + n;

	return !strncmp(r->path, section, n) && *key && !strpbrk(key, ".[") ? key : NULL;
}

const struct row *row_find(const char *section, const char *key, size_t n)
{
	for (size_t i = 0; i < row_n; i++) {
		const char *k = row_key(&rows[i], section);
		if (k && strlen(k) == n && !memcmp(k, key, n))
			return &rows[i];
	}
	return NULL;
}

char *row_section(const struct row *r)
{
	return mem_printf("%s%s.", r->like ? r->like : r->path, r->type == ROW_LIST ? "[]" : "");
}
