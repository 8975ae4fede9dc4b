/* Versions of a server, and what can be done with each. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "server/facts.h"

static const char *const mariadb_servers[] = {
    "mariadbd",
    "mysqld",
    "/usr/local/mariadb/bin/mariadbd",
    "/usr/local/mysql/bin/mariadbd",
    "/usr/local/mysql/bin/mysqld",
    "/opt/mariadb/bin/mariadbd",
    NULL,
};
static const char *const mariadb_clients[] = {"mariadb", "mysql", NULL};
static const char *const mariadb_binlogs[] = {"mariadb-binlog", "mysqlbinlog", NULL};
static const char *const mysql_servers[] = {
    "mysqld", "/usr/libexec/mysqld", "/usr/local/mysql/bin/mysqld", "/opt/mysql/bin/mysqld", NULL,
};
static const char *const mysql_clients[] = {"mysql", NULL};
static const char *const mysql_binlogs[] = {"mysqlbinlog", NULL};

#define MARIADB_PROGRAMS \
	mariadb_servers, mariadb_clients, mariadb_binlogs, "mariadb-admin", "mariadb"
#define MYSQL_PROGRAMS mysql_servers, mysql_clients, mysql_binlogs, "mysqladmin", "mysql"

/* Percona Server is MySQL here: what it adds (RocksDB) is seen in its engines. */
static const struct flavour_row rows[] = {
    {FLAVOUR_MARIADB, 0, 100799, false,
     "before 10.8 its redo log has several files of another format, which method hot cannot read",
     MARIADB_PROGRAMS},
    {FLAVOUR_MARIADB, 100800, 139999, true, NULL, MARIADB_PROGRAMS},
    {FLAVOUR_MARIADB, 140000, UINT_MAX, false,
     "it is newer than this program, which does not know its redo log", MARIADB_PROGRAMS},
    {FLAVOUR_MYSQL, 0, 80029, false,
     "before 8.0.30 its redo log has another form (ib_logfile0, ib_logfile1), which method hot "
     "cannot read",
     MYSQL_PROGRAMS},
    {FLAVOUR_MYSQL, 80030, 99999, true, NULL, MYSQL_PROGRAMS},
    {FLAVOUR_MYSQL, 100000, UINT_MAX, false,
     "it is newer than this program, which does not know its redo log", MYSQL_PROGRAMS},
};

const struct flavour_row *flavour_find(enum flavour flavour, unsigned major, unsigned minor,
                                       unsigned patch)
{
	unsigned version = flavour_version(major, minor, patch);

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].flavour == flavour && rows[i].from <= version && version <= rows[i].to)
			return &rows[i];
	return NULL;
}

const char *flavour_name(enum flavour flavour)
{
	return flavour == FLAVOUR_MARIADB ? "MariaDB" : "MySQL";
}

const char *flavour_word(enum flavour flavour)
{
	return flavour == FLAVOUR_MARIADB ? "mariadb" : "mysql";
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
