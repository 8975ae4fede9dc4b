/*
 * replay: binlogs applied to a private server by the server's own programs:
 * mariadb-binlog or mysqlbinlog decodes, the client runs what it prints.
 *
 * One session for as long as the source's server ran, whatever the number of files:
 * temporary tables live across them.  The server runs
 * with its privilege tables (without them it refuses CREATE EVENT and GRANT), so the
 * session needs an account, made by an init file: on MariaDB one that exists in the
 * server's memory only, on MySQL one whose rows stay until they are taken away at the
 * end (replay_words).
 */
#ifndef SERVER_REPLAY_H
#define SERVER_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "server/private.h"

struct replay_tools {
	enum flavour flavour;
	char *binlog, *client; /* paths */
};
/* Beside the server program, in the bin/ next to its directory, then in PATH.
 * ERR_NOT_FOUND names what is missing, ERR_REFUSED one that is of an older series than
 * `version`: it does not know every event of that server.  mariadb-binlog of old does not
 * say; what lies beside it answers for it. */
int replay_tools_find(const char *server_binary, const struct server_version *version,
                      struct replay_tools *ret, struct err *err);
void replay_tools_done(struct replay_tools *t);

/* A statement that failed on the source and is in its binlog all the same. */
struct replay_error {
	char *file;
	uint64_t pos;  /* of its event */
	char *gtid;    /* of its transaction; "": it has none */
	unsigned code; /* 0: that some of what it drops is not there */
	bool must;     /* it fails here too, or the data would be another */
};

struct replay;

/* The programs run as whoever a private server on `datadir` runs as, in `scratch`: a
 * directory to be made, removed again by replay_free; what is in it he alone can read.
 * `load_data`: the binlogs have LOAD DATA, which lays its files there (as long as the
 * replay lasts) and has the client read them; else it reads no file for anybody. */
int replay_new(const struct replay_tools *tools, const char *datadir, const char *scratch,
               bool load_data, struct replay **ret, struct err *err);
/* The private server must be started with these and with its grants; NULL-terminated,
 * owned by r. */
const char *const *replay_options(const struct replay *r);
/* A defaults file with the account of the session, borrowed.  A replayed FLUSH
 * PRIVILEGES ends the account for whoever comes later. */
const char *replay_defaults(const struct replay *r);

/* What is to fail, in the order of the binlogs; borrowed as long as the replay lasts. */
void replay_expect(struct replay *r, const struct replay_error *list, size_t n);

/* The server is up: open the session. */
int replay_begin(struct replay *r, const char *socket, struct err *err);
/* A binlog for replay_file, by its bare name: a descriptor to write it to. */
int replay_create(struct replay *r, const char *name, struct err *err);
void replay_remove(struct replay *r, const char *name);
/* Run the events [from, to) of a binlog file: `from` at least 4.  Bytes before `from`
 * but for its format event are not looked at.  ERR_SERVER with the server's words and
 * the transaction when a statement fails that did not on the source (or the other way
 * round), maybe only in a later call: the server then has more than what stood before it. */
int replay_file(struct replay *r, const char *name, uint64_t from, uint64_t to,
                const struct cancel *cancel, struct err *err);
/* From here on rows that are not there are passed over, and those that are in the way
 * replaced; or not. */
int replay_idempotent(struct replay *r, bool on, const struct cancel *cancel, struct err *err);
/* Here the source's server was started anew: what was its sessions' own (temporary
 * tables) ends, what was prepared stays. */
int replay_anew(struct replay *r, const struct cancel *cancel, struct err *err);
/* No more files: wait until everything is applied.  Without it nothing says so. */
int replay_finish(struct replay *r, const struct cancel *cancel, struct err *err);
void replay_free(struct replay *r); /* NULL is fine; ends what still runs */

#endif
