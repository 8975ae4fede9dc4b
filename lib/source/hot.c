#include "source/hot.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"

static void work_prepare(struct hot *h, struct work *w)
{
	work_init(w);
	w->out = h->out;
	w->parent = &h->parent;
	w->names = &h->names;
	w->unstable = h->rules->unstable;
	w->names_fixed = h->rules->names_fixed;
	w->server_page_size = h->plan.facts->page_size;
	w->myisam_mmap = h->plan.facts->myisam_mmap;
}

int hot_init(struct hot *h, const struct source_ops *ops, const struct hot_rules *rules,
             const struct source_plan *plan, struct err *err)
{
	h->source.ops = ops;
	h->rules = rules;
	h->plan = *plan;
	h->out = plan->out;
	pthread_mutex_init(&h->lock, NULL);
	parent_init(&h->parent, plan->parent);
	work_prepare(h, &h->first);
	work_prepare(h, &h->second);
	h->second.hurry = true;
	h->work = &h->first;
	h->stage = 1;
	scan_root(h->out, plan->facts->datadir, "datadir");
	return names_init(&h->names, plan->facts, h->out, err);
}

void hot_done(struct hot *h)
{
	work_done(&h->first);
	work_done(&h->second);
	names_done(&h->names);
	parent_done(&h->parent);
	pthread_mutex_destroy(&h->lock);
}

void hot_add_redo_file(struct hot *h, const char *path, const char *like)
{
	struct manifest_file f = {
	    .path = mem_strdup(path), .kind = FILE_REDO, .base = -1, .mode = 0660};
	struct stat st;
	if (stat(like, &st) == 0) {
		f.mode = st.st_mode & 07777u;
		f.uid = st.st_uid;
		f.gid = st.st_gid;
	}
	*vec_push(&h->out->files) = f;
}

void hot_add_total(struct hot *h, const struct work *w)
{
	if (h->plan.progress)
		atomic_fetch_add(&h->plan.progress->bytes_total, work_bytes(w));
}

void hot_say_step(struct hot *h, const char *literal)
{
	if (h->plan.progress)
		progress_step(h->plan.progress, literal);
}

int hot_next(struct hot *h, struct item *ret, struct err *err)
{
	pthread_mutex_lock(&h->lock);
	int rc = work_next(h->work, ret, err);
	pthread_mutex_unlock(&h->lock);
	return rc;
}

/* A file that ended before its scanned size was cut short meanwhile (an undo
 * tablespace being truncated): redo owes the rest. */
void hot_item_done(struct source *s, const struct item *item, uint64_t end)
{
	struct hot *h = (struct hot *)s;
	if (item->fd < 0 || end >= item->off + item->len)
		return;
	pthread_mutex_lock(&h->lock);
	struct manifest_file *m = &h->out->files.v[item->file];
	if (end < m->size)
		m->size = end;
	pthread_mutex_unlock(&h->lock);
}

void hot_sum_sizes(struct hot *h)
{
	struct manifest *m = h->out;
	m->size_bytes = 0;
	for (size_t i = 0; i < m->files.n; i++)
		if (m->files.v[i].kind == FILE_INNODB || m->files.v[i].kind == FILE_PLAIN)
			m->size_bytes += m->files.v[i].size;
}

/* Without it the position is as good, but cannot be told from one in another history of
 * the same names. */
uint32_t hot_binlog_created(const char *basename, const char *file)
{
	static const unsigned char magic[4] = {0xfe, 'b', 'i', 'n'};
	unsigned char head[8];
	const char *slash = basename ? strrchr(basename, '/') : NULL;
	uint32_t created = 0;
	if (!slash || !file || strchr(file, '/'))
		return 0;
	char *path = mem_printf("%.*s/%s", (int)(slash - basename), basename, file);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	free(path);
	if (fd < 0)
		return 0;
	if (read(fd, head, sizeof head) == (ssize_t)sizeof head && !memcmp(head, magic, 4))
		created = le32_get(head + 4);
	close(fd);
	return created;
}
