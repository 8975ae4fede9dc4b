/*
 * private: a server of our own on a restored data directory: nobody else can
 * reach it (no network, socket in a 0700 directory), it starts no replication and
 * no events, and it goes when we go.  Started by root it runs as the owner of the
 * data directory, with that owner's group and no other.
 */
#ifndef SERVER_PRIVATE_H
#define SERVER_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "server/facts.h"

struct server_version {
	enum flavour flavour;
	unsigned major, minor, patch;
};

struct private_plan {
	enum flavour flavour;
	const char *binary; /* path, or a wrapper script: it must exec the server and put our
	                     * arguments ("$@") before its own */
	const char *datadir;
	uint64_t buffer_pool; /* bytes; 0: chosen from free memory and data size */
	/* Further "--x=y", NULL-terminated, or NULL; they come last and so win.  Not
	 * for socket, pid-file and log-error, which we watch. */
	const char *const *options;
	const char *const *env;   /* "K=V" more in its environment, NULL-terminated, or NULL */
	bool grants;              /* false: --skip-grant-tables (we only recover) */
	bool keep;                /* survive the death of this process */
	unsigned start_timeout_s; /* recovery included; 0: no limit */
	const struct cancel *cancel;
};

struct private_server;

/* Find a server program for that version: `wanted` (policy, option) if given, else the
 * usual names and places.  Runs it with --version and refuses one of another flavour or
 * series (10.11 against 11.4, 8.0 against 8.4), and a MySQL older than the version
 * itself, saying both: one of a later series would turn the data into its own as it
 * starts, and an earlier one refuses it.  *ret_is: what it is; a MySQL of a later patch
 * does that to the data too, and whoever uses them must know. */
int private_find_binary(const char *wanted, const struct server_version *version, char **ret_path,
                        struct server_version *ret_is, struct err *err);

/* Start and wait until it accepts connections, that is until recovery is over.
 * On failure the text has the decisive lines of its error log, the program is gone,
 * and the log stays at <datadir>/mybak-recovery.log.  Without `keep` the server is
 * killed when the calling thread ends, not only when the process does. */
int private_start(const struct private_plan *plan, struct private_server **ret, struct err *err);
const char *private_socket(const struct private_server *p);
/* Clean shutdown (SIGTERM, innodb_fast_shutdown as set), however long it takes
 * unless cancelled; removes socket directory and log file.  -1 if it did not end
 * cleanly: the log stays. */
int private_stop(struct private_server *p, struct err *err);
/* Ends what still runs, unless keep: then server, socket directory and log stay. */
void private_free(struct private_server *p);

#endif
