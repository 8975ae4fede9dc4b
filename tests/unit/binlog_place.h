/*
 * A repository for the tests of the archive of binlogs, and what they ask again and again.
 */
#ifndef TESTS_BINLOG_PLACE_H
#define TESTS_BINLOG_PLACE_H

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fsio.h"
#include "tests/unit/binlog_make.h"

#define T0 1763820000u /* 2025-11-22T14:00:00Z */
#define L0 "20251122T140000Z-1"
#define MIB (1u << 20)

static char dir[64], url[128];
static struct repo *repo;

static inline void setup(void)
{
	struct err e = ERR_INIT;
	struct repo_options o = {.create = true};
	/* In memory, where syncing a thousand times costs nothing, if there is such a place. */
	strcpy(dir, "/dev/shm/unit-archive-XXXXXX");
	if (!mkdtemp(dir)) {
		strcpy(dir, "/tmp/unit-archive-XXXXXX");
		ck_assert_ptr_nonnull(mkdtemp(dir));
	}
	snprintf(url, sizeof url, "file://%s/repo", dir);
	ck_ok(repo_open(url, &o, &repo, &e), e);
}

static inline void teardown(void)
{
	struct err e = ERR_INIT;
	repo_close(repo);
	ck_ok(fsio_remove_tree(dir, &e), e);
}

static inline const char *in(const char *name)
{
	static char path[4][256];
	static int i;
	i = (i + 1) % 4;
	snprintf(path[i], sizeof path[i], "%s/repo/main/binlogs/%s", dir, name);
	return path[i];
}

static inline bool there(const char *name)
{
	return access(in(name), F_OK) == 0;
}

static inline char *slurp(const char *path, size_t *n)
{
	struct err e = ERR_INIT;
	char *bytes = NULL;
	ck_ok(fsio_read_file(path, 64 * MIB, &bytes, n, &e), e);
	return bytes;
}

static inline void spill(const char *path, const void *bytes, size_t n)
{
	struct err e = ERR_INIT;
	ck_ok(fsio_replace(path, bytes, n, 0640, &e), e);
}

static inline struct archive *opened(void)
{
	struct err e = ERR_INIT;
	struct archive *a = NULL;
	ck_ok(archive_open(repo, "main", NULL, &a, &e), e);
	return a;
}

static inline struct archive_catalog loaded(void)
{
	struct err e = ERR_INIT;
	struct archive_catalog c = {0};
	ck_ok(archive_load(repo, "main", &c, &e), e);
	return c;
}

static inline void check_tail(struct archive *a, const char *file, uint64_t pos)
{
	struct err e = ERR_INIT;
	struct archive_tail t = {0};
	ck_ok(archive_tail(a, &t, &e), e);
	if (file)
		ck_assert_str_eq(t.file, file);
	else
		ck_assert_ptr_null(t.file);
	ck_assert_uint_eq(t.pos, pos);
	free(t.file);
}

static inline void archive_whole(struct archive *a, const struct made *m)
{
	struct err e = ERR_INIT;
	uint64_t pos = 0;
	ck_ok(archive_begin_file(a, m->file, NULL, &e), e);
	ck_ok(made_feed(a, m, 0, m->bytes.n, &e), e);
	ck_ok(archive_sync(a, &pos, &e), e);
	ck_assert_uint_eq(pos, m->bytes.n);
}

static inline void check_range(const struct lineage *l, const struct segment *s,
                               const struct made *m, size_t from, size_t to)
{
	struct err e = ERR_INIT;
	struct sink_memory out;
	sink_memory_init(&out, 64 * MIB);
	ck_ok(archive_read(repo, "main", l, s, from, to, &out.sink, &e), e);
	ck_assert_uint_eq(out.n, to - from);
	ck_assert(to == from || memcmp(out.bytes, m->bytes.p + from, out.n) == 0);
	sink_memory_done(&out);
}

/* The segment is m: facts, bytes, events. */
static inline void check_segment(const struct lineage *l, const struct segment *s,
                                 const struct made *m, bool open)
{
	struct err e = ERR_INIT;
	char gtid[64];
	ck_assert_str_eq(s->file, m->file);
	ck_assert_int_eq(s->open, open);
	ck_assert_uint_eq(s->size, m->bytes.n);
	ck_assert_uint_eq(s->created, m->created);
	ck_assert_uint_eq(s->server_id, m->server_id);
	ck_assert_uint_eq(s->events, m->at.n - 1);
	ck_assert_uint_eq(s->groups, m->groups);
	ck_assert(s->mariadb && s->checksum);
	ck_assert_str_eq(s->version, "10.11.19-MariaDB-log");
	snprintf(gtid, sizeof gtid, "0-%u-%llu", m->server_id, (unsigned long long)m->seq);
	ck_assert_str_eq(s->last_gtid, m->groups ? gtid : "");
	check_range(l, s, m, 0, m->bytes.n);
	ck_ok(archive_check(repo, "main", l, s, NULL, &e), e);
}

/* One of each: closed (of several frames), closed (small), open. */
static inline void make_three(struct made m[3])
{
	made_begin(&m[0], "binlog.000001", T0, 1);
	for (unsigned i = 0; i < 60; i++)
		made_group(&m[0], T0 + i, 1000 + 1000 * i);
	made_group(&m[0], T0 + 60, 3 * MIB + 17); /* over several frames */
	made_group(&m[0], T0 + 61, 10);
	made_rotate(&m[0], T0 + 62, "binlog.000002");
	made_begin(&m[1], "binlog.000002", T0 + 62, 1);
	made_rotate(&m[1], T0 + 62, "binlog.000003");
	made_begin(&m[2], "binlog.000003", T0 + 62, 1);
	m[2].seq = m[0].seq;
	made_group(&m[2], T0 + 63, 2 * MIB);
	made_group(&m[2], T0 + 64, 100);
}

#endif
