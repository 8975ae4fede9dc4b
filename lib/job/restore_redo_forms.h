/*
 * restore_redo_forms: what the files of restore_redo share, and nobody else sees.
 */
#ifndef JOB_RESTORE_REDO_FORMS_H
#define JOB_RESTORE_REDO_FORMS_H

#include "job/restore_redo.h"

struct redo_form {
	int (*check)(const struct manifest *m, const struct places *p, struct err *err);
	uint64_t (*captured)(const struct manifest *m);
	uint64_t (*space)(const struct manifest *m, const struct places *p);
	int (*write)(const struct manifest *m, const struct places *p,
	             const struct redo_source *from, const char *path, const struct cancel *cancel,
	             struct err *err);
};

extern const struct redo_form redo_form_mariadb, redo_form_mysql;

/* A new file of the log, reserved, owned by whom the data directory is: the server
 * makes its log itself.  Its fd or -1. */
int redo_file_make(const struct manifest *m, const char *path, uint64_t size, struct err *err);

/* Takes what the source gives piece by piece, `*left` bytes at the most: what lies behind
 * the end LSN is not part of the backup.  Of *left, what the source lacked remains. */
typedef int redo_taker(void *arg, const unsigned char *bytes, size_t n, struct err *err);
int redo_take(const struct redo_source *from, uint64_t *left, redo_taker *take, void *arg,
              const struct cancel *cancel, struct err *err);

#endif
