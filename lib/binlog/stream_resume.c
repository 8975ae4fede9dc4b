#include "binlog/stream_resume.h"

#include <stdio.h>
#include <string.h>

static const struct server_file *find_file(const struct server_look *l, const char *name)
{
	for (size_t i = 0; i < l->files.n; i++)
		if (strcmp(l->files.v[i].name, name) == 0)
			return &l->files.v[i];
	return NULL;
}

const char *resume_file_behind(const struct server_look *l, const char *file)
{
	const struct server_file *f = find_file(l, file);

	return f && f + 1 < l->files.v + l->files.n ? f[1].name : NULL;
}

/* Do they differ in their number only? */
static bool same_base(const char *a, const char *b)
{
	const char *end_a = strrchr(a, '.'), *end_b = strrchr(b, '.');

	return end_a && end_b && end_a - a == end_b - b && strncmp(a, b, (size_t)(end_a - a)) == 0;
}

void resume_from(struct resume *r, enum resume_kind kind, const char *file)
{
	r->kind = kind;
	snprintf(r->file, sizeof r->file, "%s", file);
	r->pos = BINLOG_MAGIC_SIZE;
}

void resume_choose(const struct server_look *l, const struct history *h, struct resume *ret)
{
	const struct server_file *first = &l->files.v[0];

	resume_from(ret, RESUME_LINEAGE, first->name);
	if (!h->any)
		return;
	const struct server_file *same = find_file(l, h->file);
	if (same && same->size >= h->pos) {
		/* The last event is read once more, to be compared.  A stream cannot begin
		 * behind 4 GiB: then all of the file goes by. */
		resume_from(ret, RESUME_HERE, h->file);
		if (h->last.pos <= UINT32_MAX)
			ret->pos = h->last.pos;
	} else if (!same && h->last.next[0] && strcmp(first->name, h->last.next) == 0) {
		ret->kind = RESUME_NEXT;
	} else if (!same && same_base(first->name, h->file) &&
	           archive_file_order(first->name, h->file) > 0) {
		ret->kind = RESUME_GAP;
	}
}
