#include "model/manifest.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct manifest *manifest_new(void)
{
	return mem_zalloc(sizeof(struct manifest));
}

static void free_settings(struct manifest *m)
{
	for (size_t i = 0; i < m->setting_n; i++) {
		free(m->settings[i].name);
		free(m->settings[i].value);
	}
	free(m->settings);
}

static void free_lists(struct manifest *m)
{
	for (size_t i = 0; i < m->engine_n; i++)
		free(m->engines[i].engine);
	free(m->engines);
	for (size_t i = 0; i < m->unlocked.names.n; i++)
		free(m->unlocked.names.v[i]);
	vec_done(&m->unlocked.names);
	for (size_t i = 0; i < m->replica.n; i++) {
		free(m->replica.v[i].channel);
		free(m->replica.v[i].file);
	}
	vec_done(&m->replica);
	for (size_t i = 0; i < m->corrupt.n; i++)
		free(m->corrupt.v[i].path);
	vec_done(&m->corrupt);
	for (size_t i = 0; i < m->warnings.n; i++)
		free(m->warnings.v[i]);
	vec_done(&m->warnings);
	for (size_t i = 0; i < m->roots.n; i++) {
		free(m->roots.v[i].path);
		free(m->roots.v[i].role);
	}
	vec_done(&m->roots);
	vec_done(&m->packs);
	for (size_t i = 0; i < m->files.n; i++) {
		free(m->files.v[i].path);
		free(m->files.v[i].target);
	}
	vec_done(&m->files);
}

void manifest_free(struct manifest *m)
{
	if (!m)
		return;
	free(m->instance);
	free(m->full_reason);
	free(m->method);
	free(m->mybak_version);
	free(m->flavour);
	free(m->version);
	free(m->uuid);
	free(m->replica_gtid);
	position_done(&m->binlog);
	free_settings(m);
	free_lists(m);
	free(m);
}

const char *backup_kind_name(enum backup_kind kind)
{
	return kind == BACKUP_FULL ? "full" : "incremental";
}

const char *file_kind_name(enum file_kind kind)
{
	switch (kind) {
	case FILE_PLAIN:
		return "plain";
	case FILE_INNODB:
		return "innodb";
	case FILE_REDO:
		return "redo";
	case FILE_DIR:
		return "dir";
	case FILE_SYMLINK:
		return "symlink";
	case FILE_GONE:
		return "gone";
	}
	return "?";
}

bool manifest_is_mysql(const struct manifest *m)
{
	return m->flavour && strcmp(m->flavour, "mysql") == 0;
}

const char *manifest_setting(const struct manifest *m, const char *name)
{
	for (size_t i = 0; i < m->setting_n; i++)
		if (!strcmp(m->settings[i].name, name))
			return m->settings[i].value;
	return NULL;
}

void manifest_set(struct manifest *m, const char *name, const char *value)
{
	for (size_t i = 0; i < m->setting_n; i++)
		if (!strcmp(m->settings[i].name, name)) {
			char *copy = mem_strdup(value);
			free(m->settings[i].value);
			m->settings[i].value = copy;
			return;
		}
	m->settings = mem_resize(m->settings, m->setting_n + 1, sizeof *m->settings);
	m->settings[m->setting_n].name = mem_strdup(name);
	m->settings[m->setting_n].value = mem_strdup(value);
	m->setting_n++;
}

/* Two digits at s, from lo to hi? */
static bool two(const char *s, int lo, int hi)
{
	int v;

	if (!isdigit((unsigned char)s[0]) || !isdigit((unsigned char)s[1]))
		return false;
	v = (s[0] - '0') * 10 + (s[1] - '0');
	return v >= lo && v <= hi;
}

bool backup_id_valid(const char *id)
{
	/* "-incr" is as long as "-full". */
	if (strnlen(id, BACKUP_ID_MAX) != strlen("20261122T020000Z-full"))
		return false;
	return two(id, 0, 99) && two(id + 2, 0, 99) && two(id + 4, 1, 12) && two(id + 6, 1, 31) &&
	       id[8] == 'T' && two(id + 9, 0, 23) && two(id + 11, 0, 59) && two(id + 13, 0, 60) &&
	       id[15] == 'Z' && (!strcmp(id + 16, "-full") || !strcmp(id + 16, "-incr"));
}

/* A write that comes within the grain of the file system's clock after the stamp
 * was taken leaves the times as they were.  The coarsest grain in use is 2 s. */
#define QUIET_NS 2000000000LL

bool stamp_unchanged(const struct file_stamp *was, const struct file_stamp *now)
{
	return stamp_same_file(was, now) && was->size == now->size &&
	       was->mtime_ns == now->mtime_ns && was->ctime_ns == now->ctime_ns &&
	       was->seen_ns >= QUIET_NS && was->seen_ns - QUIET_NS >= was->mtime_ns &&
	       was->seen_ns - QUIET_NS >= was->ctime_ns;
}

bool stamp_same_file(const struct file_stamp *a, const struct file_stamp *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->btime_ns == b->btime_ns;
}
