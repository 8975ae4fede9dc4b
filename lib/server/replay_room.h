/*
 * replay_room: the pieces of a replay, which are told apart only inside this room: the
 * session of the client (replay_session), the program that reads binlogs and what it
 * prints carried into the session (replay_read).
 */
#ifndef SERVER_REPLAY_ROOM_H
#define SERVER_REPLAY_ROOM_H

#include <sys/types.h>

#include "base/mem.h"
#include "server/replay.h"
#include "server/replay_errors.h"
#include "server/replay_scratch.h"
#include "server/replay_trace.h"

#define REPLAY_CARRY_MAX 65536u
#define REPLAY_GRACE_MS 2000
#define REPLAY_LOOK_MS 50

#define REPLAY_INIT_FILE "init.sql"
#define REPLAY_CLIENT_FILE "client.cnf"

struct replay {
	const struct replay_tools *tools;
	struct replay_scratch scratch;
	bool load_data;
	char *user, *password;
	char *defaults;      /* the client's file, as we ourselves reach it */
	VEC(char *) options; /* owned; NULL-terminated */
	int to_client;       /* -1: no session */
	pid_t client;
	char *socket;
	char *at;        /* the file being applied, for messages */
	bool idempotent; /* how its sessions are to run */
	struct replay_trace trace;
	struct replay_errors errors;
	int log; /* what the client says; -1: no session yet */
	uint64_t log_read;
	char *carried; /* REPLAY_CARRY_MAX */
};

/* One of the two programs, in its directory and as its user, with nothing of the caller's
 * environment that leads it elsewhere. */
int replay_program(struct replay *r, const char *const argv[], int in_fd, int out_fd, int log,
                   pid_t *ret_pid, struct err *err);

int session_begin(struct replay *r, struct err *err);
/* Is the client still there, and content? */
int session_check(struct replay *r, unsigned wait_ms, struct err *err);
/* All of it to the client, who may take as long as it likes. */
int session_give(struct replay *r, const char *text, size_t n, const struct cancel *cancel,
                 struct err *err);
/* No more: wait until it has run everything. */
int session_end(struct replay *r, const struct cancel *cancel, struct err *err);

/* A program whose output is for the session, to its end. */
int replay_run_reader(struct replay *r, const char *const argv[], const struct cancel *cancel,
                      struct err *err);

#endif
