#include "job/backup_parent.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "job/catalog_load.h"
#include "model/catalog.h"

static bool series_differs(const struct manifest *m, const struct facts *f)
{
	enum flavour flavour;
	unsigned major, minor, patch;
	if (flavour_parse(m->version, &flavour, &major, &minor, &patch) != 0)
		return true;
	return flavour != f->flavour || major != f->major || minor != f->minor;
}

/* A directory made anew (a restore, a copy) is another history of the same LSNs. */
static bool directory_differs(const struct manifest *m, const char *datadir)
{
	struct statx sx;
	if (!m->roots.n || strcmp(m->roots.v[0].path, datadir) != 0)
		return true;
	if (statx(AT_FDCWD, datadir, 0, STATX_BASIC_STATS | STATX_BTIME, &sx) != 0)
		return true;
	int64_t btime = sx.stx_mask & STATX_BTIME
	                    ? (int64_t)sx.stx_btime.tv_sec * 1000000000LL + sx.stx_btime.tv_nsec
	                    : 0;
	return m->roots.v[0].ino != sx.stx_ino || m->roots.v[0].btime_ns != btime;
}

/* NULL: it fits; otherwise why not. */
static char *why_unfit(const struct parent_wish *w, const struct manifest *m)
{
	if (strcmp(m->method, w->method) != 0)
		return mem_printf("%s was made by method %s", m->id, m->method);
	if (series_differs(m, w->facts))
		return mem_printf("%s is of server version %s, the server is %s now", m->id,
		                  m->version, w->facts->version);
	if (strcmp(m->uuid, w->facts->uuid ? w->facts->uuid : "") != 0)
		return mem_printf("%s is of another server (uuid %s)", m->id, m->uuid);
	if (m->page_size != w->facts->page_size)
		return mem_printf("%s has another innodb_page_size", m->id);
	if (directory_differs(m, w->facts->datadir))
		return mem_printf("the data directory was made anew since %s", m->id);
	if (w->current_lsn < m->lsn_end)
		return mem_printf(
		    "the server's LSN went back behind %s: it was restored or rolled back", m->id);
	return NULL;
}

/* NULL: the object is there in this size; takes `name` over. */
static char *why_object(struct repo *repo, const char *id, char *name, uint64_t want)
{
	struct err e = ERR_INIT;
	uint64_t bytes = 0;
	char *why = NULL;

	if (repo_size(repo, name, &bytes, &e) != 0)
		why = mem_printf("%s is damaged: %s", id, e.text);
	else if (bytes != want)
		why = mem_printf("%s is damaged: %s has %llu bytes, not %llu", id, name,
		                 (unsigned long long)bytes, (unsigned long long)want);
	free(name);
	return why;
}

static char *why_pack(const struct parent_wish *w, const char *id, const struct manifest_pack *p)
{
	char *why = why_object(w->repo, id, repo_name_pack(w->instance, id, p->number), p->bytes);

	return why ? why
	           : why_object(w->repo, id, repo_name_index(w->instance, id, p->number),
	                        p->index_bytes);
}

/* Are the packs and indexes of all links still there in the right size? */
static char *why_broken(const struct parent_wish *w, const struct catalog *c,
                        const struct manifest *m)
{
	const struct manifest **chain = NULL;
	size_t n = 0;
	char *why = NULL;
	struct err e = ERR_INIT;

	if (catalog_chain(c, m->id, &chain, &n, &e) != 0)
		return mem_printf("%s cannot be restored: %s", m->id, e.text);
	for (size_t i = 0; i < n && !why; i++)
		for (size_t k = 0; k < chain[i]->packs.n && !why; k++)
			why = why_pack(w, chain[i]->id, &chain[i]->packs.v[k]);
	free(chain);
	return why;
}

int parent_choose(const struct parent_wish *w, struct manifest **ret, char **ret_reason,
                  struct err *err)
{
	struct catalog c;
	char *reason = NULL;
	struct manifest *parent = NULL;

	catalog_init(&c);
	if (catalog_load(w->repo, w->instance, &c, err) != 0)
		return -1;
	for (size_t i = c.backups.n; i-- > 0 && !parent;) {
		const struct manifest *m = c.backups.v[i];
		struct err e = ERR_INIT;
		char *why = why_unfit(w, m);
		if (!why)
			why = why_broken(w, &c, m);
		if (!why && manifest_load(w->repo, w->instance, m->id, true, &parent, &e) != 0)
			why = mem_printf("%s cannot be read: %s", m->id, e.text);
		/* The newest one's reason is the one worth telling. */
		if (why && !reason)
			reason = why;
		else
			free(why);
	}
	if (!parent && !reason)
		reason = c.damaged_n ? mem_printf("%s cannot be read: %s", c.damaged[0].id,
		                                  c.damaged[0].why.text)
		                     : mem_strdup("there is no backup yet that it could stand on");
	catalog_done(&c);
	*ret = parent;
	*ret_reason = reason;
	return 0;
}
