/*
 * replay_words: what differs between the servers when their binlogs are replayed.
 */
#ifndef SERVER_REPLAY_WORDS_H
#define SERVER_REPLAY_WORDS_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "server/conn.h"
#include "server/private.h"

/* Further options of the private server; NULL-terminated. */
const char *const *replay_server_words(enum flavour flavour);
/* … and of the program that reads binlogs. */
const char *const *replay_reader_words(enum flavour flavour);

/* An init file that makes the account of the session; a statement a line, and saying
 * it again changes nothing. */
void replay_account(enum flavour flavour, const char *user, const char *password, struct str *out);

/* Take its rows away again, in a session of that account which is older than all that
 * was replayed: the session outlives what it forgets. */
int replay_forget(struct conn *c, struct err *err);

/* Could that program be the reader or the client for binlogs of that version?  Where
 * both servers are known, mysqlbinlog and mysql are the names of either's. */
bool replay_program_fits(const char *path, const struct server_version *version);

/* Added to the environment of both programs: MySQL's read ~/.mylogin.cnf whatever they
 * are told, and what is in it wins over a defaults file. */
#define REPLAY_NO_LOGIN_FILE "MYSQL_TEST_LOGIN_FILE=/dev/null"

#endif
