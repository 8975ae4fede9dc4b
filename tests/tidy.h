/*
 * What clang-tidy is told beyond the sources: the functions that set a reason return
 * -1, always.  It sees one file at a time and would follow paths that do not exist.
 */
#ifndef TESTS_TIDY_H
#define TESTS_TIDY_H

#include "base/err.h"

#define err_set(...)                  \
	({                            \
		err_set(__VA_ARGS__); \
		-1;                   \
	})
#define err_sys(...)                  \
	({                            \
		err_sys(__VA_ARGS__); \
		-1;                   \
	})
#define err_add(...)                  \
	({                            \
		err_add(__VA_ARGS__); \
		-1;                   \
	})
#define err_hint(...)                  \
	({                             \
		err_hint(__VA_ARGS__); \
		-1;                    \
	})

#endif
