/*
 * A stream against a server made by hand: failovers, resets, a server that is never at
 * rest, a disk that is full, an end that nobody waits for.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "binlog/stream.h"
#include "tests/unit/binlog_place.h"
#include "tests/unit/fake_server.h"

#define LATER (T0 + 3600)

static struct fake fake;
static struct stream *stream;
static struct made m[FAKE_FILES];
static struct fake_host here;

static struct seen { /* by `changed` */
	atomic_uint gaps, lineages, runs, waits;
	atomic_uint part_at_wait; /* bytes of the .part when it first waited */
	atomic_bool look;
} seen;

static void changed(void *arg, const char *what)
{
	(void)arg;
	if (!strcmp(what, "gap"))
		seen.gaps++;
	if (!strcmp(what, "lineage"))
		seen.lineages++;
	if (strcmp(what, "state") != 0 || !atomic_load(&seen.look))
		return;
	struct stream_status st;
	struct stat file;
	stream_status(stream, &st);
	seen.runs += st.state == STREAM_RUNNING;
	if (st.state == STREAM_WAITING && seen.waits++ == 0 &&
	    stat(in(L0 "/b.000001.part"), &file) == 0)
		seen.part_at_wait = (unsigned)file.st_size;
}

/* With five transactions, and what it is of. */
static void make(struct made *to, const char *file, uint32_t created, size_t statement)
{
	made_begin(to, file, created, 1);
	for (unsigned i = 0; i < 5; i++)
		made_group(to, created + i, statement);
}

static void start(void)
{
	struct err e = ERR_INIT;
	const struct stream_plan plan = {
	    .repo_url = url,
	    .instance = "main",
	    .target = {.socket = fake.socket, .user = "mybak"},
	    .server_id = 7,
	    .changed = changed,
	};
	ck_ok(stream_start(&plan, &stream, &e), e);
	atomic_store(&seen.look, true);
}

static void begin(void)
{
	setup();
	memset(&seen, 0, sizeof seen);
	make(&m[0], "b.000001", T0, 100);
	fake_start(&fake, dir);
	here = fake.host = (struct fake_host){.who = "a", .files = {&m[0]}, .n = 1};
	stream = NULL;
}

static void stop(void)
{
	atomic_store(&seen.look, false);
	stream_free(stream);
	stream = NULL;
}

static void end(void)
{
	stop();
	fake_end(&fake);
	for (size_t i = 0; i < FAKE_FILES; i++)
		made_done(&m[i]);
	memset(m, 0, sizeof m);
	teardown();
}

static struct stream_status catch_up(void)
{
	struct err e = ERR_INIT;
	struct stream_status st;
	int rc = -1;
	/* The first try may find only that it has to begin anew. */
	for (int i = 0; rc < 0 && i < 10; i++)
		rc = stream_catch_up(stream, 10, NULL, &st, &e);
	ck_ok(rc, e);
	return st;
}

static struct stream_status status(void)
{
	struct stream_status st;
	stream_status(stream, &st);
	return st;
}

#define wait_for(what)                                                              \
	do {                                                                        \
		uint64_t until = clock_mono_ns() + 20000000000ULL;                  \
		while (!(what)) {                                                   \
			ck_assert_msg(clock_mono_ns() < until, "never: %s", #what); \
			usleep(5000);                                               \
		}                                                                   \
	} while (0)

static size_t lineages(void)
{
	struct archive_catalog c = loaded();
	size_t n = c.lineages.n;
	archive_catalog_done(&c);
	return n;
}

/* ---- whose history it is */

/* A place that the server lists and does not know begins a lineage; that it was once so
 * says nothing of what comes after. */
START_TEST(what_was_not_found_is_forgotten)
{
	make(&m[1], "b.000001", LATER, 1777);
	here.files[0] = &m[1];
	start();
	catch_up();
	fake_cut(&fake, &here);
	catch_up();
	ck_assert_uint_eq(lineages(), 2);
	for (int i = 0; i < 3; i++) {
		uint64_t before = status().reconnects;
		fake_cut(&fake, NULL);
		wait_for(status().reconnects > before);
		catch_up();
		ck_assert_uint_eq(lineages(), 2);
	}
	ck_assert_uint_eq(seen.lineages, 2);
}
END_TEST

/* Behind an address that goes to another server for a moment. */
START_TEST(another_history_is_of_another_server)
{
	make(&m[1], "b.000001", LATER, 100);
	struct fake_host other = {.who = "b", .files = {&m[1]}, .n = 1};
	start();
	catch_up();
	pthread_mutex_lock(&fake.lock);
	fake.after = here; /* once somebody has seen the other one's binlog */
	pthread_mutex_unlock(&fake.lock);
	uint64_t before = fake.dumps;
	fake_cut(&fake, &other);
	wait_for(fake.dumps >= before + 2);
	catch_up();
	ck_assert_uint_eq(lineages(), 1);
}
END_TEST

/* ---- how far it is */

/* Each time it asks, the server is further on: what it asked before counts. */
START_TEST(caught_up_with_a_server_that_is_never_at_rest)
{
	for (unsigned i = 0; i < 400; i++)
		made_group(&m[0], T0 + 10 + i, 100);
	fake.group_ms = 20;
	fake.ahead = 3 * 60; /* 1.2 s */
	start();
	wait_for(status().lag_bytes != UINT64_MAX);
	wait_for(status().caught_up_us);
	int64_t first = status().caught_up_us;
	wait_for(status().caught_up_us > first);
	pthread_mutex_lock(&fake.lock);
	bool at_rest = fake.sent + fake.ahead >= m[0].at.n - 1;
	pthread_mutex_unlock(&fake.lock);
	ck_assert(!at_rest);
}
END_TEST

/* The binlog begun anew has the same name, and has soon become longer than the one that
 * is archived: who asked before that must not hear that it is archived. */
START_TEST(a_reset_is_seen_where_the_new_binlog_is_longer)
{
	make(&m[1], "b.000001", LATER, 333);
	here.files[0] = &m[1];
	here.resets = 1;
	start();
	wait_for(status().state == STREAM_RUNNING); /* the first connection is its */
	catch_up();
	pthread_mutex_lock(&fake.lock);
	fake.host = here;
	fake.end_first = m[1].bytes.n;
	fake.end = m[1].at.v[2];
	pthread_mutex_unlock(&fake.lock);
	catch_up();
	ck_assert_uint_eq(lineages(), 2);
}
END_TEST

/* ---- what cannot be written */

/* A gap is there, and is told, once something lies behind it. */
START_TEST(a_gap_is_told_when_it_is_archived)
{
	struct err e = ERR_INIT;
	struct stream_status st;
	make(&m[2], "b.000003", T0 + 10, 100);
	here.files[0] = &m[2];
	start();
	catch_up();
	stop();
	fake_cut(&fake, &here);
	const char *in_the_way = in(L0 "/b.000003.part");
	ck_assert_int_eq(mkdir(in_the_way, 0750), 0);
	memset(&seen, 0, sizeof seen);
	start();
	ck_assert_int_eq(stream_catch_up(stream, 10, NULL, &st, &e), -1);
	ck_assert_uint_eq(status().gaps, 0);
	ck_assert_uint_eq(seen.gaps, 0);
	ck_assert_uint_eq(seen.runs, 0); /* nor did it look well for a moment */
	wait_for(seen.waits >= 2);
	ck_assert_int_eq(rmdir(in(L0 "/b.000003.part")), 0);
	catch_up();
	ck_assert_uint_eq(status().gaps, 1);
	ck_assert_uint_eq(seen.gaps, 1);
	ck_assert_uint_eq(seen.runs, 1);
	struct archive_catalog c = loaded();
	ck_assert_uint_eq(c.lineages.n, 1);
	ck_assert_ptr_nonnull(c.lineages.v[0].segments.v[1].gap);
	archive_catalog_done(&c);
}
END_TEST

/* What came before an event that cannot be kept is kept at once. */
START_TEST(what_came_before_a_bad_event_is_durable)
{
	size_t bad = m[0].at.v[m[0].at.n - 2];
	m[0].bytes.p[bad + BINLOG_HEADER_SIZE] ^= 1;
	start();
	wait_for(seen.waits > 0);
	ck_assert_uint_eq(seen.part_at_wait, bad);
	ck_assert_uint_eq(status().durable_pos, bad);
	ck_assert_int_eq(status().why.kind, ERR_DAMAGED);
}
END_TEST

/* ---- its end */

static unsigned threads(void)
{
	char path[300], name[16] = "";
	unsigned n = 0;
	DIR *d = opendir("/proc/self/task");
	ck_assert_ptr_nonnull(d);
	for (const struct dirent *e; (e = readdir(d)) != NULL;) {
		snprintf(path, sizeof path, "/proc/self/task/%s/comm", e->d_name);
		FILE *f = fopen(path, "r");
		n += f && fgets(name, sizeof name, f) && !strncmp(name, "binlog main", 11);
		if (f)
			fclose(f);
	}
	closedir(d);
	return n;
}

/* A disk that answers nothing any more must not take others with it. */
START_TEST(nobody_waits_for_a_dead_disk)
{
	char path[256];
	archive_free(opened());
	snprintf(path, sizeof path, "%s/repo/main/binlog.lock", dir);
	/* Who opens it waits until we give this up, or 45 s. */
	signal(SIGIO, SIG_IGN);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(fcntl(fd, F_SETLEASE, F_WRLCK), 0);
	start();
	struct stream *second = stream;
	start();
	wait_for(fake.connections >= 2);
	usleep(200000);
	uint64_t began = clock_mono_ns();
	stream_stop(second);
	stream_stop(stream);
	stream_free(second);
	stop();
	ck_assert_uint_lt(clock_mono_ns() - began, 7000000000ULL);
	ck_assert_uint_eq(threads(), 2);
	/* They wake, and free themselves. */
	close(fd);
	wait_for(threads() == 0);
}
END_TEST

/* A stream that was left behind in a connect does not ask for the binlog any more: the
 * one after it has the same number, and would be ended. */
START_TEST(who_was_left_behind_asks_for_nothing)
{
	start();
	catch_up();
	pthread_mutex_lock(&fake.lock);
	unsigned dumps = fake.dumps;
	fake.hold_at = fake.whos + 2; /* the first is that of the session that asks */
	pthread_mutex_unlock(&fake.lock);
	fake_cut(&fake, NULL);
	wait_for(fake.holding > 0);
	stop();
	pthread_mutex_lock(&fake.lock);
	fake.hold_at = 0;
	pthread_cond_broadcast(&fake.cond);
	pthread_mutex_unlock(&fake.lock);
	wait_for(fake.alive == 0);
	ck_assert_uint_eq(fake.dumps, dumps);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("binlog_stream");
	TCase *t = tcase_create("stream");
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, begin, end);
	tcase_add_test(t, what_was_not_found_is_forgotten);
	tcase_add_test(t, another_history_is_of_another_server);
	tcase_add_test(t, caught_up_with_a_server_that_is_never_at_rest);
	tcase_add_test(t, a_reset_is_seen_where_the_new_binlog_is_longer);
	tcase_add_test(t, a_gap_is_told_when_it_is_archived);
	tcase_add_test(t, what_came_before_a_bad_event_is_durable);
	tcase_add_test(t, nobody_waits_for_a_dead_disk);
	tcase_add_test(t, who_was_left_behind_asks_for_nothing);
	suite_add_tcase(s, t);
	return s;
}
UNIT_MAIN(suite)
