/*
 * binlog_words: what a statement does, told by its words alone.
 */
#ifndef JOB_BINLOG_WORDS_H
#define JOB_BINLOG_WORDS_H

#include <stdbool.h>
#include <stddef.h>

/* Behind comments and parentheses at its begin. */
const char *words_begin(const char *sql);

/* BEGIN, COMMIT, SAVEPOINT and the like: of the transaction, not of a table. */
bool words_are_control(const char *sql);

/* Can it change db.table ("*": any table of db)?  `in_db`: the session's database.  True
 * if in doubt. */
bool words_name_table(const char *sql, const char *in_db, size_t in_db_n, const char *db,
                      const char *table);

/* "DROP TABLE" of "drop  table if exists x": two words for what defines, else one. */
void words_what(const char *sql, char *out, size_t size);

#endif
