/*
 * A database server as a stream sees it, made by hand: it answers the questions of one
 * from what a test sets, and streams binlogs made with binlog_make.h.
 */
#ifndef TESTS_FAKE_SERVER_H
#define TESTS_FAKE_SERVER_H

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/binlog_make.h"

#define FAKE_FILES 4
#define FAKE_BEAT_MS 120

struct fake_host { /* one of the servers there may be at the address */
	const char *who;
	const struct made *files[FAKE_FILES]; /* oldest first */
	size_t n;
	uint64_t resets;
};

struct fake {
	char socket[128];
	int listener;
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t cond;
	struct fake_host host;  /* for new connections */
	struct fake_host after; /* if it has a name: from the next dump on */
	uint64_t end_first;     /* where the newest file ends for the first connection; 0: all */
	uint64_t end;           /* the same for who of the others asks next */
	const char *silent;     /* a question with this word gets no answer */
	unsigned group_ms;      /* between two events that begin a group */
	size_t ahead;           /* events not yet sent that the end already counts */
	size_t sent;            /* events of the newest file, by a dump with group_ms */
	/* A test looks at these while it waits, without the lock. */
	atomic_uint whos, hold_at; /* asked who it is; the question that waits until this is 0 */
	atomic_uint holding, cuts, connections, dumps, alive;
	bool stop;
};

struct fake_session {
	struct fake *f;
	int fd;
	unsigned number, cuts;
	unsigned char seq;
	struct fake_host host;
};

/* ---- packets */

static inline bool fake_take(int fd, void *to, size_t n)
{
	unsigned char *p = to;
	for (ssize_t got; n > 0; p += got, n -= (size_t)got)
		if ((got = read(fd, p, n)) <= 0)
			return false;
	return true;
}

static inline bool fake_send(struct fake_session *s, const void *bytes, size_t n)
{
	unsigned char head[4] = {(unsigned char)n, (unsigned char)(n >> 8),
	                         (unsigned char)(n >> 16), s->seq++};
	struct str all = {0};
	str_addn(&all, head, sizeof head);
	str_addn(&all, bytes, n);
	size_t done = 0;
	for (ssize_t got = 1; got > 0 && done<all.n; done += got> 0 ? (size_t)got : 0)
		got = send(s->fd, all.p + done, all.n - done, MSG_NOSIGNAL);
	bool sent = done == all.n;
	str_done(&all);
	return sent;
}

static inline bool fake_greet(struct fake_session *s)
{
	static const char hello[] = "\x0a"
	                            "10.11.19-MariaDB\0"
	                            "\1\0\0\0"
	                            "abcdefgh\0"
	                            "\x0d\xa2\x21\2\0\x08\0\x15"
	                            "\0\0\0\0\0\0\0\0\0\0"
	                            "abcdefghijkl\0"
	                            "mysql_native_password";
	return fake_send(s, hello, sizeof hello);
}

static inline bool fake_done(struct fake_session *s)
{
	return fake_send(s, "\0\0\0\2\0\0\0", 7);
}

static inline void fake_text(struct str *s, const char *text)
{
	str_addn(s, (const char[]){(char)strlen(text)}, 1);
	str_add(s, text);
}

/* Rows of one or two columns. */
static inline bool fake_rows(struct fake_session *s, size_t columns, size_t rows,
                             const char *const *values)
{
	bool ok = fake_send(s, (const char[]){(char)columns}, 1);
	for (size_t i = 0; ok && i < columns; i++) {
		struct str def = {0};
		str_addn(&def, "\3def\0\0\0\1c\0\x0c\x21\0\0\1\0\0\xfd\0\0\0\0\0", 23);
		ok = fake_send(s, def.p, def.n);
		str_done(&def);
	}
	ok = ok && fake_send(s, "\xfe\0\0\2\0", 5);
	for (size_t i = 0; ok && i < rows; i++) {
		struct str row = {0};
		for (size_t k = 0; k < columns; k++)
			fake_text(&row, values[i * columns + k]);
		ok = fake_send(s, row.p, row.n);
		str_done(&row);
	}
	return ok && fake_send(s, "\xfe\0\0\2\0", 5);
}

/* For so long, or until the stream has to end. */
static inline bool fake_wait(struct fake_session *s, unsigned ms)
{
	struct fake *f = s->f;
	struct pollfd p = {.fd = s->fd, .events = POLLIN};
	bool gone = poll(&p, 1, (int)ms) > 0;
	pthread_mutex_lock(&f->lock);
	gone |= f->stop || s->cuts != f->cuts;
	pthread_mutex_unlock(&f->lock);
	return !gone;
}

/* ---- questions */

static inline bool fake_answer_files(struct fake_session *s)
{
	const char *values[2 * FAKE_FILES];
	char sizes[FAKE_FILES][24];
	for (size_t i = 0; i < s->host.n; i++) {
		snprintf(sizes[i], sizeof sizes[i], "%zu", s->host.files[i]->bytes.n);
		values[2 * i] = s->host.files[i]->file;
		values[2 * i + 1] = sizes[i];
	}
	return fake_rows(s, 2, s->host.n, values);
}

static inline bool fake_answer_end(struct fake_session *s)
{
	struct fake *f = s->f;
	const struct made *last = s->host.files[s->host.n - 1];
	char pos[24];
	pthread_mutex_lock(&f->lock);
	uint64_t end = s->number == 1 ? f->end_first : f->end;
	if (s->number != 1)
		f->end = 0;
	if (f->group_ms) {
		size_t at = f->sent + f->ahead;
		end = last->at.v[at < last->at.n ? at : last->at.n - 1];
	}
	pthread_mutex_unlock(&f->lock);
	snprintf(pos, sizeof pos, "%llu", (unsigned long long)(end ? end : last->bytes.n));
	return fake_rows(s, 2, 1, (const char *[]){last->file, pos});
}

static inline bool fake_answer(struct fake_session *s, const char *sql)
{
	struct fake *f = s->f;
	char number[24];
	if (f->silent && strstr(sql, f->silent)) {
		f->holding++;
		while (fake_wait(s, 50))
			;
		return false;
	}
	if (strstr(sql, "SHOW GLOBAL VARIABLES WHERE")) {
		pthread_mutex_lock(&f->lock);
		bool hold = ++f->whos == f->hold_at;
		f->holding += hold;
		while (hold && f->hold_at && !f->stop)
			pthread_cond_wait(&f->cond, &f->lock);
		pthread_mutex_unlock(&f->lock);
		return fake_rows(s, 2, 1, (const char *[]){"hostname", s->host.who});
	}
	if (strstr(sql, "@@log_bin"))
		return fake_rows(s, 1, 1, (const char *[]){"1"});
	if (strstr(sql, "SHOW BINARY LOGS"))
		return fake_answer_files(s);
	if (strstr(sql, "SHOW MASTER STATUS"))
		return fake_answer_end(s);
	if (strstr(sql, "CURRENT_USER"))
		return fake_rows(s, 1, 1, (const char *[]){"mybak@localhost"});
	if (strstr(sql, "Com_reset")) {
		pthread_mutex_lock(&f->lock); /* of the server, not of this session */
		snprintf(number, sizeof number, "%llu", (unsigned long long)f->host.resets);
		pthread_mutex_unlock(&f->lock);
		return fake_rows(s, 2, 1, (const char *[]){"Com_reset", number});
	}
	if (strstr(sql, "UNIX_TIMESTAMP")) {
		snprintf(number, sizeof number, "%lld", (long long)time(NULL));
		return fake_rows(s, 1, 1, (const char *[]){number});
	}
	return fake_done(s);
}

/* ---- the stream */

static inline bool fake_event(struct fake_session *s, const void *event, size_t n)
{
	struct str p = {0};
	str_addn(&p, "\0", 1);
	str_addn(&p, event, n);
	bool ok = fake_send(s, p.p, p.n);
	str_done(&p);
	return ok;
}

static inline bool fake_made_up(struct fake_session *s, uint8_t type, const void *body, size_t n)
{
	struct made none = {.server_id = 1};
	made_event_at(&none, type, 0, BINLOG_FLAG_ARTIFICIAL, body, n, 0);
	bool ok = fake_event(s, none.bytes.p, none.bytes.n);
	made_done(&none);
	return ok;
}

static inline bool fake_lead(struct fake_session *s, const char *file, uint64_t pos)
{
	unsigned char body[8 + 64];
	le64_put(body, pos);
	memcpy(body + 8, file, strlen(file));
	return fake_made_up(s, BINLOG_ROTATE, body, 8 + strlen(file));
}

static inline bool fake_send_one(struct fake_session *s, const struct made *m, size_t i,
                                 bool newest)
{
	struct fake *f = s->f;
	const char *event = m->bytes.p + m->at.v[i];
	pthread_mutex_lock(&f->lock);
	unsigned ms = event[4] == (char)BINLOG_MARIADB_GTID ? f->group_ms : 0;
	f->sent = newest ? i : 0;
	pthread_mutex_unlock(&f->lock);
	if (ms && !fake_wait(s, ms))
		return false;
	return fake_event(s, event, m->at.v[i + 1] - m->at.v[i]);
}

/* All of it from event `at` of file i on, then heartbeats. */
static inline void fake_stream(struct fake_session *s, size_t i, size_t at)
{
	const struct made *m = s->host.files[i];
	bool ok = fake_lead(s, m->file, m->at.v[at]);
	if (ok && at > 0) {
		struct str format = {0};
		str_addn(&format, m->bytes.p + m->at.v[0], m->at.v[1] - m->at.v[0]);
		memset(format.p + 13, 0, 4);
		le32_put((unsigned char *)format.p + format.n - 4,
		         binlog_crc32(format.p, format.n - 4));
		ok = fake_event(s, format.p, format.n);
		str_done(&format);
	}
	while (ok) {
		for (; ok && at + 1 < m->at.n; at++)
			ok = fake_send_one(s, m, at, i + 1 == s->host.n);
		if (!ok || i + 1 == s->host.n)
			break;
		m = s->host.files[++i];
		at = 0;
		ok = fake_lead(s, m->file, BINLOG_MAGIC_SIZE);
	}
	while (ok && fake_wait(s, FAKE_BEAT_MS))
		ok = fake_made_up(s, BINLOG_HEARTBEAT, m->file, strlen(m->file));
}

static inline void fake_dump(struct fake_session *s, const unsigned char *ask)
{
	struct fake *f = s->f;
	pthread_mutex_lock(&f->lock);
	f->dumps++;
	if (f->after.who) {
		f->host = f->after;
		f->after.who = NULL;
	}
	pthread_mutex_unlock(&f->lock);
	for (size_t i = 0; i < s->host.n; i++) {
		const struct made *m = s->host.files[i];
		for (size_t k = 0; !strcmp(m->file, (const char *)ask + 10) && k < m->at.n; k++)
			if (m->at.v[k] == le32_get(ask)) {
				fake_stream(s, i, k);
				return;
			}
	}
	fake_send(s, "\xff\xd4\x04#HY000no such place", 23);
}

/* ---- connections */

static inline void fake_talk(struct fake_session *s)
{
	unsigned char head[4], text[1024];
	bool ok = fake_greet(s);
	for (bool in = false; ok && fake_take(s->fd, head, 4); in = true) {
		size_t n = head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16;
		if (n >= sizeof text || !fake_take(s->fd, text, n))
			return;
		text[n] = '\0';
		s->seq = (unsigned char)(head[3] + 1);
		if (!in)
			ok = fake_done(s);
		else if (text[0] == 3)
			ok = fake_answer(s, (char *)text + 1);
		else if (text[0] == 0x12) {
			fake_dump(s, text + 1);
			return;
		} else {
			return;
		}
	}
}

static inline void *fake_session_run(void *arg)
{
	struct fake_session *s = arg;
	struct fake *f = s->f;
	fake_talk(s);
	close(s->fd);
	free(s);
	pthread_mutex_lock(&f->lock);
	f->alive--;
	pthread_cond_broadcast(&f->cond);
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

static inline void *fake_run(void *arg)
{
	struct fake *f = arg;
	int fd;
	while ((fd = accept(f->listener, NULL, NULL)) >= 0) {
		struct fake_session *s = mem_zalloc(sizeof *s);
		pthread_t thread;
		s->f = f;
		s->fd = fd;
		pthread_mutex_lock(&f->lock);
		s->host = f->host;
		s->cuts = f->cuts;
		s->number = ++f->connections;
		f->alive++;
		pthread_mutex_unlock(&f->lock);
		pthread_create(&thread, NULL, fake_session_run, s);
		pthread_detach(thread);
	}
	return NULL;
}

static inline void fake_start(struct fake *f, const char *place)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	*f = (struct fake){.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	snprintf(f->socket, sizeof f->socket, "%s/socket", place);
	snprintf(a.sun_path, sizeof a.sun_path, "%.100s", f->socket);
	ck_assert_int_eq(bind(f->listener, (struct sockaddr *)&a, sizeof a), 0);
	ck_assert_int_eq(listen(f->listener, 8), 0);
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->cond, NULL);
	ck_assert_int_eq(pthread_create(&f->thread, NULL, fake_run, f), 0);
}

static inline void fake_end(struct fake *f)
{
	shutdown(f->listener, SHUT_RDWR);
	pthread_join(f->thread, NULL);
	close(f->listener);
	pthread_mutex_lock(&f->lock);
	f->stop = true;
	pthread_cond_broadcast(&f->cond);
	while (f->alive > 0)
		pthread_cond_wait(&f->cond, &f->lock);
	pthread_mutex_unlock(&f->lock);
}

/* Dumps end, and who comes again is at `host`; NULL: where it was. */
static inline void fake_cut(struct fake *f, const struct fake_host *host)
{
	pthread_mutex_lock(&f->lock);
	if (host)
		f->host = *host;
	f->cuts++;
	pthread_mutex_unlock(&f->lock);
}

#endif
