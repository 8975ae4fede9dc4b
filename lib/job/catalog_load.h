/*
 * catalog_load: heads and whole manifests from a repository.
 */
#ifndef JOB_CATALOG_LOAD_H
#define JOB_CATALOG_LOAD_H

#include "base/err.h"
#include "model/catalog.h"
#include "repo/repo.h"

/* Heads of all backups of an instance. A manifest that cannot be read is listed as
 * damaged, not an error. */
int catalog_load(struct repo *r, const char *instance, struct catalog *ret, struct err *err);
/* One manifest; with_files false reads only its head. */
int manifest_load(struct repo *r, const char *instance, const char *id, bool with_files,
                  struct manifest **ret, struct err *err);
/* Put it: last, durable. */
int manifest_store(struct repo *r, const struct manifest *m, struct err *err);
/* `wanted`, or the only instance in the repository (new string). */
int instance_choose(struct repo *r, const char *wanted, char **ret, struct err *err);

/* One backup as the JSON object of interfaces.md ("list --json"); with_files adds
 * "files".  Owned by the caller. */
struct json_t;
struct json_t *backup_to_json(const struct manifest *m, bool with_files);

#endif
