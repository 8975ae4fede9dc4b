/*
 * mysql_log_dir: which file of #innodb_redo holds an LSN, and which the key.
 */
#ifndef SOURCE_MYSQL_LOG_DIR_H
#define SOURCE_MYSQL_LOG_DIR_H

#include <stdint.h>

#include "base/err.h"
#include "innodb/mysql_redo.h"

enum log_dir_state {
	LOG_DIR_FOUND,
	LOG_DIR_NOT_YET, /* the log ends before it */
	LOG_DIR_GONE,    /* the log begins behind it */
};

struct log_file {
	int fd; /* owned by the caller; -1: not open */
	char *path;
	struct mysql_redo log;
};

/* Opens the file that holds `lsn`.  *ret is as it was unless it is found.  ERR_REFUSED
 * for a log of a form that is not known, ERR_REFUSED or ERR_IO where it cannot be read. */
int log_dir_find(const char *dir, uint64_t lsn, struct log_file *ret, enum log_dir_state *ret_state,
                 struct err *err);
/* The newest key, wrapped, of the log into ret->encryption, if any file has one.  The server
 * writes it into the file of its checkpoint, which may lie behind that with the blocks. */
int log_dir_key(const char *dir, struct mysql_redo *ret, struct err *err);
void log_file_close(struct log_file *f);

#endif
