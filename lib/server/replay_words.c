#include "server/replay_words.h"

/* Limits that a session of the source may have raised are the highest. */
#define COMMON_SERVER                                                                   \
	"--max-allowed-packet=1073741824", "--read-only=OFF", "--wait-timeout=2147483", \
	    "--innodb-flush-log-at-trx-commit=0", "--net-read-timeout=2147483",         \
	    "--net-write-timeout=2147483", "--max-heap-table-size=17179869184",         \
	    "--max-sp-recursion-depth=255"

static const char *const mariadb_server[] = {
    COMMON_SERVER,
    "--gtid-strict-mode=OFF",
    "--secure-timestamp=NO",
    "--strict-password-validation=OFF",
    "--max-statement-time=0",
    "--idle-transaction-timeout=0",
    NULL,
};
/* gtid_mode as of the backup may have changed since: this one takes transactions with a
 * GTID and those without, and what needs no GTID need not be fit for one. */
static const char *const mysql_server[] = {
    COMMON_SERVER,
    "--gtid-mode=OFF_PERMISSIVE",
    "--enforce-gtid-consistency=OFF",
    "--cte-max-recursion-depth=4294967295",
    "--regexp-stack-limit=0",
    "--regexp-time-limit=0",
    NULL,
};
static const char *const mariadb_reader[] = {"--skip-gtid-strict-mode", NULL};
static const char *const mysql_reader[] = {NULL};
static const char *const mariadb_client[] = {"--loose-skip-print-query-on-error", NULL};
static const char *const mysql_client[] = {NULL};

const char *const *replay_server_words(enum flavour flavour)
{
	return flavour == FLAVOUR_MYSQL ? mysql_server : mariadb_server;
}

const char *const *replay_reader_words(enum flavour flavour)
{
	return flavour == FLAVOUR_MYSQL ? mysql_reader : mariadb_reader;
}

const char *const *replay_client_words(enum flavour flavour)
{
	return flavour == FLAVOUR_MYSQL ? mysql_client : mariadb_client;
}

const char *replay_mode_text(enum flavour flavour, bool idempotent)
{
	if (flavour == FLAVOUR_MYSQL)
		return idempotent ? "SET SESSION rbr_exec_mode = 'IDEMPOTENT';\n"
		                  : "SET SESSION rbr_exec_mode = 'STRICT';\n";
	return idempotent ? "SET GLOBAL slave_exec_mode = 'IDEMPOTENT';\n"
	                  : "SET GLOBAL slave_exec_mode = 'STRICT';\n";
}

/* MySQL: a single statement that fails gives its GTID back, and what was executed would
 * have a hole there.  One that is there already is passed over. */
void replay_done_text(enum flavour flavour, const char *gtid, struct str *out)
{
	if (flavour == FLAVOUR_MYSQL && *gtid)
		str_addf(out,
		         "SET SESSION gtid_next = '%s';\nBEGIN;\nCOMMIT;\n"
		         "SET SESSION gtid_next = 'AUTOMATIC';\n",
		         gtid);
}

/* MariaDB: the row goes again before anybody can connect; what the server holds in
 * memory stays until it reads the tables anew, and a session keeps what it was given.
 *
 * MySQL: a session loses its dynamic privileges (SYSTEM_USER, which every statement about
 * an account of the source's needs) as soon as a replayed FLUSH PRIVILEGES finds no row:
 * whoever started the server takes the rows away at the end. */
void replay_account(enum flavour flavour, const char *user, const char *password, struct str *out)
{
	const char *create =
	    flavour == FLAVOUR_MYSQL ? "CREATE USER IF NOT EXISTS" : "CREATE OR REPLACE USER";

	str_addf(out,
	         "%s `%s`@localhost IDENTIFIED BY '%s';\n"
	         "GRANT ALL PRIVILEGES ON *.* TO `%s`@localhost WITH GRANT OPTION;\n",
	         create, user, password, user);
	if (flavour == FLAVOUR_MARIADB)
		str_addf(out, "DELETE FROM mysql.global_priv WHERE user='%s';\n", user);
}

int replay_forget(struct conn *c, struct err *err)
{
	static const char *const statements[] = {
	    "DELETE FROM mysql.global_grants WHERE CONCAT(user,'@',host)=CURRENT_USER()",
	    "DELETE FROM mysql.password_history WHERE CONCAT(user,'@',host)=CURRENT_USER()",
	    "DELETE FROM mysql.user WHERE CONCAT(user,'@',host)=CURRENT_USER()",
	};

	for (size_t i = 0; i < sizeof statements / sizeof *statements; i++)
		if (conn_exec(c, err, statements[i]) < 0)
			return err_add(err, "taking away the account of the replay");
	return 0;
}
