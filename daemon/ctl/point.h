/*
 * point: the point of a restore out of the command line, and how it is told back.
 */
#ifndef CTL_POINT_H
#define CTL_POINT_H

#include "daemon/ctl/ctl.h"
#include "daemon/ctl/place.h"
#include "job/restore.h"

/* `named`: a backup was named.  ERR_USAGE for options that exclude each other. */
int point_from_args(const struct args *a, bool named, struct restore_point *ret, struct err *err);

/* Up to when the daemon knows that everything is archived; 0 if it does not say. */
int64_t point_caught_up(struct ctl *ctl, const struct place *place, const char *instance);

/* A time of the command line, which `option` names. */
int point_time_of(const struct args *a, enum opt_id option, int64_t *ret_us, struct err *err);

void point_print(const struct term *t, const struct restore_point *p,
                 const struct restore_result *r);
json_t *point_json(const struct restore_point *p, const struct restore_result *r);

/* "2026-11-22 14:03:00 CET" on a terminal, RFC 3339 elsewhere. */
const char *point_when(const struct term *t, char buf[64], int64_t us);

#endif
