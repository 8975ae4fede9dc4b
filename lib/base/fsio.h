/*
 * fsio: files, all of them and durably, or a reason.
 *
 * Every text names the file.  EINTR is retried, short reads and writes are
 * completed.
 */
#ifndef BASE_FSIO_H
#define BASE_FSIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/err.h"

/* `name` is only for the text of the error. */
int fsio_write(int fd, const void *bytes, size_t n, const char *name, struct err *err);
int fsio_pwrite(int fd, const void *bytes, size_t n, uint64_t off, const char *name,
                struct err *err);
/* Reads until n bytes or end of file; *ret_n tells how many came. */
int fsio_pread(int fd, void *bytes, size_t n, uint64_t off, size_t *ret_n, const char *name,
               struct err *err);
int fsio_sync(int fd, const char *name, struct err *err);

/* A whole small file into memory, NUL added behind it; more than max is an error.
 * *ret_bytes is owned by the caller. */
int fsio_read_file(const char *path, size_t max, char **ret_bytes, size_t *ret_n, struct err *err);

/* Replace `path` as a whole: temporary file beside it, fsync, rename, directory
 * fsync.  On failure the old file is as it was and no temporary file is left. */
int fsio_replace(const char *path, const void *bytes, size_t n, mode_t mode, struct err *err);

int fsio_sync_dir(const char *path, struct err *err);
int fsio_sync_parent(const char *path, struct err *err); /* of the directory that holds path */
/* Like mkdir -p; each durable; those made have exactly `mode`, whatever the umask. */
int fsio_mkdirs(const char *path, mode_t mode, struct err *err);
/* Removes a tree without following symbolic links; not there is fine. */
int fsio_remove_tree(const char *path, struct err *err);
int fsio_unlink(const char *path, struct err *err);                        /* not there is fine */
int fsio_is_empty_dir(const char *path, bool *ret_empty, struct err *err); /* absent: empty */
/* Bytes an unprivileged (or, as root, any) writer can still use, and the size. */
int fsio_space(const char *path, uint64_t *ret_free, uint64_t *ret_total, struct err *err);

#endif
