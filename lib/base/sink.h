/*
 * sink: bytes go in at one end.
 *
 * Buffers are borrowed for the call.
 * finish: no more bytes; flush onward; make durable; only now does what was
 *         written become visible under its name.
 * free:   frees the whole chain; without finish nothing becomes visible.
 * A sink is used by one thread at a time.  After a failure only free is allowed.
 */
#ifndef BASE_SINK_H
#define BASE_SINK_H

#include <stddef.h>

#include "base/err.h"

struct sink;

struct sink_ops {
	const char *name;
	int (*write)(struct sink *, const void *, size_t, struct err *);
	int (*finish)(struct sink *, struct err *);
	void (*free)(struct sink *);
};

/* Embedded as the first member of an implementation's own struct. */
struct sink {
	const struct sink_ops *ops;
};

int sink_write(struct sink *sink, const void *bytes, size_t n, struct err *err);
int sink_finish(struct sink *sink, struct err *err);
void sink_free(struct sink *sink); /* NULL is fine */

/* A sink that collects into memory, up to `max` bytes (more is ERR_DAMAGED:
 * whoever reads an object of unknown size says how much is still sane). */
struct sink_memory {
	struct sink sink;
	unsigned char *bytes;
	size_t n, max;
	size_t cap;
};
void sink_memory_init(struct sink_memory *m, size_t max);
void sink_memory_done(struct sink_memory *m); /* frees bytes */

#endif
