/*
 * restore_recover_parts: pieces of a recovery that both flavours use.
 */
#ifndef JOB_RESTORE_RECOVER_PARTS_H
#define JOB_RESTORE_RECOVER_PARTS_H

#include <stdbool.h>

#include "base/err.h"
#include "job/restore_recover.h"
#include "server/conn.h"
#include "server/private.h"

struct recover_start {
	bool grants, keep;
	const char *const *more; /* further options, NULL-terminated, or NULL */
};
int recover_start(const struct recover_plan *plan, const struct recover_start *how,
                  struct private_server **ret, struct err *err);

/* Broken log tables of the server's own are made anew. */
void recover_log_tables(struct conn *c);

#endif
