#include "base/fsio.h"
#include "pipe/choose.h"
#include "pipe/copier_parts.h"
#include "pipe/settle.h"

/* Besides 0, 1 (the file ends here) and -1: read this page again, then go on; and: leave
 * it for later. */
#define LOOK_AGAIN 2
#define LATE 3

int pages_still_bad(struct pages *p, uint64_t off, struct err *err)
{
	struct copier *c = p->c;
	uint64_t no = item_page_number(p->item, off);

	c->counts.pages_corrupt++;
	if (c->plan.list_corrupt) {
		*vec_push(&c->corrupt) = (struct copier_corrupt){.file = p->item->file, .page = no};
		return 0;
	}
	err_set(err, ERR_DAMAGED,
	        "%s: page %llu is corrupt: it does not match its checksum after 2 s of reading it "
	        "again",
	        p->item->name, (unsigned long long)no);
	return err_hint(err, "Run CHECK TABLE on this table and restore it from an older backup or "
	                     "rebuild it. To back up the rest meanwhile and list such pages, set "
	                     "corrupt_pages: list for this instance.");
}

static bool is_skipped(const struct item *item, uint64_t no)
{
	return no >= item->skip_from && no < item->skip_to;
}

static void count_reread(struct copier *c)
{
	c->counts.pages_reread++;
	if (c->plan.progress)
		atomic_fetch_add_explicit(&c->plan.progress->pages_reread, 1, memory_order_relaxed);
}

static void count_unverified(struct copier *c)
{
	c->counts.pages_unverified++;
	if (c->plan.progress)
		atomic_fetch_add_explicit(&c->plan.progress->pages_unverified, 1,
		                          memory_order_relaxed);
}

/* The slow way, for a page that was torn.  0, 1 the file now ends before it, -1. */
static int settle(struct pages *p, unsigned char *page, uint64_t off, enum page_state *state,
                  struct err *err)
{
	struct copier *c = p->c;
	struct settle s = {.item = p->item, .space = &p->space, .cancel = c->plan.cancel};
	int rc = settle_page(&s, page, off, state, err);

	c->counts.read_bytes += s.read_bytes;
	count_reread(c);
	if (rc != 0)
		return rc;
	return *state == PAGE_BAD ? pages_still_bad(p, off, err) : 0;
}

/* Of a page without a sum that is to be taken: 0 it is what it was, LATE it is not,
 * LOOK_AGAIN this was no second reading. */
static int second_look(struct copier *c, const unsigned char *page, uint64_t off)
{
	if (!glimpse_has(&c->glimpse, off))
		return LOOK_AGAIN;
	if (glimpse_agrees(&c->glimpse, page, off))
		return 0;
	count_reread(c);
	*vec_push(&c->glimpse.late) = off;
	return LATE;
}

static enum choice choose(const struct pages *p, const unsigned char *page, enum page_state state,
                          uint64_t off)
{
	return choose_page(p->item, state, page_lsn(page), off);
}

static int put(struct pages *p, const unsigned char *page, uint64_t off, enum choice choice,
               struct err *err)
{
	struct copier *c = p->c;
	struct extent e = {.file = p->item->file, .off = off, .len = p->space.page_size};

	c->counts.pages++;
	if (choice == CHOICE_SKIP)
		return 0;
	if (choice == CHOICE_ZERO)
		e.zero = 1;
	else
		c->counts.pages_stored++;
	return copier_add(c, &e, page, err);
}

int pages_put(struct pages *p, const unsigned char *page, uint64_t off, enum page_state state,
              struct err *err)
{
	struct copier *c = p->c;

	if (state == PAGE_UNVERIFIED)
		count_unverified(c);
	if (state == PAGE_GOOD && page_lsn(page) > c->counts.max_lsn)
		c->counts.max_lsn = page_lsn(page);
	return put(p, page, off, choose(p, page, state, off), err);
}

/* One page, lying in the frame's buffer at or behind the place it would get.  0, 1 the
 * file ends before it, LOOK_AGAIN, -1. */
static int one_page(struct pages *p, unsigned char *page, uint64_t off, struct err *err)
{
	enum page_state state;
	int rc = 0;

	if (is_skipped(p->item, item_page_number(p->item, off)))
		return put(p, page, off, CHOICE_TAKE, err);
	state = settle_check(p->item, &p->space, page, off);
	if (state == PAGE_BAD)
		rc = settle(p, page, off, &state, err);
	if (rc == 0 && state == PAGE_UNVERIFIED && choose(p, page, state, off) == CHOICE_TAKE)
		rc = second_look(p->c, page, off);
	if (rc == LATE)
		return 0;
	return rc == 0 ? pages_put(p, page, off, state, err) : rc;
}

static int check_range(const struct item *item, struct err *err)
{
	uint32_t size = item->page_size;

	if (size >= PAGE_MIN_SIZE && size <= PAGE_MAX_SIZE && (size & (size - 1)) == 0 &&
	    item->off % size == 0 && item->len % size == 0)
		return 0;
	return err_set(err, ERR_DAMAGED, "%s: the range %llu+%llu is not of pages of %u bytes",
	               item->name, (unsigned long long)item->off, (unsigned long long)item->len,
	               size);
}

static int next_window(struct pages *p, uint64_t off, struct err *err)
{
	if (pages_put_late(p, err) != 0)
		return -1;
	return glimpse_look(p->c, p->item, p->space.page_size, off, p->end, err);
}

/* One read and what is in it; *off goes on.  0, 1 the file ends at *off, -1. */
static int one_read(struct pages *p, uint64_t *off, struct err *err)
{
	struct copier *c = p->c;
	const uint32_t size = p->space.page_size;
	size_t want = p->end - *off < COPIER_READ ? (size_t)(p->end - *off) : COPIER_READ, n;
	/* What is chosen moves down to the end of the frame, or, when the frame was closed
	 * meanwhile, to its beginning: never over a page not looked at. */
	unsigned char *read = c->fill.buf + c->fill.used;
	uint64_t from = *off;
	int rc = 0;

	if (copier_before_read(c, want, err) != 0 ||
	    fsio_pread(p->item->fd, read, want, from, &n, p->item->name, err) != 0)
		return -1;
	for (size_t at = 0; at + size <= n && rc == 0; at += size)
		if ((rc = one_page(p, read + at, from + at, err)) == 0)
			*off += size;
	if (rc == LOOK_AGAIN) {
		c->counts.read_bytes += n - (*off - from);
		n = (size_t)(*off - from);
	}
	copier_was_read(c, n);
	if (rc == LOOK_AGAIN)
		return next_window(p, *off, err);
	if (rc != 0)
		return rc;
	return n < want; /* it ends here; half a page is one that is being added */
}

int copier_pages(struct copier *c, const struct item *item, uint64_t *ret_end, struct err *err)
{
	struct pages p = {.c = c, .item = item, .end = item->off + item->len};
	uint64_t off = item->off;
	int rc = check_range(item, err);

	if (rc == 0)
		page_space_init(&p.space, item->space_id, item->fsp_flags, item->page_size);
	glimpse_forget(&c->glimpse);
	while (rc == 0 && off < p.end)
		rc = one_read(&p, &off, err);
	if (rc < 0 || pages_put_late(&p, err) != 0)
		return -1;
	*ret_end = off;
	return 0;
}
