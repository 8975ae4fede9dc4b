/*
 * Statements changed where they lie: whatever refers to positions of the file holds.
 */
#include <string.h>

#include "base/bytes.h"
#include "binlog/event.h"

#define QUERY_FIXED (4u + 4u + 1u + 2u + 2u)
#define VARIABLE_FLAGS2 0u /* four bytes; the first one, where it is there */
#define VARIABLE_SQL_MODE 1u
#define CHECKSUM_SIZE 4u

/* Where in the event its body begins, which is of a statement. */
static int check(const void *event, size_t n, bool checksum, struct binlog_event *ret,
                 struct err *err)
{
	if (binlog_event_parse(event, n, checksum, ret, err) < 0)
		return -1;
	if ((ret->type == BINLOG_QUERY || ret->type == BINLOG_MARIADB_QUERY_COMPRESSED) &&
	    ret->body_n >= QUERY_FIXED)
		return 0;
	return err_set(err, ERR_DAMAGED, "binlog event of type %u is no statement to change",
	               ret->type);
}

static void seal(void *event, size_t n, bool checksum)
{
	if (checksum)
		le32_put((unsigned char *)event + n - CHECKSUM_SIZE,
		         binlog_crc32(event, n - CHECKSUM_SIZE));
}

int binlog_query_set_mode(void *event, size_t n, bool checksum, uint64_t set, uint64_t clear,
                          struct err *err)
{
	struct binlog_event e;
	size_t at = QUERY_FIXED, end;

	if (check(event, n, checksum, &e, err) < 0)
		return -1;
	end = at + (e.body[11] | (size_t)e.body[12] << 8);
	if (at < end && end <= e.body_n && e.body[at] == VARIABLE_FLAGS2)
		at += 1 + 4;
	if (at + 1 + 8 > end || end > e.body_n || e.body[at] != VARIABLE_SQL_MODE)
		return err_set(err, ERR_DAMAGED, "a statement in the binlog has no sql_mode");
	unsigned char *mode = (unsigned char *)event + BINLOG_HEADER_SIZE + at + 1;
	le64_put(mode, (le64_get(mode) & ~clear) | set);
	seal(event, n, checksum);
	return 0;
}

int binlog_query_set_text(void *event, size_t n, bool checksum, size_t from, size_t to,
                          const char *text, struct err *err)
{
	struct binlog_event e;
	const char *db, *sql;
	size_t db_n, sql_n, text_n = strlen(text);

	if (check(event, n, checksum, &e, err) < 0 ||
	    binlog_query_parse(&e, &db, &db_n, &sql, &sql_n, err) < 0)
		return -1;
	if (from > to || to > sql_n || text_n > to - from)
		return err_set(err, ERR_DAMAGED,
		               "a statement in the binlog has no bytes %zu to %zu to change", from,
		               to);
	char *place = (char *)event + (sql - (char *)event) + from;
	memset(place, ' ', to - from);
	memcpy(place, text, text_n);
	seal(event, n, checksum);
	return 0;
}
