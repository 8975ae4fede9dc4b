/* The point of a backup: LSNs, redo, binlog position, position of a replica. */
#include "model/manifest_head.h"

#include <inttypes.h>

#include "base/clock.h"

static int read_redo(const struct field_src *s, struct manifest *m)
{
	json_t *o;

	if (field_object(s, "redo", FIELD_MAY, &o))
		return -1;
	if (!o)
		return 0;
	struct field_src in = {o, "redo.", s->line, s->err};
	if (json_object_get(o, "encryption") &&
	    field_hex(&in, "encryption", m->redo.encryption, sizeof m->redo.encryption))
		return -1;
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

static int read_replica(const struct field_src *s, struct manifest *m)
{
	json_t *list;

	if (field_array(s, "replica", FIELD_MAY, &list))
		return -1;
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct field_src in = {json_array_get(list, i), "replica[].", s->line, s->err};
		struct manifest_replica *r = vec_push(&m->replica);
		*r = (struct manifest_replica){0};
		if (field_path(&in, "channel", FIELD_MUST, &r->channel) ||
		    field_path(&in, "file", FIELD_MUST, &r->file) ||
		    field_u64(&in, "position", FIELD_MUST, &r->position))
			return -1;
	}
	return 0;
}

int manifest_read_point(const struct field_src *s, struct manifest *m)
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
	if (field_text(s, "replica_gtid", FIELD_MAY, &m->replica_gtid) || read_replica(s, m))
		return -1;
	return read_redo(s, m);
}
