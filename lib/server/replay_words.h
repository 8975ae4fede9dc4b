/*
 * replay_words: what differs between the servers when their binlogs are replayed.
 */
#ifndef SERVER_REPLAY_WORDS_H
#define SERVER_REPLAY_WORDS_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "server/conn.h"
#include "server/facts.h"

/* Further options of the private server; NULL-terminated. */
const char *const *replay_server_words(enum flavour flavour);
/* … and of the program that reads binlogs, and of the client. */
const char *const *replay_reader_words(enum flavour flavour);
const char *const *replay_client_words(enum flavour flavour);

/* For the client to run: rows that are not there are passed over from here on, or not;
 * MySQL's is the session's own. */
const char *replay_mode_text(enum flavour flavour, bool idempotent);
/* … that transaction is done, though its only statement has failed. */
void replay_done_text(enum flavour flavour, const char *gtid, struct str *out);

/* An init file that makes the account of the session; a statement a line, and saying
 * it again changes nothing. */
void replay_account(enum flavour flavour, const char *user, const char *password, struct str *out);

/* Take its rows away again, in a session of that account which is older than all that
 * was replayed: the session outlives what it forgets. */
int replay_forget(struct conn *c, struct err *err);

/* Added to the environment of both programs: MySQL's read ~/.mylogin.cnf whatever they
 * are told, and what is in it wins over a defaults file. */
#define REPLAY_NO_LOGIN_FILE "MYSQL_TEST_LOGIN_FILE=/dev/null"

#endif
