/*
 * What the directories of an archive hold.
 */
#include <stdlib.h>
#include <string.h>

#include "binlog/archive_json.h"
#include "binlog/archive_parts.h"

#define LINEAGE_TEXT_MAX 65536u

struct entry {
	char *file;
	unsigned kind; /* index into suffixes */
	uint64_t bytes;
};
struct entries {
	VEC(struct entry) list;
};

static const char *const suffixes[] = {ARCHIVE_PART, ARCHIVE_ZST, ARCHIVE_JSON, ARCHIVE_OPEN};

/* What has another name is nobody's here to read or remove. */
static int keep_entry(void *arg, const char *name, uint64_t bytes, struct err *err)
{
	struct entries *l = arg;

	(void)err;
	for (unsigned i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
		if (!str_ends(name, suffixes[i]))
			continue;
		char *file = mem_strndup(name, strlen(name) - strlen(suffixes[i]));
		if (archive_file_valid(file))
			*vec_push(&l->list) = (struct entry){file, i, bytes};
		else
			free(file);
		break;
	}
	return 0;
}

static int entry_order(const void *a, const void *b)
{
	return archive_file_order(((const struct entry *)a)->file, ((const struct entry *)b)->file);
}

static void merge(struct entries *from, struct archive_items *to)
{
	if (from->list.n)
		qsort(from->list.v, from->list.n, sizeof *from->list.v, entry_order);
	for (size_t i = 0; i < from->list.n; i++) {
		struct entry *e = &from->list.v[i];
		size_t n = to->list.n;
		if (n && !strcmp(to->list.v[n - 1].file, e->file))
			free(e->file);
		else
			*vec_push(&to->list) = (struct archive_item){
			    e->file, ARCHIVE_NONE, ARCHIVE_NONE, ARCHIVE_NONE, ARCHIVE_NONE};
		struct archive_item *item = &to->list.v[to->list.n - 1];
		*(uint64_t *[]){&item->part, &item->zst, &item->json, &item->open}[e->kind] =
		    e->bytes;
	}
}

int archive_items_list(const struct archive_at *at, struct archive_items *ret, struct err *err)
{
	struct entries found = {0};
	char *dir = archive_dir(at);
	int rc = repo_list(at->repo, dir, keep_entry, &found, err);

	if (rc == 0) {
		*ret = (struct archive_items){0};
		merge(&found, ret);
	} else {
		for (size_t i = 0; i < found.list.n; i++)
			free(found.list.v[i].file);
	}
	vec_done(&found.list);
	free(dir);
	return rc;
}

void archive_items_done(struct archive_items *l)
{
	for (size_t i = 0; i < l->list.n; i++)
		free(l->list.v[i].file);
	vec_done(&l->list);
}

static int note_other(void *arg, const char *name, uint64_t bytes, struct err *err)
{
	(void)bytes, (void)err;
	*(bool *)arg |= strcmp(name, ARCHIVE_LINEAGE) != 0;
	return 0;
}

int archive_remove_empty(const struct archive_at *at, struct err *err)
{
	char *dir = archive_dir(at), *number = mem_printf("%s" ARCHIVE_LINEAGE, dir);
	bool others = false;
	int rc = repo_list(at->repo, dir, note_other, &others, err);

	if (rc == 0)
		rc = others ? repo_remove(at->repo, number, err)
		            : repo_remove_all(at->repo, dir, err);
	free(number);
	free(dir);
	return rc;
}

/* ---- lineages */

static int keep_lineage(void *arg, const char *name, uint64_t bytes, struct err *err)
{
	struct lineage_names *l = arg;
	size_t n = strlen(name);

	(void)bytes, (void)err;
	if (n < 2 || n > LINEAGE_MAX || name[n - 1] != '/')
		return 0;
	struct lineage_name found = {0};
	memcpy(found.name, name, n - 1);
	if (archive_lineage_valid(found.name))
		*vec_push(&l->list) = found;
	return 0;
}

/* Without its number a lineage is still there: it sorts by its name, before the others. */
static int read_number(const struct archive_at *at, uint64_t *ret, struct err *err)
{
	char *dir = archive_dir(at), *name = mem_printf("%s" ARCHIVE_LINEAGE, dir);
	unsigned char *text = NULL;
	struct err why = ERR_INIT;
	size_t n;
	int rc = repo_get_all(at->repo, name, LINEAGE_TEXT_MAX, &text, &n, &why);

	if (rc == 0)
		rc = lineage_read((const char *)text, n, ret, &why);
	if (rc < 0 && (why.kind == ERR_NOT_FOUND || why.kind == ERR_DAMAGED))
		rc = 0;
	if (rc < 0 && err)
		*err = why;
	free(text);
	free(name);
	free(dir);
	return rc;
}

static int lineage_order(const void *a, const void *b)
{
	const struct lineage_name *x = a, *y = b;

	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return strcmp(x->name, y->name);
}

int archive_lineages(struct repo *r, const char *instance, struct lineage_names *ret,
                     struct err *err)
{
	struct lineage_names l = {0};
	char *root = archive_root(instance);
	int rc = repo_list(r, root, keep_lineage, &l, err);

	for (size_t i = 0; rc == 0 && i < l.list.n; i++) {
		struct archive_at at = {r, instance, l.list.v[i].name};
		rc = read_number(&at, &l.list.v[i].number, err);
	}
	if (l.list.n)
		qsort(l.list.v, l.list.n, sizeof *l.list.v, lineage_order);
	if (rc == 0)
		*ret = l;
	else
		vec_done(&l.list);
	free(root);
	return rc;
}
