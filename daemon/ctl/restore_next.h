/*
 * restore_next: what to type after a restore.
 */
#ifndef CTL_RESTORE_NEXT_H
#define CTL_RESTORE_NEXT_H

#include "base/mem.h"
#include "job/restore.h"

typedef VEC(char *) command_list; /* owned */

/* In order, with the programs and the service of the backup's server; `dir` is the data
 * directory as an absolute path. */
void restore_next(const struct restore_request *req, const struct restore_result *r,
                  const char *dir, command_list *list);
void command_list_done(command_list *list);

#endif
