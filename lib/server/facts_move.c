/* The server's paths as they are here: it may see its data directory under another one. */
#include <stdlib.h>
#include <string.h>

#include "server/facts_room.h"
#include "server/settings.h"

char *facts_path_here(const struct facts *f, const char *path)
{
	const char *from = f->server_datadir;
	size_t n = from ? strlen(from) : 0;

	if (path[0] != '/')
		return server_path(f->datadir, path);
	if (from && strncmp(path, from, n) == 0 && (path[n] == '/' || path[n] == '\0'))
		return mem_printf("%s%s", f->datadir, path + n);
	return mem_strdup(path);
}

static void move(const struct facts *f, char **path)
{
	char *moved = *path ? facts_path_here(f, *path) : NULL;

	free(*path);
	*path = moved;
}

void facts_move(struct facts *f, const char *datadir)
{
	char **const paths[] = {
	    &f->redo_dir,         &f->undo_dir,           &f->innodb_home,
	    &f->aria_log_dir,     &f->pid_file,           &f->socket,
	    &f->log_error,        &f->slow_log_file,      &f->general_log_file,
	    &f->log_bin_basename, &f->log_bin_index,      &f->relay_log_basename,
	    &f->relay_log_index,  &f->relay_log_info_file};

	if (!datadir || !f->datadir)
		return;
	char *to = server_path(datadir, "");
	if (f->flavour == FLAVOUR_MYSQL)
		facts_add_keyrings(f, to);
	free(f->server_datadir);
	f->server_datadir = f->datadir;
	f->datadir = to;
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		move(f, paths[i]);
	for (size_t i = 0; i < f->known_dirs.n; i++)
		move(f, &f->known_dirs.v[i]);
	for (size_t i = 0; i < f->keyring_files.n; i++)
		move(f, &f->keyring_files.v[i]);
}
