/*
 * A repository that counts what is read of another one, and can set a flag when that has
 * become so much.
 */
#ifndef TESTS_BINLOG_COUNT_H
#define TESTS_BINLOG_COUNT_H

#include "base/cancel.h"
#include "repo/repo.h"

static struct counted {
	struct repo repo;
	struct repo *real;
	uint64_t bytes;
	uint64_t limit; /* once more than this is read: */
	struct cancel cancel;
} counted;

static inline void count_bytes(uint64_t n)
{
	counted.bytes += n;
	if (counted.limit && counted.bytes > counted.limit)
		cancel_ask(&counted.cancel);
}

struct counted_sink {
	struct sink sink;
	struct sink *to;
};

static inline int counted_write(struct sink *s, const void *p, size_t n, struct err *err)
{
	count_bytes(n);
	return sink_write(((struct counted_sink *)s)->to, p, n, err);
}

static inline int counted_get(struct repo *r, const char *name, uint64_t off, uint64_t n,
                              struct sink *to, struct err *err)
{
	static const struct sink_ops ops = {.write = counted_write};
	struct counted_sink s = {{&ops}, to};
	(void)r;
	return repo_get(counted.real, name, off, n, &s.sink, err);
}

static inline int counted_read(struct repo *r, const char *name, uint64_t off, void *buf, size_t n,
                               struct err *err)
{
	(void)r;
	count_bytes(n);
	return repo_read(counted.real, name, off, buf, n, err);
}

static inline int counted_put(struct repo *r, const char *name, struct sink **ret, struct err *err)
{
	(void)r;
	return repo_put(counted.real, name, ret, err);
}

static inline int counted_append(struct repo *r, const char *name, struct repo_append **ret,
                                 struct err *err)
{
	(void)r;
	return repo_append(counted.real, name, ret, err);
}

static inline int counted_sweep(struct repo *r, const char *prefix, struct err *err)
{
	(void)r;
	return repo_sweep(counted.real, prefix, err);
}

static inline int counted_size(struct repo *r, const char *name, uint64_t *ret, struct err *err)
{
	(void)r;
	return repo_size(counted.real, name, ret, err);
}

static inline int counted_list(struct repo *r, const char *prefix, repo_each *each, void *arg,
                               struct err *err)
{
	(void)r;
	return repo_list(counted.real, prefix, each, arg, err);
}

static inline int counted_remove(struct repo *r, const char *name, struct err *err)
{
	(void)r;
	return repo_remove(counted.real, name, err);
}

static inline int counted_remove_all(struct repo *r, const char *prefix, struct err *err)
{
	(void)r;
	return repo_remove_all(counted.real, prefix, err);
}

static inline int counted_lock(struct repo *r, const char *name, bool exclusive, const char *what,
                               void **ret, struct err *err)
{
	(void)r;
	return repo_lock(counted.real, name, exclusive, what, ret, err);
}

static inline void counted_unlock(struct repo *r, void *lock)
{
	(void)r;
	repo_unlock(counted.real, lock);
}

/* limit 0: only count. */
static inline struct repo *count_from_here(struct repo *real, uint64_t limit)
{
	static const struct repo_ops ops = {
	    .put = counted_put,
	    .append = counted_append,
	    .sweep = counted_sweep,
	    .get = counted_get,
	    .read = counted_read,
	    .size = counted_size,
	    .list = counted_list,
	    .remove = counted_remove,
	    .remove_all = counted_remove_all,
	    .lock = counted_lock,
	    .unlock = counted_unlock,
	};
	counted = (struct counted){.repo = {&ops, real->url}, .real = real, .limit = limit};
	return &counted.repo;
}

#endif
