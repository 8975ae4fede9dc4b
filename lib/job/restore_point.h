/*
 * restore_point: the point a restore is to reach, as people write it.
 */
#ifndef JOB_RESTORE_POINT_H
#define JOB_RESTORE_POINT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "binlog/event.h"

#define POINT_GTIDS_MAX 32

enum point_kind {
	POINT_BACKUP,   /* a backup and nothing behind it */
	POINT_LATEST,   /* everything archived behind the newest backup, or the one named */
	POINT_TIME,     /* up to the first transaction committed at that time or later */
	POINT_GTID,     /* up to and with these transactions */
	POINT_POSITION, /* everything before a position in the binlog */
};

struct restore_point {
	enum point_kind kind;
	/* GTID: without the first of them.  Position: without the transaction it lies in. */
	bool before;
	int64_t time_us;
	char gtids[POINT_GTIDS_MAX][BINLOG_GTID_MAX];
	unsigned gtid_n;
	char file[BINLOG_NAME_MAX];
	uint64_t pos;
};

/* "2026-11-22 14:03:00", with a fraction if wanted; in local time unless it ends with
 * Z or +hh:mm.  ERR_USAGE says what is wrong, also for an hour that came twice or not
 * at all because the clocks were changed. */
int point_parse_time(const char *text, int64_t *ret_us, struct err *err);
/* MariaDB's "0-1-42", MySQL's "uuid:42" and "uuid:tag:42" (as its server writes them,
 * whatever the case); several separated by commas. */
int point_parse_gtid(const char *text, struct restore_point *ret, struct err *err);
/* "binlog.000007:4711" */
int point_parse_position(const char *text, struct restore_point *ret, struct err *err);

/* "2026-11-22 14:03:00 CET", "just before GTID 0-1-42". */
void point_text(const struct restore_point *p, struct str *out);

#endif
