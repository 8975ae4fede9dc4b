/*
 * scan: what lies in the data directory and in the places that belong to it.
 *
 * Nothing is opened but directories and .isl files; what is found is a list of
 * names with what the file system says of each.
 */
#ifndef SOURCE_SCAN_H
#define SOURCE_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "model/manifest.h"

enum found_kind {
	FOUND_DIR,
	FOUND_INNODB, /* tablespace: pages */
	FOUND_LOG,    /* only its end changes (aria_log.NNNNNNNN); the driver says what is read */
	FOUND_PLAIN,
};

struct found {
	char *path;    /* relative to its root */
	uint16_t root; /* index into the manifest's roots */
	uint8_t kind;  /* enum found_kind */
	bool sparse;   /* fewer blocks than its size needs */
	uint32_t mode, uid, gid;
	struct file_stamp stamp;
};

struct scan {
	VEC(struct found) list; /* sorted by root and path */
};

/* The rules of one kind of server: what a name is.  `dir` is relative to the root,
 * "" for its top; `name` is "" for the directory itself.  Returns false to leave the
 * file, or the directory and all that is in it, out. */
typedef bool scan_classify(void *arg, uint16_t root, const char *dir, const char *name,
                           enum found_kind *ret_kind);

struct scan_plan {
	struct manifest *out; /* roots[0] is the data directory */
	/* Places of tables with DATA DIRECTORY are named in .isl files: each becomes a
	 * root with the role "external", and nothing else in it is looked at. */
	bool follow_isl;
	/* No DDL can run: an .isl or a link to what is not there is none that is just
	 * dropped, but ERR_REFUSED. */
	bool settled;
	scan_classify *classify;
	void *arg;
};

/* Roots' own facts (mode, owner, identity) are filled too.  A tablespace comes once, by
 * however many links and roots it is reached.  A directory or file that
 * vanishes meanwhile is left out; one that cannot be read is an error that names it. */
int scan_run(const struct scan_plan *plan, struct scan *ret, struct err *err);
void scan_done(struct scan *s);

/* Number of the root with this very path, as an .isl has it; added with `role` if there is none
 * yet. */
uint16_t scan_root(struct manifest *out, const char *path, const char *role);

/* The stamp of an open file, as scan makes it; 0 or -1 with errno. */
int scan_stamp(const struct manifest *out, int fd, struct file_stamp *ret);

/* Absolute path of a file below a root; new string. */
char *scan_absolute(const struct manifest *out, uint16_t root, const char *path);

#endif
