#include "pipe/glimpse.h"

#include <stdlib.h>
#include <xxhash.h>

#include "base/clock.h"
#include "base/fsio.h"
#include "base/mem.h"
#include "pipe/settle.h"

void glimpse_done(struct glimpse *g)
{
	free(g->hash);
	*g = (struct glimpse){0};
}

void glimpse_forget(struct glimpse *g)
{
	g->from = g->to = 0;
}

static uint64_t hash_of(const unsigned char *page, uint32_t page_size)
{
	return XXH3_64bits(page, page_size);
}

/* The copy that follows is slower than this, so what is left of the pause after the
 * window was read is all that its first page has to wait for, and the others wait
 * longer anyhow. */
static int wait_for_the_rest(uint64_t began_ns, const struct cancel *cancel, struct err *err)
{
	uint64_t took = clock_mono_ns() - began_ns;

	if (took >= GLIMPSE_PAUSE_NS)
		return cancel_check(cancel, err);
	return settle_pause((unsigned)((GLIMPSE_PAUSE_NS - took) / 1000000 + 1), cancel, err);
}

int glimpse_look(struct glimpse *g, int fd, const char *name, uint32_t page_size, uint64_t from,
                 uint64_t end, unsigned char *buf, size_t n, const struct cancel *cancel,
                 uint64_t *ret_read, struct err *err)
{
	uint64_t began = clock_mono_ns(), off = from, sum = 0;
	size_t got = n;

	if (end - from > GLIMPSE_WINDOW)
		end = from + GLIMPSE_WINDOW;
	glimpse_forget(g);
	if (!g->hash || g->page_size > page_size)
		g->hash = mem_resize(g->hash, GLIMPSE_WINDOW / page_size, sizeof *g->hash);
	g->page_size = page_size;
	n = n / page_size * page_size;
	for (size_t i = 0; off < end && got >= n; sum += got) {
		if (end - off < n)
			n = (size_t)(end - off);
		if (cancel_check(cancel, err) != 0 ||
		    fsio_pread(fd, buf, n, off, &got, name, err) != 0)
			return -1;
		for (size_t at = 0; at + page_size <= got; at += page_size, off += page_size)
			g->hash[i++] = hash_of(buf + at, page_size);
	}
	settle_forget(fd, from, off - from);
	if (wait_for_the_rest(began, cancel, err) != 0)
		return -1;
	g->from = from;
	g->to = off;
	*ret_read = sum;
	return 0;
}

bool glimpse_agrees(const struct glimpse *g, const unsigned char *page, uint64_t off)
{
	return g->hash[(off - g->from) / g->page_size] == hash_of(page, g->page_size);
}
