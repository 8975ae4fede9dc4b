/*
 * journal: what a crash of the daemon must undo on a server.  A job writes its
 * token before it does the thing, and takes it back afterwards; tokens that are
 * there at a start are of a daemon that was killed.  Any thread; each change is
 * durable when the call returns.
 */
#ifndef DAEMON_JOURNAL_H
#define DAEMON_JOURNAL_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct journal;

struct journal_entry {
	int64_t job;
	char *instance, *token;
};

/* Tokens found now are left over.  A damaged file is set aside and said in the log. */
int journal_open(const char *state_dir, struct journal **ret, struct err *err);
void journal_free(struct journal *j);

/* token NULL: the job has nothing to undo any more. */
int journal_set(struct journal *j, int64_t job, const char *instance, const char *token,
                struct err *err);

/* The largest job number of a token; 0: there is none.  A history that was lost must not
 * make new jobs take the numbers of left-over tokens, which they would overwrite. */
int journal_last_id(struct journal *j, int64_t *ret, struct err *err);

/* The left-over ones of instances that no job works on now; owned by the caller. */
int journal_left_over(struct journal *j, struct journal_entry **ret, size_t *ret_n,
                      struct err *err);
void journal_entries_free(struct journal_entry *list, size_t n);

#endif
