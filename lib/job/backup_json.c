/*
 * A backup as JSON, for list, show and the daemon's API.  Keys are a contract:
 * they are added to, never changed.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "job/catalog_load.h"

static json_t *text_or_null(const char *s)
{
	json_t *t = s && *s ? json_string(s) : NULL;

	return t ? t : json_null();
}

static json_t *time_or_null(int64_t us)
{
	char buf[STR_HUMAN_MAX];

	return us > 0 ? json_string(clock_format(buf, sizeof buf, us)) : json_null();
}

/* Paths can hold any byte; JSON cannot. */
static json_t *path_json(const char *path)
{
	char *text = str_escape_path(path);
	json_t *t = json_string(text);

	free(text);
	return t;
}

static json_t *server_json(const struct manifest *m)
{
	json_t *o = json_object();

	json_object_set_new(o, "flavour", text_or_null(m->flavour));
	json_object_set_new(o, "version", text_or_null(m->version));
	json_object_set_new(o, "uuid", text_or_null(m->uuid));
	return o;
}

static json_t *lsn_json(const struct manifest *m)
{
	json_t *o = json_object();

	json_object_set_new(o, "checkpoint", json_integer((json_int_t)m->lsn_checkpoint));
	json_object_set_new(o, "end", json_integer((json_int_t)m->lsn_end));
	return o;
}

static json_t *binlog_json(const struct manifest *m)
{
	json_t *o = json_object();

	json_object_set_new(o, "file", text_or_null(m->binlog.file));
	json_object_set_new(o, "position",
	                    m->binlog.file ? json_integer((json_int_t)m->binlog.pos) : json_null());
	json_object_set_new(o, "gtid", text_or_null(m->binlog.gtid));
	return o;
}

static json_t *pages_json(const struct manifest *m)
{
	json_t *o = json_object();

	json_object_set_new(o, "total", json_integer((json_int_t)m->pages.total));
	json_object_set_new(o, "stored", json_integer((json_int_t)m->pages.stored));
	json_object_set_new(o, "reread", json_integer((json_int_t)m->pages.reread));
	json_object_set_new(o, "unverified", json_integer((json_int_t)m->pages.unverified));
	json_object_set_new(o, "corrupt", json_integer((json_int_t)m->pages.corrupt));
	return o;
}

static json_t *corrupt_json(const struct manifest *m)
{
	json_t *list = json_array();

	for (size_t i = 0; i < m->corrupt.n; i++) {
		json_t *o = json_object();
		json_object_set_new(o, "path", path_json(m->corrupt.v[i].path));
		json_object_set_new(o, "page", json_integer((json_int_t)m->corrupt.v[i].page));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *engines_json(const struct manifest *m)
{
	json_t *o = json_object();

	for (size_t i = 0; i < m->engine_n; i++)
		json_object_set_new(o, m->engines[i].engine,
		                    json_integer((json_int_t)m->engines[i].tables));
	return o;
}

static json_t *unlocked_json(const struct manifest *m)
{
	json_t *o = json_object(), *names = json_array();

	for (size_t i = 0; i < m->unlocked.names.n; i++) {
		json_t *name = json_string(m->unlocked.names.v[i]);
		json_array_append_new(names, name ? name : path_json(m->unlocked.names.v[i]));
	}
	json_object_set_new(o, "count", json_integer((json_int_t)m->unlocked.n));
	json_object_set_new(o, "names", names);
	return o;
}

static json_t *replica_json(const struct manifest *m)
{
	json_t *list = json_array();

	for (size_t i = 0; i < m->replica.n; i++) {
		json_t *o = json_object();
		json_object_set_new(o, "channel", path_json(m->replica.v[i].channel));
		json_object_set_new(o, "file", path_json(m->replica.v[i].file));
		json_object_set_new(o, "position",
		                    json_integer((json_int_t)m->replica.v[i].position));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *roots_json(const struct manifest *m)
{
	json_t *list = json_array();

	for (size_t i = 0; i < m->roots.n; i++) {
		json_t *o = json_object();
		json_object_set_new(o, "path", path_json(m->roots.v[i].path));
		json_object_set_new(o, "role", text_or_null(m->roots.v[i].role));
		json_array_append_new(list, o);
	}
	return list;
}

/* What the configuration of a restored server must have. */
static json_t *settings_json(const struct manifest *m)
{
	json_t *o = json_object();

	for (size_t i = 0; i < m->setting_n; i++)
		json_object_set_new(o, m->settings[i].name, text_or_null(m->settings[i].value));
	return o;
}

static json_t *warnings_json(const struct manifest *m)
{
	json_t *list = json_array();

	for (size_t i = 0; i < m->warnings.n; i++)
		json_array_append_new(list, text_or_null(m->warnings.v[i]));
	return list;
}

static json_t *file_json(const struct manifest *m, const struct manifest_file *f)
{
	char mode[16];
	json_t *o = json_object();

	json_object_set_new(o, "path", path_json(f->path));
	json_object_set_new(o, "root", path_json(m->roots.v[f->root].path));
	json_object_set_new(o, "kind", json_string(file_kind_name(f->kind)));
	json_object_set_new(o, "size", json_integer((json_int_t)f->size));
	snprintf(mode, sizeof mode, "%04o", f->mode & 07777);
	json_object_set_new(o, "mode", json_string(mode));
	json_object_set_new(o, "uid", json_integer(f->uid));
	json_object_set_new(o, "gid", json_integer(f->gid));
	if (f->target)
		json_object_set_new(o, "target", path_json(f->target));
	if (f->kind == FILE_INNODB) {
		json_object_set_new(o, "space_id", json_integer(f->space_id));
		json_object_set_new(o, "page_size", json_integer(f->page_size));
	}
	return o;
}

static json_t *files_json(const struct manifest *m)
{
	json_t *list = json_array();

	for (size_t i = 0; i < m->files.n; i++)
		if (m->files.v[i].kind != FILE_GONE)
			json_array_append_new(list, file_json(m, &m->files.v[i]));
	return list;
}

static void add_measures(json_t *o, const struct manifest *m)
{
	json_object_set_new(o, "duration_seconds",
	                    json_real((double)(m->finished_us - m->started_us) / 1e6));
	json_object_set_new(o, "lock_seconds", json_real(m->lock_seconds));
	json_object_set_new(o, "ddl_lock_seconds", json_real(m->ddl_lock_seconds));
	json_object_set_new(o, "size_bytes", json_integer((json_int_t)m->size_bytes));
	json_object_set_new(o, "read_bytes", json_integer((json_int_t)m->read_bytes));
	json_object_set_new(o, "stored_bytes", json_integer((json_int_t)m->stored_bytes));
}

struct json_t *backup_to_json(const struct manifest *m, bool with_files)
{
	json_t *o = json_object();

	json_object_set_new(o, "id", json_string(m->id));
	json_object_set_new(o, "instance", text_or_null(m->instance));
	json_object_set_new(o, "kind", json_string(backup_kind_name(m->kind)));
	json_object_set_new(o, "parent", text_or_null(m->parent));
	json_object_set_new(o, "started", time_or_null(m->started_us));
	json_object_set_new(o, "finished", time_or_null(m->finished_us));
	add_measures(o, m);
	json_object_set_new(o, "method", text_or_null(m->method));
	json_object_set_new(o, "server", server_json(m));
	json_object_set_new(o, "lsn", lsn_json(m));
	json_object_set_new(o, "binlog", binlog_json(m));
	json_object_set_new(o, "replica_gtid", text_or_null(m->replica_gtid));
	json_object_set_new(o, "replica", replica_json(m));
	json_object_set_new(o, "tables_without_lock", unlocked_json(m));
	json_object_set_new(o, "pages", pages_json(m));
	json_object_set_new(o, "proven", json_null()); /* nothing proves a backup by itself yet */
	json_object_set_new(o, "full_reason", text_or_null(m->full_reason));
	json_object_set_new(o, "warnings", warnings_json(m));
	json_object_set_new(o, "corrupt", corrupt_json(m));
	json_object_set_new(o, "engines", engines_json(m));
	json_object_set_new(o, "roots", roots_json(m));
	json_object_set_new(o, "packs", json_integer((json_int_t)m->packs.n));
	if (with_files) {
		json_object_set_new(o, "settings", settings_json(m));
		json_object_set_new(o, "files", files_json(m));
	}
	return o;
}
