#include "base/fsio.h"
#include "pipe/choose.h"
#include "pipe/copier_parts.h"
#include "pipe/settle.h"

struct pages {
	struct copier *c;
	const struct item *item;
	struct page_space space;
};

static int still_bad(struct pages *p, uint64_t no, struct err *err)
{
	struct copier *c = p->c;

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

/* The slow way, for a page that was torn or keeps no sum.  0, 1 the file now ends
 * before it, -1. */
static int settle(struct pages *p, unsigned char *page, uint64_t off, enum page_state *state,
                  struct err *err)
{
	struct copier *c = p->c;
	struct settle s = {
	    .item = p->item, .space = &p->space, .cancel = c->plan.cancel, .spare = c->spare};
	int rc = settle_page(&s, page, off, state, err);

	c->counts.read_bytes += s.read_bytes;
	if (s.reread) {
		c->counts.pages_reread++;
		if (c->plan.progress)
			atomic_fetch_add_explicit(&c->plan.progress->pages_reread, 1,
			                          memory_order_relaxed);
	}
	if (rc != 0)
		return rc;
	if (*state == PAGE_UNVERIFIED) {
		c->counts.pages_unverified++;
		if (c->plan.progress)
			atomic_fetch_add_explicit(&c->plan.progress->pages_unverified, 1,
			                          memory_order_relaxed);
	}
	return *state == PAGE_BAD
	           ? still_bad(p, off / p->space.page_size + p->item->first_page, err)
	           : 0;
}

/* One page, lying in the frame's buffer at or behind the place it would get. */
static int one_page(struct pages *p, unsigned char *page, uint64_t off, struct err *err)
{
	struct copier *c = p->c;
	uint64_t no = off / p->space.page_size + p->item->first_page;
	struct extent e = {.file = p->item->file, .off = off, .len = p->space.page_size};
	enum page_state state;
	enum choice choice = CHOICE_TAKE;

	if (!is_skipped(p->item, no)) {
		state = page_check(&p->space, page, no < UINT32_MAX ? (uint32_t)no : UINT32_MAX);
		if (state == PAGE_BAD || state == PAGE_UNVERIFIED) {
			int rc = settle(p, page, off, &state, err);

			if (rc != 0)
				return rc;
		}
		if (state == PAGE_GOOD && page_lsn(page) > c->counts.max_lsn)
			c->counts.max_lsn = page_lsn(page);
		choice = choose_page(p->item, state, page_lsn(page), off);
	}
	c->counts.pages++;
	if (choice == CHOICE_SKIP)
		return 0;
	if (choice == CHOICE_ZERO)
		e.zero = 1;
	else
		c->counts.pages_stored++;
	return copier_add(c, &e, page, err);
}

int copier_pages(struct copier *c, const struct item *item, uint64_t *ret_end, struct err *err)
{
	struct pages p = {.c = c, .item = item};
	const uint32_t size = item->page_size;
	uint64_t off = item->off, end = item->off + item->len;

	if (size < PAGE_MIN_SIZE || size > PAGE_MAX_SIZE || (size & (size - 1)) != 0 ||
	    item->off % size != 0 || item->len % size != 0)
		return err_set(err, ERR_DAMAGED,
		               "%s: the range %llu+%llu is not of pages of %u bytes", item->name,
		               (unsigned long long)item->off, (unsigned long long)item->len, size);
	page_space_init(&p.space, item->space_id, item->fsp_flags, size);
	while (off < end) {
		size_t want = end - off < COPIER_READ ? (size_t)(end - off) : COPIER_READ, n;
		/* What is chosen moves down to the end of the frame, or, when the frame
		 * was closed meanwhile, to its beginning: never over a page not looked at. */
		unsigned char *read = c->fill.buf + c->fill.used;

		if (copier_before_read(c, want, err) != 0 ||
		    fsio_pread(item->fd, read, want, off, &n, item->name, err) != 0)
			return -1;
		copier_was_read(c, n);
		for (size_t at = 0; at + size <= n; at += size, off += size) {
			int rc = one_page(&p, read + at, off, err);

			if (rc < 0)
				return -1;
			if (rc > 0)
				goto ended;
		}
		if (n < want)
			break; /* it ends here; half a page is one that is being added */
	}
ended:
	*ret_end = off;
	return 0;
}
