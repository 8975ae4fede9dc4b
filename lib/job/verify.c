#include "job/verify.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "job/catalog_load.h"
#include "job/frames.h"
#include "job/verify_binlog.h"
#include "repo/backups.h"
#include "repo/pack.h"

/* What is known of one backup of the instance. */
struct look {
	const struct manifest *head; /* NULL: its manifest cannot be read */
	char id[BACKUP_ID_MAX];
	bool asked;  /* a finding is wanted */
	bool wanted; /* asked, or something asked stands on it */
	bool bad;
	struct err why;
	uint64_t file_n;
};

struct verify {
	const struct verify_request *req;
	struct repo *repo;
	void *lock;
	char *instance;
	struct catalog catalog;
	struct archive_catalog archive; /* only looked at with all backups */
	struct err no_archive;          /* why it could not be read; kind ERR_NONE */
	VEC(struct look) looks;         /* oldest first */
	struct verify_result *result;
};

/* The frames of one pack, and who is looked at. */
struct pack_look {
	struct verify *v;
	const struct manifest *m;
	char *name;
	struct frame_refs frames;
	VEC(uint32_t) files;   /* of each frame: the first file in it, for messages */
	pthread_mutex_t mutex; /* guards the following */
	size_t bad_n;
	struct err first;
	uint64_t frames_ok, bytes_ok;
};

static void mark_bad(struct look *l, const struct err *why)
{
	if (l->bad)
		return;
	l->bad = true;
	l->why = *why;
}

static struct look *find_look(struct verify *v, const char *id)
{
	for (size_t i = 0; i < v->looks.n; i++)
		if (!strcmp(v->looks.v[i].id, id))
			return &v->looks.v[i];
	return NULL;
}

static int look_order(const void *a, const void *b)
{
	return strcmp(((const struct look *)a)->id, ((const struct look *)b)->id);
}

static void list_looks(struct verify *v)
{
	for (size_t i = 0; i < v->catalog.backups.n; i++) {
		struct look *l = vec_push(&v->looks);
		*l = (struct look){.head = v->catalog.backups.v[i]};
		memcpy(l->id, l->head->id, sizeof l->id);
	}
	for (size_t i = 0; i < v->catalog.damaged_n; i++) {
		struct look *l = vec_push(&v->looks);
		*l = (struct look){.head = NULL};
		memcpy(l->id, v->catalog.damaged[i].id, sizeof l->id);
		mark_bad(l, &v->catalog.damaged[i].why);
	}
	if (v->looks.n)
		qsort(v->looks.v, v->looks.n, sizeof *v->looks.v, look_order);
}

/* Mark a backup and everything it stands on.  A chain that does not end (parents
 * that name each other) stops at what is marked already. */
static void want(struct verify *v, struct look *l)
{
	while (l && !l->wanted) {
		l->wanted = true;
		l = l->head && l->head->parent[0] ? find_look(v, l->head->parent) : NULL;
	}
}

static int choose(struct verify *v, struct err *err)
{
	const char *id = v->req->backup;

	list_looks(v);
	if (id && !strcmp(id, "latest") && v->looks.n)
		id = v->looks.v[v->looks.n - 1].id;
	if (id && !find_look(v, id)) {
		err_set(err, ERR_NOT_FOUND, "instance %s has no backup %s", v->instance, id);
		return err_hint(err, "mybakctl list --repo %s shows the backups there are",
		                v->req->repo_url);
	}
	for (size_t i = 0; i < v->looks.n; i++) {
		v->looks.v[i].asked = !id || !strcmp(v->looks.v[i].id, id);
		if (v->looks.v[i].asked)
			want(v, &v->looks.v[i]);
	}
	return 0;
}

static uint64_t pack_bytes(const struct manifest *m)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < m->packs.n; i++)
		sum += m->packs.v[i].bytes;
	return sum;
}

static void set_total(struct verify *v)
{
	uint64_t total = verify_binlog_bytes(&v->archive);

	for (size_t i = 0; i < v->looks.n; i++)
		if (v->looks.v[i].wanted && v->looks.v[i].head)
			total += pack_bytes(v->looks.v[i].head);
	if (v->req->progress)
		atomic_store(&v->req->progress->bytes_total, total);
}

static int add_frame(void *arg, const struct frame *f, struct err *err)
{
	struct pack_look *p = arg;

	(void)err;
	if (f->stored == 0)
		return 0;
	frame_ref_set(vec_push(&p->frames), f, 0);
	*vec_push(&p->files) = f->extent_n ? f->extents[0].file : UINT32_MAX;
	return 0;
}

static void count(struct pack_look *p, size_t i)
{
	if (p->v->req->progress)
		progress_add(p->v->req->progress, p->frames.v[i].stored);
}

static int frame_good(void *arg, size_t i, const unsigned char *raw, struct err *err)
{
	struct pack_look *p = arg;

	(void)raw, (void)err;
	count(p, i);
	pthread_mutex_lock(&p->mutex);
	p->frames_ok++;
	p->bytes_ok += p->frames.v[i].stored;
	pthread_mutex_unlock(&p->mutex);
	return 0;
}

static int frame_bad(void *arg, size_t i, const struct err *why)
{
	struct pack_look *p = arg;
	uint32_t file = p->files.v[i];

	if (why->kind == ERR_CANCELLED)
		return -1;
	count(p, i);
	pthread_mutex_lock(&p->mutex);
	if (p->bad_n++ == 0) {
		p->first = *why;
		if (file < p->m->files.n)
			err_add(&p->first, "bytes of %s", p->m->files.v[file].path);
	}
	pthread_mutex_unlock(&p->mutex);
	return 0;
}

static int check_pack_size(struct verify *v, const struct pack_look *p,
                           const struct manifest_pack *mp, struct err *err)
{
	uint64_t size = 0;

	if (repo_size(v->repo, p->name, &size, err) < 0)
		return -1;
	if (size == mp->bytes)
		return 0;
	return err_set(err, ERR_DAMAGED, "%s has %llu bytes, its manifest says %llu", p->name,
	               (unsigned long long)size, (unsigned long long)mp->bytes);
}

static int read_frames(struct pack_look *p, struct err *err)
{
	struct frames_job job = {
	    .repo = p->v->repo,
	    .packs = &p->name,
	    .frames = p->frames.v,
	    .n = p->frames.n,
	    .threads = p->v->req->jobs,
	    .cancel = p->v->req->cancel,
	    .good = frame_good,
	    .bad = frame_bad,
	    .arg = p,
	};

	return frames_read(&job, err);
}

/* -1 only when the whole verification has to stop. */
static int verify_pack(struct verify *v, struct look *l, const struct manifest *m,
                       const struct manifest_pack *mp, struct err *err)
{
	struct pack_look p = {.v = v, .m = m, .mutex = PTHREAD_MUTEX_INITIALIZER};
	struct err why = ERR_INIT;
	int rc = 0;

	p.name = repo_name_pack(m->instance, m->id, mp->number);
	if (check_pack_size(v, &p, mp, &why) < 0)
		mark_bad(l, &why);
	if (why.kind != ERR_NOT_FOUND && pack_read_index(v->repo, m, mp, add_frame, &p, &why) < 0)
		mark_bad(l, &why);
	else if (why.kind != ERR_NOT_FOUND)
		rc = read_frames(&p, err);
	if (p.bad_n) {
		err_add(&p.first, "%zu of %zu frames of %s are damaged; the first", p.bad_n,
		        p.frames.n, p.name);
		mark_bad(l, &p.first);
	}
	v->result->frames += p.frames_ok;
	v->result->bytes += p.bytes_ok;
	free(p.name);
	vec_done(&p.frames);
	vec_done(&p.files);
	pthread_mutex_destroy(&p.mutex);
	return rc;
}

/* Files that stand on the parent must find something to stand on. */
static void check_bases(struct verify *v, struct look *l, const struct manifest *m)
{
	const struct look *parent = m->parent[0] ? find_look(v, m->parent) : NULL;
	struct err why = ERR_INIT;

	l->file_n = m->files.n;
	if (!parent || parent->bad)
		return;
	for (size_t i = 0; i < m->files.n; i++) {
		const struct manifest_file *f = &m->files.v[i];
		if (f->kind == FILE_GONE || f->base < 0 || (uint64_t)f->base < parent->file_n)
			continue;
		err_set(&why, ERR_DAMAGED, "%s stands on file %lld of %s, which has only %llu",
		        f->path, (long long)f->base, m->parent, (unsigned long long)parent->file_n);
		mark_bad(l, &why);
		return;
	}
}

static int verify_backup(struct verify *v, struct look *l, struct err *err)
{
	struct manifest *m = NULL;
	struct err why = ERR_INIT;
	int rc = cancel_check(v->req->cancel, err);

	if (rc == 0 && manifest_load(v->repo, v->instance, l->id, true, &m, &why) < 0)
		mark_bad(l, &why);
	if (rc == 0 && m) {
		check_bases(v, l, m);
		for (size_t i = 0; i < m->packs.n && rc == 0; i++)
			rc = verify_pack(v, l, m, &m->packs.v[i], err);
	}
	manifest_free(m);
	return rc;
}

/* Oldest first, so that a parent's state is known before its children's. */
static void inherit(struct verify *v)
{
	for (size_t i = 0; i < v->looks.n; i++) {
		struct look *l = &v->looks.v[i];
		struct err why = ERR_INIT;
		if (!l->wanted || l->bad || !l->head || !l->head->parent[0])
			continue;
		const struct look *parent = find_look(v, l->head->parent);
		if (!parent)
			err_set(&why, ERR_DAMAGED, "its parent %s is missing", l->head->parent);
		else if (parent->bad)
			err_set(&why, ERR_DAMAGED, "its parent %s is damaged: %s", l->head->parent,
			        parent->why.text);
		if (why.kind)
			mark_bad(l, &why);
	}
}

static int report(struct verify *v, struct err *err)
{
	const struct look *first = NULL;
	size_t bad = 0;

	for (size_t i = 0; i < v->looks.n; i++) {
		const struct look *l = &v->looks.v[i];
		if (!l->asked)
			continue;
		struct verify_finding *f = vec_push(&v->result->findings);
		*f = (struct verify_finding){.usable = !l->bad, .why = l->why};
		memcpy(f->id, l->id, sizeof f->id);
		v->result->backups++;
		bad += l->bad;
		first = l->bad && !first ? l : first;
	}
	if (!bad)
		return verify_binlog_report(v->result, &v->no_archive, err);
	err_set(err, ERR_DAMAGED, "%zu of %llu backups cannot be used; %s: %s", bad,
	        (unsigned long long)v->result->backups, first->id, first->why.text);
	return err_hint(err, "take a full backup now; keep the damaged ones until it is done");
}

static int open_repository(struct verify *v, struct err *err)
{
	struct repo_options options = {0};
	struct err why = ERR_INIT;
	char *lock;
	int rc;

	if (repo_open(v->req->repo_url, &options, &v->repo, err) < 0 ||
	    instance_choose(v->repo, v->req->instance, &v->instance, err) < 0)
		return -1;
	/* As in restore: where nothing can be written, nothing can be taken away. */
	lock = backups_reader_lock(v->instance);
	rc = repo_lock(v->repo, lock, false, "verify", &v->lock, &why);
	free(lock);
	if (rc < 0 && why.kind == ERR_BUSY) {
		if (err)
			*err = why;
		return -1;
	}
	if (catalog_load(v->repo, v->instance, &v->catalog, err) < 0)
		return -1;
	/* Binlogs that cannot be read say nothing against the backups. */
	if (!v->req->backup)
		archive_load(v->repo, v->instance, &v->archive, &v->no_archive);
	return 0;
}

static int verify_all(struct verify *v, struct err *err)
{
	if (v->req->progress)
		progress_step(v->req->progress, "verify");
	set_total(v);
	for (size_t i = 0; i < v->looks.n; i++) {
		struct look *l = &v->looks.v[i];
		if (l->wanted && l->head && verify_backup(v, l, err) < 0)
			return -1;
	}
	if (verify_binlogs(v->repo, v->instance, &v->archive, v->req, v->result, err) < 0)
		return -1;
	inherit(v);
	return report(v, err);
}

int verify_run(const struct verify_request *req, struct verify_result *ret, struct err *err)
{
	struct verify_result result = {0};
	struct verify v = {.req = req, .result = &result};
	int rc;

	catalog_init(&v.catalog);
	rc = open_repository(&v, err);
	if (rc == 0)
		rc = choose(&v, err);
	if (rc == 0)
		rc = verify_all(&v, err);
	vec_done(&v.looks);
	archive_catalog_done(&v.archive);
	catalog_done(&v.catalog);
	if (v.lock)
		repo_unlock(v.repo, v.lock);
	repo_close(v.repo);
	free(v.instance);
	*ret = result;
	return rc;
}

void verify_result_done(struct verify_result *r)
{
	for (size_t i = 0; i < r->binlogs.n; i++)
		free(r->binlogs.v[i].file);
	vec_done(&r->binlogs);
	vec_done(&r->findings);
}
