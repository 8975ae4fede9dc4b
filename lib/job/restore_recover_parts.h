/*
 * restore_recover_parts: pieces of a recovery that both flavours use.
 */
#ifndef JOB_RESTORE_RECOVER_PARTS_H
#define JOB_RESTORE_RECOVER_PARTS_H

#include <stdbool.h>

#include "base/err.h"
#include "job/restore_recover.h"
#include "server/conn.h"
#include "server/conn_watch.h"
#include "server/private.h"

struct recover_start {
	bool grants, keep;
	const char *const *more; /* further options, NULL-terminated, or NULL */
};
int recover_start(const struct recover_plan *plan, const struct recover_start *how,
                  struct private_server **ret, struct err *err);

/* Somebody to ask the server.  Questions have a limit, and end when the restore is cancelled. */
struct recover_session {
	struct conn *conn;
	struct conn_watch *watch;
};
/* As root, or as who is in the defaults file. */
int recover_session_open(const struct recover_plan *plan, const struct private_server *server,
                         const char *defaults, struct recover_session *ret, struct err *err);
/* Returns rc; a failure after a cancellation becomes ERR_CANCELLED.  Fine for one that was
 * never opened. */
int recover_session_close(const struct recover_plan *plan, struct recover_session *s, int rc,
                          struct err *err);

/* Broken log tables of the server's own are made anew. */
void recover_log_tables(struct conn *c);

#endif
