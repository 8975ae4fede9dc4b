#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "binlog/stream_check.h"
#include "job/check_line.h"
#include "server/conn.h"
#include "server/facts.h"

#define TIMEOUT_S 15
/* Below this the redo of a busy server turns around within seconds. */
#define REDO_SMALL (64u << 20)

/* The first file of the system tablespace: always there, and as secret as any. */
static char *system_file(const struct facts *f)
{
	size_t n = strcspn(f->data_file_path, ":;");

	if (f->data_file_path[0] == '/')
		return mem_strndup(f->data_file_path, n);
	return mem_printf("%s/%.*s", f->innodb_home, (int)n, f->data_file_path);
}

static void check_datadir(const struct facts *f, const char *subject, struct check_result *ret)
{
	char *path = system_file(f);
	struct err err = ERR_INIT;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		check_add(ret, CHECK_OK, subject, NULL, "the data directory %s can be read",
		          f->datadir);
		close(fd);
	} else {
		bool gone = errno == ENOENT;
		err_sys(&err, errno, "the data directory cannot be read: %s", path);
		err_hint(&err,
		         gone ? "is the server on this host? if its files are seen under another "
		                "path here, set instances.datadir"
		              : "run mybakd as the user that owns the files (User=mysql in the "
		                "unit)");
		check_add_err(ret, CHECK_CRITICAL, subject, &err);
	}
	free(path);
}

static void check_binlog(const struct policy_instance *inst, struct conn *c, const char *subject,
                         struct check_result *ret)
{
	struct err err = ERR_INIT;
	bool log_bin = false;

	if (inst->schedule.binlog == BINLOG_OFF)
		check_add(ret, CHECK_OK, subject, NULL,
		          "its binlog is not archived (schedule.binlog: off): a restore ends at "
		          "the time of a backup");
	else if (stream_check(c, &log_bin, &err) < 0)
		check_add_err(ret, CHECK_CRITICAL, subject, &err);
	else if (log_bin)
		check_add(ret, CHECK_OK, subject, NULL,
		          "the server writes a binlog, which may be read");
	else
		check_add(
		    ret, CHECK_WARNING, subject,
		    "set log_bin to be able to go beyond a backup, or say schedule.binlog: off",
		    "the server writes no binlog: a restore ends at the time of a backup");
}

/* Servers before 11.8 flush the log under the commit lock only as often as this
 * setting says; a backup sets it to 1 for that moment if it may. */
static void check_flush(const struct facts *f, const char *subject, struct check_result *ret)
{
	bool old = f->major < 11 || (f->major == 11 && f->minor < 8);

	if (f->flush_log == 1 || !old || f->can_set_global)
		return;
	check_add(ret, CHECK_WARNING, subject,
	          "GRANT SUPER ON *.* to the backup user, who then sets it to 1 for that moment",
	          "innodb_flush_log_at_trx_commit is %u: commits can wait up to a second while a "
	          "backup ends",
	          f->flush_log);
}

static void check_redo(struct conn *c, const char *subject, struct check_result *ret)
{
	char text[STR_HUMAN_MAX];
	struct err err = ERR_INIT;
	uint64_t size = 0;

	if (conn_u64(c, "SELECT @@innodb_log_file_size", &size, &err) < 0)
		return;
	check_add(ret, CHECK_OK, subject,
	          size < REDO_SMALL ? "if backups fail because the redo was overwritten, raise "
	                              "innodb_log_file_size"
	                            : NULL,
	          "its redo log holds %s", str_size(text, size));
}

static void check_facts(const struct policy_instance *inst, struct conn *c, const char *subject,
                        struct check_result *ret)
{
	struct facts f = {0};
	struct err err = ERR_INIT;

	if (facts_ask(c, &f, &err) < 0) {
		check_add_err(ret, CHECK_CRITICAL, subject, &err);
		return;
	}
	facts_move(&f, inst->datadir);
	check_add(ret, CHECK_OK, subject, NULL, "the server answers: %s %s",
	          flavour_name(f.flavour), f.version);
	if (facts_check_hot(&f, &err) < 0) {
		check_add_err(ret, CHECK_CRITICAL, subject, &err);
	} else {
		check_datadir(&f, subject, ret);
		if (f.flavour == FLAVOUR_MYSQL) {
			check_server_mysql(c, &f, subject, ret);
		} else {
			check_flush(&f, subject, ret);
			check_redo(c, subject, ret);
		}
	}
	/* Also of a server that no backup can be taken of yet. */
	check_binlog(inst, c, subject, ret);
	facts_done(&f);
}

void check_server(const struct policy_instance *inst, const char *subject, struct check_result *ret)
{
	struct conn_target target = {.socket = inst->socket,
	                             .host = inst->host,
	                             .port = inst->port,
	                             .defaults_file = inst->defaults_file};
	struct conn *c = NULL;
	struct err err = ERR_INIT;

	if (conn_open(&target, TIMEOUT_S, &c, &err) < 0)
		check_add_err(ret, CHECK_CRITICAL, subject, &err);
	else
		check_facts(inst, c, subject, ret);
	conn_free(c);
}
