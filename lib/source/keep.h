/*
 * keep: the session of a lock, which must not outlive a backup that stands still.
 *
 * The server ends the session when it has heard nothing for a while: that helps when all
 * of this process is frozen.  So somebody who lives as long as the backup (the capture
 * thread) asks something now and then; but when the copy has stood still for as long (the
 * repository hangs), the session is ended from here.  Once lost it is never reopened.
 */
#ifndef SOURCE_KEEP_H
#define SOURCE_KEEP_H

#include <stdbool.h>

#include "base/err.h"
#include "model/progress.h"
#include "server/conn.h"

struct keep;

/* `what`: the statement whose lock it will hold, a literal.  `progress` of the copy; NULL:
 * whether that goes on is not known. */
int keep_open(const struct conn_target *target, unsigned timeout_s, const char *what,
              const struct progress *progress, struct keep **ret, struct err *err);
void keep_free(struct keep *k); /* with nobody else in it; NULL is fine */

/* The session for this thread alone, until it is given back.  NULL after keep_let_go. */
struct conn *keep_take(struct keep *k);
void keep_give(struct keep *k);

/* From now on it is the copy that everything waits for; or it is not.  Any thread. */
void keep_copying(struct keep *k, bool copying);

/* Often, by one thread: costs nothing but every few seconds.  Nothing is asked while
 * another has the session, nor after keep_let_go.  -1: the session, or the copy, is lost. */
int keep_beat(struct keep *k, struct err *err);

/* Is the lock still held? */
int keep_check(struct keep *k, struct err *err);

/* Its work is done: the session goes. */
void keep_let_go(struct keep *k);
/* The same at once, even from under a thread that beats.  By the one that would let it go,
 * before it frees it; NULL is fine. */
void keep_break(struct keep *k);

#endif
