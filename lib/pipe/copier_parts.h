/*
 * What the files of the copier share: copier.c (frames, items, bytes), copier_pages.c
 * (files of pages), copier_late.c (pages of them that changed between two readings),
 * copier_plain.c (all others).
 */
#ifndef PIPE_COPIER_PARTS_H
#define PIPE_COPIER_PARTS_H

#include "innodb/page.h"
#include "pipe/codec.h"
#include "pipe/copier.h"
#include "pipe/fill.h"
#include "pipe/glimpse.h"

/* What one read asks for: large enough that the call costs nothing, small enough to
 * be in the CPU's cache still when the pages are checked and hashed. */
#define COPIER_READ FILL_SLACK

struct copier {
	struct copier_plan plan;
	struct codec *codec;
	int level;  /* for the next frame that is begun */
	bool hurry; /* the item's: the rate is not limited */
	struct fill fill;
	unsigned char *spare; /* a second reading: of a page, or of an unstable file */
	struct glimpse glimpse;
	struct copier_counts counts;
	VEC(struct copier_corrupt) corrupt;
};

/* Before each read: cancelled?  And as slowly as the policy wants it. */
int copier_before_read(struct copier *c, uint64_t bytes, struct err *err);
void copier_was_read(struct copier *c, uint64_t bytes);

/* Add an extent, closing the frame first if it does not fit; at most FRAME_RAW_MAX
 * bytes. */
int copier_add(struct copier *c, const struct extent *e, const void *bytes, struct err *err);

/* A file of pages on its way. */
struct pages {
	struct copier *c;
	const struct item *item;
	struct page_space space;
	uint64_t end;
};

/* The page is `state`, and nothing more is to be known of it: chosen, counted, added. */
int pages_put(struct pages *p, const unsigned char *page, uint64_t off, enum page_state state,
              struct err *err);
/* It stays corrupt: an error, or one of a list. */
int pages_still_bad(struct pages *p, uint64_t off, struct err *err);
/* Those that glimpse has found late: until two readings agree.  ERR_BUSY if those of one
 * never do. */
int pages_put_late(struct pages *p, struct err *err);

int copier_pages(struct copier *c, const struct item *item, uint64_t *ret_end, struct err *err);
int copier_plain(struct copier *c, const struct item *item, uint64_t *ret_end, struct err *err);

#endif
