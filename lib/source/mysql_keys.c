#include "source/mysql_keys.h"

#include <dirent.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

/* Settings of a keyring can hold its password.  Those of component_keyring_file have
 * only the name of the file, and a restored server needs them. */
static bool is_settings(const char *name)
{
	return fnmatch("component_keyring_*.cnf", name, 0) == 0 &&
	       strcmp(name, "component_keyring_file.cnf") != 0;
}

static bool is_keyring(const struct names *n, uint16_t root, const char *dir, const char *name)
{
	bool found = false;

	for (size_t i = 0; i < n->facts->keyring_files.n && !found; i++) {
		const char *file = n->facts->keyring_files.v[i];
		char *backup = mem_printf("%s.backup", file); /* made before each change */
		found = names_is_at(n, root, dir, name, file) ||
		        names_is_at(n, root, dir, name, backup);
		free(backup);
	}
	return found;
}

bool mysql_keys_here(const struct names *n, uint16_t root, const char *dir, const char *name)
{
	if (name[0])
		return (!dir[0] && is_settings(name)) || is_keyring(n, root, dir, name);
	const char *slash = strrchr(dir, '/');
	char *above = mem_strndup(dir, slash ? (size_t)(slash - dir) : 0);
	bool found = is_keyring(n, root, above, slash ? slash + 1 : dir);
	free(above);
	return found;
}

static void add_files(const struct facts *facts, const char *datadir, struct str *list)
{
	size_t n = strlen(datadir);

	for (size_t i = 0; i < facts->keyring_files.n; i++) {
		char *real = realpath(facts->keyring_files.v[i], NULL);
		if (real && strncmp(real, datadir, n) == 0 && real[n] == '/') {
			str_sep(list, ", ");
			str_add(list, facts->keyring_files.v[i]);
		}
		free(real);
	}
}

static void add_settings(const char *datadir, struct str *list)
{
	DIR *d = opendir(datadir);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (is_settings(e->d_name)) {
			str_sep(list, ", ");
			str_addf(list, "%s/%s", datadir, e->d_name);
		}
	if (d)
		closedir(d);
}

void mysql_keys_warn(const struct facts *facts, struct manifest *out)
{
	struct str files = {0}, settings = {0};
	char *datadir = realpath(out->roots.v[0].path, NULL);

	add_files(facts, datadir ? datadir : out->roots.v[0].path, &files);
	add_settings(out->roots.v[0].path, &settings);
	free(datadir);
	if (files.n)
		*vec_push(&out->warnings) = mem_printf(
		    "the keys of encrypted tables, %s, are not in the backup: a key does not "
		    "belong beside what it encrypts; keep a copy of it elsewhere",
		    str_text(&files));
	if (settings.n)
		*vec_push(&out->warnings) = mem_printf("the settings of a keyring, %s, are not in "
		                                       "the backup: they can hold what opens "
		                                       "it; keep a copy of them elsewhere",
		                                       str_text(&settings));
	str_done(&files);
	str_done(&settings);
}
