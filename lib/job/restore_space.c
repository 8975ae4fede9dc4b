#include "job/restore_space.h"

#include <stdlib.h>

#include "base/str.h"
#include "job/restore_redo.h"
#include "job/restore_target.h"

static int find_fs(struct restore_space *s, const char *dir, struct restore_space_fs **ret,
                   struct err *err)
{
	uint64_t dev, avail;

	if (target_space(dir, &dev, &avail, err) < 0)
		return -1;
	for (size_t i = 0; i < s->fs.n; i++)
		if (s->fs.v[i].dev == dev) {
			*ret = &s->fs.v[i];
			return 0;
		}
	*ret = vec_push(&s->fs);
	**ret = (struct restore_space_fs){.dev = dev, .free = avail, .path = mem_strdup(dir)};
	return 0;
}

int restore_space_need(struct restore_space *s, const char *dir, uint64_t bytes, struct err *err)
{
	struct restore_space_fs *fs;

	if (find_fs(s, dir, &fs, err) < 0)
		return -1;
	fs->need += bytes;
	return 0;
}

int restore_space_frees(struct restore_space *s, const char *dir, uint64_t bytes, struct err *err)
{
	struct restore_space_fs *fs;

	if (find_fs(s, dir, &fs, err) < 0)
		return -1;
	fs->frees += bytes;
	return 0;
}

int restore_space_check(const struct restore_space *s, struct err *err)
{
	char need[STR_HUMAN_MAX], have[STR_HUMAN_MAX];

	for (size_t i = 0; i < s->fs.n; i++) {
		const struct restore_space_fs *fs = &s->fs.v[i];
		if (fs->need <= fs->free + fs->frees)
			continue;
		err_set(err, ERR_NO_SPACE,
		        "%s has room for %s, but the restore needs %s (%llu bytes)", fs->path,
		        str_size(have, fs->free + fs->frees), str_size(need, fs->need),
		        (unsigned long long)fs->need);
		return err_hint(err, "make room there, or restore to another file system");
	}
	return 0;
}

void restore_space_done(struct restore_space *s)
{
	for (size_t i = 0; i < s->fs.n; i++)
		free(s->fs.v[i].path);
	vec_done(&s->fs);
}

uint64_t restore_space_of_root(const struct manifest *m, const struct restore_plan *plan,
                               const struct places *places, size_t root)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < m->files.n; i++) {
		const struct manifest_file *f = &m->files.v[i];
		if (f->root != root)
			continue;
		if (f->kind == FILE_REDO)
			sum += restore_redo_space(m, places);
		else if (f->kind == FILE_PLAIN || f->kind == FILE_INNODB)
			sum += f->sparse ? plan->stored[i] : f->size;
	}
	return sum;
}
