/*
 * restore_files: the files of a backup in the target: made, filled, and given
 * owner, mode and times.
 */
#ifndef JOB_RESTORE_FILES_H
#define JOB_RESTORE_FILES_H

#include "base/cancel.h"
#include "base/err.h"
#include "job/restore_place.h"
#include "job/restore_plan.h"
#include "model/manifest.h"
#include "model/progress.h"
#include "repo/repo.h"

struct restore_files {
	const struct manifest *m; /* with files */
	const struct places *places;
	const struct cancel *cancel;
	struct progress *progress; /* or NULL */
};

/* Directories, and every file at its full size, preallocated unless sparse.  The
 * redo and symbolic links come later: while files are written, no link that a
 * manifest names can lead a write elsewhere. */
int restore_files_create(const struct restore_files *f, struct err *err);

/* Fill them from the packs. */
int restore_files_copy(const struct restore_files *f, struct repo *repo,
                       const struct restore_plan *plan, unsigned threads, struct err *err);

/* .isl files and symbolic links point to the new places; owners, modes of
 * directories, times. */
int restore_files_finish(const struct restore_files *f, struct err *err);

/* What we made in the target and no file of the backup is belongs to the owner of
 * the data directory.  Comes before recovery: that runs as this owner, who could
 * bring a file of root's from elsewhere into it.  Does nothing unless run as root. */
int restore_files_give_away(const struct restore_files *f, struct err *err);

/* Everything on disk, on every file system that was written to. */
int restore_files_sync(const struct places *p, struct err *err);

/* "/old/dir/db/t.ibd\n" with its path rewritten, or NULL if it stays. New string. */
char *restore_isl_rewrite(const struct places *p, const char *text);

#endif
