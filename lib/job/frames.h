/*
 * frames: read many frames of many packs with several threads, each checked
 * before anybody sees its bytes.  What restore and verify share.
 */
#ifndef JOB_FRAMES_H
#define JOB_FRAMES_H

#include <stddef.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/frame.h"
#include "repo/repo.h"

#define FRAMES_THREADS_MAX 64u

/* A frame without its extents: what is needed to fetch and check it. */
struct frame_ref {
	uint64_t at;
	uint32_t pack; /* index into frames_job.packs */
	uint32_t stored, raw;
	unsigned char stored_hash[FRAME_HASH_SIZE], raw_hash[FRAME_HASH_SIZE];
};
struct frame_refs {
	struct frame_ref *v;
	size_t n, cap;
};

void frame_ref_set(struct frame_ref *to, const struct frame *from, uint32_t pack);

struct frames_job {
	struct repo *repo;
	char *const *packs;             /* object names */
	const struct frame_ref *frames; /* in pack order: neighbours are fetched together */
	size_t n;
	unsigned threads; /* 0: number of CPUs, at most 8 */
	const struct cancel *cancel;
	/* A frame that passed every check; called by several threads at once. */
	int (*good)(void *arg, size_t i, const unsigned char *raw, struct err *err);
	/* A frame that did not (`why` names pack and offset); 0 goes on with the others.
	 * NULL: the first one ends the job.  Called by several threads at once. */
	int (*bad)(void *arg, size_t i, const struct err *why);
	void *arg;
};

int frames_read(const struct frames_job *job, struct err *err);

/* One frame into raw (FRAME_RAW_MAX bytes); `stored` has codec_stored_max() bytes. */
struct codec;
int frames_read_one(struct repo *repo, const char *pack, const struct frame_ref *f,
                    struct codec *codec, void *stored, void *raw, struct err *err);

#endif
