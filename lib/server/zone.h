/*
 * zone: statements of a binlog mean the time zone the source's server ran in
 * ("SYSTEM"): where they are applied it must be the same.
 */
#ifndef SERVER_ZONE_H
#define SERVER_ZONE_H

#include "base/err.h"

/* `name`: system_time_zone of the source ("CET").  *ret: what a server's environment
 * must have for it ("TZ=…"), a new string, or NULL: our own does.  ERR_REFUSED: neither
 * our zone nor that of `localtime_file` is meant. */
int zone_environment(const char *name, const char *localtime_file, char **ret, struct err *err);

#define ZONE_LOCALTIME "/etc/localtime"

#endif
