/*
 * What a crash left, at whatever point of the order in which things are done:
 *
 *	lineage.json, .open, .part; events; .zst, .json; .part and .open go
 *	and when expired: .json, then .zst
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "binlog/archive_writer.h"

struct heal {
	struct archive *a;
	struct archive_at at;
	bool newest;
	struct archive_items items;
	size_t left; /* segments there are */
	bool broken; /* one is in the way that cannot be used */
};

static int remove_object(const struct heal *h, const char *file, const char *suffix,
                         struct err *err)
{
	char *name = archive_object(&h->at, file, suffix);
	int rc = repo_remove(h->at.repo, name, err);
	free(name);
	return rc;
}

static int remove_part(const struct heal *h, const struct archive_item *item, struct err *err)
{
	if (item->part != ARCHIVE_NONE && remove_object(h, item->file, ARCHIVE_PART, err) < 0)
		return -1;
	if (item->open != ARCHIVE_NONE && remove_object(h, item->file, ARCHIVE_OPEN, err) < 0)
		return -1;
	return 0;
}

/* Go on with it: cut off the torn end, and make sure of the rest, which its writer may
 * not have. */
static int resume(struct heal *h, const char *file, struct segment *s, struct err *err)
{
	struct archive *a = h->a;
	char *name = archive_object(&h->at, file, ARCHIVE_PART);
	int rc = repo_append(h->at.repo, name, &a->part, err);

	if (rc == 0 && a->part->size > s->size)
		rc = repo_append_cut(a->part, s->size, err);
	if (rc == 0)
		rc = repo_append_sync(a->part, err);
	if (rc == 0) {
		a->durable = s->size;
		a->s = *s;
		*s = (struct segment){0};
	}
	free(name);
	return rc;
}

/* A writer that died leaves an event that is not all there.  If more than that goes, it
 * was damaged later: of the newest lineage the server is asked for it once more, of
 * others it is lost. */
static void tell_cut(const struct heal *h, const struct archive_item *item, const struct segment *s)
{
	uint64_t cut = item->part - s->size;
	unsigned char head[BINLOG_HEADER_SIZE];
	struct binlog_event e = {0};
	char *name = archive_object(&h->at, item->file, ARCHIVE_PART);

	if (cut >= sizeof head &&
	    repo_read(h->at.repo, name, s->size, head, sizeof head, NULL) == 0 &&
	    (binlog_header_parse(head, sizeof head, &e, NULL) < 0 || e.size <= cut)) {
		struct err why = ERR_INIT;
		err_set(&why, ERR_DAMAGED,
		        "%s: no whole event is at offset %" PRIu64 ", and %" PRIu64
		        " bytes follow, which are cut off",
		        name, s->size, cut);
		err_hint(&why, "Check the disk of the repository.  What the server still has is "
		               "fetched again; else run a full backup.");
		log_err(LOG_LEVEL_WARN, &why, "an archived binlog was damaged", "instance=%s",
		        h->at.instance);
	}
	free(name);
}

static int heal_part(struct heal *h, const struct archive_item *item, bool last, struct err *err)
{
	struct segment s = {0};
	struct err why = ERR_INIT;
	int rc;

	if (item->zst != ARCHIVE_NONE && remove_object(h, item->file, ARCHIVE_ZST, err) < 0)
		return -1;
	if (segment_measure(&h->at, item, true, &s, h->a->cancel, &why) < 0) {
		if (why.kind != ERR_DAMAGED || item->part > ARCHIVE_UNBORN_MAX) {
			h->broken = true;
			h->left++;
			if (why.kind == ERR_DAMAGED)
				return 0;
			if (err)
				*err = why;
			return -1;
		}
		return remove_part(h, item, err);
	}
	h->left++;
	tell_cut(h, item, &s);
	if (last)
		rc = resume(h, item->file, &s, err);
	else
		rc = press_close(&h->a->press, &h->at, &s, err);
	segment_done(&s);
	return rc;
}

/* Of a closed one whose .part is still there: that goes if it is not needed. */
static int heal_closed(struct heal *h, const struct archive_item *item, bool last, struct err *err)
{
	struct segment s = {0};
	struct err why = ERR_INIT;
	int rc = 0;

	if (segment_load(&h->at, item, &s, &why) == 0) {
		h->left++;
		rc = remove_part(h, item, err);
	} else if (why.kind == ERR_DAMAGED &&
	           segment_measure(&h->at, item, true, &s, h->a->cancel, &why) == 0) {
		/* What was made of it is not what it should be; it can be made again. */
		rc = remove_object(h, item->file, ARCHIVE_JSON, err);
		if (rc == 0)
			rc = heal_part(h, item, last, err);
	} else if (why.kind == ERR_DAMAGED || why.kind == ERR_REFUSED) {
		h->left++;
	} else {
		if (err)
			*err = why;
		rc = -1;
	}
	segment_done(&s);
	return rc;
}

static int heal_item(struct heal *h, const struct archive_item *item, bool last, struct err *err)
{
	if (item->json != ARCHIVE_NONE && item->part != ARCHIVE_NONE)
		return heal_closed(h, item, last, err);
	if (item->json != ARCHIVE_NONE) {
		h->left++;
		return remove_part(h, item, err);
	}
	if (item->part != ARCHIVE_NONE)
		return heal_part(h, item, last, err);
	if (item->zst != ARCHIVE_NONE && remove_object(h, item->file, ARCHIVE_ZST, err) < 0)
		return -1;
	return remove_part(h, item, err);
}

/* The last one whose index can be read: one that cannot is fetched anew, if the server
 * still has it. */
static int find_last(struct heal *h, struct err *err)
{
	struct archive *a = h->a;

	for (size_t i = h->items.list.n; i-- > 0;) {
		struct err why = ERR_INIT;
		if (h->items.list.v[i].json == ARCHIVE_NONE)
			continue;
		if (segment_load(&h->at, &h->items.list.v[i], &a->s, &why) == 0)
			return 0;
		if (why.kind == ERR_DAMAGED || why.kind == ERR_REFUSED)
			continue;
		if (err)
			*err = why;
		return -1;
	}
	return 0;
}

/* Items of the newest lineage are listed again: closing changed them. */
static int find_tail(struct heal *h, struct err *err)
{
	struct archive *a = h->a;

	memcpy(a->lineage, h->at.lineage, strlen(h->at.lineage) + 1);
	if (a->part || h->broken)
		return 0;
	archive_items_done(&h->items);
	if (archive_items_list(&h->at, &h->items, err) < 0)
		return -1;
	return find_last(h, err);
}

static int heal_lineage(struct heal *h, struct err *err)
{
	char *dir = archive_dir(&h->at);
	int rc = repo_sweep(h->at.repo, dir, err);

	if (rc == 0)
		rc = archive_items_list(&h->at, &h->items, err);
	for (size_t i = 0; rc == 0 && i < h->items.list.n; i++)
		rc = heal_item(h, &h->items.list.v[i], h->newest && i + 1 == h->items.list.n, err);
	if (rc == 0 && h->left == 0)
		rc = archive_remove_empty(&h->at, err);
	else if (rc == 0 && h->newest)
		rc = find_tail(h, err);
	free(dir);
	archive_items_done(&h->items);
	return rc;
}

int archive_settle(struct archive *a, struct err *err)
{
	struct lineage_names names = {0};
	bool newest = true;

	archive_drop(a);
	int rc = archive_lineages(a->repo, a->instance, &names, err);
	for (size_t i = names.list.n; rc == 0 && i-- > 0;) {
		const struct lineage_name *l = &names.list.v[i];
		struct heal h = {.a = a, .at = {a->repo, a->instance, l->name}, .newest = newest};
		if (l->number > a->number)
			a->number = l->number;
		rc = heal_lineage(&h, err);
		if (h.left)
			newest = false;
	}
	vec_done(&names.list);
	if (rc < 0) {
		archive_drop(a);
		return err_add(err, "binlog archive of instance %s", a->instance);
	}
	a->settled = true;
	return 0;
}
