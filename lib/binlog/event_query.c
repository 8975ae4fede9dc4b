/*
 * Where events lead and what they touch: rotate, query, table map, rows.
 */
#include <stdlib.h>

#include <isa-l/igzip_lib.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "binlog/event.h"

#define ROTATE_FIXED 8u
#define QUERY_FIXED (4u + 4u + 1u + 2u + 2u)
#define TABLE_ID_SIZE 6u
#define TABLE_MAP_FIXED (TABLE_ID_SIZE + 2u)
#define TEXT_MAX (1u << 30)
#define INFLATE_RATIO_MAX 1040u /* what zlib's format can make of one byte, and a little */

static int too_short(const struct binlog_event *e, struct err *err)
{
	return err_set(err, ERR_DAMAGED, "binlog event of type %u ends early: %zu bytes", e->type,
	               e->body_n);
}

int binlog_rotate_parse(const struct binlog_event *e, char name[BINLOG_NAME_MAX], uint64_t *ret_pos,
                        struct err *err)
{
	if (e->body_n <= ROTATE_FIXED)
		return too_short(e, err);
	size_t n = e->body_n - ROTATE_FIXED;
	const unsigned char *from = e->body + ROTATE_FIXED;
	/* It becomes the name of a file: no byte of it may lead elsewhere. */
	if (n >= BINLOG_NAME_MAX || memchr(from, '/', n) || memchr(from, 0, n) || from[0] == '.')
		return err_set(err, ERR_DAMAGED,
		               "binlog event leads to a file whose name (%zu bytes) cannot be one",
		               n);
	memcpy(name, from, n);
	name[n] = '\0';
	*ret_pos = le64_get(e->body);
	return 0;
}

/* ---- query */

struct query {
	const unsigned char *db, *text;
	size_t db_n, text_n;
};

static int parse_query(const struct binlog_event *e, struct query *ret, struct err *err)
{
	if (e->body_n < QUERY_FIXED)
		return too_short(e, err);
	size_t db_n = e->body[8];
	size_t variables_n = e->body[11] | (size_t)e->body[12] << 8;
	size_t fixed = QUERY_FIXED + variables_n + db_n + 1;
	if (e->body_n < fixed)
		return too_short(e, err);
	*ret = (struct query){
	    .db = e->body + QUERY_FIXED + variables_n,
	    .db_n = db_n,
	    .text = e->body + fixed,
	    .text_n = e->body_n - fixed,
	};
	return 0;
}

int binlog_query_parse(const struct binlog_event *e, const char **ret_db, size_t *ret_db_n,
                       const char **ret_sql, size_t *ret_sql_n, struct err *err)
{
	struct query q = {0};

	if (parse_query(e, &q, err) < 0)
		return -1;
	*ret_db = (const char *)q.db;
	*ret_db_n = q.db_n;
	*ret_sql = (const char *)q.text;
	*ret_sql_n = e->type == BINLOG_MARIADB_QUERY_COMPRESSED ? 0 : q.text_n;
	return 0;
}

/* MariaDB's form: a byte (0x80, method, bytes of the length), the length with the
 * high byte first, then zlib's. */
static int packed_length(const struct query *q, size_t *ret_head, size_t *ret_n, struct err *err)
{
	size_t head = q->text_n ? 1 + (q->text[0] & 0x07u) : 0;
	uint64_t n = 0;

	if (!head || head < 2 || head > 5 || q->text_n <= head || (q->text[0] & 0xf0) != 0x80)
		return err_set(err, ERR_DAMAGED,
		               "compressed statement in the binlog: its head is not one");
	for (size_t i = 1; i < head; i++)
		n = n << 8 | q->text[i];
	if (n > TEXT_MAX || n > (uint64_t)(q->text_n - head) * INFLATE_RATIO_MAX)
		return err_set(err, ERR_DAMAGED,
		               "compressed statement in the binlog: %zu bytes cannot become %llu",
		               q->text_n - head, (unsigned long long)n);
	*ret_head = head;
	*ret_n = (size_t)n;
	return 0;
}

static int unpack(const struct query *q, char **ret_sql, size_t *ret_n, struct err *err)
{
	struct inflate_state *z = NULL;
	unsigned char *text = NULL;
	size_t head = 0, n = 0;
	int rc = -1;

	if (packed_length(q, &head, &n, err) < 0)
		return -1;
	z = mem_alloc(sizeof *z);
	text = mem_alloc(n + 1);
	isal_inflate_init(z);
	z->crc_flag = ISAL_ZLIB;
	/* The library wants a pointer it never writes by. */
	z->next_in = (uint8_t *)(uintptr_t)(q->text + head);
	z->avail_in = (uint32_t)(q->text_n - head);
	z->next_out = text;
	z->avail_out = (uint32_t)n;
	if (isal_inflate(z) != ISAL_DECOMP_OK || z->block_state != ISAL_BLOCK_FINISH ||
	    z->total_out != n) {
		err_set(err, ERR_DAMAGED, "compressed statement in the binlog: cannot be unpacked");
		goto out;
	}
	text[n] = '\0';
	*ret_sql = (char *)text;
	*ret_n = n;
	text = NULL;
	rc = 0;
out:
	free(text);
	free(z);
	return rc;
}

int binlog_query_text(const struct binlog_event *e, char **ret_sql, size_t *ret_n, struct err *err)
{
	struct query q = {0};

	if (parse_query(e, &q, err) < 0)
		return -1;
	if (e->type == BINLOG_MARIADB_QUERY_COMPRESSED)
		return unpack(&q, ret_sql, ret_n, err);
	char *text = mem_alloc(q.text_n + 1);
	if (q.text_n > 0)
		memcpy(text, q.text, q.text_n);
	text[q.text_n] = '\0';
	*ret_sql = text;
	*ret_n = q.text_n;
	return 0;
}

unsigned binlog_error_code(const struct binlog_event *e)
{
	bool statement = e->type == BINLOG_QUERY || e->type == BINLOG_MARIADB_QUERY_COMPRESSED ||
	                 e->type == BINLOG_EXECUTE_LOAD;

	return statement && e->body_n >= QUERY_FIXED ? e->body[9] | (unsigned)e->body[10] << 8 : 0;
}

/* ---- tables and rows */

/* A name with its length in front and a zero behind; returns what follows, NULL if
 * it does not fit. */
static const unsigned char *take_name(const unsigned char *p, const unsigned char *end, char *out,
                                      size_t size)
{
	if (p == end || (size_t)(end - p) < (size_t)*p + 2)
		return NULL;
	size_t n = *p++;
	size_t kept = n < size ? n : size - 1;
	memcpy(out, p, kept);
	out[kept] = '\0';
	return p + n + 1;
}

int binlog_table_map_parse(const struct binlog_event *e, char *db, size_t db_size, char *table,
                           size_t table_size, struct err *err)
{
	const unsigned char *end = e->body + e->body_n, *p;

	if (e->body_n < TABLE_MAP_FIXED)
		return too_short(e, err);
	p = take_name(e->body + TABLE_MAP_FIXED, end, db, db_size);
	if (!p || !take_name(p, end, table, table_size))
		return too_short(e, err);
	return 0;
}

enum binlog_rows binlog_rows_kind(uint8_t type)
{
	switch (type) {
	case 23:
	case 30:
	case 166:
	case 169:
		return BINLOG_ROWS_INSERT;
	case 24:
	case 31:
	case 39: /* MySQL: only what changed of a JSON column */
	case 167:
	case 170:
		return BINLOG_ROWS_UPDATE;
	case 25:
	case 32:
	case 168:
	case 171:
		return BINLOG_ROWS_DELETE;
	default:
		return BINLOG_ROWS_NONE;
	}
}

int binlog_table_id(const struct binlog_event *e, uint64_t *ret_id, struct err *err)
{
	unsigned char all[8] = {0};

	if (e->body_n < TABLE_ID_SIZE)
		return too_short(e, err);
	memcpy(all, e->body, TABLE_ID_SIZE);
	*ret_id = le64_get(all);
	return 0;
}
