/*
 * zone: statements of a binlog mean the time zone the source's server ran in
 * ("SYSTEM"): where they are applied it must be the same.
 */
#ifndef SERVER_ZONE_H
#define SERVER_ZONE_H

#include <stdint.h>

#include "base/err.h"

/* Settings of a backup: the abbreviation, and the seconds east of UTC when it was taken. */
#define ZONE_SETTING "system_time_zone"
#define ZONE_OFFSET_SETTING "system_utc_offset"
#define ZONE_LOCALTIME "/etc/localtime"

struct zone {
	const char *name;   /* as the source's server says ("CET") */
	const char *offset; /* "3600", or NULL: not known */
	int64_t at;         /* when that was its offset; seconds since 1970 */
};

/* *ret: what a server's environment must have for that zone ("TZ=…"), a new string, or
 * NULL: our own does.  ERR_REFUSED: neither our zone nor that of `localtime_file` is
 * meant. */
int zone_environment(const struct zone *z, const char *localtime_file, char **ret, struct err *err);

#endif
