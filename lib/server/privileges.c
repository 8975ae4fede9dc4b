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

char *privileges_grant_text(const char *privileges, const char *account)
{
	/* A user name can hold '@', a host cannot. */
	const char *at = strrchr(account, '@');
	size_t user_n = at ? (size_t)(at - account) : strlen(account);
	struct str s = {0};

	str_addf(&s, "GRANT %s ON *.* TO ", privileges);
	add_quoted(&s, account, user_n);
	if (at) {
		str_add(&s, "@");
		add_quoted(&s, at + 1, strlen(at + 1));
	}
	str_add(&s, ";");
	return str_take(&s);
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
	*ret_may = conn_errno(c) != ER_SPECIFIC_ACCESS_DENIED_ERROR;
	return 0;
}

static int note_missing(struct conn *c, struct facts *f, const char *privileges, struct err *err)
{
	char *account = NULL;

	if (conn_value(c, "SELECT CURRENT_USER()", &account, err) < 0)
		return -1;
	*vec_push(&f->missing) = privileges_grant_text(privileges, account ? account : "");
	free(account);
	return 0;
}

int privileges_ask(struct conn *c, struct facts *f, struct err *err)
{
	bool reload = false, binlog = true;

	/* Ends nothing: this session has no backup stage, nor can it end another's. */
	if (probe(c, "BACKUP STAGE END", &reload, err) < 0)
		return -1;
	if (f->log_bin && probe(c, "SHOW MASTER STATUS", &binlog, err) < 0)
		return -1;
	/* Sets nothing: the variable is a number. */
	if (probe(c, "SET GLOBAL innodb_flush_log_at_trx_commit='only a privilege check'",
	          &f->can_set_global, err) < 0)
		return -1;
	if (reload && binlog)
		return 0;
	return note_missing(c, f,
	                    reload   ? "BINLOG MONITOR"
	                    : binlog ? "RELOAD"
	                             : "RELOAD, BINLOG MONITOR",
	                    err);
}
