#include "base/fsio.h"
#include "pipe/copier_parts.h"
#include "pipe/settle.h"

/* A page that is written again and again must have time to agree, too. */
#define ROUNDS 50u

static int never_the_same(const struct pages *p, uint64_t off, struct err *err)
{
	err_set(err, ERR_BUSY,
	        "%s: page %llu kept changing for %u s: nothing but two equal readings tells that "
	        "such a page (encrypted or compressed) is whole",
	        p->item->name, (unsigned long long)item_page_number(p->item, off),
	        ROUNDS * GLIMPSE_PAUSE_MS / 1000);
	return err_hint(err, "The page is not damaged. Run the backup in a quieter hour; a larger "
	                     "redo log lets the server write the same page less often.");
}

/* Look at one again.  1 it is done, 0 it is late still, -1. */
static int look_again(struct pages *p, uint64_t off, bool last, struct err *err)
{
	struct copier *c = p->c;
	uint32_t size = p->space.page_size;
	enum page_state state;
	size_t n;

	if (copier_before_read(c, size, err) != 0 ||
	    fsio_pread(p->item->fd, c->spare, size, off, &n, p->item->name, err) != 0)
		return -1;
	c->counts.read_bytes += n;
	/* Cut off meanwhile: what lies behind is copied already, so here is nothing. */
	state = n < size ? PAGE_ZERO : settle_check(p->item, &p->space, c->spare, off);
	bool same = glimpse_agrees(&c->glimpse, c->spare, off);
	if (state == PAGE_BAD || (state == PAGE_UNVERIFIED && !same)) {
		if (!last)
			return 0;
		if (state == PAGE_UNVERIFIED)
			return never_the_same(p, off, err);
		if (pages_still_bad(p, off, err) != 0)
			return -1;
	}
	return pages_put(p, c->spare, off, state, err) == 0 ? 1 : -1;
}

static int one_round(struct pages *p, bool last, struct err *err)
{
	struct glimpse *g = &p->c->glimpse;
	size_t left = 0;

	for (size_t i = 0; i < g->late.n; i++)
		settle_forget(p->item->fd, g->late.v[i], p->space.page_size);
	for (size_t i = 0; i < g->late.n; i++) {
		int rc = look_again(p, g->late.v[i], last, err);

		if (rc < 0)
			return -1;
		if (rc == 0)
			g->late.v[left++] = g->late.v[i];
	}
	g->late.n = left;
	return 0;
}

int pages_put_late(struct pages *p, struct err *err)
{
	struct copier *c = p->c;

	for (unsigned round = 1; c->glimpse.late.n > 0; round++)
		if (settle_pause(GLIMPSE_PAUSE_MS, c->plan.cancel, err) != 0 ||
		    one_round(p, round == ROUNDS, err) != 0)
			return -1;
	return 0;
}
