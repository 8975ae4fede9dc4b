/*
 * repo: where backups are kept: named objects, written once, never changed (but one
 * kind that grows: struct repo_append); and what the objects of a backup look like
 * from outside (packs, indexes, manifests).  Bytes only: no zstd, no policy, no server.  The layout
 * is specified in mybak-repo(5).
 *
 * A repo may be used by several threads at once; a sink or a get by one.
 */
#ifndef REPO_REPO_H
#define REPO_REPO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/sink.h"

struct repo;

/* One object or, when it ends with '/', one "directory" directly below a prefix. */
typedef int repo_each(void *arg, const char *name, uint64_t bytes, struct err *err);

/*
 * An object that grows: the one exception from "written once", for a binlog that is
 * archived while its server still writes it.
 *
 * It is there under its name from the first moment.  Others may read it at any time
 * and find what was written so far; after a crash, what was not synced may be there,
 * not be there, or be there in part: whoever reads it must be able to tell where the
 * last whole piece ends.  One writer at a time, which is for a lock to see to.
 *
 * A driver for a store whose objects cannot grow (S3) keeps numbered chunk objects
 * instead, "<name>.chunk-000000" and so on: each sync puts one with what came since
 * the last; a cut removes those behind it and puts the one it falls into anew; get,
 * read, size, list and remove take all of them for one object.
 */
struct repo_append;
struct repo_append_ops {
	/* At the end.  After a failure the object still ends at ->size; the same call may
	 * succeed later. */
	int (*write)(struct repo_append *, const void *, size_t, struct err *);
	/* Cut off everything from `size` (at most ->size) on; durable with the next sync. */
	int (*cut)(struct repo_append *, uint64_t size, struct err *);
	/* After a failure nothing is known of what came since the last good one: cut that
	 * off and write it again. */
	int (*sync)(struct repo_append *, struct err *);
	void (*close)(struct repo_append *); /* the object stays as it is */
};
struct repo_append { /* embedded as the first member of a driver's own struct */
	const struct repo_append_ops *ops;
	uint64_t size; /* bytes the object has */
};

struct repo_ops {
	/* The object appears under its name at finish, durable; free without finish
	 * leaves nothing.  An object of that name must not exist (ERR_BUSY). */
	int (*put)(struct repo *, const char *name, struct sink **ret, struct err *);
	/* Open an object that grows, or make an empty one, durable under its name. */
	int (*append)(struct repo *, const char *name, struct repo_append **ret, struct err *);
	/* Remove what killed writers left behind of objects directly below prefix that never
	 * appeared.  Only for who holds the lock that keeps other writers out of it. */
	int (*sweep)(struct repo *, const char *prefix, struct err *);
	/* Bytes [off, off+len) to `to`; len UINT64_MAX: to the end.  Ending early is
	 * ERR_DAMAGED, no such object ERR_NOT_FOUND. */
	int (*get)(struct repo *, const char *name, uint64_t off, uint64_t len, struct sink *to,
	           struct err *);
	/* Exactly len bytes into memory: the hot path of restore. */
	int (*read)(struct repo *, const char *name, uint64_t off, void *buf, size_t len,
	            struct err *);
	int (*size)(struct repo *, const char *name, uint64_t *ret_bytes, struct err *);
	/* Names directly below prefix ("main/backups/"), relative to it, in no order;
	 * "directories" end with '/'.  A prefix that is not there lists nothing. */
	int (*list)(struct repo *, const char *prefix, repo_each *, void *, struct err *);
	int (*remove)(struct repo *, const char *name, struct err *); /* not found is fine */
	/* Everything below prefix; not found is fine. */
	int (*remove_all)(struct repo *, const char *prefix, struct err *);
	/* Held until unlock or death of the process.  exclusive: ERR_BUSY names who
	 * has it (host, pid, since when, doing what). */
	int (*lock)(struct repo *, const char *name, bool exclusive, const char *what,
	            void **ret_lock, struct err *);
	void (*unlock)(struct repo *, void *lock);
	int (*space)(struct repo *, uint64_t *ret_free, uint64_t *ret_total, struct err *);
	void (*close)(struct repo *);
};

struct repo {
	const struct repo_ops *ops;
	char *url;
};

struct repo_options {
	bool create;          /* make mybak-repo.json if the place is empty */
	bool must_be_mounted; /* file:// only: refuse a directory that is no mount point
	                       * nor below one other than / */
};

/* Open by URL ("file:///path", the path taken as it is, or just an absolute path);
 * reads and checks mybak-repo.json.  ERR_NOT_FOUND if there is no repository,
 * ERR_REFUSED for a newer format or a directory that holds something else. */
int repo_open(const char *url, const struct repo_options *o, struct repo **ret, struct err *err);
void repo_close(struct repo *r); /* NULL is fine */

/* Thin callers of the operations.  Names are checked here, for every driver:
 * relative, without "." or ".." parts (ERR_USAGE). */
int repo_put(struct repo *r, const char *name, struct sink **ret, struct err *err);
int repo_put_bytes(struct repo *r, const char *name, const void *bytes, size_t n, struct err *err);
int repo_append(struct repo *r, const char *name, struct repo_append **ret, struct err *err);
int repo_append_write(struct repo_append *a, const void *bytes, size_t n, struct err *err);
int repo_append_cut(struct repo_append *a, uint64_t size, struct err *err);
int repo_append_sync(struct repo_append *a, struct err *err);
void repo_append_close(struct repo_append *a); /* NULL is fine */
int repo_sweep(struct repo *r, const char *prefix, struct err *err);
/* `to` is not finished: that is for whoever made it. */
int repo_get(struct repo *r, const char *name, uint64_t off, uint64_t len, struct sink *to,
             struct err *err);
int repo_get_all(struct repo *r, const char *name, size_t max, unsigned char **ret, size_t *ret_n,
                 struct err *err);
int repo_read(struct repo *r, const char *name, uint64_t off, void *buf, size_t n, struct err *err);
int repo_list(struct repo *r, const char *prefix, repo_each *each, void *arg, struct err *err);
int repo_remove(struct repo *r, const char *name, struct err *err);
int repo_remove_all(struct repo *r, const char *prefix, struct err *err);
int repo_size(struct repo *r, const char *name, uint64_t *ret, struct err *err);
int repo_lock(struct repo *r, const char *name, bool exclusive, const char *what, void **ret_lock,
              struct err *err);
void repo_unlock(struct repo *r, void *lock); /* NULL is fine */
int repo_space(struct repo *r, uint64_t *ret_free, uint64_t *ret_total, struct err *err);

/* Object names.  New strings.  "main/backups/<id>/pack.000" etc. */
char *repo_name_dir(const char *instance, const char *id); /* ends with '/' */
char *repo_name_manifest(const char *instance, const char *id);
char *repo_name_pack(const char *instance, const char *id, uint32_t number);
char *repo_name_index(const char *instance, const char *id, uint32_t number);

#endif
