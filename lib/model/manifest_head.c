#include "model/manifest_head.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "model/manifest_field.h"
#include "model/policy.h"

bool manifest_page_size_ok(uint32_t bytes, uint32_t least)
{
	return bytes >= least && bytes <= 65536 && (bytes & (bytes - 1)) == 0;
}

static int read_format(const struct field_src *s)
{
	int64_t format;

	if (field_int(s, "format", FIELD_MUST, 1, INT64_MAX, &format))
		return -1;
	if (format > MANIFEST_FORMAT) {
		err_set(s->err, ERR_REFUSED,
		        "manifest line 1: format: found %" PRId64 ", this program reads format %d",
		        format, MANIFEST_FORMAT);
		return err_hint(s->err, "Use the version of mybak that wrote it, or a newer one.");
	}
	return 0;
}

static int read_id(const struct field_src *s, const char *key, bool need, char ret[BACKUP_ID_MAX])
{
	char *id = NULL;
	int rc = 0;

	if (field_text(s, key, need, &id))
		return -1;
	if (id && backup_id_valid(id))
		memcpy(ret, id, strlen(id) + 1);
	else if (id)
		rc = field_bad(s, key, "found \"%.60s\", which is no backup id", id);
	free(id);
	return rc;
}

static int read_kind(const struct field_src *s, enum backup_kind *ret)
{
	char *kind = NULL;
	int rc = 0;

	if (field_text(s, "kind", FIELD_MUST, &kind))
		return -1;
	if (!strcmp(kind, "full"))
		*ret = BACKUP_FULL;
	else if (!strcmp(kind, "incremental"))
		*ret = BACKUP_INCREMENTAL;
	else
		rc = field_bad(s, "kind", "found \"%.60s\", allowed: full, incremental", kind);
	free(kind);
	return rc;
}

/* Kind, the end of the id and the parent all say the same thing, or none is to be
 * believed. */
static int check_kin(const struct field_src *s, const struct manifest *m)
{
	bool full = m->kind == BACKUP_FULL;

	if (!str_ends(m->id, full ? "-full" : "-incr"))
		return field_bad(s, "kind", "is %s, but the id is %s", backup_kind_name(m->kind),
		                 m->id);
	if (full && m->parent[0])
		return field_bad(s, "parent", "a full has none, found %s", m->parent);
	if (!full && !m->parent[0])
		return field_bad(s, "parent", "is missing, and the backup is incremental");
	if (!full && !strcmp(m->parent, m->id))
		return field_bad(s, "parent", "is the backup itself");
	return 0;
}

static int read_identity(const struct field_src *s, struct manifest *m)
{
	if (read_id(s, "id", FIELD_MUST, m->id) ||
	    field_text(s, "instance", FIELD_MUST, &m->instance))
		return -1;
	if (!policy_name_valid(m->instance))
		return field_bad(s, "instance", "found \"%.80s\", which is no instance name",
		                 m->instance);
	if (read_kind(s, &m->kind) || read_id(s, "parent", FIELD_MAY, m->parent) || check_kin(s, m))
		return -1;
	if (field_text(s, "full_reason", FIELD_MAY, &m->full_reason) ||
	    field_time(s, "started", &m->started_us) ||
	    field_time(s, "finished", &m->finished_us) ||
	    field_text(s, "method", FIELD_MUST, &m->method) ||
	    field_text(s, "mybak_version", FIELD_MAY, &m->mybak_version))
		return -1;
	return 0;
}

static int read_settings(const struct field_src *s, struct manifest *m)
{
	json_t *o, *value;
	const char *name;

	if (field_object(s, "settings", FIELD_MAY, &o))
		return -1;
	if (!o)
		return 0;
	struct field_src in = {o, "settings.", s->line, s->err};
	m->settings = mem_zalloc((json_object_size(o) + 1) * sizeof *m->settings);
	json_object_foreach(o, name, value)
	{
		if (json_is_null(value))
			continue;
		if (field_path(&in, name, FIELD_MUST, &m->settings[m->setting_n].value))
			return -1;
		m->settings[m->setting_n++].name = mem_strdup(name);
	}
	return 0;
}

static int read_engines(const struct field_src *s, struct manifest *m)
{
	json_t *list;

	if (field_array(s, "engines", FIELD_MAY, &list))
		return -1;
	m->engines = mem_zalloc((json_array_size(list) + 1) * sizeof *m->engines);
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct field_src in = {json_array_get(list, i), "engines[].", s->line, s->err};
		if (field_text(&in, "engine", FIELD_MUST, &m->engines[i].engine))
			return -1;
		m->engine_n++;
		if (field_u64(&in, "tables", FIELD_MUST, &m->engines[i].tables))
			return -1;
	}
	return 0;
}

static int read_server(const struct field_src *s, struct manifest *m)
{
	json_t *o;

	if (field_object(s, "server", FIELD_MUST, &o))
		return -1;
	struct field_src in = {o, "server.", s->line, s->err};
	if (field_text(&in, "flavour", FIELD_MUST, &m->flavour) ||
	    field_text(&in, "version", FIELD_MUST, &m->version) ||
	    field_text(&in, "uuid", FIELD_MAY, &m->uuid))
		return -1;
	if (strcmp(m->flavour, "mariadb") != 0 && strcmp(m->flavour, "mysql") != 0)
		return field_bad(&in, "flavour", "found \"%.40s\", allowed: mariadb, mysql",
		                 m->flavour);
	if (field_u32(s, "page_size", FIELD_MAY, &m->page_size))
		return -1;
	if (m->page_size && !manifest_page_size_ok(m->page_size, 4096))
		return field_bad(s, "page_size",
		                 "found %" PRIu32 ", allowed: 4096, 8192, 16384, 32768, 65536",
		                 m->page_size);
	return read_settings(s, m) || read_engines(s, m) ? -1 : 0;
}

static int read_redo(const struct field_src *s, struct manifest *m)
{
	json_t *o;

	if (field_object(s, "redo", FIELD_MAY, &o))
		return -1;
	if (!o)
		return 0;
	struct field_src in = {o, "redo.", s->line, s->err};
	if (field_hex(&in, "header", m->redo.header, sizeof m->redo.header) ||
	    field_u64(&in, "first_lsn", FIELD_MUST, &m->redo.first_lsn) ||
	    field_u64(&in, "capacity", FIELD_MUST, &m->redo.capacity) ||
	    field_u64(&in, "file_size", FIELD_MUST, &m->redo.file_size) ||
	    field_u64(&in, "checkpoint_end_lsn", FIELD_MUST, &m->redo.checkpoint_end_lsn))
		return -1;
	return 0;
}

/* Absent in manifests of before the binlogs were archived. */
static int read_binlog_created(const struct field_src *s, uint32_t *ret)
{
	const json_t *v = json_object_get(s->object, "created");
	int64_t us;

	if (!v || json_is_null(v))
		return 0;
	if (field_time(s, "created", &us))
		return -1;
	if (us < 0 || us / CLOCK_US > UINT32_MAX)
		return field_bad(s, "created", "lies beyond what a binlog can say");
	*ret = (uint32_t)(us / CLOCK_US);
	return 0;
}

static int read_binlog_taken(const struct field_src *s, int64_t *ret)
{
	const json_t *v = json_object_get(s->object, "taken");

	return !v || json_is_null(v) ? 0 : field_time(s, "taken", ret);
}

static int read_point(const struct field_src *s, struct manifest *m)
{
	json_t *o;

	if (field_object(s, "lsn", FIELD_MUST, &o))
		return -1;
	struct field_src lsn = {o, "lsn.", s->line, s->err};
	if (field_u64(&lsn, "checkpoint", FIELD_MUST, &m->lsn_checkpoint) ||
	    field_u64(&lsn, "end", FIELD_MUST, &m->lsn_end))
		return -1;
	if (m->lsn_end < m->lsn_checkpoint)
		return field_bad(&lsn, "end", "%" PRIu64 " lies before the checkpoint %" PRIu64,
		                 m->lsn_end, m->lsn_checkpoint);
	if (field_object(s, "binlog", FIELD_MAY, &o))
		return -1;
	struct field_src binlog = {o, "binlog.", s->line, s->err};
	if (o && (field_path(&binlog, "file", FIELD_MAY, &m->binlog.file) ||
	          field_u64(&binlog, "position", FIELD_MAY, &m->binlog.pos) ||
	          field_text(&binlog, "gtid", FIELD_MAY, &m->binlog.gtid) ||
	          read_binlog_created(&binlog, &m->binlog.created) ||
	          read_binlog_taken(&binlog, &m->binlog.taken_us)))
		return -1;
	if (field_text(s, "replica_gtid", FIELD_MAY, &m->replica_gtid))
		return -1;
	return read_redo(s, m);
}

static int read_measures(const struct field_src *s, struct manifest *m)
{
	json_t *o;

	if (field_real(s, "lock_seconds", FIELD_MAY, &m->lock_seconds) ||
	    field_real(s, "ddl_lock_seconds", FIELD_MAY, &m->ddl_lock_seconds) ||
	    field_u64(s, "size_bytes", FIELD_MAY, &m->size_bytes) ||
	    field_u64(s, "read_bytes", FIELD_MAY, &m->read_bytes) ||
	    field_u64(s, "stored_bytes", FIELD_MAY, &m->stored_bytes) ||
	    field_object(s, "pages", FIELD_MAY, &o))
		return -1;
	struct field_src in = {o, "pages.", s->line, s->err};
	if (o && (field_u64(&in, "total", FIELD_MAY, &m->pages.total) ||
	          field_u64(&in, "stored", FIELD_MAY, &m->pages.stored) ||
	          field_u64(&in, "reread", FIELD_MAY, &m->pages.reread) ||
	          field_u64(&in, "unverified", FIELD_MAY, &m->pages.unverified) ||
	          field_u64(&in, "corrupt", FIELD_MAY, &m->pages.corrupt)))
		return -1;
	return 0;
}

static int read_findings(const struct field_src *s, struct manifest *m)
{
	json_t *list;

	if (field_array(s, "corrupt", FIELD_MAY, &list))
		return -1;
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct field_src in = {json_array_get(list, i), "corrupt[].", s->line, s->err};
		struct manifest_corrupt *c = vec_push(&m->corrupt);
		*c = (struct manifest_corrupt){0};
		if (field_path(&in, "path", FIELD_MUST, &c->path) ||
		    field_u64(&in, "page", FIELD_MUST, &c->page))
			return -1;
	}
	if (field_array(s, "warnings", FIELD_MAY, &list))
		return -1;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *w = json_string_value(json_array_get(list, i));
		if (!w)
			return field_bad(s, "warnings", "must hold strings only");
		*vec_push(&m->warnings) = mem_strdup(w);
	}
	return 0;
}

static bool role_ok(const char *role)
{
	size_t n = strspn(role, "abcdefghijklmnopqrstuvwxyz_");

	return n > 0 && n <= 32 && role[n] == 0;
}

static int read_root_facts(const struct field_src *s, struct manifest_root *r)
{
	int64_t mode = 0, ino = 0;

	if (field_int(s, "mode", FIELD_MAY, 0, 0177777, &mode) ||
	    field_u32(s, "uid", FIELD_MAY, &r->uid) || field_u32(s, "gid", FIELD_MAY, &r->gid) ||
	    field_int(s, "ino", FIELD_MAY, INT64_MIN, INT64_MAX, &ino) ||
	    field_int(s, "btime_ns", FIELD_MAY, INT64_MIN, INT64_MAX, &r->btime_ns))
		return -1;
	r->mode = (uint32_t)mode;
	r->ino = (uint64_t)ino;
	return 0;
}

static int read_roots(const struct field_src *s, struct manifest *m)
{
	json_t *list;

	if (field_array(s, "roots", FIELD_MUST, &list))
		return -1;
	if (json_array_size(list) > UINT16_MAX)
		return field_bad(s, "roots", "more than %d", UINT16_MAX);
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct field_src in = {json_array_get(list, i), "roots[].", s->line, s->err};
		struct manifest_root *r = vec_push(&m->roots);
		*r = (struct manifest_root){0};
		if (field_path(&in, "path", FIELD_MUST, &r->path) ||
		    field_text(&in, "role", FIELD_MUST, &r->role) || read_root_facts(&in, r))
			return -1;
		if (r->path[0] != '/')
			return field_bad(&in, "path", "must be absolute");
		if (!role_ok(r->role))
			return field_bad(&in, "role", "must be a word of a-z and _");
		if ((i == 0) != !strcmp(r->role, "datadir"))
			return field_bad(&in, "role",
			                 "the first root, and no other, is the datadir");
	}
	return 0;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static int check_pack_numbers(const struct field_src *s, const struct manifest *m)
{
	uint32_t *n = mem_alloc((m->packs.n + 1) * sizeof *n);
	int rc = 0;

	for (size_t i = 0; i < m->packs.n; i++)
		n[i] = m->packs.v[i].number;
	qsort(n, m->packs.n, sizeof *n, by_number);
	for (size_t i = 1; i < m->packs.n && rc == 0; i++)
		if (n[i] == n[i - 1])
			rc = field_bad(s, "packs[].number", "%" PRIu32 " comes twice", n[i]);
	free(n);
	return rc;
}

static int read_packs(const struct field_src *s, struct manifest *m)
{
	json_t *list;

	if (field_array(s, "packs", FIELD_MUST, &list))
		return -1;
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct field_src in = {json_array_get(list, i), "packs[].", s->line, s->err};
		struct manifest_pack *p = vec_push(&m->packs);
		*p = (struct manifest_pack){0};
		if (field_u32(&in, "number", FIELD_MUST, &p->number) ||
		    field_u64(&in, "bytes", FIELD_MUST, &p->bytes) ||
		    field_u64(&in, "frames", FIELD_MUST, &p->frames) ||
		    field_u64(&in, "index_bytes", FIELD_MUST, &p->index_bytes) ||
		    field_hex(&in, "index_hash", p->index_hash, sizeof p->index_hash))
			return -1;
	}
	return check_pack_numbers(s, m);
}

int manifest_read_head(struct manifest *m, const json_t *head, struct err *err)
{
	struct field_src s = {head, "", 1, err};

	if (read_format(&s) || read_identity(&s, m) || read_server(&s, m) || read_point(&s, m) ||
	    read_measures(&s, m) || read_findings(&s, m) || read_roots(&s, m) || read_packs(&s, m))
		return -1;
	return 0;
}
