/*
 * check_line: how the parts of check say what they found.
 */
#ifndef JOB_CHECK_LINE_H
#define JOB_CHECK_LINE_H

#include "base/err.h"
#include "job/check.h"
#include "server/conn.h"
#include "server/facts.h"

/* `hint` may be NULL or empty. */
void check_add(struct check_result *r, enum check_level level, const char *subject,
               const char *hint, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
void check_add_err(struct check_result *r, enum check_level level, const char *subject,
                   const struct err *err);

/* Server, privileges and data directory of one instance (check_server.c). */
void check_server(const struct policy_instance *inst, const char *subject,
                  struct check_result *ret);
/* What is asked of a MySQL besides (check_server_mysql.c). */
void check_server_mysql(struct conn *c, const struct facts *f, const char *subject,
                        struct check_result *ret);

#endif
