/* Names on the source, as they are now, in each place where they are written down. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "job/restore_place_parts.h"

static const struct place *place_of(const struct places *p, const char *path, const char **ret_rest)
{
	const struct place *best = NULL;
	const char *rest;

	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].dir && place_is_under(path, p->v[i].from, &rest) &&
		    (!best || strlen(p->v[i].from) > strlen(best->from))) {
			best = &p->v[i];
			*ret_rest = rest;
		}
	return best;
}

char *places_path(const struct places *p, const struct manifest_file *f)
{
	return mem_printf("%s/%s", p->v[f->root].dir, f->path);
}

char *places_rewrite(const struct places *p, const char *path)
{
	const char *rest = NULL;
	const struct place *pl = place_of(p, path, &rest);

	return pl && pl->moved ? mem_printf("%s%s", pl->dir, rest) : NULL;
}

/* "/a/b/../c/./d" as "/a/c/d": by name only, as nothing of the source is here. */
static char *squeeze(const char *path)
{
	struct str out = {0};

	while (*path) {
		size_t n = strcspn(path, "/");
		if (n == 2 && !strncmp(path, "..", 2)) {
			char *slash = out.n ? strrchr(out.p, '/') : NULL;
			if (slash) {
				*slash = '\0';
				out.n = (size_t)(slash - out.p);
			}
		} else if (n && !(n == 1 && *path == '.')) {
			str_add(&out, "/");
			str_addn(&out, path, n);
		}
		path += n;
		path += *path == '/';
	}
	return str_take(&out);
}

char *places_link_target(const struct places *p, const struct manifest *m,
                         const struct manifest_file *f)
{
	const char *slash = strrchr(f->path, '/');
	int dir_len = slash ? (int)(slash - f->path) : 0;
	const char *rest = NULL;
	char *joined, *full, *now = NULL;

	if (f->target[0] == '/')
		joined = mem_strdup(f->target);
	else
		joined =
		    mem_printf("%s/%.*s/%s", m->roots.v[f->root].path, dir_len, f->path, f->target);
	full = squeeze(joined);
	const struct place *pl = place_of(p, full, &rest);
	/* A relative link within its own root still fits. */
	if (pl && pl->moved && (f->target[0] == '/' || pl != &p->v[f->root]))
		now = mem_printf("%s%s", pl->dir, rest);
	free(joined);
	free(full);
	return now ? now : mem_strdup(f->target);
}

bool places_renames_redo(const struct places *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].link)
			return true;
	return false;
}

bool places_redo_name(void *arg, unsigned char *name, size_t n)
{
	const struct places *p = arg;
	const struct place *pl;
	const char *rest = NULL;
	bool changed = false;

	if (n == 0 || name[0] != '/')
		return false;
	char *text = mem_strndup((const char *)name, n);
	pl = strlen(text) == n ? place_of(p, text, &rest) : NULL;
	if (pl && pl->link) {
		size_t from = strlen(pl->from), link = strlen(pl->link);
		memset(name, '/', from);
		if (from >= link + 2) {
			name[0] = '.';
			memcpy(name + from - link, pl->link, link);
		} else {
			memcpy(name, pl->link, link);
		}
		changed = true;
	}
	free(text);
	return changed;
}

int places_make_links(const struct places *p, struct err *err)
{
	for (size_t i = 0; i < p->n; i++) {
		if (!p->v[i].link)
			continue;
		char *path = mem_printf("%s/%s", p->target, p->v[i].link);
		int rc = symlink(p->v[i].dir, path);
		if (rc < 0)
			err_sys(err, errno, "cannot make the link %s", path);
		free(path);
		if (rc < 0)
			return -1;
	}
	return 0;
}

int places_remove_links(const struct places *p, struct err *err)
{
	for (size_t i = 0; i < p->n; i++) {
		if (!p->v[i].link)
			continue;
		char *path = mem_printf("%s/%s", p->target, p->v[i].link);
		int rc = unlink(path);
		if (rc < 0 && errno != ENOENT)
			err_sys(err, errno, "cannot remove the link %s", path);
		else
			rc = 0;
		free(path);
		if (rc < 0)
			return -1;
	}
	return 0;
}
