/* Versions of a server, and what can be done with each. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "server/facts.h"

static const struct flavour_row rows[] = {
    {FLAVOUR_MARIADB, 0, 1007, false,
     "before 10.8 its redo log has several files of another format, which method hot cannot read"},
    {FLAVOUR_MARIADB, 1008, 1399, true, NULL},
    {FLAVOUR_MARIADB, 1400, UINT_MAX, false,
     "it is newer than this program, which does not know its redo log"},
    {FLAVOUR_MYSQL, 0, UINT_MAX, false, "method hot for MySQL is not built yet"},
};

const struct flavour_row *flavour_find(enum flavour flavour, unsigned major, unsigned minor)
{
	unsigned version = major * 100 + minor;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].flavour == flavour && rows[i].from <= version && version <= rows[i].to)
			return &rows[i];
	return NULL;
}

const char *flavour_name(enum flavour flavour)
{
	return flavour == FLAVOUR_MARIADB ? "MariaDB" : "MySQL";
}

int flavour_parse(const char *version, enum flavour *ret, unsigned *major, unsigned *minor,
                  unsigned *patch)
{
	unsigned a, b, c;
	int used = 0;

	/* What replication and old clients see in front of a MariaDB version */
	if (strncmp(version, "5.5.5-", 6) == 0)
		version += 6;
	if (version[0] < '0' || version[0] > '9')
		return -1;
	if (sscanf(version, "%4u.%2u.%4u%n", &a, &b, &c, &used) != 3)
		return -1;
	if (version[used] >= '0' && version[used] <= '9')
		return -1;
	*ret = strcasestr(version + used, "mariadb") ? FLAVOUR_MARIADB : FLAVOUR_MYSQL;
	*major = a;
	*minor = b;
	*patch = c;
	return 0;
}
