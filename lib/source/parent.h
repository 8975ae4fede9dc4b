/*
 * parent: finding a file of the parent backup, by what it is or by its name.
 */
#ifndef SOURCE_PARENT_H
#define SOURCE_PARENT_H

#include <stdint.h>

#include "model/manifest.h"
#include "source/scan.h"

struct parent {
	const struct manifest *m; /* NULL: there is none, nothing is ever found */
	uint32_t *by_inode;       /* numbers of its InnoDB files without corrupt pages, by inode */
	size_t inode_n;
	uint32_t *by_path; /* numbers of its other files, sorted by path */
	size_t path_n;
};

void parent_init(struct parent *p, const struct manifest *m);
void parent_done(struct parent *p);

/* Number of the parent's file, or -1.  InnoDB: the same file (device, inode,
 * birth), whatever it was called, unless it had corrupt pages; others: the same name below the same
 * root. */
int64_t parent_find_innodb(const struct parent *p, const struct file_stamp *stamp);
int64_t parent_find_plain(const struct parent *p, const struct manifest *out,
                          const struct found *f);

#endif
