/*
 * verify_binlog: the binlogs' part of a verification.
 */
#ifndef JOB_VERIFY_BINLOG_H
#define JOB_VERIFY_BINLOG_H

#include "job/verify.h"
#include "repo/repo.h"

/* Bytes that will be read. */
uint64_t verify_binlog_bytes(const struct archive_catalog *archive);
/* Every segment, added to the result.  -1 only when the whole verification has to stop. */
int verify_binlogs(struct repo *repo, const char *instance, const struct archive_catalog *archive,
                   const struct verify_request *req, struct verify_result *result, struct err *err);
/* -1 (ERR_DAMAGED) with the first damage or loss, if there is any, or with why nothing
 * could be looked at (kind ERR_NONE: it could). */
int verify_binlog_report(const struct verify_result *result, const struct err *no_archive,
                         struct err *err);

#endif
