/*
 * restore_files, second half: what is done once all bytes are in place.
 */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fsio.h"
#include "base/str.h"
#include "job/restore_files.h"

#define ISL_MAX 8192 /* FN_REFLEN is 512; anything longer is no link file */

char *restore_isl_rewrite(const struct places *p, const char *text)
{
	/* White space at the end is none of the path (RemoteDatafile::open_link_file); a
	 * line break within it is. */
	size_t n = strlen(text);
	while (n > 0 && strchr(" \t\r\n", text[n - 1]))
		n--;
	char *path = mem_strndup(text, n);
	char *now = places_rewrite(p, path);
	char *all = now ? mem_printf("%s%s", now, text + n) : NULL;

	free(path);
	free(now);
	return all;
}

/* In place, so that owner, mode and links stay what they are. */
static int overwrite(const char *path, const char *text, struct err *err)
{
	size_t n = strlen(text);
	int fd = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	int rc = 0;

	if (fd < 0)
		return err_sys(err, errno, "cannot open %s", path);
	if (ftruncate(fd, (off_t)n) < 0)
		rc = err_sys(err, errno, "cannot set the size of %s", path);
	if (rc == 0)
		rc = fsio_pwrite(fd, text, n, 0, path, err);
	close(fd);
	return rc;
}

static int fix_isl(const struct places *p, const char *path, struct err *err)
{
	char *text = NULL, *now = NULL;
	size_t n;
	int rc = fsio_read_file(path, ISL_MAX, &text, &n, err);

	if (rc == 0 && (now = restore_isl_rewrite(p, text)))
		rc = overwrite(path, now, err);
	free(text);
	free(now);
	return rc;
}

static int make_symlink(const struct restore_files *r, const struct manifest_file *f,
                        const char *path, struct err *err)
{
	char *to = places_link_target(r->places, r->m, f);
	int rc = symlink(to, path);

	if (rc < 0)
		err_sys(err, errno, "cannot make the symbolic link %s", path);
	else if (geteuid() == 0 && lchown(path, f->uid, f->gid) < 0)
		rc = err_sys(err, errno, "cannot set the owner of %s", path);
	free(to);
	return rc;
}

static int finish_file(const struct manifest_file *f, const char *path, struct err *err)
{
	int64_t ns = f->stamp.mtime_ns;
	struct timespec times[2] = {
	    {.tv_nsec = UTIME_OMIT},
	    {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000},
	};

	if ((f->mode & 0600) != 0600 && chmod(path, f->mode & 07777) < 0)
		return err_sys(err, errno, "cannot set the mode of %s", path);
	/* InnoDB's own files are about to change; of the others the time says something. */
	if (f->kind == FILE_PLAIN && ns > 0 &&
	    utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, errno, "cannot set the time of %s", path);
	return 0;
}

static int finish_dir(uint32_t mode, uint32_t uid, uint32_t gid, const char *path, struct err *err)
{
	if (geteuid() == 0 && chown(path, uid, gid) < 0)
		return err_sys(err, errno, "cannot set the owner of %s", path);
	if (mode && chmod(path, (mode & 07777) | 0700) < 0)
		return err_sys(err, errno, "cannot set the mode of %s", path);
	return 0;
}

static int finish_one(const struct restore_files *r, const struct manifest_file *f, struct err *err)
{
	char *path = places_path(r->places, f);
	int rc = 0;

	switch ((enum file_kind)f->kind) {
	case FILE_PLAIN:
		if (str_ends(f->path, ".isl"))
			rc = fix_isl(r->places, path, err);
		if (rc == 0)
			rc = finish_file(f, path, err);
		break;
	case FILE_INNODB:
		rc = finish_file(f, path, err);
		break;
	case FILE_DIR:
		rc = finish_dir(f->mode, f->uid, f->gid, path, err);
		break;
	case FILE_SYMLINK:
		rc = make_symlink(r, f, path, err);
		break;
	case FILE_REDO:
	case FILE_GONE:
		break;
	}
	free(path);
	return rc;
}

int restore_files_finish(const struct restore_files *r, struct err *err)
{
	for (size_t i = 0; i < r->m->files.n; i++) {
		const struct manifest_file *f = &r->m->files.v[i];
		if (cancel_check(r->cancel, err) < 0)
			return -1;
		if (r->places->v[f->root].dir && finish_one(r, f, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < r->places->n; i++) {
		const struct manifest_root *root = &r->m->roots.v[i];
		if ((i == 0 || r->places->v[i].mapped) &&
		    finish_dir(root->mode, root->uid, root->gid, r->places->v[i].dir, err) < 0)
			return -1;
	}
	return 0;
}

/* Paths of the backup that belong to root there too: these stay root's. */
struct roots_own {
	VEC(char *) paths;
};

static int text_order(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void collect_roots_own(const struct restore_files *r, struct roots_own *ret)
{
	for (size_t i = 0; i < r->m->files.n; i++) {
		const struct manifest_file *f = &r->m->files.v[i];
		bool found = f->kind != FILE_GONE && f->kind != FILE_REDO;
		if (f->uid == 0 && found && r->places->v[f->root].dir)
			*vec_push(&ret->paths) = places_path(r->places, f);
	}
	if (ret->paths.n)
		qsort(ret->paths.v, ret->paths.n, sizeof *ret->paths.v, text_order);
}

static int give_tree(const char *dir, const struct manifest_root *to, const struct roots_own *own,
                     struct err *err)
{
	char *start = mem_strdup(dir);
	char *paths[] = {start, NULL};
	FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *e;
	int rc = fts ? 0 : err_sys(err, errno, "cannot read directory %s", dir);

	while (rc == 0 && (e = fts_read(fts))) {
		if (e->fts_info == FTS_DP || e->fts_info == FTS_NS || e->fts_statp->st_uid != 0)
			continue;
		if (own->paths.n && bsearch(&e->fts_path, own->paths.v, own->paths.n,
		                            sizeof *own->paths.v, text_order))
			continue;
		if (lchown(e->fts_path, to->uid, to->gid) < 0 && errno != ENOENT)
			rc = err_sys(err, errno, "cannot set the owner of %s", e->fts_path);
	}
	if (fts)
		fts_close(fts);
	free(start);
	return rc;
}

int restore_files_give_away(const struct restore_files *r, struct err *err)
{
	const struct manifest_root *to = &r->m->roots.v[0];
	struct roots_own own = {0};
	int rc = 0;

	if (geteuid() != 0 || to->uid == 0)
		return 0;
	collect_roots_own(r, &own);
	for (size_t i = 0; i < r->places->n && rc == 0; i++)
		if (i == 0 || r->places->v[i].mapped)
			rc = give_tree(r->places->v[i].dir, to, &own, err);
	for (size_t i = 0; i < own.paths.n; i++)
		free(own.paths.v[i]);
	vec_done(&own.paths);
	return rc;
}

/* syncfs and not an fsync of each file: for twenty thousand files that is one wait
 * instead of as many; it reports errors of write-back since Linux 5.8. */
int restore_files_sync(const struct places *p, struct err *err)
{
	for (size_t i = 0; i < p->n; i++) {
		if (i > 0 && !p->v[i].mapped)
			continue;
		int fd = open(p->v[i].dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return err_sys(err, errno, "cannot open directory %s", p->v[i].dir);
		int rc = syncfs(fd);
		if (rc < 0)
			err_sys(err, errno, "cannot write %s to disk", p->v[i].dir);
		close(fd);
		if (rc < 0)
			return -1;
	}
	return 0;
}
