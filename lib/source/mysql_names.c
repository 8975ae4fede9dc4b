#include "source/mysql_names.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "source/mysql_keys.h"

/* Files at the top of the data directory that a restored server makes anew or must not
 * have: logs of this run, traces of replication, its identity.  ib_buffer_pool comes
 * along: a server that does not find it calls that an error. */
static const char *const skipped_top[] = {
    "ibtmp*",
    "ib_buffer_pool.incomplete",
    "auto.cnf",
    "*.pid",
    "*.sock",
    "*.lock",
    "*.err",
    "binlog.[0-9]*",
    "binlog.index",
    "*-relay-bin.[0-9]*",
    "*-relay-bin.index",
    "*-relay-bin-*.[0-9]*",
    "*-relay-bin-*.index",
    "master.info",
    "relay-log.info",
    "core",
    "core.[0-9]*",
    "mybak-recovery.log",
    "mybak-restore.incomplete",
    NULL,
};

/* #innodb_redo, #innodb_temp */
static const char *const skipped_dirs[] = {"#innodb_*", MANIFEST_BINLOG_DIR, NULL};

/* innodb_log_group_home_dir and its like may be below the data directory. */
static bool is_skipped_dir(const char *dir)
{
	const char *slash = strrchr(dir, '/');
	return names_match(skipped_dirs, slash ? slash + 1 : dir);
}

/* By what they are in the end: either can be reached by links. */
static bool is_below(const char *real, const char *dir)
{
	char *real_dir = realpath(dir, NULL);
	size_t n = real_dir ? strlen(real_dir) : 0;
	bool below = n && strncmp(real, real_dir, n) == 0 && (real[n] == '/' || real[n] == '\0');
	free(real_dir);
	return below;
}

void mysql_names_add_roots(const struct facts *facts, struct manifest *out)
{
	for (size_t i = 0; i < facts->known_dirs.n; i++) {
		const char *dir = facts->known_dirs.v[i];
		char *real = realpath(dir, NULL);
		/* Like the server: one that is not there has nothing in it. */
		if (real && !is_below(real, out->roots.v[0].path))
			names_add_root(out, dir, "external");
		free(real);
	}
}

static bool is_undo(const struct names *n, uint16_t root, const char *dir, const char *name)
{
	return !dir[0] && str_starts(name, "undo_") && name[5] &&
	       strspn(name + 5, "0123456789") == strlen(name + 5) &&
	       names_is_root_of(n, root, n->facts->undo_dir);
}

/* Where it lies is a setting of its own.  With DETECT_ONLY it has no pages, only their
 * checksums: what a restored server would hold against pages written since. */
static const char *const doublewrite[] = {"#ib_*.dblwr", "#ib_*.bdblwr", NULL};

static bool is_skipped(const struct names *n, uint16_t root, const char *dir, const char *name)
{
	return names_is_servers_own(n, root, dir, name) || mysql_keys_here(n, root, dir, name) ||
	       names_match(doublewrite, name) || (!dir[0] && names_match(skipped_top, name));
}

bool mysql_names_classify(void *arg, uint16_t root, const char *dir, const char *name,
                          enum found_kind *ret_kind)
{
	const struct names *n = arg;

	if (!name[0])
		return !names_is_foreign_dir(n, root, dir) && !is_skipped_dir(dir) &&
		       !mysql_keys_here(n, root, dir, name);
	if (names_is_system_here(n, root, dir, name) || is_undo(n, root, dir, name) ||
	    str_ends(name, ".ibd") || str_ends(name, ".ibu")) {
		*ret_kind = FOUND_INNODB;
		return true;
	}
	*ret_kind = FOUND_PLAIN;
	/* Of other places only tablespaces are the server's. */
	return root == 0 && !is_skipped(n, root, dir, name);
}

bool mysql_names_unstable(const char *path)
{
	(void)path;
	return false;
}

static void add_utf8(struct str *s, unsigned c)
{
	unsigned char b[3];
	if (c < 0x80) {
		b[0] = (unsigned char)c;
		str_addn(s, b, 1);
	} else if (c < 0x800) {
		b[0] = (unsigned char)(0xc0 | c >> 6);
		b[1] = (unsigned char)(0x80 | (c & 0x3f));
		str_addn(s, b, 2);
	} else {
		b[0] = (unsigned char)(0xe0 | c >> 12);
		b[1] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
		b[2] = (unsigned char)(0x80 | (c & 0x3f));
		str_addn(s, b, 3);
	}
}

/* "@0020" is a character by its number.  The server has shorter forms of some letters
 * too; they stay as they are. */
static void add_decoded(struct str *s, const char *from, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char code[2];
		char hex[5] = "";
		if (from[i] == '@' && i + 4 < n)
			memcpy(hex, from + i + 1, 4);
		if (hex[0] && str_unhex(code, 2, hex) == 0 && (code[0] || code[1])) {
			add_utf8(s, (unsigned)code[0] << 8 | code[1]);
			i += 4;
		} else {
			str_addn(s, from + i, 1);
		}
	}
}

char *mysql_names_table(const char *path)
{
	const char *slash = strchr(path, '/');
	const char *table = slash ? slash + 1 : path;
	const char *dot = strrchr(table, '.');
	size_t n = dot ? (size_t)(dot - table) : strlen(table);
	const char *part = strcasestr(table, "#p#");
	struct str s = {0};

	if (part && (size_t)(part - table) < n)
		n = (size_t)(part - table);
	if (slash) {
		add_decoded(&s, path, (size_t)(slash - path));
		str_add(&s, ".");
	}
	add_decoded(&s, table, n);
	return str_take(&s);
}

static const struct {
	const char *suffix, *engine;
} without_lock[] = {{".MYI", "MyISAM"}, {".CSV", "CSV"}, {".ARZ", "ARCHIVE"}};

static bool is_servers_schema(const char *path)
{
	return str_starts(path, "mysql/") || str_starts(path, "performance_schema/") ||
	       str_starts(path, "sys/");
}

/* Files come sorted: the partitions of a table one behind the other. */
static uint64_t add_tables(const struct scan *scan, const char *suffix, struct manifest *out)
{
	char *last = NULL;
	uint64_t found = 0;

	for (size_t i = 0; i < scan->list.n; i++) {
		const char *path = scan->list.v[i].path;
		if (scan->list.v[i].root != 0 || !str_ends(path, suffix) || is_servers_schema(path))
			continue;
		char *name = mysql_names_table(path);
		if (last && strcmp(last, name) == 0) {
			free(name);
			continue;
		}
		if (out->unlocked.names.n < MANIFEST_UNLOCKED_MAX)
			*vec_push(&out->unlocked.names) = mem_strdup(name);
		free(last);
		last = name;
		found++;
	}
	free(last);
	return found;
}

void mysql_names_unlocked(const struct scan *scan, struct manifest *out)
{
	for (size_t k = 0; k < sizeof without_lock / sizeof *without_lock; k++) {
		uint64_t found = add_tables(scan, without_lock[k].suffix, out);
		out->unlocked.n += found;
		if (found)
			*vec_push(&out->warnings) =
			    mem_printf("%llu table%s of engine %s: MySQL has no lock that holds %s "
			               "still for a "
			               "backup, so what was written meanwhile may be in it or not",
			               (unsigned long long)found, found == 1 ? "" : "s",
			               without_lock[k].engine, found == 1 ? "it" : "them");
	}
}
