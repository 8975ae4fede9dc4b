/*
 * replay_scratch: the directory a replay works in.
 *
 * Its programs run as the user of the private server and obey what a binlog says; the
 * directory lies in that user's own.  So whatever we do in it as root goes through its
 * descriptor, and it stays ours: he reads the files that are given to him and writes
 * into a directory below it, his own.
 */
#ifndef SERVER_REPLAY_SCRATCH_H
#define SERVER_REPLAY_SCRATCH_H

#include <stdbool.h>

#include "base/err.h"
#include "base/proc.h"

struct replay_scratch {
	char *dir;
	char *own;  /* directory the programs run in and may write to */
	int fd;     /* of dir; -1: not made */
	bool other; /* the programs do not run as ourselves, but as `user` */
	struct proc_user user;
};

/* Make `dir`, which must not be there, for a server on `datadir`. */
int scratch_make(struct replay_scratch *s, const char *datadir, const char *dir, struct err *err);
/* Removes it with all that is in it; fine on one that was not made. */
void scratch_done(struct replay_scratch *s);

/* A descriptor for a new, empty file; `give`: the programs' user may read it.
 * What has the name goes. */
int scratch_create(const struct replay_scratch *s, const char *name, bool give, struct err *err);
int scratch_write(const struct replay_scratch *s, const char *name, const char *text, size_t n,
                  struct err *err);
void scratch_remove(const struct replay_scratch *s, const char *name);
/* The last error a program wrote into the file, or the last it said at all: the statement
 * before it can have megabytes.  New string. */
char *scratch_last_words(const struct replay_scratch *s, const char *name);

#endif
