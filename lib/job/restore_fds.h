/*
 * restore_fds: files held open for writing, so many at a time: a restore of
 * twenty thousand tables must not need as many descriptors.  Thread-safe.
 */
#ifndef JOB_RESTORE_FDS_H
#define JOB_RESTORE_FDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define RESTORE_FDS 256u

struct restore_fds;

/* `open_file` gives a descriptor for file number `file`, or -1. */
typedef int restore_open(void *arg, uint32_t file, struct err *err);

struct restore_fds *restore_fds_new(size_t file_n, restore_open *open_file, void *arg);
void restore_fds_free(struct restore_fds *c); /* closes all; NULL is fine */

/* The descriptor stays open until it is put back. */
int restore_fds_get(struct restore_fds *c, uint32_t file, int *ret_fd, struct err *err);
void restore_fds_put(struct restore_fds *c, uint32_t file);

#endif
