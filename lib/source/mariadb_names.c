#include "source/mariadb_names.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

/* Files at the top of the data directory that a restored server makes anew or must
 * not have: logs of this run, traces of replication that would start by itself. */
static const char *const skipped_top[] = {
    "ib_logfile*",
    "ibtmp*",
    "ib_buffer_pool",
    "ddl*.log",
    "tc.log",
    "*.pid",
    "*.sock",
    "master.info",
    "relay-log.info",
    "multi-master.info",
    "master-*.info",
    "relay-log-*.info",
    "*-relay-bin.[0-9]*",
    "*-relay-bin.index",
    "*-relay-bin-*.[0-9]*",
    "*-relay-bin-*.index",
    "*.err",
    "core",
    "core.[0-9]*",
    "mybak-recovery.log",
    "mybak-restore.incomplete",
};

/* "ibdata1:12M:autoextend;ibdata2:…": documented with innodb_data_file_path. */
static int parse_system_files(struct mariadb_names *n, const char *text, struct err *err)
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

static void add_root(struct manifest *out, const char *path, const char *role)
{
	if (path && strcmp(path, out->roots.v[0].path) != 0)
		scan_root(out, path, role);
}

int mariadb_names_init(struct mariadb_names *n, const struct facts *facts, struct manifest *out,
                       struct err *err)
{
	*n = (struct mariadb_names){.facts = facts, .out = out};
	add_root(out, facts->innodb_home, "innodb_home");
	add_root(out, facts->undo_dir, "undo");
	add_root(out, facts->aria_log_dir, "aria_log");
	return parse_system_files(n, facts->data_file_path ? facts->data_file_path : "ibdata1:12M",
	                          err);
}

void mariadb_names_done(struct mariadb_names *n)
{
	for (size_t i = 0; i < n->system.n; i++)
		free(n->system.v[i].name);
	vec_done(&n->system);
}

int mariadb_names_system(const struct mariadb_names *n, const char *name)
{
	for (size_t i = 0; i < n->system.n; i++)
		if (strcmp(n->system.v[i].name, name) == 0)
			return (int)i;
	return -1;
}

static bool is_undo(const char *name)
{
	if (!str_starts(name, "undo") || !name[4])
		return false;
	for (const char *p = name + 4; *p; p++)
		if (!isdigit((unsigned char)*p))
			return false;
	return true;
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

/* Is root/dir/name the file the server says it has at `absolute`? */
static bool is_at(const struct mariadb_names *n, uint16_t root, const char *dir, const char *name,
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
	bool same = strcmp(here, absolute) == 0;
	free(here);
	return same;
}

/* Is it a file of the binlog or relay log with this (absolute) basename? */
static bool is_log_of(const struct mariadb_names *n, uint16_t root, const char *dir,
                      const char *name, const char *basename)
{
	if (!basename)
		return false;
	const char *slash = strrchr(basename, '/');
	const char *last = slash ? slash + 1 : basename;
	if (!is_numbered(name, last, strlen(last)))
		return false;
	char *absolute = mem_printf("%.*s%s", (int)(last - basename), basename, name);
	bool same = is_at(n, root, dir, name, absolute);
	free(absolute);
	return same;
}

static bool is_skipped(const struct mariadb_names *n, uint16_t root, const char *dir,
                       const char *name)
{
	const struct facts *f = n->facts;
	const char *const own[] = {f->pid_file,           f->log_error,     f->general_log_file,
	                           f->slow_log_file,      f->log_bin_index, f->relay_log_index,
	                           f->relay_log_info_file};
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		if (is_at(n, root, dir, name, own[i]))
			return true;
	if (is_log_of(n, root, dir, name, f->log_bin_basename) ||
	    is_log_of(n, root, dir, name, f->relay_log_basename))
		return true;
	if (dir[0])
		return str_starts(name, "#sql");
	for (size_t i = 0; i < sizeof skipped_top / sizeof *skipped_top; i++)
		if (fnmatch(skipped_top[i], name, 0) == 0)
			return true;
	return false;
}

/* The server's own folders that hold nothing of a table, and roots of their own. */
static bool is_skipped_dir(const struct mariadb_names *n, const char *dir)
{
	for (size_t i = 1; i < n->out->roots.n; i++)
		if (is_at(n, 0, "", dir, n->out->roots.v[i].path))
			return true;
	return strcmp(dir, "lost+found") == 0 || strcmp(dir, "#binlog_cache_files") == 0 ||
	       strcmp(dir, ".snapshot") == 0 || strcmp(dir, ".zfs") == 0;
}

static bool is_root_of(const struct mariadb_names *n, uint16_t root, const char *path)
{
	return strcmp(n->out->roots.v[root].path, path ? path : n->out->roots.v[0].path) == 0;
}

bool mariadb_names_classify(void *arg, uint16_t root, const char *dir, const char *name,
                            enum found_kind *ret_kind)
{
	const struct mariadb_names *n = arg;
	bool top = !dir[0];

	if (!name[0]) /* a directory */
		return !is_skipped_dir(n, dir);
	if (top && mariadb_names_system(n, name) >= 0 &&
	    is_root_of(n, root, n->facts->innodb_home)) {
		*ret_kind = FOUND_INNODB;
		return true;
	}
	if (top && is_undo(name) && is_root_of(n, root, n->facts->undo_dir)) {
		*ret_kind = FOUND_INNODB;
		return true;
	}
	if (top && str_starts(name, "aria_log") && is_root_of(n, root, n->facts->aria_log_dir)) {
		*ret_kind = FOUND_ARIA_LOG;
		/* aria_log_control was taken before everything else. */
		return strcmp(name, "aria_log_control") != 0;
	}
	if (root != 0) /* other files of a foreign directory are not ours */
		return false;
	if (str_ends(name, ".ibd")) {
		*ret_kind = FOUND_INNODB;
		return true;
	}
	if (is_skipped(n, root, dir, name))
		return false;
	*ret_kind = FOUND_PLAIN;
	return true;
}

bool mariadb_names_unstable(const char *path)
{
	return str_ends(path, ".MAD") || str_ends(path, ".MAI") || str_ends(path, ".CSV") ||
	       str_ends(path, ".CSM");
}

bool mariadb_names_statistics(const char *path)
{
	static const char *const tables[] = {"table_stats", "column_stats", "index_stats"};
	if (!str_starts(path, "mysql/"))
		return false;
	const char *name = path + strlen("mysql/");
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		size_t n = strlen(tables[i]);
		if (strncmp(name, tables[i], n) == 0 && str_starts(name + n, ".MA"))
			return true;
	}
	return false;
}
