#include "job/restore_target.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fsio.h"
#include "base/mem.h"
#include "base/str.h"
#include "job/restore_place.h"
#include "job/restore_target_parts.h"

/* Directories nobody means when he says --force. */
static const char *const system_dirs[] = {
    "/",        "/bin",       "/boot",    "/dev",     "/etc",     "/home", "/lib",
    "/lib64",   "/media",     "/mnt",     "/opt",     "/proc",    "/root", "/run",
    "/sbin",    "/srv",       "/sys",     "/tmp",     "/usr",     "/var",  "/usr/bin",
    "/usr/lib", "/usr/local", "/var/lib", "/var/log", "/var/tmp", NULL};

static int check_name(const char *path, const char *repo_url, struct err *err)
{
	for (size_t i = 0; system_dirs[i]; i++)
		if (!strcmp(path, system_dirs[i]))
			return err_set(err, ERR_REFUSED,
			               "%s is a directory of the system: nothing is restored there",
			               path);
	if (!repo_url || !str_starts(repo_url, "file://"))
		return 0;
	char *repo = realpath(repo_url + strlen("file://"), NULL);
	bool clash = repo && (target_is_within(path, repo) || target_is_within(repo, path));
	if (clash)
		err_set(err, ERR_REFUSED, "%s overlaps the repository %s", path, repo);
	free(repo);
	return clash ? err_hint(err, "restore into a directory of its own") : 0;
}

/* Does another file system begin at this directory?  (Also where both are the same
 * device: a bind mount, a subvolume.) */
static bool is_mount(const char *path)
{
	struct statx sx;

	return statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &sx) == 0 &&
	       sx.stx_attributes & STATX_ATTR_MOUNT_ROOT;
}

struct survey {
	uint64_t bytes; /* on disk, that go when everything goes */
	char *mount;    /* a file system mounted somewhere below, or NULL */
};

static void survey_tree(const char *dir, struct survey *ret)
{
	char *start = mem_strdup(dir);
	char *paths[] = {start, NULL};
	FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *e;

	while (fts && !ret->mount && (e = fts_read(fts))) {
		if (e->fts_info == FTS_F)
			ret->bytes += (uint64_t)e->fts_statp->st_blocks * 512;
		if (e->fts_info == FTS_D && e->fts_level > 0 && is_mount(e->fts_path))
			ret->mount = mem_strdup(e->fts_path);
	}
	if (fts)
		fts_close(fts);
	free(start);
}

/* A fresh ext file system is not empty, but nobody misses its lost+found. */
static bool does_not_count(const char *dir, const char *name)
{
	if (!strcmp(name, ".") || !strcmp(name, ".."))
		return true;
	if (strcmp(name, "lost+found"))
		return false;
	char *path = mem_printf("%s/%s", dir, name);
	bool empty = false;
	if (fsio_is_empty_dir(path, &empty, NULL) < 0)
		empty = false;
	free(path);
	return empty;
}

/* Calls `each` with the full path of everything directly inside; what cannot be
 * listed is an error, not there is fine. */
static int each_entry(const char *dir, int (*each)(void *, const char *, struct err *), void *arg,
                      struct err *err)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int rc = 0;

	if (!d)
		return errno == ENOENT ? 0 : err_sys(err, errno, "cannot read directory %s", dir);
	while (rc == 0 && (e = readdir(d))) {
		if (does_not_count(dir, e->d_name))
			continue;
		char *path = mem_printf("%s/%s", dir, e->d_name);
		rc = each(arg, path, err);
		free(path);
	}
	closedir(d);
	return rc;
}

struct listing {
	struct str names;
	size_t n;
	bool mark;
};

static int list_entry(void *arg, const char *path, struct err *err)
{
	struct listing *l = arg;
	const char *name = strrchr(path, '/') + 1;

	(void)err;
	if (!strcmp(name, RESTORE_MARK))
		l->mark = true;
	if (l->n++ < 4)
		str_addf(&l->names, "%s%s", l->names.n ? ", " : "", name);
	return 0;
}

static int refuse_content(const char *path, const struct listing *l, bool hint_force,
                          struct err *err)
{
	if (l->mark)
		err_set(err, ERR_REFUSED, "%s holds an incomplete restore", path);
	else
		err_set(err, ERR_REFUSED, "%s is not empty: it holds %zu entries (%s%s)", path,
		        l->n, str_text(&l->names), l->n > 4 ? ", …" : "");
	if (hint_force)
		return err_hint(err, "--force removes everything in it first; or choose another "
		                     "directory");
	return err_hint(err, "a directory outside the data directory is not emptied for you: "
	                     "remove what is in it, or choose another one");
}

/* What --force would take away.  Nobody who empties a directory means the file
 * systems mounted in it. */
static int survey(const char *path, struct target *t, struct err *err)
{
	struct survey s = {0};

	survey_tree(path, &s);
	t->would_free = s.bytes;
	if (!s.mount)
		return 0;
	err_set(err, ERR_REFUSED, "%s cannot be emptied: another file system is mounted at %s",
	        path, s.mount);
	free(s.mount);
	return err_hint(err, "unmount it first, or restore into another directory");
}

static int check_content(const char *path, enum target_role role, bool force, struct target *t,
                         struct err *err)
{
	struct listing l = {0};
	int rc = each_entry(path, list_entry, &l, err);
	bool may_force = role == TARGET_DATADIR || l.mark;

	t->empty = l.n == 0;
	if (rc == 0 && !t->empty)
		rc = target_check_use(path, err);
	if (rc == 0 && !t->empty && !(force && may_force))
		rc = refuse_content(path, &l, may_force, err);
	if (rc == 0 && !t->empty)
		rc = survey(path, t, err);
	str_done(&l.names);
	return rc;
}

int target_check(const char *path, enum target_role role, bool force, const char *repo_url,
                 struct target *ret, struct err *err)
{
	struct target t = {0};
	char *given = mem_strdup(path);
	struct stat st;
	size_t n = strlen(given);
	int rc = -1;

	while (n > 1 && given[n - 1] == '/')
		given[--n] = '\0';
	if (n == 0) {
		err_set(err, ERR_USAGE, "the target directory has an empty name");
		goto out;
	}
	if (lstat(given, &st) == 0 && S_ISLNK(st.st_mode)) {
		err_set(err, ERR_REFUSED, "%s is a symbolic link", given);
		err_hint(err, "name the directory it points to");
		goto out;
	}
	if (lstat(given, &st) == 0 && !S_ISDIR(st.st_mode)) {
		err_set(err, ERR_REFUSED, "%s is not a directory", given);
		goto out;
	}
	if (place_absolute(given, &t.path, err) < 0 || check_name(t.path, repo_url, err) < 0 ||
	    target_check_above(t.path, err) < 0 || check_content(t.path, role, force, &t, err) < 0)
		goto out;
	*ret = t;
	rc = 0;
out:
	free(given);
	if (rc < 0)
		target_done(&t);
	return rc;
}

void target_done(struct target *t)
{
	free(t->path);
	free(t->made_from);
	*t = (struct target){0};
}

/* The topmost part of `path` that does not exist yet, or NULL. */
static char *first_missing(const char *path)
{
	char *p = mem_strdup(path);
	struct stat st;

	for (char *s = p + 1;; s++) {
		if (*s && *s != '/')
			continue;
		char at = *s;
		*s = '\0';
		if (lstat(p, &st) < 0)
			return p;
		if (!at)
			break;
		*s = at;
	}
	free(p);
	return NULL;
}

struct emptying {
	struct target *target;
	const struct cancel *cancel; /* or NULL */
};

/* The mark stays until the very end. */
static int remove_entry(void *arg, const char *path, struct err *err)
{
	const struct emptying *e = arg;

	if (str_ends(path, "/" RESTORE_MARK))
		return 0;
	if (cancel_check(e->cancel, err) < 0)
		return -1;
	if (e->target->state == TARGET_MARKED)
		e->target->state = TARGET_EMPTYING;
	return fsio_remove_tree(path, err);
}

static char *mark_path(const struct target *t)
{
	return mem_printf("%s/%s", t->path, RESTORE_MARK);
}

/* Somebody else may have begun to use it since it was looked at. */
static int check_still_empty(const struct target *t, struct err *err)
{
	struct listing l = {0};
	int rc = each_entry(t->path, list_entry, &l, err);

	if (rc == 0 && l.n > 0)
		rc = err_set(err, ERR_REFUSED, "%s was empty and is not any more (%s)", t->path,
		             str_text(&l.names));
	str_done(&l.names);
	return rc;
}

/* Others than we may have to get through the directories we make on the way: the
 * owner of the data directory is only known to be somebody. */
static int open_way(const struct target *t, struct err *err)
{
	char *way = t->made_from ? mem_strdup(t->path) : NULL, *slash;
	int rc = 0;

	while (rc == 0 && way && (slash = strrchr(way, '/'))) {
		*slash = '\0';
		if (strlen(way) < strlen(t->made_from))
			break;
		if (chmod(way, 0711) < 0)
			rc = err_sys(err, errno, "cannot set the mode of %s", way);
	}
	free(way);
	return rc;
}

int target_prepare(struct target *t, const char *mark_text, const struct cancel *cancel,
                   struct err *err)
{
	char *mark = mark_path(t);
	struct emptying e = {t, cancel};
	int rc = -1;

	t->made_from = first_missing(t->path);
	if (fsio_mkdirs(t->path, 0700, err) < 0 || open_way(t, err) < 0 ||
	    (t->empty && check_still_empty(t, err) < 0))
		goto out;
	/* The mark goes first: from here on the directory is nobody's data. */
	if (fsio_replace(mark, mark_text, strlen(mark_text), 0644, err) < 0)
		goto out;
	t->state = t->empty ? TARGET_OURS : TARGET_MARKED;
	rc = t->empty ? 0 : each_entry(t->path, remove_entry, &e, err);
	if (rc == 0)
		t->state = TARGET_OURS;
out:
	free(mark);
	return rc;
}

static void remove_ours(struct target *t)
{
	char *mark = mark_path(t);
	struct emptying e = {t, NULL};

	if (t->state == TARGET_MARKED ||
	    (t->state == TARGET_OURS && each_entry(t->path, remove_entry, &e, NULL) == 0))
		fsio_unlink(mark, NULL);
	free(mark);
}

void target_undo(struct target *t)
{
	remove_ours(t);
	if (!t->made_from)
		return;
	/* Only directories that are empty go: somebody else may have put something there. */
	for (char *p = t->path; strlen(p) >= strlen(t->made_from) && rmdir(p) == 0;) {
		char *slash = strrchr(p, '/');
		if (!slash || slash == p)
			break;
		*slash = '\0';
	}
}

int target_finish(struct target *t, struct err *err)
{
	char *mark = mark_path(t);
	int rc = fsio_unlink(mark, err);

	if (rc == 0)
		rc = fsio_sync_dir(t->path, err);
	free(mark);
	return rc;
}
