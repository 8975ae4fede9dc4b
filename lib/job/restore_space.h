/*
 * restore_space: is there room, on each file system a restore writes to?
 */
#ifndef JOB_RESTORE_SPACE_H
#define JOB_RESTORE_SPACE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "job/restore_place.h"
#include "job/restore_plan.h"
#include "model/manifest.h"

struct restore_space_fs {
	uint64_t dev, free, need, frees;
	char *path; /* one directory on it, for the message */
};

struct restore_space {
	VEC(struct restore_space_fs) fs;
};

int restore_space_need(struct restore_space *s, const char *dir, uint64_t bytes, struct err *err);
int restore_space_frees(struct restore_space *s, const char *dir, uint64_t bytes, struct err *err);
/* ERR_NO_SPACE with directory, bytes needed and bytes free. */
int restore_space_check(const struct restore_space *s, struct err *err);
void restore_space_done(struct restore_space *s);

/* Bytes the files of root `root` take: their sizes; of a sparse file only about
 * what is stored of it, as its holes are not known before it is read. */
uint64_t restore_space_of_root(const struct manifest *m, const struct restore_plan *plan,
                               const struct places *places, size_t root);

#endif
