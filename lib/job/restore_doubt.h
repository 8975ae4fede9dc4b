/*
 * restore_doubt: XA transactions that are prepared on a restored server, and neither
 * committed nor rolled back: whoever uses it has to end them.
 */
#ifndef JOB_RESTORE_DOUBT_H
#define JOB_RESTORE_DOUBT_H

#include <stdbool.h>

#include "base/str.h"
#include "server/conn.h"

/* Asks the server of the session; adds a sentence to the note, or to tell that it could not
 * be asked.  c NULL: there is no session, for the reason in `why`. */
void doubt_note(struct conn *c, const struct err *why, struct str *note);

/* What follows XA COMMIT for an XID of which a MySQL says: its format, two lengths, and
 * its bytes as "0x6162…"; false if it is not of that form. */
bool doubt_xid(const char *format, const char *gtrid_n, const char *bqual_n, const char *hex,
               struct str *out);

#endif
