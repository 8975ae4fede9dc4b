#include "daemon/store.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"

static int fail(sqlite3 *db, const char *what, struct err *err)
{
	int code = sqlite3_extended_errcode(db);
	const char *path = sqlite3_db_filename(db, "main");
	enum err_kind kind = ERR_IO;
	if ((code & 0xff) == SQLITE_FULL)
		kind = ERR_NO_SPACE;
	else if ((code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB)
		kind = ERR_DAMAGED;
	return err_set(err, kind, "%s: cannot %s: %s", path ? path : "sqlite", what,
	               sqlite3_errmsg(db));
}

int store_exec(sqlite3 *db, const char *sql, struct err *err)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return fail(db, "change the state of the daemon", err);
	return 0;
}

int store_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **ret, struct err *err)
{
	if (sqlite3_prepare_v2(db, sql, -1, ret, NULL) != SQLITE_OK)
		return fail(db, "use the state of the daemon", err);
	return 0;
}

int store_step(sqlite3_stmt *st, struct err *err)
{
	switch (sqlite3_step(st)) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		return 0;
	default:
		return fail(sqlite3_db_handle(st), "use the state of the daemon", err);
	}
}

int store_run(sqlite3 *db, const char *sql, const char *text, int64_t number, struct err *err)
{
	sqlite3_stmt *st = NULL;
	if (store_prepare(db, sql, &st, err) < 0)
		return -1;
	if (sqlite3_bind_parameter_count(st) >= 1)
		sqlite3_bind_text(st, 1, text, -1, SQLITE_STATIC);
	if (sqlite3_bind_parameter_count(st) >= 2)
		sqlite3_bind_int64(st, 2, number);
	int rc = store_step(st, err);
	sqlite3_finalize(st);
	return rc < 0 ? -1 : 0;
}

int store_number(sqlite3 *db, const char *sql, int64_t *ret, struct err *err)
{
	sqlite3_stmt *st = NULL;
	if (store_prepare(db, sql, &st, err) < 0)
		return -1;
	int rc = store_step(st, err);
	if (rc == 1)
		*ret = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return rc < 0 ? -1 : 0;
}

static int open_once(const char *path, const char *schema, bool durable, sqlite3 **ret,
                     struct err *err)
{
	sqlite3 *db = NULL;
	if (sqlite3_open_v2(path, &db,
	                    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX,
	                    NULL) != SQLITE_OK) {
		if (!db)
			return err_set(err, ERR_IO, "%s: cannot open", path);
		fail(db, "open", err);
		goto out;
	}
	sqlite3_busy_timeout(db, 5000);
	if (store_exec(db, "PRAGMA journal_mode=WAL", err) < 0 ||
	    store_exec(db, durable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL", err) <
	        0 ||
	    store_exec(db, schema, err) < 0)
		goto out;
	*ret = db;
	return 0;
out:
	sqlite3_close(db);
	return -1;
}

/* The write-ahead log belongs to the damaged file and would damage the new one. */
static int set_aside(const char *path, struct err *err)
{
	static const char *const parts[] = {"", "-wal", "-shm"};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		char *from = mem_printf("%s%s", path, parts[i]);
		char *to = mem_printf("%s.damaged%s", path, parts[i]);
		int rc = rename(from, to), e = errno;
		if (rc < 0 && e != ENOENT)
			err_sys(err, e, "cannot set %s aside", from);
		free(from);
		free(to);
		if (rc < 0 && e != ENOENT)
			return -1;
	}
	return 0;
}

int store_open(const char *path, const char *schema, bool durable, sqlite3 **ret, bool *ret_damaged,
               struct err *err)
{
	*ret_damaged = false;
	struct err first = ERR_INIT;
	if (open_once(path, schema, durable, ret, &first) == 0)
		return 0;
	if (first.kind != ERR_DAMAGED) {
		*err = first;
		return -1;
	}
	if (set_aside(path, err) < 0)
		return -1;
	*ret_damaged = true;
	return open_once(path, schema, durable, ret, err);
}

void store_close(sqlite3 *db)
{
	sqlite3_close(db);
}
