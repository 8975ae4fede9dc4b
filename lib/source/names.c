#include "source/names.h"

#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"

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

uint16_t names_add_root(struct manifest *out, const char *path, const char *role)
{
	for (size_t i = 0; path && i < out->roots.n; i++)
		if (is_same(path, out->roots.v[i].path))
			return (uint16_t)i;
	return path ? scan_root(out, path, role) : 0;
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

/* Does the symbolic link `here`, which may lead to nothing, name that file? */
static bool is_link_to(const char *here, const char *absolute)
{
	char to[PATH_MAX];
	ssize_t n = readlink(here, to, sizeof to);

	return n > 0 && (size_t)n == strlen(absolute) && memcmp(to, absolute, (size_t)n) == 0;
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
	bool same = is_same(here, absolute) || is_link_to(here, absolute);
	free(here);
	return same;
}

static bool is_log_suffix(const char *rest, bool relay)
{
	if (*rest++ != '.')
		return false;
	if (strcmp(rest, "index") == 0 || strcmp(rest, "state") == 0 ||
	    (relay && strcmp(rest, "info") == 0))
		return true;
	return *rest && strspn(rest, "0123456789") == strlen(rest);
}

/* Is it a file of the binlog or relay log with this (absolute) basename?  A relay log has more
 * for each channel with a name, as "-name" behind the basename: the name is written as that of
 * a table is, so there is no dot in it. */
static bool is_log_of(const struct names *n, uint16_t root, const char *dir, const char *name,
                      const char *basename, bool relay)
{
	if (!basename)
		return false;
	const char *slash = strrchr(basename, '/');
	const char *last = slash ? slash + 1 : basename;
	if (!str_starts(name, last))
		return false;
	const char *rest = name + strlen(last);
	if (relay && *rest == '-')
		rest += strcspn(rest, ".");
	if (!is_log_suffix(rest, relay))
		return false;
	char *absolute = mem_printf("%.*s%s", (int)(last - basename), basename, name);
	bool same = names_is_at(n, root, dir, name, absolute);
	free(absolute);
	return same;
}

/* Of channels: the names of the relay log's index and notes need not be like its own. */
static bool is_relay_like(const struct names *n, uint16_t root, const char *dir, const char *name,
                          const char *absolute)
{
	const char *dot = absolute ? strrchr(absolute, '.') : NULL;
	if (!dot || strchr(dot, '/'))
		return is_log_of(n, root, dir, name, absolute, true);
	char *basename = mem_strndup(absolute, (size_t)(dot - absolute));
	bool found = is_log_of(n, root, dir, name, basename, true);
	free(basename);
	return found;
}

bool names_is_servers_own(const struct names *n, uint16_t root, const char *dir, const char *name)
{
	const struct facts *f = n->facts;
	const char *const own[] = {
	    f->pid_file,         f->socket,        f->log_error,       f->log_bin_index,
	    f->general_log_file, f->slow_log_file, f->relay_log_index, f->relay_log_info_file};
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		if (names_is_at(n, root, dir, name, own[i]))
			return true;
	return is_log_of(n, root, dir, name, f->log_bin_basename, false) ||
	       is_log_of(n, root, dir, name, f->relay_log_basename, true) ||
	       is_relay_like(n, root, dir, name, f->relay_log_index) ||
	       is_relay_like(n, root, dir, name, f->relay_log_info_file);
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

static bool is_external(const struct manifest_root *r)
{
	return strcmp(r->role, "external") == 0;
}

bool names_is_foreign_dir(const struct names *n, uint16_t root, const char *dir)
{
	static const char *const nobodys[] = {"lost+found", ".snapshot", ".zfs", NULL};
	const char *slash = strrchr(dir, '/');
	char *here = mem_printf("%s/%s", n->out->roots.v[root].path, dir);
	bool found = names_match(nobodys, slash ? slash + 1 : dir);
	for (size_t i = 0; i < n->out->roots.n && !found; i++)
		found = i != root && !(root == 0 && is_external(&n->out->roots.v[i])) &&
		        is_same(here, n->out->roots.v[i].path);
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
