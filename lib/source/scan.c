#include "source/scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fsio.h"
#include "base/str.h"

#define ISL_MAX 4096

struct scanner {
	const struct scan_plan *plan;
	struct scan *scan;
	uint64_t data_dev; /* raw st_dev of the data directory, written as 0 */
	int64_t now_ns;
	struct err *err;
};

static int64_t ns_of(const struct statx_timestamp *t)
{
	return (int64_t)t->tv_sec * 1000000000LL + t->tv_nsec;
}

static uint64_t raw_dev(const struct statx *sx)
{
	return ((uint64_t)sx->stx_dev_major << 32) | sx->stx_dev_minor;
}

static void stamp_from(const struct statx *sx, uint64_t data_dev, int64_t now_ns,
                       struct file_stamp *ret)
{
	*ret = (struct file_stamp){
	    .dev = raw_dev(sx) == data_dev ? 0 : raw_dev(sx),
	    .ino = sx->stx_ino,
	    .size = sx->stx_size,
	    .mtime_ns = ns_of(&sx->stx_mtime),
	    .ctime_ns = ns_of(&sx->stx_ctime),
	    .btime_ns = sx->stx_mask & STATX_BTIME ? ns_of(&sx->stx_btime) : 0,
	    .seen_ns = now_ns,
	};
}

static int stat_data_dev(const struct manifest *out, uint64_t *ret_dev)
{
	struct statx sx;
	if (statx(AT_FDCWD, out->roots.v[0].path, 0, STATX_BASIC_STATS, &sx) != 0)
		return -1;
	*ret_dev = raw_dev(&sx);
	return 0;
}

int scan_stamp(const struct manifest *out, int fd, struct file_stamp *ret)
{
	struct statx sx;
	uint64_t data_dev;
	if (stat_data_dev(out, &data_dev) != 0 ||
	    statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &sx) != 0)
		return -1;
	stamp_from(&sx, data_dev, clock_wall_us() * 1000, ret);
	return 0;
}

char *scan_absolute(const struct manifest *out, uint16_t root, const char *path)
{
	return mem_printf("%s/%s", out->roots.v[root].path, path);
}

uint16_t scan_root(struct manifest *out, const char *path, const char *role)
{
	for (size_t i = 0; i < out->roots.n; i++)
		if (strcmp(out->roots.v[i].path, path) == 0)
			return (uint16_t)i;
	struct manifest_root *r = vec_push(&out->roots);
	*r = (struct manifest_root){.path = mem_strdup(path), .role = mem_strdup(role)};
	return (uint16_t)(out->roots.n - 1);
}

static int unreadable(struct scanner *s, const char *what, const char *path)
{
	err_sys(s->err, errno, "cannot read %s %s", what, path);
	if (errno == EACCES || errno == EPERM)
		err_hint(
		    s->err,
		    "run mybakd as the user that owns the data directory (User=mysql in the unit), "
		    "or give it read access");
	return -1;
}

static void add_found(struct scanner *s, uint16_t root, const char *path, enum found_kind kind,
                      const struct statx *sx)
{
	struct found *f = vec_push(&s->scan->list);
	*f = (struct found){
	    .path = mem_strdup(path),
	    .root = root,
	    .kind = (uint8_t)kind,
	    .sparse = kind != FOUND_DIR && sx->stx_blocks * 512 + 4096 <= sx->stx_size,
	    .mode = sx->stx_mode & 07777u,
	    .uid = sx->stx_uid,
	    .gid = sx->stx_gid,
	};
	stamp_from(sx, s->data_dev, s->now_ns, &f->stamp);
}

static int unseen(struct scanner *s, const char *link)
{
	err_set(s->err, ERR_REFUSED,
	        "%s leads to what is not there for mybakd: it would be missing from the backup",
	        link);
	return err_hint(s->err,
	                "let mybakd see it under the same path as the server (mounts, containers, "
	                "ProtectHome and PrivateTmp in the unit); if the server misses it too, "
	                "bring it back, drop the table, or remove a link that nobody needs");
}

/* InnoDB names the file of a DATA DIRECTORY table in a .isl beside its .frm:
 * <place>/<database>/<table>.ibd.  The place becomes a root of its own. */
static int follow_isl(struct scanner *s, const char *absolute)
{
	char *text = NULL;
	size_t n = 0;
	struct statx sx;
	int rc = 0;

	if (fsio_read_file(absolute, ISL_MAX, &text, &n, s->err) != 0) {
		if (s->err->kind != ERR_NOT_FOUND)
			return -1;
		err_clear(s->err); /* dropped meanwhile */
		return 0;
	}
	while (n > 0 && strchr(" \t\r\n", text[n - 1]))
		text[--n] = '\0';
	char *table = strrchr(text, '/');
	char *database = table ? memrchr(text, '/', (size_t)(table - text)) : NULL;
	if (text[0] != '/' || !database || database == text) {
		err_set(s->err, ERR_DAMAGED, "%s does not name a tablespace file: \"%s\"", absolute,
		        text);
		err_hint(s->err,
		         "an .isl file holds the absolute path of its .ibd file; repair it or "
		         "drop the table");
		free(text);
		return -1;
	}
	if (statx(AT_FDCWD, text, 0, STATX_BASIC_STATS | STATX_BTIME, &sx) == 0) {
		char *relative = mem_strdup(database + 1);
		*database = '\0';
		add_found(s, scan_root(s->plan->out, text, "external"), relative, FOUND_INNODB,
		          &sx);
		free(relative);
	} else if (errno != ENOENT) {
		rc = unreadable(s, "tablespace", text);
	} else if (s->plan->settled) {
		/* DROP and DISCARD TABLESPACE take the .isl away too. */
		char *link = mem_printf("the tablespace %s, which %s names,", text, absolute);
		rc = unseen(s, link);
		free(link);
	}
	free(text);
	return rc;
}

/* Nobody knows what a name that leads to nothing stands for: a file of that name or a
 * directory.  "core" is no link where it is one that the kernel wrote, but it can be a
 * database. */
static bool is_left_out(struct scanner *s, uint16_t root, const char *dir, const char *name,
                        const char *path)
{
	const struct scan_plan *p = s->plan;
	enum found_kind kind;

	return !p->classify(p->arg, root, path, "", &kind) ||
	       (strcmp(name, "core") != 0 && !p->classify(p->arg, root, dir, name, &kind));
}

/* Of a name that was just listed and leads to nothing we can see: dropped meanwhile, or a
 * symbolic link (a database, or a MyISAM table with DATA DIRECTORY) to a place that is not seen
 * here. */
static int check_link(struct scanner *s, uint16_t root, const char *dir, const char *name, int fd,
                      const char *path)
{
	int why = errno;
	struct statx sx;

	if (is_left_out(s, root, dir, name, path))
		return 0;
	char *absolute = scan_absolute(s->plan->out, root, path);
	int rc = 0;
	if (why != ENOENT) {
		errno = why;
		rc = unreadable(s, "file", absolute);
	} else if (s->plan->settled && statx(fd, name, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &sx) == 0 &&
	           S_ISLNK(sx.stx_mode)) {
		char *link = mem_printf("the symbolic link %s", absolute);
		rc = unseen(s, link);
		free(link);
	}
	free(absolute);
	return rc;
}

static int scan_dir(struct scanner *s, uint16_t root, const char *dir, int depth);

static int scan_entry(struct scanner *s, uint16_t root, const char *dir, const char *name, int fd,
                      int depth)
{
	const char *root_path = s->plan->out->roots.v[root].path;
	struct statx sx;
	enum found_kind kind = FOUND_PLAIN;
	char *path = dir[0] ? mem_printf("%s/%s", dir, name) : mem_strdup(name);
	char *absolute = mem_printf("%s/%s", root_path, path);
	int rc = 0;

	/* Symbolic links are followed: what they lead to is restored in their place. */
	if (statx(fd, name, 0, STATX_BASIC_STATS | STATX_BTIME, &sx) != 0) {
		rc = check_link(s, root, dir, name, fd, path);
	} else if (S_ISDIR(sx.stx_mode)) {
		if (s->plan->classify(s->plan->arg, root, path, "", &kind)) {
			/* Elsewhere a directory is made when a file needs it. */
			if (root == 0)
				add_found(s, root, path, FOUND_DIR, &sx);
			rc = scan_dir(s, root, path, depth + 1);
		}
	} else if (S_ISREG(sx.stx_mode) &&
	           s->plan->classify(s->plan->arg, root, dir, name, &kind)) {
		add_found(s, root, path, kind, &sx);
		if (s->plan->follow_isl && root == 0 && str_ends(name, ".isl"))
			rc = follow_isl(s, absolute);
	}
	free(absolute);
	free(path);
	return rc;
}

static int scan_dir(struct scanner *s, uint16_t root, const char *dir, int depth)
{
	char *absolute = scan_absolute(s->plan->out, root, dir);
	int rc = 0;
	DIR *d = depth > 16 ? NULL : opendir(absolute);
	if (!d) {
		if (depth > 16)
			rc = err_set(s->err, ERR_REFUSED,
			             "%s: directories nest too deep (a link to itself?)", absolute);
		else if (errno != ENOENT || depth == 0)
			rc = unreadable(s, "directory", absolute);
		free(absolute);
		return rc;
	}
	for (;;) {
		errno = 0;
		struct dirent *e = readdir(d);
		if (!e) {
			if (errno)
				rc = unreadable(s, "directory", absolute);
			break;
		}
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		rc = scan_entry(s, root, dir, e->d_name, dirfd(d), depth);
		if (rc != 0)
			break;
	}
	closedir(d);
	free(absolute);
	return rc;
}

static int stat_root(struct scanner *s, struct manifest_root *r)
{
	struct statx sx;
	if (statx(AT_FDCWD, r->path, 0, STATX_BASIC_STATS | STATX_BTIME, &sx) != 0)
		return unreadable(s, "directory", r->path);
	r->mode = sx.stx_mode & 07777u;
	r->uid = sx.stx_uid;
	r->gid = sx.stx_gid;
	r->ino = sx.stx_ino;
	r->btime_ns = sx.stx_mask & STATX_BTIME ? ns_of(&sx.stx_btime) : 0;
	return 0;
}

static int by_place(const void *a, const void *b)
{
	const struct found *x = a, *y = b;
	if (x->root != y->root)
		return x->root < y->root ? -1 : 1;
	return strcmp(x->path, y->path);
}

static int compare_inode(const void *a, const void *b, void *arg)
{
	const struct scan *s = arg;
	size_t i = *(const size_t *)a, j = *(const size_t *)b;
	const struct file_stamp *x = &s->list.v[i].stamp, *y = &s->list.v[j].stamp;

	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return i < j ? -1 : 1;
}

static bool is_double(const struct found *a, const struct found *b)
{
	return a->stamp.ino == b->stamp.ino && a->stamp.dev == b->stamp.dev &&
	       (a->root != b->root || strcmp(a->path, b->path) == 0);
}

static void compact(struct scan *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->list.n; i++)
		if (s->list.v[i].path)
			s->list.v[n++] = s->list.v[i];
	s->list.n = n;
}

/* A tablespace that is reached from two roots, as by a link in the data directory, comes
 * once: as what the data directory has, unless an .isl says where the server looks for it,
 * which is the name that a restore moves. */
static void drop_doubles(const struct scan_plan *plan, struct scan *s)
{
	size_t *order = mem_resize(NULL, s->list.n + 1, sizeof *order), n = 0;
	struct found *keep = NULL;

	for (size_t i = 0; i < s->list.n; i++)
		if (s->list.v[i].kind == FOUND_INNODB)
			order[n++] = i;
	qsort_r(order, n, sizeof *order, compare_inode, s);
	for (size_t i = 0; i < n; i++) {
		struct found *f = &s->list.v[order[i]];
		if (keep && is_double(keep, f)) {
			struct found *drop = plan->follow_isl ? keep : f;
			keep = plan->follow_isl ? f : keep;
			free(drop->path);
			drop->path = NULL;
		} else {
			keep = f;
		}
	}
	free(order);
	compact(s);
}

int scan_run(const struct scan_plan *plan, struct scan *ret, struct err *err)
{
	struct scan scan = {0};
	struct scanner s = {.plan = plan, .scan = &scan, .err = err};

	s.now_ns = clock_wall_us() * 1000;
	if (stat_data_dev(plan->out, &s.data_dev) != 0)
		return unreadable(&s, "directory", plan->out->roots.v[0].path);
	size_t listed = plan->out->roots.n;
	for (size_t i = 0; i < listed; i++)
		if (!(plan->follow_isl && strcmp(plan->out->roots.v[i].role, "external") == 0) &&
		    scan_dir(&s, (uint16_t)i, "", 0) != 0)
			goto fail;
	for (size_t i = 0; i < plan->out->roots.n; i++)
		if (stat_root(&s, &plan->out->roots.v[i]) != 0)
			goto fail;
	if (scan.list.n)
		qsort(scan.list.v, scan.list.n, sizeof *scan.list.v, by_place);
	drop_doubles(plan, &scan);
	*ret = scan;
	return 0;
fail:
	scan_done(&scan);
	return -1;
}

void scan_done(struct scan *s)
{
	for (size_t i = 0; i < s->list.n; i++)
		free(s->list.v[i].path);
	vec_done(&s->list);
}
