/*
 * facts: what a server says of itself, asked once per job.
 */
#ifndef SERVER_FACTS_H
#define SERVER_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "server/conn.h"

enum flavour { FLAVOUR_MARIADB, FLAVOUR_MYSQL };

struct engine_count {
	char *name;
	uint64_t tables;
};

struct facts {
	enum flavour flavour;
	char *version;            /* as @@version */
	unsigned major, minor, patch;
	char *uuid;               /* server_uid / server_uuid or "" */
	char *datadir;            /* absolute, no trailing '/' */
	char *redo_dir, *undo_dir, *innodb_home, *aria_log_dir; /* absolute; datadir if the same */
	uint32_t page_size;
	char *data_file_path;     /* innodb_data_file_path */
	char *pid_file, *socket, *log_error, *general_log_file, *slow_log_file;
	char *log_bin_basename;   /* absolute, or NULL without log_bin */
	bool log_bin, is_replica;
	bool log_archive;         /* innodb_log_archive=ON */
	unsigned flush_log;       /* innodb_flush_log_at_trx_commit */
	bool myisam_mmap;
	VEC(char *) missing;      /* GRANT statements that would give what is missing */
	VEC(struct engine_count) engines;
	/* name/value pairs a restored server needs (innodb_page_size, …) */
	VEC(char *) setting_names;
	VEC(char *) setting_values;
};

int facts_ask(struct conn *c, struct facts *ret, struct err *err);
void facts_done(struct facts *f);

/* Can `method: hot` work on this server?  ERR_REFUSED with the reason and what to
 * do: version too old, innodb_log_archive, missing privileges (names every GRANT). */
int facts_check_hot(const struct facts *f, struct err *err);

/* One row a flavour and range of versions. */
struct flavour_row {
	enum flavour flavour;
	unsigned from, to;        /* major*100+minor, inclusive */
	bool hot;
	const char *why_not;
};
const struct flavour_row *flavour_find(enum flavour flavour, unsigned major, unsigned minor);
const char *flavour_name(enum flavour flavour);
/* "10.11.19-MariaDB…" -> flavour, 10, 11, 19; 0 or -1. */
int flavour_parse(const char *version, enum flavour *ret, unsigned *major, unsigned *minor,
                  unsigned *patch);

#endif
