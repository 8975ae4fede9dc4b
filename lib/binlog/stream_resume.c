#include "binlog/stream_resume.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "binlog/stream.h"
#include "server/privileges.h"

#define FLAGS_AT 17
#define SUM_SIZE 4u

/* ---- the event mark */

/* Of an event without checksum all bytes are summed up; else its own sum says it. */
static uint32_t sum_of(const unsigned char *event, size_t n, bool checksum)
{
	if (checksum && n >= BINLOG_HEADER_SIZE + SUM_SIZE)
		return le32_get(event + n - SUM_SIZE);
	return binlog_crc32(event, n);
}

static void mark_head(struct event_mark *m, const unsigned char *head)
{
	memcpy(m->head, head, BINLOG_HEADER_SIZE);
	m->head[FLAGS_AT] &= (unsigned char)~BINLOG_FLAG_IN_USE;
}

void event_mark_set(struct event_mark *m, uint64_t pos, const unsigned char *event, size_t n,
                    bool checksum)
{
	struct binlog_event e = {0};
	uint64_t to;

	m->pos = pos;
	m->size = (uint32_t)n;
	mark_head(m, event);
	m->sum = sum_of(event, n, checksum);
	m->next[0] = '\0';
	if (event[4] == BINLOG_ROTATE && binlog_event_parse(event, n, checksum, &e, NULL) == 0 &&
	    binlog_rotate_parse(&e, m->next, &to, NULL) < 0)
		m->next[0] = '\0';
}

bool event_mark_is(const struct event_mark *m, const unsigned char *event, size_t n, bool checksum)
{
	struct event_mark is;

	mark_head(&is, event);
	return n == m->size && memcmp(is.head, m->head, sizeof is.head) == 0 &&
	       sum_of(event, n, checksum) == m->sum;
}

/* ---- what is archived */

struct learn {
	struct repo *repo;
	const char *instance;
	const struct cancel *cancel;
};

struct last_event {
	uint64_t pos;
	uint32_t size;
};

static int note_last(void *arg, uint64_t pos, const struct binlog_event *e, struct err *err)
{
	struct last_event *last = arg;

	(void)err;
	*last = (struct last_event){.pos = pos, .size = e->size};
	return 0;
}

static int learn_mark(const struct learn *w, const struct lineage *l, const struct segment *s,
                      struct event_mark *ret, struct err *err)
{
	uint64_t from = s->points.n > 0 ? s->points.v[s->points.n - 1].pos : 0;
	struct last_event last = {0};
	struct sink_memory m;
	int rc = -1;

	if (archive_walk(w->repo, w->instance, l, s, from, note_last, &last, w->cancel, err) < 0)
		return -1;
	if (last.size == 0)
		return err_set(err, ERR_DAMAGED, "%s in the archive has no whole event", s->file);
	sink_memory_init(&m, last.size);
	if (archive_read(w->repo, w->instance, l, s, last.pos, last.pos + last.size, &m.sink, err) <
	    0)
		goto out;
	if (m.n != last.size) {
		err_set(err, ERR_DAMAGED, "%s in the archive ends early", s->file);
		goto out;
	}
	event_mark_set(ret, last.pos, m.bytes, m.n, s->checksum);
	rc = 0;
out:
	sink_memory_done(&m);
	return rc;
}

static int64_t last_commit(const struct lineage *l, const struct segment *s)
{
	for (; s >= l->segments.v; s--)
		if (s->last_us)
			return s->last_us;
	return 0;
}

/* The last one is closed, or has no transaction yet: the others must be asked. */
static int learn_from_catalog(const struct learn *w, struct history *h, struct err *err)
{
	struct archive_catalog c = {0};
	const struct lineage *l = NULL;
	int rc = -1;

	if (archive_load(w->repo, w->instance, &c, err) < 0)
		return -1;
	const struct segment *found = archive_find(&c, h->file, h->pos, h->created, &l);
	if (!found) {
		err_set(err, ERR_DAMAGED, "%s:%" PRIu64 ", where the archive ends, is not in it",
		        h->file, h->pos);
		goto out;
	}
	h->last_us = last_commit(l, found);
	/* From where to read: not from the begin of what may be a gigabyte. */
	if (archive_points(w->repo, w->instance, l, &l->segments.v[found - l->segments.v], err) < 0)
		goto out;
	rc = learn_mark(w, l, found, &h->last, err);
out:
	archive_catalog_done(&c);
	return rc;
}

static int learn_last(const struct learn *w, const struct archive *a, struct history *h,
                      struct err *err)
{
	const struct segment *s = archive_current(a);
	struct lineage l = {0};

	if (!s || !s->last_us)
		return learn_from_catalog(w, h, err);
	snprintf(l.name, sizeof l.name, "%s", archive_lineage(a));
	h->last_us = s->last_us;
	return learn_mark(w, &l, s, &h->last, err);
}

int history_learn(struct repo *r, const char *instance, struct archive *a,
                  const struct cancel *cancel, struct history *ret, struct err *err)
{
	const struct learn w = {r, instance, cancel};
	struct archive_tail tail = {0};
	struct history h = {0};

	if (archive_tail(a, &tail, err) < 0)
		return -1;
	if (tail.file) {
		h.any = true;
		snprintf(h.file, sizeof h.file, "%s", tail.file);
		h.pos = tail.pos;
		h.created = tail.created;
		h.server_id = tail.server_id;
	}
	free(tail.file);
	if (h.any && learn_last(&w, a, &h, err) < 0)
		return -1;
	*ret = h;
	return 0;
}

/* ---- what the server has */

static int is_on(void *arg, unsigned n, char **fields, const unsigned long *lengths,
                 struct err *err)
{
	(void)lengths, (void)err;
	*(bool *)arg = n > 0 && fields[0] && strcmp(fields[0], "0") != 0;
	return 0;
}

static int to_number(const char *text, uint64_t *ret)
{
	char *end = NULL;

	errno = 0;
	unsigned long long v = text ? strtoull(text, &end, 10) : 0;
	if (!text || text[0] < '0' || text[0] > '9' || *end || errno)
		return -1;
	*ret = v;
	return 0;
}

static int add_file(void *arg, unsigned n, char **fields, const unsigned long *lengths,
                    struct err *err)
{
	struct server_look *l = arg;
	uint64_t size;

	(void)lengths;
	if (n < 2 || !fields[0] || strlen(fields[0]) >= BINLOG_NAME_MAX ||
	    to_number(fields[1], &size) < 0)
		return err_set(err, ERR_SERVER, "SHOW BINARY LOGS: unexpected answer");
	*vec_push(&l->files) = (struct server_file){.name = mem_strdup(fields[0]), .size = size};
	return 0;
}

static int refused(struct conn *c, bool mariadb, struct err *err)
{
	char *account = NULL, *grant = NULL;

	if (conn_value(c, "SELECT CURRENT_USER()", &account, NULL) == 0 && account) {
		grant = privileges_grant_text(mariadb ? "BINLOG MONITOR, REPLICATION SLAVE"
		                                      : "REPLICATION CLIENT, REPLICATION SLAVE",
		                              account);
		err_hint(err, "Run on the server: %s", grant);
	}
	free(account);
	free(grant);
	return -1;
}

static int no_binlog(struct conn *c, struct err *err)
{
	err_set(err, ERR_REFUSED, "the server at %s writes no binlog (log_bin is OFF)",
	        conn_where(c));
	if (err)
		err->sys = STREAM_NO_BINLOG;
	return err_hint(err, "Start it with log_bin, or say `binlog: off` in the policy.");
}

static int list_files(struct conn *c, struct server_look *l, struct err *err)
{
	struct err why = ERR_INIT;

	if (conn_query(c, "SHOW BINARY LOGS", add_file, l, &why) < 0) {
		if (err)
			*err = why;
		return why.kind == ERR_REFUSED ? refused(c, l->mariadb, err) : -1;
	}
	if (l->files.n == 0)
		return err_set(err, ERR_SERVER, "the server at %s lists no binlog", conn_where(c));
	return 0;
}

int look_ask(struct conn *c, struct server_look *ret, struct err *err)
{
	struct server_look l = {.mariadb = conn_is_mariadb(c)};
	bool on = false;

	if (conn_query(c, "SELECT @@log_bin", is_on, &on, err) < 0)
		return -1;
	if (!on)
		return no_binlog(c, err);
	if (look_resets(c, &l.resets, err) < 0 || list_files(c, &l, err) < 0) {
		look_done(&l);
		return -1;
	}
	*ret = l;
	return 0;
}

void look_done(struct server_look *l)
{
	for (size_t i = 0; i < l->files.n; i++)
		free(l->files.v[i].name);
	vec_done(&l->files);
}

static int take_end(void *arg, unsigned n, char **fields, const unsigned long *lengths,
                    struct err *err)
{
	struct server_end *end = arg;

	(void)lengths;
	if (n < 2 || !fields[0] || strlen(fields[0]) >= BINLOG_NAME_MAX ||
	    to_number(fields[1], &end->pos) < 0)
		return err_set(err, ERR_SERVER, "SHOW MASTER STATUS: unexpected answer");
	snprintf(end->file, sizeof end->file, "%s", fields[0]);
	return 0;
}

int look_end(struct conn *c, struct server_end *ret, struct err *err)
{
	struct server_end end = {.file = ""};
	struct err why = ERR_INIT;

	/* MySQL renamed it in 8.2 and later forgot the old name. */
	const char *words = conn_is_mariadb(c) ? "SHOW MASTER STATUS" : "SHOW BINARY LOG STATUS";
	int rc = conn_query(c, words, take_end, &end, &why);
	if (rc < 0 && why.kind == ERR_SERVER && !conn_is_mariadb(c))
		rc = conn_query(c, "SHOW MASTER STATUS", take_end, &end, &why);
	if (rc < 0) {
		if (err)
			*err = why;
		return why.kind == ERR_REFUSED ? refused(c, conn_is_mariadb(c), err) : -1;
	}
	if (!end.file[0])
		return no_binlog(c, err);
	*ret = end;
	return 0;
}

int look_clock(struct conn *c, int64_t *ret_us, struct err *err)
{
	uint64_t seconds = 0;

	if (conn_u64(c, "SELECT UNIX_TIMESTAMP()", &seconds, err) < 0)
		return -1;
	*ret_us = (int64_t)seconds * CLOCK_US;
	return 0;
}

static int take_resets(void *arg, unsigned n, char **fields, const unsigned long *lengths,
                       struct err *err)
{
	(void)lengths;
	if (n < 2 || to_number(fields[1], arg) < 0)
		return err_set(err, ERR_SERVER, "SHOW GLOBAL STATUS: unexpected answer");
	return 0;
}

int look_resets(struct conn *c, uint64_t *ret, struct err *err)
{
	*ret = 0;
	return conn_query(c, "SHOW GLOBAL STATUS LIKE 'Com_reset'", take_resets, ret, err);
}

int look_behind(struct conn *c, const char *file, uint64_t pos, uint64_t *ret, struct err *err)
{
	struct server_look l = {.mariadb = conn_is_mariadb(c)};
	uint64_t sum = 0;
	bool from = false;
	int rc = list_files(c, &l, err);

	for (size_t i = 0; rc == 0 && i < l.files.n; i++) {
		const struct server_file *f = &l.files.v[i];
		if (from)
			sum += f->size;
		else if (strcmp(f->name, file) == 0) {
			sum = f->size > pos ? f->size - pos : 0;
			from = true;
		}
	}
	look_done(&l);
	if (rc == 0)
		*ret = from ? sum : UINT64_MAX;
	return rc;
}

/* ---- what follows */

static const struct server_file *find_file(const struct server_look *l, const char *name)
{
	for (size_t i = 0; i < l->files.n; i++)
		if (strcmp(l->files.v[i].name, name) == 0)
			return &l->files.v[i];
	return NULL;
}

const char *resume_file_behind(const struct server_look *l, const char *file)
{
	const struct server_file *f = find_file(l, file);

	return f && f + 1 < l->files.v + l->files.n ? f[1].name : NULL;
}

/* Do they differ in their number only? */
static bool same_base(const char *a, const char *b)
{
	const char *end_a = strrchr(a, '.'), *end_b = strrchr(b, '.');

	return end_a && end_b && end_a - a == end_b - b && strncmp(a, b, (size_t)(end_a - a)) == 0;
}

void resume_from(struct resume *r, enum resume_kind kind, const char *file)
{
	r->kind = kind;
	snprintf(r->file, sizeof r->file, "%s", file);
	r->pos = BINLOG_MAGIC_SIZE;
}

void resume_choose(const struct server_look *l, const struct history *h, struct resume *ret)
{
	const struct server_file *first = &l->files.v[0];

	resume_from(ret, RESUME_LINEAGE, first->name);
	if (!h->any)
		return;
	const struct server_file *same = find_file(l, h->file);
	if (same && same->size >= h->pos) {
		/* The last event is read once more, to be compared.  A stream cannot begin
		 * behind 4 GiB: then all of the file goes by. */
		resume_from(ret, RESUME_HERE, h->file);
		if (h->last.pos <= UINT32_MAX)
			ret->pos = h->last.pos;
	} else if (!same && h->last.next[0] && strcmp(first->name, h->last.next) == 0) {
		ret->kind = RESUME_NEXT;
	} else if (!same && same_base(first->name, h->file) &&
	           archive_file_order(first->name, h->file) > 0) {
		ret->kind = RESUME_GAP;
	}
}
