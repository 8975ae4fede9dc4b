/* A session that another thread ends. */
#include <fcntl.h>

#include "base/clock.h"
#include "base/fsio.h"
#include "server/conn_mysql.h"
#include "server/conn_watch.h"
#include "tests/unit/fake_server.h"

static char dir[64];
static struct fake fake;

static void setup(void)
{
	strcpy(dir, "/tmp/unit-conn-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	fake_start(&fake, dir);
}

static void teardown(void)
{
	fake_end(&fake);
	ck_assert_int_eq(fsio_remove_tree(dir, NULL), 0);
}

static struct conn *opened(void)
{
	struct err e = ERR_INIT;
	struct conn_target t = {.socket = fake.socket, .user = "mybak"};
	struct conn *c = NULL;
	ck_ok(conn_open(&t, 5, &c, &e), e);
	return c;
}

/* The connector closes its descriptor as soon as a session is lost, and the number of it
 * is the next one that somebody gets. */
START_TEST(what_has_its_number_now_is_left_alone)
{
	struct err e = ERR_INIT;
	struct conn *c = opened();
	int pair[2], number = connector_socket(conn_mysql(c));
	char byte = 0;
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	int old = fcntl(number, F_DUPFD_CLOEXEC, 0);
	ck_assert_int_eq(dup2(pair[0], number), number);
	conn_stop(c);
	ck_assert_int_eq(send(number, "x", 1, MSG_NOSIGNAL), 1);
	ck_assert_int_eq(read(pair[1], &byte, 1), 1);
	ck_assert_int_eq(byte, 'x');
	/* And the session has ended. */
	ck_assert_int_eq(dup2(old, number), number);
	ck_assert_int_eq(conn_exec(c, &e, "SELECT 1"), -1);
	ck_assert_int_eq(e.kind, ERR_UNREACHABLE);
	conn_stop(c);
	conn_free(c);
	close(old);
	close(pair[0]);
	close(pair[1]);
}
END_TEST

static void *ask_later(void *arg)
{
	while (fake.holding == 0)
		usleep(1000);
	cancel_ask(arg);
	return NULL;
}

START_TEST(cancelled_while_it_waits)
{
	struct err e = ERR_INIT;
	struct cancel all = {0}, mine = {.up = &all};
	struct conn_watch *w = NULL;
	pthread_t other;
	struct conn *c = opened();

	ck_ok(conn_watch_begin(c, &mine, &w, &e), e);
	ck_ok(conn_exec(c, &e, "SELECT 1"), e);
	conn_watch_end(w);
	ck_ok(conn_exec(c, &e, "SELECT 2"), e);
	fake.silent = "SLEEP";
	ck_ok(conn_watch_begin(c, &mine, &w, &e), e);
	ck_assert_int_eq(pthread_create(&other, NULL, ask_later, &all), 0);
	uint64_t from = clock_mono_ns();
	ck_assert_int_eq(conn_exec(c, &e, "SELECT SLEEP(9)"), -1);
	ck_assert_uint_lt(clock_mono_ns() - from, 2000000000u);
	ck_assert_int_eq(e.kind, ERR_UNREACHABLE);
	pthread_join(other, NULL);
	conn_watch_end(w);
	conn_watch_end(NULL);
	conn_free(c);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("server_conn");
	TCase *t = tcase_create("conn");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, what_has_its_number_now_is_left_alone);
	tcase_add_test(t, cancelled_while_it_waits);
	suite_add_tcase(s, t);
	return s;
}
UNIT_MAIN(suite)
