#include "source/names.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* "ibdata1:12M:autoextend;ibdata2:…": documented with innodb_data_file_path. */
static int parse_system_files(struct names *n, const char *text, struct err *err)
{
	char *copy = mem_strdup(text), *save = NULL;
	int rc = 0;
	for (char *part = strtok_r(copy, ";", &save); part; part = strtok_r(NULL, ";", &save)) {
		char *size = strchr(part, ':'), *end = NULL;
		struct system_file f = {0};
		if (size)
			*size++ = '\0';
		unsigned long long v = size ? strtoull(size, &end, 10) : 0;
		if (!size || end == size || strchr(part, '/')) {
			rc = err_set(err, ERR_REFUSED,
			             "innodb_data_file_path has a form that is not built yet: %s",
			             text);
			err_hint(
			    err,
			    "name files in innodb_data_home_dir without a path, each with a size");
			break;
		}
		unsigned shift = *end == 'K' || *end == 'k'   ? 10
		                 : *end == 'M' || *end == 'm' ? 20
		                 : *end == 'G' || *end == 'g' ? 30
		                                              : 0;
		f.name = mem_strdup(part);
		f.size = (uint64_t)v << shift;
		*vec_push(&n->system) = f;
	}
	free(copy);
	return rc;
}

/* A server may write one place in several ways. */
static bool is_same(const char *a, const char *b)
{
	struct stat x, y;

	return strcmp(a, b) == 0 || (stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev &&
	                             x.st_ino == y.st_ino);
}

void names_add_root(struct manifest *out, const char *path, const char *role)
{
	if (path && !is_same(path, out->roots.v[0].path))
		scan_root(out, path, role);
}

int names_init(struct names *n, const struct facts *facts, struct manifest *out, struct err *err)
{
	*n = (struct names){.facts = facts, .out = out};
	names_add_root(out, facts->innodb_home, "innodb_home");
	names_add_root(out, facts->undo_dir, "undo");
	return parse_system_files(n, facts->data_file_path ? facts->data_file_path : "ibdata1:12M",
	                          err);
}

void names_done(struct names *n)
{
	for (size_t i = 0; i < n->system.n; i++)
		free(n->system.v[i].name);
	vec_done(&n->system);
}

int names_system(const struct names *n, const char *name)
{
	for (size_t i = 0; i < n->system.n; i++)
		if (strcmp(n->system.v[i].name, name) == 0)
			return (int)i;
	return -1;
}

static bool is_numbered(const char *name, const char *prefix, size_t prefix_n)
{
	if (strncmp(name, prefix, prefix_n) != 0 || name[prefix_n] != '.')
		return false;
	const char *rest = name + prefix_n + 1;
	if (strcmp(rest, "index") == 0 || strcmp(rest, "state") == 0)
		return true;
	return *rest && strspn(rest, "0123456789") == strlen(rest);
}

bool names_is_at(const struct names *n, uint16_t root, const char *dir, const char *name,
                 const char *absolute)
{
	if (!absolute || !absolute[0])
		return false;
	const char *base = strrchr(absolute, '/');
	if (strcmp(base ? base + 1 : absolute, name) != 0)
		return false;
	if (!base) /* relative to the data directory */
		return root == 0 && !dir[0];
	char *here = dir[0] ? mem_printf("%s/%s/%s", n->out->roots.v[root].path, dir, name)
	                    : mem_printf("%s/%s", n->out->roots.v[root].path, name);
	bool same = is_same(here, absolute);
	free(here);
	return same;
}

/* Is it a file of the binlog or relay log with this (absolute) basename? */
static bool is_log_of(const struct names *n, uint16_t root, const char *dir, const char *name,
                      const char *basename)
{
	if (!basename)
		return false;
	const char *slash = strrchr(basename, '/');
	const char *last = slash ? slash + 1 : basename;
	if (!is_numbered(name, last, strlen(last)))
		return false;
	char *absolute = mem_printf("%.*s%s", (int)(last - basename), basename, name);
	bool same = names_is_at(n, root, dir, name, absolute);
	free(absolute);
	return same;
}

bool names_is_servers_own(const struct names *n, uint16_t root, const char *dir, const char *name)
{
	const struct facts *f = n->facts;
	const char *const own[] = {f->pid_file,           f->log_error,     f->general_log_file,
	                           f->slow_log_file,      f->log_bin_index, f->relay_log_index,
	                           f->relay_log_info_file};
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		if (names_is_at(n, root, dir, name, own[i]))
			return true;
	return is_log_of(n, root, dir, name, f->log_bin_basename) ||
	       is_log_of(n, root, dir, name, f->relay_log_basename);
}

bool names_is_root_of(const struct names *n, uint16_t root, const char *path)
{
	return is_same(n->out->roots.v[root].path, path ? path : n->out->roots.v[0].path);
}

bool names_is_system_here(const struct names *n, uint16_t root, const char *dir, const char *name)
{
	return !dir[0] && names_system(n, name) >= 0 &&
	       names_is_root_of(n, root, n->facts->innodb_home);
}

bool names_is_foreign_dir(const struct names *n, uint16_t root, const char *dir)
{
	static const char *const nobodys[] = {"lost+found", ".snapshot", ".zfs", NULL};
	const char *slash = strrchr(dir, '/');
	char *here = mem_printf("%s/%s", n->out->roots.v[root].path, dir);
	bool found = names_match(nobodys, slash ? slash + 1 : dir);
	for (size_t i = 0; i < n->out->roots.n && !found; i++)
		found = i != root && is_same(here, n->out->roots.v[i].path);
	free(here);
	return found;
}

bool names_match(const char *const *patterns, const char *name)
{
	for (; *patterns; patterns++)
		if (fnmatch(*patterns, name, 0) == 0)
			return true;
	return false;
}
