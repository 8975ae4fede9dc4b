#include "base/sink.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

int sink_write(struct sink *sink, const void *bytes, size_t n, struct err *err)
{
	return sink->ops->write(sink, bytes, n, err);
}

int sink_finish(struct sink *sink, struct err *err)
{
	return sink->ops->finish(sink, err);
}

void sink_free(struct sink *sink)
{
	if (sink)
		sink->ops->free(sink);
}

static int memory_write(struct sink *sink, const void *bytes, size_t n, struct err *err)
{
	struct sink_memory *m = (struct sink_memory *)sink;
	if (n > m->max - m->n)
		return err_set(err, ERR_DAMAGED,
		               "more than %zu bytes came where at most that "
		               "many can be right",
		               m->max);
	if (n > m->cap - m->n) {
		size_t cap = m->cap ? m->cap : 4096;
		while (cap - m->n < n)
			cap *= 2;
		m->bytes = mem_resize(m->bytes, cap, 1);
		m->cap = cap;
	}
	if (n)
		memcpy(m->bytes + m->n, bytes, n);
	m->n += n;
	return 0;
}

static int memory_finish(struct sink *sink, struct err *err)
{
	(void)sink;
	(void)err;
	return 0;
}

/* The struct is the caller's and so are the bytes: sink_memory_done frees them. */
static void memory_free(struct sink *sink)
{
	(void)sink;
}

static const struct sink_ops memory_ops = {
    .name = "memory",
    .write = memory_write,
    .finish = memory_finish,
    .free = memory_free,
};

void sink_memory_init(struct sink_memory *m, size_t max)
{
	*m = (struct sink_memory){.sink = {.ops = &memory_ops}, .max = max};
}

void sink_memory_done(struct sink_memory *m)
{
	free(m->bytes);
	m->bytes = NULL;
	m->n = m->cap = 0;
}
