#include "server/privileges.h"

#include <stdlib.h>
#include <string.h>

#include <mysqld_error.h>

#include "base/mem.h"
#include "base/str.h"

static void add_quoted(struct str *s, const char *name, size_t n)
{
	str_add(s, "`");
	for (size_t i = 0; i < n; i++) {
		str_addn(s, name + i, 1);
		if (name[i] == '`')
			str_add(s, "`");
	}
	str_add(s, "`");
}

/* `table`: "*.*" for everything. */
static char *grant_on(const char *privileges, const char *table, const char *account)
{
	/* A user name can hold '@', a host cannot. */
	const char *at = strrchr(account, '@');
	size_t user_n = at ? (size_t)(at - account) : strlen(account);
	struct str s = {0};

	str_addf(&s, "GRANT %s ON %s TO ", privileges, table);
	add_quoted(&s, account, user_n);
	if (at) {
		str_add(&s, "@");
		add_quoted(&s, at + 1, strlen(at + 1));
	}
	str_add(&s, ";");
	return str_take(&s);
}

char *privileges_grant_text(const char *privileges, const char *account)
{
	return grant_on(privileges, "*.*", account);
}

static bool is_denied(unsigned number)
{
	return number == ER_SPECIFIC_ACCESS_DENIED_ERROR || number == ER_TABLEACCESS_DENIED_ERROR;
}

/* May we run `sql`?  An error other than "access denied" is a yes: the server
 * looks at the privilege first. */
static int probe(struct conn *c, const char *sql, bool *ret_may, struct err *err)
{
	struct err why = ERR_INIT;

	if (conn_exec(c, &why, sql) == 0) {
		*ret_may = true;
		return 0;
	}
	if (why.kind == ERR_UNREACHABLE) {
		if (err)
			*err = why;
		return -1;
	}
	*ret_may = !is_denied(conn_errno(c));
	return 0;
}

static int note_missing(struct conn *c, struct facts *f, const char *privileges, const char *table,
                        struct err *err)
{
	char *account = NULL;

	if (conn_value(c, "SELECT CURRENT_USER()", &account, err) < 0)
		return -1;
	*vec_push(&f->missing) = grant_on(privileges, table, account ? account : "");
	free(account);
	return 0;
}

struct wanted {
	const char *privilege;
	const char *sql; /* that needs it, and does nothing to the server or to others */
	bool only_with_binlog;
};

static const struct wanted of_mariadb[] = {
    /* Ends nothing: this session has no backup stage, nor can it end another's. */
    {"RELOAD", "BACKUP STAGE END", false},
    {"BINLOG MONITOR", "SHOW MASTER STATUS", true},
};
static const struct wanted of_mysql[] = {
    /* Lets go of nothing: this session holds no such lock. */
    {"BACKUP_ADMIN", "UNLOCK INSTANCE", false},
    {"RELOAD", "FLUSH NO_WRITE_TO_BINLOG ENGINE LOGS", false},
    {"REPLICATION CLIENT", "SHOW REPLICA STATUS", false},
    {"PROCESS", "SELECT 1 FROM information_schema.INNODB_DATAFILES WHERE 0", false},
};
static const char *const tables_of_mysql[] = {"performance_schema.log_status",
                                              "performance_schema.keyring_component_status"};

static int ask_global(struct conn *c, struct facts *f, const struct wanted *w, size_t n,
                      struct err *err)
{
	struct str missing = {0};
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++) {
		bool may = true;
		if (!w[i].only_with_binlog || f->log_bin)
			rc = probe(c, w[i].sql, &may, err);
		if (!may)
			str_addf(&missing, "%s%s", missing.n ? ", " : "", w[i].privilege);
	}
	if (rc == 0 && missing.n)
		rc = note_missing(c, f, str_text(&missing), "*.*", err);
	str_done(&missing);
	return rc;
}

static int ask_table(struct conn *c, struct facts *f, const char *table, struct err *err)
{
	char *sql = mem_printf("SELECT 1 FROM %s WHERE 0", table);
	bool may = false;
	int rc = probe(c, sql, &may, err);

	free(sql);
	return rc < 0 || may ? rc : note_missing(c, f, "SELECT", table, err);
}

static int ask_mysql(struct conn *c, struct facts *f, struct err *err)
{
	int rc = ask_global(c, f, of_mysql, sizeof of_mysql / sizeof *of_mysql, err);

	for (size_t i = 0; rc == 0 && i < sizeof tables_of_mysql / sizeof *tables_of_mysql; i++)
		rc = ask_table(c, f, tables_of_mysql[i], err);
	return rc;
}

int privileges_ask(struct conn *c, struct facts *f, struct err *err)
{
	if (f->flavour == FLAVOUR_MYSQL)
		return ask_mysql(c, f, err);
	if (ask_global(c, f, of_mariadb, sizeof of_mariadb / sizeof *of_mariadb, err) < 0)
		return -1;
	/* Sets nothing: the variable is a number. */
	return probe(c, "SET GLOBAL innodb_flush_log_at_trx_commit='only a privilege check'",
	             &f->can_set_global, err);
}
