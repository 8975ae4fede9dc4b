#include "job/pitr_memory.h"

#include <stdlib.h>
#include <string.h>

#include "server/conn.h"

#define NAME_MAX_BYTES 512u /* of 64 characters, with room */
#define TIMEOUT_S 600u      /* many tables are opened for the question */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int each_row(void *arg, unsigned n, char **fields, const unsigned long *lengths,
                    struct err *err)
{
	struct memory_tables *t = arg;

	(void)lengths, (void)err;
	if (n == 2 && fields[0] && fields[1])
		*vec_push(&t->names) = mem_printf("%s.%s", fields[0], fields[1]);
	return 0;
}

int memory_tables_ask(const char *socket, const char *defaults, struct memory_tables *ret,
                      struct err *err)
{
	static const char sql[] =
	    "SELECT table_schema, table_name FROM information_schema.tables WHERE engine = "
	    "'MEMORY' "
	    "AND table_schema NOT IN ('information_schema', 'performance_schema')";
	const struct conn_target target = {
	    .socket = socket, .defaults_file = defaults, .user = "root"};
	struct conn *c = NULL;
	int rc = conn_open(&target, TIMEOUT_S, &c, err);

	if (rc == 0)
		rc = conn_query(c, sql, each_row, ret, err);
	conn_free(c);
	if (rc < 0) {
		memory_tables_done(ret);
		return err_add(err, "asking for tables in memory");
	}
	if (ret->names.n)
		qsort(ret->names.v, ret->names.n, sizeof *ret->names.v, by_name);
	return 0;
}

void memory_tables_done(struct memory_tables *t)
{
	for (size_t i = 0; i < t->names.n; i++)
		free(t->names.v[i]);
	vec_done(&t->names);
}

struct split {
	const struct memory_tables *tables;
	const struct pitr_piece *piece;
	struct memory_parts *parts;
	uint64_t group; /* where the one being walked begins */
	bool memory;    /* it changes a table in memory */
};

/* A group that begins where the last part ends, to `to`. */
static void add_part(struct split *s, uint64_t to)
{
	size_t n = s->parts->list.n;

	if (to > s->group && n && s->parts->list.v[n - 1].memory == s->memory)
		s->parts->list.v[n - 1].to = to;
	else if (to > s->group)
		*vec_push(&s->parts->list) = (struct memory_part){s->group, to, s->memory};
	s->group = to;
	s->memory = false;
}

static int look_at_map(struct split *s, const struct binlog_event *e, struct err *err)
{
	char db[NAME_MAX_BYTES], table[NAME_MAX_BYTES], *name;

	if (binlog_table_map_parse(e, db, sizeof db, table, sizeof table, err) < 0)
		return -1;
	name = mem_printf("%s.%s", db, table);
	s->memory = bsearch(&name, s->tables->names.v, s->tables->names.n,
	                    sizeof *s->tables->names.v, by_name);
	free(name);
	return 0;
}

static int each_event(void *arg, uint64_t pos, const struct binlog_event *e, struct err *err)
{
	struct split *s = arg;

	if (pos >= s->piece->to)
		return 1;
	if (binlog_begins_group(e))
		add_part(s, pos);
	/* What MySQL packs (BINLOG_MYSQL_PAYLOAD) has only tables with transactions. */
	if (e->type == BINLOG_TABLE_MAP && !s->memory)
		return look_at_map(s, e, err);
	return 0;
}

int memory_split(const struct pitr_request *req, const struct lineage *l,
                 const struct segment *segment, const struct pitr_piece *piece,
                 const struct memory_tables *tables, struct memory_parts *ret, struct err *err)
{
	struct split s = {.tables = tables, .piece = piece, .parts = ret, .group = piece->from};

	if (tables->names.n && archive_walk(req->repo, req->instance, l, segment, piece->from,
	                                    each_event, &s, req->cancel, err) < 0)
		return -1;
	add_part(&s, piece->to);
	return 0;
}
