/*
 * restore_place: where each root of a backup goes, and what that does to the
 * places where the server wrote a path down: .isl files, symbolic links, and
 * FILE_ records of the redo.
 *
 * The redo of MariaDB is the delicate one.  Crash recovery opens tablespaces by the names in
 * it, and on the host of the source an absolute name is the live server's own
 * file.  A record cannot change its length, so such a name becomes one of equal
 * length through a link in the new data directory: "/old/dir/db/t.ibd" becomes
 * ".////#m1/db/t.ibd" with "#m1" pointing to the new place of "/old/dir".
 */
#ifndef JOB_RESTORE_PLACE_H
#define JOB_RESTORE_PLACE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "model/manifest.h"

struct place {
	char *from;  /* on the source, without trailing '/' */
	char *dir;   /* where it goes now; NULL: an external root without files */
	char *link;  /* name of the link in the target, NULL: none needed */
	bool mapped; /* outside the target directory */
	bool moved;  /* dir is not `from` */
};

struct places {
	char *target;
	struct place *v; /* one a root of the manifest */
	size_t n;
};

/* `target` is absolute.  `maps`: "/old=/new", NULL-terminated or NULL.  ERR_USAGE
 * for a map that is none, one that names no root of the backup, one to a directory that
 * the setting of a MySQL cannot name, and for roots that need a map and have none (each is
 * listed).  `m` has its files. */
int places_init(const struct manifest *m, const char *target, const char *const *maps,
                struct places *ret, struct err *err);
void places_done(struct places *p);

/* Two files of different roots must not meet in the target (roots that move into
 * it).  ERR_REFUSED names both. */
int places_check_collisions(const struct places *p, const struct manifest *m, struct err *err);

/* Where a file goes; new string. */
char *places_path(const struct places *p, const struct manifest_file *f);

/* An absolute path on the source, as it is now: new string, or NULL if it does not
 * lie under a root that moved. */
char *places_rewrite(const struct places *p, const char *path);
/* The target of a symbolic link `f`, as it must be now; new string. */
char *places_link_target(const struct places *p, const struct manifest *m,
                         const struct manifest_file *f);

/* Does any name in the redo have to change? */
bool places_renames_redo(const struct places *p);
/* A redo_rename: arg is a struct places *. */
bool places_redo_name(void *arg, unsigned char *name, size_t n);
/* The links such names go through. */
int places_make_links(const struct places *p, struct err *err);
int places_remove_links(const struct places *p, struct err *err);

/* Absolute form of a path that need not exist: links of the part that does exist
 * are resolved.  ERR_USAGE for one that cannot be. */
int place_absolute(const char *path, char **ret, struct err *err);

#endif
