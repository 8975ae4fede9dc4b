/*
 * mariadb_stages: the BACKUP STAGE locks of one session of a MariaDB server.
 *
 * Every wait is bounded and can be cancelled; no wait stands in the server's way
 * for more than a second at a time.  Freeing the session (keep_free) lets go of
 * everything, whatever happened before.
 */
#ifndef SOURCE_MARIADB_STAGES_H
#define SOURCE_MARIADB_STAGES_H

#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "source/keep.h"

struct stages {
	struct keep *keep;
	unsigned wait_s;  /* longest wait for one stage */
	unsigned retries; /* of BLOCK_COMMIT, whose waiting holds up commits */
	const struct cancel *cancel;
	uint64_t ddl_ns, commit_ns; /* when those locks were granted (monotonic), 0: not held */
};

/* START, FLUSH and BLOCK_DDL as given.  ERR_BUSY when it was not granted in time,
 * with how to find who holds it. */
int stages_enter(struct stages *s, const char *stage, struct err *err);
/* BLOCK_COMMIT: asks for at most a second at a time, with a second of peace between. */
int stages_block_commit(struct stages *s, struct err *err);
/* END, and the session with it.  Both times held, in seconds, are returned. */
int stages_end(struct stages *s, double *ret_commit_s, double *ret_ddl_s, struct err *err);

#endif
