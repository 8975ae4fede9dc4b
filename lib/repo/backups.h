/*
 * backups: the backups of an instance as found in a repository.
 */
#ifndef REPO_BACKUPS_H
#define REPO_BACKUPS_H

#include "base/err.h"
#include "base/mem.h"
#include "repo/repo.h"

/* Names of instances that have anything in the repository. */
struct name_list {
	VEC(char *) names;
};
void name_list_done(struct name_list *l);
int backups_instances(struct repo *r, struct name_list *ret, struct err *err);

/* Ids (sorted, oldest first) below <instance>/backups/, split into those with a
 * manifest and leftovers without one. */
int backups_ids(struct repo *r, const char *instance, struct name_list *ret_backups,
                struct name_list *ret_leftovers, struct err *err);

/* Remove every leftover of killed runs.  Only with the writer's lock held. */
int backups_clean(struct repo *r, const char *instance, unsigned *ret_removed, struct err *err);

/* Remove one backup: the manifest first, durably, then the data. */
int backups_remove(struct repo *r, const char *instance, const char *id, struct err *err);

/* Lock names.  The writer's lock: backup, expire, cleaning.  The reader's lock:
 * shared by restore and verify, exclusive for expire. */
char *backups_writer_lock(const char *instance);
char *backups_reader_lock(const char *instance);

#endif
