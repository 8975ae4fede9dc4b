#include "model/catalog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void catalog_init(struct catalog *c)
{
	*c = (struct catalog){0};
}

void catalog_done(struct catalog *c)
{
	for (size_t i = 0; i < c->backups.n; i++)
		manifest_free(c->backups.v[i]);
	vec_done(&c->backups);
	free(c->damaged);
	catalog_init(c);
}

void catalog_add(struct catalog *c, struct manifest *head)
{
	size_t at;

	*vec_push(&c->backups) = head;
	for (at = c->backups.n - 1; at > 0; at--) {
		if (strcmp(c->backups.v[at - 1]->id, head->id) <= 0)
			break;
		c->backups.v[at] = c->backups.v[at - 1];
	}
	c->backups.v[at] = head;
}

void catalog_add_damaged(struct catalog *c, const char *id, const struct err *why)
{
	struct catalog_damaged *d;

	c->damaged = mem_resize(c->damaged, c->damaged_n + 1, sizeof *c->damaged);
	d = &c->damaged[c->damaged_n++];
	snprintf(d->id, sizeof d->id, "%s", id);
	d->why = *why;
}

static int compare_id(const void *id, const void *item)
{
	return strcmp(id, (*(struct manifest *const *)item)->id);
}

const struct manifest *catalog_find(const struct catalog *c, const char *id)
{
	struct manifest **at;

	if (c->backups.n == 0)
		return NULL;
	at = bsearch(id, c->backups.v, c->backups.n, sizeof *c->backups.v, compare_id);
	return at ? *at : NULL;
}

const struct manifest *catalog_newest(const struct catalog *c)
{
	return c->backups.n ? c->backups.v[c->backups.n - 1] : NULL;
}

const struct manifest *catalog_newest_of(const struct catalog *c, enum backup_kind kind)
{
	for (size_t i = c->backups.n; i-- > 0;)
		if (c->backups.v[i]->kind == kind)
			return c->backups.v[i];
	return NULL;
}

static const struct catalog_damaged *find_damaged(const struct catalog *c, const char *id)
{
	for (size_t i = 0; i < c->damaged_n; i++)
		if (!strcmp(c->damaged[i].id, id))
			return &c->damaged[i];
	return NULL;
}

/* `child` NULL: somebody asked for `id` itself. */
static int no_link(const struct catalog *c, const char *id, const struct manifest *child,
                   struct err *err)
{
	const struct catalog_damaged *d = find_damaged(c, id);

	if (d && child)
		err_set(err, ERR_DAMAGED, "backup %s needs its parent %s, which cannot be read: %s",
		        child->id, id, d->why.text);
	else if (d)
		err_set(err, ERR_DAMAGED, "backup %s cannot be read: %s", id, d->why.text);
	else if (child)
		err_set(err, ERR_DAMAGED, "backup %s needs its parent %s, which is missing",
		        child->id, id);
	else
		err_set(err, ERR_NOT_FOUND, "no backup %s", id);
	return err_hint(err, d || child ? "Choose an older backup, and take a new full one."
	                                : "mybakctl list shows what there is.");
}

/* A full ends a chain and only a full does; the reader of manifests sees to it, but
 * an endless walk is too high a price for trusting it. */
static int check_link(const struct manifest *m, size_t n, size_t most, struct err *err)
{
	if (n > most)
		return err_set(err, ERR_DAMAGED, "the chain of parents of backup %s is a circle",
		               m->id);
	if ((m->kind == BACKUP_FULL) != !m->parent[0])
		return err_set(err, ERR_DAMAGED, "backup %s is %s, but has %s parent", m->id,
		               backup_kind_name(m->kind), m->parent[0] ? "a" : "no");
	return 0;
}

int catalog_chain(const struct catalog *c, const char *id, const struct manifest ***ret_chain,
                  size_t *ret_n, struct err *err)
{
	VEC(const struct manifest *) chain = {0};
	const struct manifest *m = NULL;

	do {
		const struct manifest *next = catalog_find(c, id);
		if (!next) {
			no_link(c, id, m, err);
			goto fail;
		}
		m = next;
		*vec_push(&chain) = m;
		if (check_link(m, chain.n, c->backups.n, err))
			goto fail;
		id = m->parent;
	} while (m->kind != BACKUP_FULL);
	*ret_chain = chain.v;
	*ret_n = chain.n;
	return 0;
fail:
	vec_done(&chain);
	return -1;
}
