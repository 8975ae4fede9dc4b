/*
 * The text form of a manifest, going out.
 *
 * Line 1, the head, is small and goes through a JSON library.  Keys of the
 * backup's JSON in mybakctl have the same names here; `duration_seconds` follows
 * from started and finished and is not read back.  Further keys: format, roots,
 * packs, settings, redo, engines, warnings, corrupt, full_reason, replica_gtid,
 * ddl_lock_seconds, page_size, mybak_version.
 *
 * File lines come by the hundred thousand and are printed.  Their keys:
 *
 *	p   path relative to the root, %XX-escaped
 *	k   kind: plain innodb redo dir symlink gone
 *	s   size in bytes when it was read, which is the size when restored
 *	m   mode as in st_mode, decimal;  u, g  owner and group
 *	r   number of the root in `roots`; absent: 0, the data directory
 *	z   1: had holes; absent: had none
 *	t   target of a symbolic link, %XX-escaped; only k=symlink
 *	ps  bytes of a page, id  tablespace id, ff  FSP flags; only k=innodb
 *	b   number of the file in the parent's manifest whose bytes are meant where no
 *	    extent says otherwise; absent: those bytes are zero
 *	st  [device, inode, size, mtime, ctime, birth time, when looked at], times in
 *	    nanoseconds since 1970, device and inode as signed 64-bit numbers;
 *	    absent: not known
 *
 * The last line is {"end":true,"files":N}.
 */
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "model/manifest.h"

/* A JSON string must be UTF-8; whatever is not is escaped rather than lost. */
static json_t *text(const char *s)
{
	json_t *v = json_string(s ? s : "");

	if (!v) {
		char *escaped = str_escape_path(s);
		v = json_string(escaped);
		free(escaped);
	}
	return v;
}

static json_t *text_or_null(const char *s)
{
	return s ? text(s) : json_null();
}

/* Bytes that must come back exactly as they are. */
static json_t *bytes(const char *s)
{
	char *escaped = str_escape_path(s ? s : "");
	json_t *v = json_string(escaped);

	free(escaped);
	return v;
}

static json_t *number(uint64_t v)
{
	return json_integer((json_int_t)v);
}

static json_t *real(double v)
{
	return json_real(isfinite(v) && v > 0 ? v : 0);
}

static json_t *hex(const unsigned char *p, size_t n)
{
	char buf[2 * 512 + 1];

	str_hex(buf, p, n);
	return json_string(buf);
}

static json_t *wall(int64_t us)
{
	char buf[64];
	int64_t fraction = ((us % CLOCK_US) + CLOCK_US) % CLOCK_US;
	size_t n;

	clock_format(buf, sizeof buf, us - fraction);
	n = strlen(buf);
	if (fraction && n > 0)
		snprintf(buf + n - 1, sizeof buf - n + 1, ".%06" PRId64 "Z", fraction);
	return json_string(buf);
}

static void put(json_t *o, const char *key, json_t *v)
{
	json_object_set_new(o, key, v);
}

static void put_identity(json_t *o, const struct manifest *m)
{
	put(o, "format", json_integer(MANIFEST_FORMAT));
	put(o, "mybak_version", text(m->mybak_version));
	put(o, "id", text(m->id));
	put(o, "instance", text(m->instance));
	put(o, "kind", text(backup_kind_name(m->kind)));
	put(o, "parent", m->parent[0] ? text(m->parent) : json_null());
	put(o, "full_reason", text_or_null(m->full_reason));
	put(o, "started", wall(m->started_us));
	put(o, "finished", wall(m->finished_us));
	put(o, "duration_seconds", real((double)(m->finished_us - m->started_us) / CLOCK_US));
	put(o, "method", text(m->method));
}

static void put_server(json_t *o, const struct manifest *m)
{
	json_t *server = json_object(), *settings = json_object(), *engines = json_array();

	put(server, "flavour", text(m->flavour));
	put(server, "version", text(m->version));
	put(server, "uuid", text(m->uuid));
	put(o, "server", server);
	put(o, "page_size", number(m->page_size));
	for (size_t i = 0; i < m->setting_n; i++)
		put(settings, m->settings[i].name, bytes(m->settings[i].value));
	put(o, "settings", settings);
	for (size_t i = 0; i < m->engine_n; i++) {
		json_t *e = json_object();
		put(e, "engine", text(m->engines[i].engine));
		put(e, "tables", number(m->engines[i].tables));
		json_array_append_new(engines, e);
	}
	put(o, "engines", engines);
}

static void put_replica(json_t *o, const struct manifest *m)
{
	json_t *list = json_array();

	for (size_t i = 0; i < m->replica.n; i++) {
		const struct manifest_replica *r = &m->replica.v[i];
		json_t *j = json_object();
		put(j, "channel", bytes(r->channel));
		put(j, "file", bytes(r->file));
		put(j, "position", number(r->position));
		json_array_append_new(list, j);
	}
	put(o, "replica", list);
}

static void put_redo(json_t *o, const struct manifest *m)
{
	json_t *redo = json_object();

	put(redo, "header", hex(m->redo.header, sizeof m->redo.header));
	if (!bytes_all_zero(m->redo.encryption, sizeof m->redo.encryption))
		put(redo, "encryption", hex(m->redo.encryption, sizeof m->redo.encryption));
	put(redo, "first_lsn", number(m->redo.first_lsn));
	put(redo, "capacity", number(m->redo.capacity));
	put(redo, "file_size", number(m->redo.file_size));
	put(redo, "checkpoint_end_lsn", number(m->redo.checkpoint_end_lsn));
	put(o, "redo", redo);
}

static void put_point(json_t *o, const struct manifest *m)
{
	json_t *lsn = json_object(), *binlog = json_object();

	put(lsn, "checkpoint", number(m->lsn_checkpoint));
	put(lsn, "end", number(m->lsn_end));
	put(o, "lsn", lsn);
	put(binlog, "file", m->binlog.file ? bytes(m->binlog.file) : json_null());
	put(binlog, "position", number(m->binlog.pos));
	put(binlog, "gtid", text_or_null(m->binlog.gtid));
	put(binlog, "created",
	    m->binlog.created ? wall(m->binlog.created * CLOCK_US) : json_null());
	put(binlog, "taken", m->binlog.taken_us ? wall(m->binlog.taken_us) : json_null());
	put(o, "binlog", binlog);
	put(o, "replica_gtid", text_or_null(m->replica_gtid));
	if (m->replica.n)
		put_replica(o, m);
	put_redo(o, m);
}

static void put_measures(json_t *o, const struct manifest *m)
{
	json_t *pages = json_object();

	put(o, "lock_seconds", real(m->lock_seconds));
	put(o, "ddl_lock_seconds", real(m->ddl_lock_seconds));
	put(o, "size_bytes", number(m->size_bytes));
	put(o, "read_bytes", number(m->read_bytes));
	put(o, "stored_bytes", number(m->stored_bytes));
	put(pages, "total", number(m->pages.total));
	put(pages, "stored", number(m->pages.stored));
	put(pages, "reread", number(m->pages.reread));
	put(pages, "unverified", number(m->pages.unverified));
	put(pages, "corrupt", number(m->pages.corrupt));
	put(o, "pages", pages);
}

static void put_unlocked(json_t *o, const struct manifest *m)
{
	json_t *unlocked = json_object(), *names = json_array();

	for (size_t i = 0; i < m->unlocked.names.n; i++)
		json_array_append_new(names, bytes(m->unlocked.names.v[i]));
	put(unlocked, "count", number(m->unlocked.n));
	put(unlocked, "names", names);
	put(o, "tables_without_lock", unlocked);
}

static void put_findings(json_t *o, const struct manifest *m)
{
	json_t *corrupt = json_array(), *warnings = json_array();

	for (size_t i = 0; i < m->corrupt.n; i++) {
		json_t *c = json_object();
		put(c, "path", bytes(m->corrupt.v[i].path));
		put(c, "page", number(m->corrupt.v[i].page));
		json_array_append_new(corrupt, c);
	}
	put(o, "corrupt", corrupt);
	for (size_t i = 0; i < m->warnings.n; i++)
		json_array_append_new(warnings, text(m->warnings.v[i]));
	put(o, "warnings", warnings);
	if (m->unlocked.n)
		put_unlocked(o, m);
}

static void put_places(json_t *o, const struct manifest *m)
{
	json_t *roots = json_array(), *packs = json_array();

	for (size_t i = 0; i < m->roots.n; i++) {
		json_t *r = json_object();
		put(r, "path", bytes(m->roots.v[i].path));
		put(r, "role", text(m->roots.v[i].role));
		put(r, "mode", number(m->roots.v[i].mode));
		put(r, "uid", number(m->roots.v[i].uid));
		put(r, "gid", number(m->roots.v[i].gid));
		put(r, "ino", number(m->roots.v[i].ino));
		put(r, "btime_ns", json_integer(m->roots.v[i].btime_ns));
		json_array_append_new(roots, r);
	}
	put(o, "roots", roots);
	for (size_t i = 0; i < m->packs.n; i++) {
		const struct manifest_pack *p = &m->packs.v[i];
		json_t *j = json_object();
		put(j, "number", number(p->number));
		put(j, "bytes", number(p->bytes));
		put(j, "frames", number(p->frames));
		put(j, "index_bytes", number(p->index_bytes));
		put(j, "index_hash", hex(p->index_hash, sizeof p->index_hash));
		json_array_append_new(packs, j);
	}
	put(o, "packs", packs);
}

void manifest_write_head(const struct manifest *m, struct str *out)
{
	json_t *o = json_object();
	char *line;

	put_identity(o, m);
	put_server(o, m);
	put_point(o, m);
	put_measures(o, m);
	put_findings(o, m);
	put_places(o, m);
	line = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(15));
	str_add(out, line);
	str_add(out, "\n");
	free(line);
	json_decref(o);
}

/* %XX leaves printable ASCII; of that, JSON wants two characters escaped. */
static void add_escaped(struct str *out, const char *key, const char *raw)
{
	char *escaped = str_escape_path(raw);

	str_addf(out, "\"%s\":\"", key);
	for (const char *p = escaped; *p;) {
		size_t plain = strcspn(p, "\"\\");
		str_addn(out, p, plain);
		p += plain;
		if (*p)
			str_addf(out, "\\%c", *p++);
	}
	str_add(out, "\"");
	free(escaped);
}

static void add_stamp(struct str *out, const struct file_stamp *st)
{
	static const struct file_stamp unknown;

	if (!memcmp(st, &unknown, sizeof unknown))
		return;
	str_addf(out,
	         ",\"st\":[%" PRId64 ",%" PRId64 ",%" PRIu64 ",%" PRId64 ",%" PRId64 ",%" PRId64
	         ",%" PRId64 "]",
	         (int64_t)st->dev, (int64_t)st->ino, st->size, st->mtime_ns, st->ctime_ns,
	         st->btime_ns, st->seen_ns);
}

void manifest_write_file(const struct manifest_file *f, struct str *out)
{
	str_add(out, "{");
	add_escaped(out, "p", f->path);
	str_addf(out,
	         ",\"k\":\"%s\",\"s\":%" PRIu64 ",\"m\":%" PRIu32 ",\"u\":%" PRIu32
	         ",\"g\":%" PRIu32,
	         file_kind_name(f->kind), f->size, f->mode, f->uid, f->gid);
	if (f->root)
		str_addf(out, ",\"r\":%u", f->root);
	if (f->sparse)
		str_add(out, ",\"z\":1");
	if (f->kind == FILE_SYMLINK) {
		str_add(out, ",");
		add_escaped(out, "t", f->target ? f->target : "");
	}
	if (f->kind == FILE_INNODB)
		str_addf(out, ",\"ps\":%" PRIu32 ",\"id\":%" PRIu32 ",\"ff\":%" PRIu32,
		         f->page_size, f->space_id, f->fsp_flags);
	if (f->base >= 0)
		str_addf(out, ",\"b\":%" PRId64, f->base);
	add_stamp(out, &f->stamp);
	str_add(out, "}\n");
}

void manifest_write_tail(const struct manifest *m, struct str *out)
{
	str_addf(out, "{\"end\":true,\"files\":%zu}\n", m->files.n);
}
