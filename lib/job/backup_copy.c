#include "job/backup_copy.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "pipe/copier.h"
#include "pipe/throttle.h"

struct worker {
	struct backup_copy *copy;
	struct copier *copier;
	struct pack_writer *pack;
	struct manifest *facts; /* packs written, merged at the end */
	pthread_t thread;
};

struct redo_sink {
	struct sink sink;
	struct worker worker;
	uint64_t off;
};

struct backup_copy {
	struct backup_copy_plan plan;
	struct cancel cancel; /* ours: set when one thread fails */
	struct throttle *throttle;
	struct worker *workers;
	unsigned worker_n;
	struct redo_sink redo;
	struct source *source;

	pthread_mutex_t lock;
	struct err failed; /* the first reason; under lock */
};

static int put_frame(void *arg, struct frame *f, const void *stored, struct err *err)
{
	struct worker *w = arg;
	return pack_writer_add(w->pack, f, stored, err);
}

static int worker_init(struct worker *w, struct backup_copy *c, bool throttled, struct err *err)
{
	struct copier_plan plan = {
	    .out = put_frame,
	    .arg = w,
	    .level = policy_level_for(c->plan.policy, 0),
	    .cancel = &c->cancel,
	    .progress = c->plan.progress,
	    .throttle = throttled ? c->throttle : NULL,
	    .list_corrupt = c->plan.list_corrupt,
	};
	w->copy = c;
	w->pack = pack_writer_new(c->plan.packs);
	w->facts = manifest_new();
	return copier_new(&plan, &w->copier, err);
}

static void worker_done(struct worker *w)
{
	copier_free(w->copier);
	pack_writer_free(w->pack);
	manifest_free(w->facts);
}

static int worker_finish(struct worker *w, struct err *err)
{
	if (copier_flush(w->copier, err) != 0)
		return -1;
	return pack_writer_finish(w->pack, w->facts, err);
}

static int redo_write(struct sink *sink, const void *bytes, size_t n, struct err *err)
{
	struct redo_sink *r = (struct redo_sink *)sink;
	if (copier_bytes(r->worker.copier, 0, r->off, bytes, n, err) != 0)
		return -1;
	r->off += n;
	return 0;
}

static int redo_finish(struct sink *sink, struct err *err)
{
	struct redo_sink *r = (struct redo_sink *)sink;
	return worker_finish(&r->worker, err);
}

static void redo_free(struct sink *sink)
{
	(void)sink; /* part of backup_copy */
}

static const struct sink_ops redo_ops = {"redo", redo_write, redo_finish, redo_free};

int backup_copy_new(const struct backup_copy_plan *plan, struct backup_copy **ret, struct err *err)
{
	struct backup_copy *c = mem_zalloc(sizeof *c);
	c->plan = *plan;
	c->cancel.up = plan->cancel;
	c->throttle = throttle_new(plan->policy->limits.read_rate);
	pthread_mutex_init(&c->lock, NULL);
	c->redo.sink.ops = &redo_ops;
	c->worker_n = plan->policy->limits.workers;
	c->workers = mem_zalloc(c->worker_n * sizeof *c->workers);
	int rc = worker_init(&c->redo.worker, c, false, err);
	for (unsigned i = 0; rc == 0 && i < c->worker_n; i++)
		rc = worker_init(&c->workers[i], c, true, err);
	if (rc != 0) {
		backup_copy_free(c);
		return -1;
	}
	*ret = c;
	return 0;
}

void backup_copy_free(struct backup_copy *c)
{
	if (!c)
		return;
	for (unsigned i = 0; i < c->worker_n; i++)
		worker_done(&c->workers[i]);
	worker_done(&c->redo.worker);
	free(c->workers);
	throttle_free(c->throttle);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

struct sink *backup_copy_redo(struct backup_copy *c)
{
	return &c->redo.sink;
}

static void fail(struct backup_copy *c, const struct err *err)
{
	pthread_mutex_lock(&c->lock);
	/* Others stop because of the first: theirs is no reason. */
	if (c->failed.kind == ERR_NONE)
		c->failed = *err;
	pthread_mutex_unlock(&c->lock);
	cancel_ask(&c->cancel);
}

static void be_nice(const struct backup_copy *c)
{
	if (c->plan.policy->limits.nice)
		setpriority(PRIO_PROCESS, (id_t)gettid(), c->plan.policy->limits.nice);
}

static int carry_item(struct worker *w, const struct item *item, struct err *err)
{
	struct backup_copy *c = w->copy;
	uint64_t end = item->off + item->len;
	copier_set_level(w->copier, policy_level_for(c->plan.policy, item->file_size));
	if (copier_item(w->copier, item, &end, err) != 0)
		return -1;
	c->source->ops->done(c->source, item, end);
	return 0;
}

static void *stage_main(void *arg)
{
	struct worker *w = arg;
	struct source *source = w->copy->source;
	struct err err = ERR_INIT;
	struct item item;
	int rc;

	be_nice(w->copy);
	while ((rc = cancel_check(&w->copy->cancel, &err)) == 0 &&
	       (rc = source->ops->next(source, &item, &err)) == 1) {
		rc = carry_item(w, &item, &err);
		if (item.fd >= 0)
			close(item.fd);
		free(item.mem);
		if (rc != 0)
			break;
	}
	if (rc < 0)
		fail(w->copy, &err);
	return NULL;
}

static void *finish_main(void *arg)
{
	struct worker *w = arg;
	struct err err = ERR_INIT;
	be_nice(w->copy);
	if (worker_finish(w, &err) != 0)
		fail(w->copy, &err);
	return NULL;
}

/* Run main in a thread for each worker; 0, or the first failure. */
static int run_all(struct backup_copy *c, void *(*main)(void *), struct err *err)
{
	unsigned started = 0;
	for (; started < c->worker_n; started++) {
		if (pthread_create(&c->workers[started].thread, NULL, main, &c->workers[started]) !=
		    0) {
			struct err why = ERR_INIT;
			err_set(&why, ERR_FAILED, "cannot start a copy thread");
			fail(c, &why);
			break;
		}
	}
	for (unsigned i = 0; i < started; i++)
		pthread_join(c->workers[i].thread, NULL);
	if (c->failed.kind == ERR_NONE)
		return 0;
	*err = c->failed;
	return -1;
}

int backup_copy_stage(struct backup_copy *c, struct source *source, struct err *err)
{
	c->source = source;
	return run_all(c, stage_main, err);
}

/* A page is written only after the redo it stands on: one newer than the end LSN was
 * so before, and the server complains of it, too. */
static void warn_of_future(struct manifest *out, uint64_t max_lsn)
{
	if (out->lsn_end && max_lsn > out->lsn_end)
		*vec_push(&out->warnings) = mem_printf(
		    "a page has LSN %llu, in the future of the redo log (end LSN %llu): a file was "
		    "probably copied here from another server",
		    (unsigned long long)max_lsn, (unsigned long long)out->lsn_end);
}

static void merge(struct manifest *out, struct worker *w)
{
	const struct copier_counts *n = copier_counts(w->copier);
	warn_of_future(out, n->max_lsn);
	out->read_bytes += n->read_bytes;
	out->pages.total += n->pages;
	out->pages.stored += n->pages_stored;
	out->pages.reread += n->pages_reread;
	out->pages.unverified += n->pages_unverified;
	out->pages.corrupt += n->pages_corrupt;

	size_t corrupt_n;
	const struct copier_corrupt *corrupt = copier_corrupt(w->copier, &corrupt_n);
	for (size_t i = 0; i < corrupt_n; i++)
		*vec_push(&out->corrupt) = (struct manifest_corrupt){
		    .path = mem_strdup(out->files.v[corrupt[i].file].path),
		    .page = corrupt[i].page};

	for (size_t i = 0; i < w->facts->packs.n; i++) {
		*vec_push(&out->packs) = w->facts->packs.v[i];
		out->stored_bytes += w->facts->packs.v[i].bytes + w->facts->packs.v[i].index_bytes;
	}
}

static int by_number(const void *a, const void *b)
{
	const struct manifest_pack *x = a, *y = b;
	return x->number < y->number ? -1 : x->number > y->number;
}

int backup_copy_finish(struct backup_copy *c, struct err *err)
{
	struct manifest *out = c->plan.out;
	if (run_all(c, finish_main, err) != 0)
		return -1;
	merge(out, &c->redo.worker);
	for (unsigned i = 0; i < c->worker_n; i++)
		merge(out, &c->workers[i]);
	if (out->packs.n)
		qsort(out->packs.v, out->packs.n, sizeof *out->packs.v, by_number);
	return 0;
}
