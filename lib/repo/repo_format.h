/*
 * repo_format: mybak-repo.json, which makes a place a repository (private to the
 * room).
 */
#ifndef REPO_REPO_FORMAT_H
#define REPO_REPO_FORMAT_H

#include "repo/repo.h"

#define REPO_FORMAT 1
#define REPO_FORMAT_NAME "mybak-repo.json"

/* Read and check it; make it if the place is empty and `create` says so. */
int repo_format_check(struct repo *r, bool create, struct err *err);

#endif
