#include "job/restore_place_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

static char *without_slash(const char *path)
{
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	return mem_strndup(path, n);
}

/* The last name of `head`, which is not there, goes to the front of `rest`. */
static int take_name_off(char *head, struct str *rest, const char *path, struct err *err)
{
	char *slash = strrchr(head, '/'), *tail;

	if (!strcmp(slash + 1, "..") || !strcmp(slash + 1, "."))
		return err_set(err, ERR_USAGE,
		               "%s: \"..\" and \".\" behind a directory that does not exist", path);
	tail = mem_printf("/%s%s", slash + 1, str_text(rest));
	str_reset(rest);
	str_add(rest, tail);
	free(tail);
	while (slash > head && slash[-1] == '/')
		slash--;
	slash[slash == head] = '\0';
	return 0;
}

int place_absolute(const char *path, char **ret, struct err *err)
{
	char *here = path[0] == '/' ? NULL : getcwd(NULL, 0);
	char *full =
	    path[0] == '/' ? mem_strdup(path) : mem_printf("%s/%s", here ? here : "", path);
	char *head = without_slash(full), *real = NULL;
	struct str rest = {0};
	int rc = -1;

	/* Until what is left exists. */
	while (!(real = realpath(head, NULL))) {
		if (errno != ENOENT || !strcmp(head, "/")) {
			err_sys(err, errno, "cannot resolve the directory %s", path);
			goto out;
		}
		if (take_name_off(head, &rest, path, err) < 0)
			goto out;
	}
	*ret = mem_printf("%s%s", strcmp(real, "/") || !rest.n ? real : "", str_text(&rest));
	rc = 0;
out:
	free(here);
	free(full);
	free(head);
	free(real);
	str_done(&rest);
	return rc;
}

bool place_is_under(const char *path, const char *dir, const char **ret_rest)
{
	size_t n = strlen(dir);

	if (strncmp(path, dir, n) || (path[n] && path[n] != '/'))
		return false;
	*ret_rest = path + n;
	return true;
}

static void list_roots(const struct manifest *m, struct str *out)
{
	for (size_t i = 1; i < m->roots.n; i++)
		if (!strcmp(m->roots.v[i].role, "external")) {
			str_sep(out, ", ");
			str_add(out, m->roots.v[i].path);
		}
}

/* "/old=/new": a path may hold '=' itself, so every '=' is tried. */
static int apply_map(struct places *p, const struct manifest *m, const char *map, struct err *err)
{
	struct str roots = {0};

	for (const char *eq = strchr(map, '='); eq; eq = strchr(eq + 1, '=')) {
		char *old = mem_strndup(map, (size_t)(eq - map)), *from = without_slash(old);
		struct place *found = NULL;
		for (size_t i = 1; i < p->n; i++)
			if (!strcmp(m->roots.v[i].role, "external") && !strcmp(p->v[i].from, from))
				found = &p->v[i];
		free(old);
		free(from);
		if (!found)
			continue;
		if (!eq[1])
			return err_set(err, ERR_USAGE, "map \"%s\" names no new directory", map);
		if (found->dir)
			return err_set(err, ERR_USAGE, "%s is mapped twice", found->from);
		if (place_absolute(eq + 1, &found->dir, err) < 0)
			return err_add(err, "map \"%s\"", map);
		found->mapped = true;
		return 0;
	}
	list_roots(m, &roots);
	err_set(err, ERR_USAGE, "map \"%s\" is not OLD=NEW with OLD a directory of this backup",
	        map);
	if (roots.n)
		err_hint(err, "directories outside the data directory in this backup: %s",
		         str_text(&roots));
	else
		err_hint(err,
		         "this backup has no files outside its data directory: leave the map out");
	str_done(&roots);
	return -1;
}

static int check_mapped(const struct places *p, const struct manifest *m, const bool *used,
                        struct err *err)
{
	struct str missing = {0};
	const char *example = NULL;

	for (size_t i = 1; i < p->n; i++) {
		if (p->v[i].dir || !used[i])
			continue;
		str_sep(&missing, ", ");
		str_add(&missing, m->roots.v[i].path);
		example = m->roots.v[i].path;
	}
	if (!example)
		return 0;
	err_set(
	    err, ERR_USAGE,
	    "backup %s has tables outside its data directory and nothing says where these go: %s",
	    m->id, str_text(&missing));
	str_done(&missing);
	return err_hint(err, "say for each: --map %s=/new/directory (absent or empty)", example);
}

/* A MySQL is told of these places in one setting, a list with ';' in which '*' is nothing it
 * looks for; and what is printed of it goes into a configuration file and a shell. */
static int check_names(const struct places *p, const struct manifest *m, struct err *err)
{
	if (!manifest_is_mysql(m))
		return 0;
	for (size_t i = 1; i < p->n; i++) {
		if (!p->v[i].mapped || !strpbrk(p->v[i].dir, ";*'\"\\\n"))
			continue;
		err_set(
		    err, ERR_USAGE,
		    "%s cannot go to %s: a MySQL cannot be told of a directory with ; * ' \" \\ "
		    "or a line break in its name",
		    p->v[i].from, p->v[i].dir);
		return err_hint(err, "--map %s=… to another one: innodb_directories must name it",
		                p->v[i].from);
	}
	return 0;
}

/* "./" + slashes + "#m<k>" needs five bytes; a root as short as "/e" gets a link
 * without the "./". */
static char *link_name(size_t k, size_t from_len)
{
	char *name = mem_printf("#m%zu", k);

	if (strlen(name) + 2 > from_len) {
		free(name);
		name = mem_printf("#%zu", k);
	}
	return name;
}

/* MySQL looks for moved tablespaces by their ids: nothing in its redo has to lead to
 * them. */
static int choose_links(struct places *p, const struct manifest *m, struct err *err)
{
	if (manifest_is_mysql(m))
		return 0;
	for (size_t i = 1; i < p->n; i++) {
		struct place *pl = &p->v[i];
		if (!pl->mapped || !pl->moved)
			continue;
		pl->link = link_name(i, strlen(pl->from));
		if (strlen(pl->link) > strlen(pl->from))
			return err_set(err, ERR_REFUSED,
			               "%s is too short a name to be redirected in the redo log; "
			               "map it to itself",
			               pl->from);
	}
	return 0;
}

/* The directory only this root goes to; NULL: it goes into the target with the data
 * directory (root 0), or has no files. */
static const char *own_dir(const struct places *p, size_t i)
{
	return i == 0 || p->v[i].mapped ? p->v[i].dir : NULL;
}

static int check_nesting(const struct places *p, struct err *err)
{
	const char *rest;

	for (size_t i = 1; i < p->n; i++) {
		const char *one = own_dir(p, i);
		for (size_t k = 0; one && k < p->n; k++) {
			const char *other = own_dir(p, k);
			if (k != i && other &&
			    (place_is_under(one, other, &rest) ||
			     place_is_under(other, one, &rest)))
				return err_set(
				    err, ERR_USAGE,
				    "%s and %s are to be restored into each other: %s, %s",
				    p->v[i].from, p->v[k].from, one, other);
		}
	}
	return 0;
}

int places_init(const struct manifest *m, const char *target, const char *const *maps,
                struct places *ret, struct err *err)
{
	struct places p = {.target = mem_strdup(target), .n = m->roots.n};
	bool *used = mem_zalloc(m->roots.n + 1);
	int rc = -1;

	p.v = mem_zalloc((p.n + 1) * sizeof *p.v);
	for (size_t i = 0; i < m->files.n; i++)
		if (m->files.v[i].kind != FILE_GONE)
			used[m->files.v[i].root] = true;
	for (size_t i = 0; i < p.n; i++) {
		p.v[i].from = without_slash(m->roots.v[i].path);
		if (i == 0 || strcmp(m->roots.v[i].role, "external"))
			p.v[i].dir = mem_strdup(target);
	}
	for (; maps && *maps; maps++)
		if (apply_map(&p, m, *maps, err) < 0)
			goto out;
	if (check_mapped(&p, m, used, err) < 0 || check_names(&p, m, err) < 0)
		goto out;
	for (size_t i = 0; i < p.n; i++)
		p.v[i].moved = p.v[i].dir && strcmp(p.v[i].dir, p.v[i].from);
	if (check_nesting(&p, err) < 0 || choose_links(&p, m, err) < 0)
		goto out;
	*ret = p;
	rc = 0;
out:
	free(used);
	if (rc < 0)
		places_done(&p);
	return rc;
}

void places_done(struct places *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->v[i].from);
		free(p->v[i].dir);
		free(p->v[i].link);
	}
	free(p->v);
	free(p->target);
	*p = (struct places){0};
}

struct name_at {
	const char *path;
	uint16_t root;
};

static int name_order(const void *a, const void *b)
{
	const struct name_at *x = a, *y = b;

	return strcmp(x->path, y->path);
}

int places_check_collisions(const struct places *p, const struct manifest *m, struct err *err)
{
	VEC(struct name_at) names = {0};
	bool several = false;
	int rc = 0;

	for (size_t i = 1; i < p->n; i++)
		several |= p->v[i].dir && !p->v[i].mapped;
	for (size_t i = 0; several && i < m->files.n; i++) {
		const struct manifest_file *f = &m->files.v[i];
		if (f->kind != FILE_GONE && f->kind != FILE_DIR && !p->v[f->root].mapped)
			*vec_push(&names) = (struct name_at){f->path, f->root};
	}
	if (names.n)
		qsort(names.v, names.n, sizeof *names.v, name_order);
	for (size_t i = 1; i < names.n && rc == 0; i++)
		if (!strcmp(names.v[i].path, names.v[i - 1].path))
			rc = err_set(err, ERR_REFUSED,
			             "%s and %s both have a file %s, and both go into the target",
			             p->v[names.v[i - 1].root].from, p->v[names.v[i].root].from,
			             names.v[i].path);
	vec_done(&names);
	return rc;
}
