#include "job/restore_recover_mysql.h"

#include <stdlib.h>
#include <string.h>

#include "base/fsio.h"
#include "base/mem.h"
#include "job/restore_doubt.h"
#include "job/restore_recover_keys.h"
#include "job/restore_recover_parts.h"
#include "job/restore_recover_replica.h"
#include "job/restore_redo.h"
#include "server/replay_words.h"

#define NO_SUMS "--innodb-log-checksums=OFF"
#define SUMS_ON "SET GLOBAL innodb_log_checksums = ON"
#define INDEX MANIFEST_BINLOG_DIR "/mybak.index"

/* ---- the binlog */

/* The binlog of a backup, as a path below the data directory; NULL: it has none, and so
 * has every backup of a MariaDB. */
static const char *binlog_of(const struct manifest *m)
{
	for (size_t i = 0; i < m->files.n; i++) {
		const struct manifest_file *f = &m->files.v[i];
		if (f->kind == FILE_PLAIN && f->root == 0 &&
		    str_starts(f->path, MANIFEST_BINLOG_DIR "/"))
			return f->path;
	}
	return NULL;
}

/* "#mybak-binlog/binlog.000042" -> "#mybak-binlog/binlog", which is how the server is to
 * name the next one; NULL: no server named it. */
static char *base_of(const char *binlog)
{
	const char *dot = strrchr(binlog, '.');

	if (!dot || !dot[1] || strspn(dot + 1, "0123456789") != strlen(dot + 1) || dot[-1] == '/' ||
	    strchr(binlog, '\n'))
		return NULL;
	return mem_strndup(binlog, (size_t)(dot - binlog));
}

int recover_mysql_index(const struct manifest *m, const struct places *places, struct err *err)
{
	const char *binlog = binlog_of(m);
	char *base = binlog ? base_of(binlog) : NULL;

	if (binlog && !base)
		return err_set(err, ERR_DAMAGED, "backup %s: %s is no name of a binlog", m->id,
		               binlog);
	if (!binlog)
		return 0;
	char *path = mem_printf("%s/" INDEX, places->target);
	char *line = mem_printf("./%s\n", binlog);
	int rc = fsio_replace(path, line, strlen(line), 0640, err);
	free(base);
	free(path);
	free(line);
	return rc;
}

/* ---- tablespaces elsewhere */

char *recover_mysql_directories(const struct places *places)
{
	struct str dirs = {0};

	for (size_t i = 1; i < places->n; i++)
		if (places->v[i].mapped) {
			str_sep(&dirs, ";");
			str_add(&dirs, places->v[i].dir);
		}
	return dirs.n ? str_take(&dirs) : NULL;
}

static void note_directories(const struct places *places, struct str *note)
{
	char *directories = recover_mysql_directories(places);

	if (directories && note) {
		str_sep(note, "; ");
		str_addf(note, "its settings need innodb_directories='%s'", directories);
	}
	free(directories);
}

/* ---- without us */

void recover_mysql_first(const struct manifest *m, const struct places *places,
                         struct first_start *ret)
{
	const char *binlog = binlog_of(m);
	char *base = binlog ? base_of(binlog) : NULL;
	char *directories = recover_mysql_directories(places);
	bool no_sums = restore_redo_wants_no_sums(m);
	struct str s = {0};

	*ret = (struct first_start){0};
	if (base || directories || no_sums || m->replica.n)
		str_add(&s, "--skip-replica-start");
	if (directories) {
		str_add(&s, " --innodb-directories=");
		str_shell(&s, directories);
	}
	if (no_sums)
		str_add(&s, " " NO_SUMS);
	if (base) {
		str_add(&s, " --log-bin=");
		str_shell(&s, base);
		str_add(&s, " --log-bin-index='" INDEX "'");
	}
	if (s.n)
		ret->options = str_take(&s);
	if (m->replica.n || no_sums)
		ret->sql = mem_printf("%s%s%s", m->replica.n ? "RESET REPLICA ALL" : "",
		                      m->replica.n && no_sums ? "; " : "", no_sums ? SUMS_ON : "");
	if (base)
		ret->remove = mem_strdup(MANIFEST_BINLOG_DIR);
	free(base);
	free(directories);
}

void first_start_done(struct first_start *f)
{
	free(f->options);
	free(f->sql);
	free(f->remove);
}

char *recover_mysql_advice(const struct manifest *m, const struct places *places)
{
	struct first_start first;
	struct str s = {0};

	recover_mysql_first(m, places, &first);
	if (first.options)
		str_addf(&s, "the first start of a server on %s must have the options %s",
		         places->target, first.options);
	if (restore_redo_wants_no_sums(m))
		str_add(&s, "; its redo log is encrypted and ends inside of a block: " SUMS_ON
		            " right after the start");
	if (first.remove)
		str_addf(&s,
		         "; the binlog decides which prepared transactions are committed, and "
		         "completes gtid_executed: remove %s after a clean shutdown",
		         first.remove);
	if (m->replica.n)
		str_add(&s,
		        "; the server was a replica: RESET REPLICA ALL before any start without "
		        "--skip-replica-start, or it goes on as one");
	note_directories(places, &s);
	first_start_done(&first);
	return s.n ? str_take(&s) : NULL;
}

/* ---- the two starts */

/* Every start without a file of its own gives the server an identity, and this one is
 * not the restored server's. */
static int remove_identity(const struct recover_plan *plan, struct err *err)
{
	char *path = mem_printf("%s/auto.cnf", plan->places->target);
	int rc = fsio_unlink(path, err);

	free(path);
	return rc;
}

static int remove_binlog(const struct recover_plan *plan, struct err *err)
{
	char *path = mem_printf("%s/" MANIFEST_BINLOG_DIR, plan->places->target);
	int rc = fsio_remove_tree(path, err);

	free(path);
	return rc;
}

static int recover(const struct recover_plan *plan, struct err *err)
{
	const char *binlog = binlog_of(plan->m);
	char *base = binlog ? base_of(binlog) : NULL;
	char *log_bin = mem_printf("--log-bin=%s", base ? base : "");
	bool no_sums = restore_redo_wants_no_sums(plan->m);
	const char *options[5] = {NULL};
	const struct recover_start how = {.more = options};
	size_t n = 0;
	struct private_server *server = NULL;
	struct recover_session s = {0};

	if (base) {
		options[n++] = log_bin;
		options[n++] = "--log-bin-index=" INDEX;
		options[n++] = "--loose-binlog-expire-logs-auto-purge=OFF";
	}
	if (no_sums)
		options[n++] = NO_SUMS;
	int rc = recover_start(plan, &how, &server, err);
	if (rc == 0)
		rc = recover_session_open(plan, server, NULL, &s, err);
	/* What is written from now on has its sums. */
	if (rc == 0 && no_sums)
		rc = conn_exec(s.conn, err, SUMS_ON);
	if (rc == 0) {
		recover_log_tables(s.conn);
		rc = recover_end_replication(s.conn, plan->note, err);
	}
	if (rc == 0 && plan->note && !plan->work)
		doubt_note(s.conn, NULL, plan->note);
	rc = recover_session_close(plan, &s, rc, err);
	if (rc == 0)
		rc = private_stop(server, err);
	private_free(server);
	free(base);
	free(log_bin);
	return rc;
}

/* A server without a binlog forgets GTIDs at its end that it has not put into its table:
 * 9.7 does not put those of a transaction on temporary tables alone that follows an XA
 * PREPARE of the same session, and a replay is one session.  So all are put there. */
static int keep_gtids(const struct recover_plan *plan, struct conn *c, struct err *err)
{
	struct server_version v;
	char *gtids = NULL, *sql = NULL;
	int rc = 0;

	if (recover_version(plan->m, &v, err) < 0 ||
	    conn_value(c, "SELECT @@GLOBAL.gtid_executed", &gtids, err) < 0)
		return -1;
	if (gtids && *gtids) {
		bool old = flavour_version(v.major, v.minor, v.patch) < 80200;
		sql = mem_printf("SET GLOBAL gtid_purged = '%s'", gtids);
		if (conn_exec(c, err, old ? "RESET MASTER" : "RESET BINARY LOGS AND GTIDS") < 0 ||
		    conn_exec(c, err, sql) < 0)
			rc = err_add(err, "keeping what was executed in gtid_executed");
	}
	free(gtids);
	free(sql);
	return rc;
}

static int run_work(const struct recover_plan *plan, const struct private_server *server,
                    struct conn *c, struct err *err)
{
	uint64_t encrypted;

	if (recover_keys_count(c, &encrypted, err) < 0 ||
	    plan->work(plan->arg, private_socket(server), err) < 0)
		return -1;
	if (plan->note)
		doubt_note(c, NULL, plan->note);
	if (keep_gtids(plan, c, err) < 0)
		return -1;
	return recover_keys_note(c, encrypted, plan->note, err);
}

/* Without a binlog: what is applied is not to be written once more. */
static int work(const struct recover_plan *plan, struct err *err)
{
	const struct recover_start how = {.grants = true, .more = plan->work_options};
	struct private_server *server = NULL;
	struct recover_session s = {0};

	int rc = recover_start(plan, &how, &server, err);
	if (rc == 0)
		rc = recover_session_open(plan, server, plan->work_defaults, &s, err);
	if (rc == 0) {
		rc = run_work(plan, server, s.conn, err);
		int gone = replay_forget(s.conn, rc == 0 ? err : NULL);
		rc = rc == 0 ? gone : rc;
	}
	rc = recover_session_close(plan, &s, rc, err);
	if (rc == 0)
		rc = private_stop(server, err);
	private_free(server);
	return rc;
}

int recover_mysql_run(const struct recover_plan *plan, struct err *err)
{
	if (recover(plan, err) < 0 || remove_binlog(plan, err) < 0)
		return -1;
	if (plan->work && work(plan, err) < 0)
		return -1;
	note_directories(plan->places, plan->note);
	return remove_identity(plan, err);
}
