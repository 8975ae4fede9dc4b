#include "pipe/glimpse.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "base/clock.h"
#include "base/fsio.h"
#include "pipe/copier_parts.h"
#include "pipe/settle.h"

/* A direct write moves the time stamps when it is submitted: no disk holds one back for
 * so long. */
#define LANDED_US (60 * CLOCK_US)

void glimpse_done(struct glimpse *g)
{
	free(g->hash);
	vec_done(&g->late);
	*g = (struct glimpse){0};
}

void glimpse_forget(struct glimpse *g)
{
	g->from = g->to = 0;
	g->late.n = 0;
}

static uint64_t hash_of(const unsigned char *page, uint32_t page_size)
{
	return XXH3_64bits(page, page_size);
}

static int64_t us_of(const struct timespec *t)
{
	return (int64_t)t->tv_sec * CLOCK_US + t->tv_nsec / 1000;
}

/* Was nothing on its way to the disk while the window was read? */
static bool is_quiet(int fd)
{
	int64_t landed = clock_wall_us() - LANDED_US;
	struct stat st;

	return fstat(fd, &st) == 0 && us_of(&st.st_mtim) < landed && us_of(&st.st_ctim) < landed;
}

static void make_room(struct glimpse *g, uint32_t page_size)
{
	glimpse_forget(g);
	if (!g->hash || g->page_size > page_size)
		g->hash = mem_resize(g->hash, GLIMPSE_WINDOW / page_size, sizeof *g->hash);
	g->page_size = page_size;
}

int glimpse_look(struct copier *c, const struct item *item, uint32_t page_size, uint64_t from,
                 uint64_t end, struct err *err)
{
	struct glimpse *g = &c->glimpse;
	uint64_t began = clock_mono_ns(), off = from;
	size_t n = COPIER_READ, got = n, i = 0;

	if (end - from > GLIMPSE_WINDOW)
		end = from + GLIMPSE_WINDOW;
	make_room(g, page_size);
	while (off < end && got >= n && clock_mono_ns() - began < GLIMPSE_READ_NS) {
		if (end - off < n)
			n = (size_t)(end - off);
		if (copier_before_read(c, n, err) != 0 ||
		    fsio_pread(item->fd, c->spare, n, off, &got, item->name, err) != 0)
			return -1;
		c->counts.read_bytes += got;
		for (size_t at = 0; at + page_size <= got; at += page_size, off += page_size)
			g->hash[i++] = hash_of(c->spare + at, page_size);
	}
	settle_forget(item->fd, from, off - from);
	if (!is_quiet(item->fd) && settle_pause(GLIMPSE_PAUSE_MS, c->plan.cancel, err) != 0)
		return -1;
	g->from = from;
	g->to = off;
	return 0;
}

bool glimpse_agrees(struct glimpse *g, const unsigned char *page, uint64_t off)
{
	uint64_t *was = &g->hash[(off - g->from) / g->page_size];
	uint64_t now = hash_of(page, g->page_size);
	bool same = *was == now;

	*was = now;
	return same;
}
