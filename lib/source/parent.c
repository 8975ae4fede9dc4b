#include "source/parent.h"

#include <stdlib.h>
#include <string.h>

static int by_inode(const void *a, const void *b, void *arg)
{
	const struct manifest *m = arg;
	uint64_t x = m->files.v[*(const uint32_t *)a].stamp.ino;
	uint64_t y = m->files.v[*(const uint32_t *)b].stamp.ino;
	return x < y ? -1 : x > y;
}

static int compare_place(const char *root_a, const char *path_a, const char *root_b,
                         const char *path_b)
{
	int c = strcmp(path_a, path_b);
	return c ? c : strcmp(root_a, root_b);
}

static const char *root_path(const struct manifest *m, const struct manifest_file *f)
{
	return m->roots.v[f->root].path;
}

static int by_path(const void *a, const void *b, void *arg)
{
	const struct manifest *m = arg;
	const struct manifest_file *x = &m->files.v[*(const uint32_t *)a];
	const struct manifest_file *y = &m->files.v[*(const uint32_t *)b];
	return compare_place(root_path(m, x), x->path, root_path(m, y), y->path);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names of files with corrupt pages, sorted; a file with many comes as often. */
static const char **corrupt_paths(const struct manifest *m)
{
	const char **paths = mem_resize(NULL, m->corrupt.n, sizeof *paths);
	for (size_t i = 0; i < m->corrupt.n; i++)
		paths[i] = m->corrupt.v[i].path;
	if (m->corrupt.n)
		qsort(paths, m->corrupt.n, sizeof *paths, by_text);
	return paths;
}

void parent_init(struct parent *p, const struct manifest *m)
{
	*p = (struct parent){.m = m};
	if (!m || !m->files.n)
		return;
	p->by_inode = mem_resize(NULL, m->files.n, sizeof *p->by_inode);
	p->by_path = mem_resize(NULL, m->files.n, sizeof *p->by_path);
	/* A corrupt page may be whole now without its LSN having moved (a cable, a cache):
	 * only reading all of the file again brings it back, or lists it again. */
	const char **corrupt = corrupt_paths(m);
	for (size_t i = 0; i < m->files.n; i++) {
		const struct manifest_file *f = &m->files.v[i];
		if (f->kind == FILE_PLAIN)
			p->by_path[p->path_n++] = (uint32_t)i;
		else if (f->kind == FILE_INNODB &&
		         !(m->corrupt.n &&
		           bsearch(&f->path, corrupt, m->corrupt.n, sizeof *corrupt, by_text)))
			p->by_inode[p->inode_n++] = (uint32_t)i;
	}
	free(corrupt);
	union {
		const struct manifest *in;
		void *out;
	} arg = {.in = m}; /* qsort_r only lends it to the comparisons */
	qsort_r(p->by_inode, p->inode_n, sizeof *p->by_inode, by_inode, arg.out);
	qsort_r(p->by_path, p->path_n, sizeof *p->by_path, by_path, arg.out);
}

void parent_done(struct parent *p)
{
	free(p->by_inode);
	free(p->by_path);
	*p = (struct parent){0};
}

int64_t parent_find_innodb(const struct parent *p, const struct file_stamp *stamp)
{
	size_t lo = 0, hi = p->inode_n;
	while (lo < hi) { /* the first with this inode number */
		size_t mid = lo + (hi - lo) / 2;
		if (p->m->files.v[p->by_inode[mid]].stamp.ino < stamp->ino)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < p->inode_n; lo++) {
		const struct file_stamp *was = &p->m->files.v[p->by_inode[lo]].stamp;
		if (was->ino != stamp->ino)
			break;
		if (stamp_same_file(was, stamp))
			return p->by_inode[lo];
	}
	return -1;
}

int64_t parent_find_plain(const struct parent *p, const struct manifest *out, const struct found *f)
{
	size_t lo = 0, hi = p->path_n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct manifest_file *x = &p->m->files.v[p->by_path[mid]];
		int c =
		    compare_place(root_path(p->m, x), x->path, out->roots.v[f->root].path, f->path);
		if (c == 0)
			return p->by_path[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return -1;
}
