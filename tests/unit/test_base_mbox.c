/* mbox: nothing posted is lost, and the descriptor tells. */
#include <poll.h>
#include <pthread.h>
#include <stdint.h>

#include "base/mbox.h"
#include "tests/unit/unit.h"

#define THREADS 4
#define NOTES 5000

static int readable(struct mbox *box, int timeout_ms)
{
	struct pollfd p = {.fd = mbox_fd(box), .events = POLLIN};
	return poll(&p, 1, timeout_ms);
}

START_TEST(notes_come_out_in_order)
{
	struct err e = ERR_INIT;
	struct mbox *box = NULL;
	int a, b;
	ck_ok(mbox_new(&box, &e), e);
	ck_assert_int_eq(readable(box, 0), 0);
	ck_assert_ptr_null(mbox_take(box));
	mbox_post(box, &a);
	mbox_post(box, &b);
	ck_assert_int_eq(readable(box, 0), 1);
	ck_assert_ptr_eq(mbox_take(box), &a);
	ck_assert_int_eq(readable(box, 0), 1);
	ck_assert_ptr_eq(mbox_take(box), &b);
	ck_assert_ptr_null(mbox_take(box));
	ck_assert_int_eq(readable(box, 0), 0);
	mbox_post(box, &a);
	mbox_free(box);
	mbox_free(NULL);
}
END_TEST

struct poster {
	struct mbox *box;
	uintptr_t first;
};

static void *post(void *arg)
{
	struct poster *p = arg;
	for (uintptr_t i = 0; i < NOTES; i++)
		mbox_post(p->box, (void *)(p->first + i));
	return NULL;
}

START_TEST(many_threads_post_and_one_takes)
{
	struct err e = ERR_INIT;
	struct mbox *box = NULL;
	pthread_t threads[THREADS];
	struct poster posters[THREADS];
	uintptr_t next[THREADS];
	ck_ok(mbox_new(&box, &e), e);
	for (unsigned i = 0; i < THREADS; i++) {
		posters[i] = (struct poster){box, 1 + (uintptr_t)i * NOTES};
		next[i] = posters[i].first;
		pthread_create(&threads[i], NULL, post, &posters[i]);
	}
	for (unsigned taken = 0; taken < THREADS * NOTES;) {
		ck_assert_msg(readable(box, 10000) == 1, "asleep with notes missing");
		for (void *note; (note = mbox_take(box)); taken++) {
			uintptr_t v = (uintptr_t)note;
			unsigned from = (unsigned)((v - 1) / NOTES);
			ck_assert_uint_eq(v, next[from]);
			next[from]++;
		}
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_int_eq(readable(box, 0), 0);
	mbox_free(box);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("base_mbox");
	TCase *t = tcase_create("mbox");
	tcase_set_timeout(t, 30);
	tcase_add_test(t, notes_come_out_in_order);
	tcase_add_test(t, many_threads_post_and_one_takes);
	suite_add_tcase(s, t);
	return s;
}
UNIT_MAIN(suite)
