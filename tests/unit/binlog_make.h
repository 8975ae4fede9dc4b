/*
 * Binlogs made by hand, for the tests of the archive: a format event, groups as MariaDB
 * writes them (GTID, a statement of any size, XID), a rotate event.
 */
#ifndef TESTS_BINLOG_MAKE_H
#define TESTS_BINLOG_MAKE_H

#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "base/str.h"
#include "binlog/archive.h"
#include "tests/unit/unit.h"

struct made {
	char file[64];
	struct str bytes;
	VEC(size_t) at; /* where each event begins; the last one: the end */
	uint32_t created, server_id;
	uint64_t groups, seq;
};

/* `next`: the position it says that it ends at. */
static inline void made_event_at(struct made *m, uint8_t type, uint32_t when, uint16_t flags,
                                 const void *body, size_t n, uint32_t next)
{
	unsigned char head[BINLOG_HEADER_SIZE] = {0}, sum[4];
	size_t from = m->bytes.n, size = sizeof head + n + sizeof sum;
	le32_put(head, when);
	head[4] = type;
	le32_put(head + 5, m->server_id);
	le32_put(head + 9, (uint32_t)size);
	le32_put(head + 13, next);
	head[17] = (unsigned char)flags;
	str_addn(&m->bytes, head, sizeof head);
	str_addn(&m->bytes, body, n);
	le32_put(sum, binlog_crc32(m->bytes.p + from, sizeof head + n));
	str_addn(&m->bytes, sum, sizeof sum);
	*vec_push(&m->at) = m->bytes.n;
}

static inline void made_event(struct made *m, uint8_t type, uint32_t when, const void *body,
                              size_t n)
{
	made_event_at(m, type, when, 0, body, n,
	              (uint32_t)(m->bytes.n + BINLOG_HEADER_SIZE + n + 4));
}

static inline void made_begin(struct made *m, const char *file, uint32_t created,
                              uint32_t server_id)
{
	unsigned char body[2 + 50 + 4 + 1 + 171 + 1] = {4, 0};
	*m = (struct made){.created = created, .server_id = server_id};
	strcpy(m->file, file);
	str_addn(&m->bytes, BINLOG_MAGIC, BINLOG_MAGIC_SIZE);
	*vec_push(&m->at) = m->bytes.n;
	strcpy((char *)body + 2, "10.11.19-MariaDB-log");
	body[56] = BINLOG_HEADER_SIZE;
	body[sizeof body - 1] = 1;
	made_event(m, BINLOG_FORMAT, created, body, sizeof body);
}

/* A transaction of that second with a statement of n bytes; GTID 0-<server id>-<seq>. */
static inline void made_group(struct made *m, uint32_t when, size_t n)
{
	unsigned char gtid[19] = {0}, xid[8] = {1};
	unsigned char *sql = mem_alloc(n + 1);
	for (size_t i = 0; i < n; i++) /* neither all the same nor noise */
		sql[i] = (unsigned char)(i % 97 ? 'a' + i % 23 : m->seq + (i >> 7));
	le64_put(gtid, ++m->seq);
	made_event(m, BINLOG_MARIADB_GTID, when, gtid, sizeof gtid);
	made_event(m, BINLOG_QUERY, when, sql, n);
	made_event(m, BINLOG_XID, when, xid, sizeof xid);
	m->groups++;
	free(sql);
}

static inline void made_rotate(struct made *m, uint32_t when, const char *to)
{
	unsigned char body[8 + 64];
	le64_put(body, 4);
	memcpy(body + 8, to, strlen(to));
	made_event(m, BINLOG_ROTATE, when, body, 8 + strlen(to));
}

static inline void made_done(struct made *m)
{
	str_done(&m->bytes);
	vec_done(&m->at);
}

/* Append the events of m from offset `from` up to `to`; both where events begin. */
static inline int made_feed(struct archive *a, const struct made *m, size_t from, size_t to,
                            struct err *err)
{
	for (size_t i = 0; i + 1 < m->at.n; i++)
		if (m->at.v[i] >= from && m->at.v[i] < to &&
		    archive_append(a, m->bytes.p + m->at.v[i], m->at.v[i + 1] - m->at.v[i], err) <
		        0)
			return -1;
	return 0;
}

#endif
