#include "job/frames.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pipe/codec.h"

/* One read of the repository: large enough that a disk streams, small enough that
 * a cancel is seen soon and memory stays bounded. */
#define BATCH_BYTES (4u << 20)
/* Bytes between two wanted frames that are cheaper to read than to skip. */
#define BATCH_GAP (256u << 10)

struct shared {
	const struct frames_job *job;
	pthread_mutex_t mutex; /* guards the following */
	size_t next;
	bool failed;
	struct err err;
};

struct worker {
	struct shared *shared;
	struct codec *codec;
	unsigned char *stored, *raw;
};

void frame_ref_set(struct frame_ref *to, const struct frame *from, uint32_t pack)
{
	*to = (struct frame_ref){
	    .at = from->at, .pack = pack, .stored = from->stored, .raw = from->raw};
	memcpy(to->stored_hash, from->stored_hash, FRAME_HASH_SIZE);
	memcpy(to->raw_hash, from->raw_hash, FRAME_HASH_SIZE);
}

static int decode(struct codec *codec, const char *pack, const struct frame_ref *ref,
                  const void *stored, void *raw, struct err *err)
{
	struct frame f = {.at = ref->at, .stored = ref->stored, .raw = ref->raw};

	memcpy(f.stored_hash, ref->stored_hash, FRAME_HASH_SIZE);
	memcpy(f.raw_hash, ref->raw_hash, FRAME_HASH_SIZE);
	if (codec_decode(codec, &f, stored, raw, err) == 0)
		return 0;
	return err_add(err, "%s, frame at byte %llu", pack, (unsigned long long)ref->at);
}

static int check_sizes(const char *pack, const struct frame_ref *f, struct err *err)
{
	if (f->stored <= codec_stored_max() && f->raw <= FRAME_RAW_MAX)
		return 0;
	return err_set(err, ERR_DAMAGED, "%s, frame at byte %llu: its size is out of range", pack,
	               (unsigned long long)f->at);
}

int frames_read_one(struct repo *repo, const char *pack, const struct frame_ref *f,
                    struct codec *codec, void *stored, void *raw, struct err *err)
{
	if (check_sizes(pack, f, err) < 0 ||
	    repo_read(repo, pack, f->at, stored, f->stored, err) < 0)
		return -1;
	return decode(codec, pack, f, stored, raw, err);
}

/* Frames [from, ret) lie in one pack, near each other, and fit into one buffer. */
static size_t batch_end(const struct frames_job *job, size_t from)
{
	const struct frame_ref *first = &job->frames[from];
	uint64_t end = first->at + first->stored;
	size_t i = from + 1;

	for (; i < job->n; i++) {
		const struct frame_ref *f = &job->frames[i];
		if (f->pack != first->pack || f->at < end || f->at - end > BATCH_GAP ||
		    f->stored > BATCH_BYTES || f->at + f->stored - first->at > BATCH_BYTES)
			break;
		end = f->at + f->stored;
	}
	return i;
}

static bool take_batch(struct shared *s, size_t *ret_from, size_t *ret_to)
{
	bool got = false;

	pthread_mutex_lock(&s->mutex);
	if (!s->failed && s->next < s->job->n) {
		*ret_from = s->next;
		*ret_to = s->next = batch_end(s->job, s->next);
		got = true;
	}
	pthread_mutex_unlock(&s->mutex);
	return got;
}

static void fail(struct shared *s, const struct err *err)
{
	pthread_mutex_lock(&s->mutex);
	if (!s->failed) {
		s->failed = true;
		s->err = *err;
	}
	pthread_mutex_unlock(&s->mutex);
}

static int deliver(struct worker *w, size_t i, int checked, const struct err *why, struct err *err)
{
	const struct frames_job *job = w->shared->job;

	if (checked == 0)
		return job->good ? job->good(job->arg, i, w->raw, err) : 0;
	if (job->bad && job->bad(job->arg, i, why) == 0)
		return 0;
	if (err)
		*err = *why;
	return -1;
}

/* A batch that cannot be read as a whole is read frame by frame, so that only the
 * frames that really are bad count as bad. */
static int read_apart(struct worker *w, size_t from, size_t to, struct err *err)
{
	const struct frames_job *job = w->shared->job;

	for (size_t i = from; i < to; i++) {
		const struct frame_ref *f = &job->frames[i];
		struct err why = ERR_INIT;
		if (cancel_check(job->cancel, err) < 0)
			return -1;
		int rc = frames_read_one(job->repo, job->packs[f->pack], f, w->codec, w->stored,
		                         w->raw, &why);
		if (deliver(w, i, rc, &why, err) < 0)
			return -1;
	}
	return 0;
}

static int read_batch(struct worker *w, size_t from, size_t to, struct err *err)
{
	const struct frames_job *job = w->shared->job;
	const struct frame_ref *first = &job->frames[from], *last = &job->frames[to - 1];
	const char *pack = job->packs[first->pack];
	struct err why = ERR_INIT;

	if (to - from == 1 || repo_read(job->repo, pack, first->at, w->stored,
	                                last->at + last->stored - first->at, &why) < 0)
		return read_apart(w, from, to, err);
	for (size_t i = from; i < to; i++) {
		const struct frame_ref *f = &job->frames[i];
		if (cancel_check(job->cancel, err) < 0)
			return -1;
		err_clear(&why);
		int rc = check_sizes(pack, f, &why);
		if (rc == 0)
			rc = decode(w->codec, pack, f, w->stored + (f->at - first->at), w->raw,
			            &why);
		if (deliver(w, i, rc, &why, err) < 0)
			return -1;
	}
	return 0;
}

static void *work(void *arg)
{
	struct shared *s = arg;
	struct worker w = {.shared = s};
	struct err err = ERR_INIT;
	size_t room = codec_stored_max() > BATCH_BYTES ? codec_stored_max() : BATCH_BYTES;
	size_t from, to;
	int rc = 0;

	if (codec_new(&w.codec, &err) < 0 || !(w.stored = mem_pages(room, &err)) ||
	    !(w.raw = mem_pages(FRAME_RAW_MAX, &err)))
		rc = -1;
	while (rc == 0 && take_batch(s, &from, &to)) {
		if ((rc = cancel_check(s->job->cancel, &err)) == 0)
			rc = read_batch(&w, from, to, &err);
	}
	if (rc < 0)
		fail(s, &err);
	codec_free(w.codec);
	free(w.stored);
	free(w.raw);
	return NULL;
}

static unsigned thread_count(const struct frames_job *job)
{
	long n = job->threads;

	if (n == 0) {
		n = sysconf(_SC_NPROCESSORS_ONLN);
		n = n < 1 ? 1 : n > 8 ? 8 : n;
	}
	if ((size_t)n > job->n)
		n = (long)job->n;
	return n < 1 ? 1 : n > (long)FRAMES_THREADS_MAX ? FRAMES_THREADS_MAX : (unsigned)n;
}

int frames_read(const struct frames_job *job, struct err *err)
{
	struct shared s = {.job = job, .mutex = PTHREAD_MUTEX_INITIALIZER};
	pthread_t threads[FRAMES_THREADS_MAX];
	unsigned want = thread_count(job), have = 0;

	if (job->n == 0)
		return 0;
	/* The caller's thread is the last worker, so that one thread always works. */
	while (have + 1 < want && pthread_create(&threads[have], NULL, work, &s) == 0)
		have++;
	work(&s);
	for (unsigned i = 0; i < have; i++)
		pthread_join(threads[i], NULL);
	pthread_mutex_destroy(&s.mutex);
	if (!s.failed)
		return 0;
	if (err)
		*err = s.err;
	return -1;
}
