#include "tests/unit/unit.h"

#include <pthread.h>

#include "base/clock.h"
#include "pipe/throttle.h"

static double seconds_since(uint64_t start)
{
	return (double)(clock_mono_ns() - start) / 1e9;
}

static void *take_some(void *t)
{
	for (int i = 0; i < 10; i++)
		throttle_take(t, 100000, NULL);
	return NULL;
}

/* Only what must never be is asserted: faster than the rate (a tenth of a second's
 * worth may be spent at once). */
START_TEST(test_rate_is_shared)
{
	struct throttle *t = throttle_new(5000000);
	uint64_t start = clock_mono_ns();
	pthread_t threads[3];

	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, take_some, t);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	ck_assert(seconds_since(start) >= 3000000 / 5000000.0 - 0.101);
	throttle_free(t);
}
END_TEST

START_TEST(test_no_limit)
{
	ck_assert_ptr_null(throttle_new(0));
	throttle_take(NULL, UINT64_MAX, NULL);
	throttle_free(NULL);
}
END_TEST

START_TEST(test_cancel)
{
	struct throttle *t = throttle_new(1);
	struct cancel cancel = {0};

	cancel_ask(&cancel);
	throttle_take(t, UINT64_MAX, &cancel); /* would be ages */
	throttle_take(t, UINT64_MAX, &cancel);
	throttle_free(t);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("pipe/throttle");
	TCase *t = tcase_create("throttle");

	tcase_set_timeout(t, 30);
	tcase_add_test(t, test_rate_is_shared);
	tcase_add_test(t, test_no_limit);
	tcase_add_test(t, test_cancel);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
