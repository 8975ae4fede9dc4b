#include <stdlib.h>
#include <string.h>

#include "binlog/archive_parts.h"

struct removal {
	struct archive_at at;
	struct archive_items items;
	const char *keep_from;
	uint64_t freed;
};

static bool goes(const struct removal *x, const struct archive_item *item)
{
	return !x->keep_from || archive_file_order(item->file, x->keep_from) < 0;
}

static int remove_one(struct removal *x, const char *file, uint64_t bytes, const char *suffix,
                      struct err *err)
{
	if (bytes == ARCHIVE_NONE)
		return 0;
	char *name = archive_object(&x->at, file, suffix);
	int rc = repo_remove(x->at.repo, name, err);
	free(name);
	if (rc == 0)
		x->freed += bytes;
	return rc;
}

/* Its index first: from then on it does not exist.  A part without one belongs to a
 * lineage that goes as a whole, or is left over. */
static int remove_item(struct removal *x, const struct archive_item *item, struct err *err)
{
	if (remove_one(x, item->file, item->json, ARCHIVE_JSON, err) < 0 ||
	    remove_one(x, item->file, item->zst, ARCHIVE_ZST, err) < 0 ||
	    remove_one(x, item->file, item->part, ARCHIVE_PART, err) < 0 ||
	    remove_one(x, item->file, item->open, ARCHIVE_OPEN, err) < 0)
		return -1;
	return 0;
}

/* Nothing is in it any more but its number. */
static int remove_empty(struct removal *x, struct err *err)
{
	archive_items_done(&x->items);
	int rc = archive_items_list(&x->at, &x->items, err);
	if (rc == 0 && x->items.list.n == 0)
		rc = archive_remove_empty(&x->at, err);
	return rc;
}

int archive_remove_before(struct repo *r, const char *instance, const struct lineage *l,
                          const char *keep_from, uint64_t *ret_freed, struct err *err)
{
	struct removal x = {.at = {r, instance, l->name}, .keep_from = keep_from};
	int rc = archive_items_list(&x.at, &x.items, err);

	for (size_t i = 0; rc == 0 && i < x.items.list.n; i++)
		if (goes(&x, &x.items.list.v[i]))
			rc = remove_item(&x, &x.items.list.v[i], err);
	if (rc == 0 && !keep_from)
		rc = remove_empty(&x, err);
	archive_items_done(&x.items);
	*ret_freed = x.freed;
	return rc < 0 ? err_add(err, "removing binlogs of lineage %s", l->name) : 0;
}
