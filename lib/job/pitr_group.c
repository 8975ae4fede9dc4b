#include "job/pitr_group.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Not "ROLLBACK TO `savepoint`": what it keeps goes on. */
static bool ends_transaction(const char *sql, size_t n)
{
	if (n >= 11 && !strncasecmp(sql, "ROLLBACK TO", 11))
		return false;
	return (n == 6 && !strncasecmp(sql, "COMMIT", 6)) ||
	       (n >= 8 && !strncasecmp(sql, "ROLLBACK", 8) && (n == 8 || sql[8] == ' '));
}

/* MySQL: BEGIN, XA START …, and CREATE TABLE … START TRANSACTION, whose rows follow. */
static bool begins_transaction(const char *sql, size_t n)
{
	static const char last[] = "START TRANSACTION";
	const size_t last_n = sizeof last - 1;

	return (n == 5 && !strncasecmp(sql, "BEGIN", 5)) ||
	       (n > 8 && !strncasecmp(sql, "XA START", 8)) ||
	       (n > last_n && !strncasecmp(sql, "CREATE", 6) &&
	        !strncasecmp(sql + n - last_n, last, last_n));
}

static int query_ends(struct group_walk *w, const struct binlog_event *e, bool *ret,
                      struct err *err)
{
	const char *db, *sql;
	size_t db_n, sql_n;

	*ret = w->one_statement;
	if (*ret || e->type != BINLOG_QUERY)
		return 0;
	if (binlog_query_parse(e, &db, &db_n, &sql, &sql_n, err) < 0)
		return -1;
	*ret = w->unsaid ? !begins_transaction(sql, sql_n) : ends_transaction(sql, sql_n);
	w->unsaid = false;
	return 0;
}

int group_walk_event(struct group_walk *w, uint64_t pos, const struct binlog_event *e,
                     bool *ret_begins, struct err *err)
{
	*ret_begins = binlog_begins_group(e);
	if (*ret_begins) {
		*w = (struct group_walk){.open = true,
		                         .pos = pos,
		                         .one_statement = binlog_is_one_statement(e),
		                         .unsaid = e->type != BINLOG_MARIADB_GTID,
		                         .commit_us = binlog_commit_time_us(e)};
		return binlog_gtid_text(e, w->gtid, err);
	}
	if (!w->open || w->whole)
		return 0;
	if (e->type == BINLOG_XID || e->type == BINLOG_XA_PREPARE ||
	    e->type == BINLOG_MYSQL_PAYLOAD)
		w->whole = true;
	else if (e->type == BINLOG_QUERY || e->type == BINLOG_MARIADB_QUERY_COMPRESSED)
		return query_ends(w, e, &w->whole, err);
	return 0;
}
