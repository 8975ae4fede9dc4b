/* What every private server of a flavour is told. */
#include <stddef.h>

#include "server/private_room.h"

static const char *const mariadb[] = {
    "--skip-networking",
    "--skip-log-bin",
    "--skip-slave-start",
    "--local-infile=0",
    "--event-scheduler=OFF",
    "--performance-schema=OFF",
    "--innodb-buffer-pool-dump-at-shutdown=OFF",
    NULL,
};

/* The data directory may hold settings of the source (mysqld-auto.cnf), and the program
 * may expect a directory for files that is not here.  A GTID is taken where one is given
 * and never made.  Keys and certificates are the source's, or there are none.  A server
 * that finds no list of pages for its buffer pool says so as an error. */
static const char *const mysql[] = {
    "--skip-networking",
    "--skip-log-bin",
    "--skip-replica-start",
    "--local-infile=0",
    "--event-scheduler=OFF",
    "--performance-schema=OFF",
    "--persisted-globals-load=OFF",
    "--loose-mysqlx=OFF",
    "--loose-group-replication-start-on-boot=OFF",
    "--secure-file-priv=NULL",
    "--gtid-mode=OFF_PERMISSIVE",
    "--innodb-buffer-pool-dump-at-shutdown=ON",
    "--loose-auto-generate-certs=OFF",
    "--loose-caching-sha2-password-auto-generate-rsa-keys=OFF",
    "--loose-sha256-password-auto-generate-rsa-keys=OFF",
    NULL,
};

const char *const *private_fixed(enum flavour flavour)
{
	return flavour == FLAVOUR_MYSQL ? mysql : mariadb;
}
