/*
 * unit: what every unit test program shares: one file, one suite, one main.
 *
 *	static Suite *suite(void) { … }
 *	UNIT_MAIN(suite)
 */
#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

#include <check.h>
#include <stdlib.h>

#define UNIT_MAIN(suite_fn)                                  \
	int main(void)                                       \
	{                                                    \
		SRunner *r = srunner_create(suite_fn());     \
		srunner_run_all(r, CK_NORMAL);               \
		int failed = srunner_ntests_failed(r);       \
		srunner_free(r);                             \
		return failed ? EXIT_FAILURE : EXIT_SUCCESS; \
	}

/* Fail with the reason's text. */
#define ck_ok(call, err) ck_assert_msg((call) == 0, #call ": %s", (err).text)

#endif
