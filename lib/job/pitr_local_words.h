/*
 * pitr_local_words: what a statement names that is the source's own, told by its words.
 */
#ifndef JOB_PITR_LOCAL_WORDS_H
#define JOB_PITR_LOCAL_WORDS_H

#include <stddef.h>

enum local_kind {
	LOCAL_NONE,
	LOCAL_DIRECTORY,  /* a table with DATA DIRECTORY or INDEX DIRECTORY */
	LOCAL_DATAFILE,   /* MySQL: a tablespace in another directory */
	LOCAL_MASTER_KEY, /* MySQL: a new key in the keyring */
	LOCAL_LOAD,       /* LOAD DATA that failed: no statement tells */
};

struct local_words {
	enum local_kind kind;
	size_t from, to; /* LOCAL_DATAFILE: ADD DATAFILE '…' in the text */
	char *path;      /* new string; NULL: none, or it is not to be told */
};

/* `sql` ends with a zero.  A table is taken for one with a directory if in doubt. */
void local_words(const char *sql, struct local_words *ret);

#endif
