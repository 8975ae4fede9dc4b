/*
 * watch: one thread that looks into repositories and at servers whenever it is
 * asked, so that the loop never waits for them.  Asking while it is at work makes
 * it look once more.  On its first round it sees to what a killed daemon left:
 * undoes what the journal says and clears half-made backups away.
 */
#ifndef DAEMON_WATCH_H
#define DAEMON_WATCH_H

#include <stdbool.h>

#include "base/err.h"
#include "base/mbox.h"
#include "daemon/journal.h"
#include "model/policy.h"

struct watch;

/* Posts NOTE_PREPARED once, and NOTE_SNAPSHOT and NOTE_CHECK each round.  `box` and
 * `journal` must outlive it. */
int watch_new(struct mbox *box, struct journal *journal, struct watch **ret, struct err *err);
void watch_ask(struct watch *w, struct policy *policy); /* takes a reference */
/* Waits up to wait_s for the round under way; false: it still runs, and neither
 * mailbox nor journal may be freed.  NULL is fine. */
bool watch_free(struct watch *w, unsigned wait_s);

#endif
