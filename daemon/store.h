/*
 * store: a small SQLite file of the daemon's own.  Only store, history and
 * journal see <sqlite3.h>.
 */
#ifndef DAEMON_STORE_H
#define DAEMON_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct sqlite3;
struct sqlite3_stmt;

/* Open or make it with `schema` (CREATE … IF NOT EXISTS).  `durable`: a change is
 * on the disk when the call returns; else it survives the death of the process but
 * not of the machine.  A file that is damaged is set aside as <path>.damaged and
 * *ret_damaged is set: what it held was not worth more than a daemon that runs. */
int store_open(const char *path, const char *schema, bool durable, struct sqlite3 **ret,
               bool *ret_damaged, struct err *err);
void store_close(struct sqlite3 *db); /* NULL is fine */

int store_exec(struct sqlite3 *db, const char *sql, struct err *err);
int store_prepare(struct sqlite3 *db, const char *sql, struct sqlite3_stmt **ret, struct err *err);
/* One step: 1 a row, 0 the end, -1. */
int store_step(struct sqlite3_stmt *st, struct err *err);
/* Prepare, bind the text (NULL: NULL) and integer at ?1 and ?2, run to the end. */
int store_run(struct sqlite3 *db, const char *sql, const char *text, int64_t number,
              struct err *err);
/* The integer a query without parameters answers with. */
int store_number(struct sqlite3 *db, const char *sql, int64_t *ret, struct err *err);

#endif
