/*
 * repo_dir: the driver for a directory (private to the room).
 *
 * An object is a file of the same name.  While it is written it is called
 * REPO_DIR_TMP and a random part, in the directory it will appear in.
 */
#ifndef REPO_REPO_DIR_H
#define REPO_REPO_DIR_H

#include "repo/repo.h"

#define REPO_DIR_TMP ".tmp-"
#define REPO_DIR_FILE_MODE 0640
#define REPO_DIR_MODE 0750

/* `path` is absolute.  Makes the directory if o->create. */
int repo_dir_open(const char *path, const struct repo_options *o, struct repo **ret,
                  struct err *err);

/* The sink of a put: `path` is where the object appears at finish, `root` names the
 * repository in hints. */
int repo_dir_put_new(const char *root, const char *path, struct sink **ret, struct err *err);

/* Mode of a file just made, whatever the umask says. */
int repo_dir_set_mode(int fd, const char *path, struct err *err);

/* A file that grows: contract in repo.h. */
int repo_dir_append_open(const char *root, const char *path, struct repo_append **ret,
                         struct err *err);

/* Says what to do about a full repository if that is the reason; returns -1. */
int repo_dir_failed(const char *root, struct err *err);

/* ERR_REFUSED unless `path` (it need not exist) is a mount point or lies below one
 * other than "/". */
int repo_mount_check(const char *path, struct err *err);

/* flock(2) on the file `path`, with the holder described in it.  Contract: lock in
 * repo_ops.  Shared, where the file cannot be made (read-only mount, no such
 * directory): goes on without a lock, because nobody could take the other side. */
int repo_lock_take(const char *path, bool exclusive, const char *what, void **ret_lock,
                   struct err *err);
void repo_lock_release(void *lock);

#endif
