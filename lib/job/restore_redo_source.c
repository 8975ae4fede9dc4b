#include "job/restore_redo_source.h"

#include <stdlib.h>

#include "base/mem.h"
#include "pipe/codec.h"

struct redo_frames {
	struct repo *repo;
	const struct restore_plan *plan;
	struct progress *progress;
	struct codec *codec;
	unsigned char *stored, *raw;
	size_t next;
};

int redo_frames_new(struct repo *repo, const struct restore_plan *plan, struct progress *progress,
                    struct redo_frames **ret, struct err *err)
{
	struct redo_frames *f = mem_zalloc(sizeof *f);

	*f = (struct redo_frames){.repo = repo, .plan = plan, .progress = progress};
	if (codec_new(&f->codec, err) < 0 || !(f->stored = mem_pages(codec_stored_max(), err)) ||
	    !(f->raw = mem_pages(FRAME_RAW_MAX, err))) {
		redo_frames_free(f);
		return -1;
	}
	*ret = f;
	return 0;
}

void redo_frames_free(struct redo_frames *f)
{
	if (!f)
		return;
	codec_free(f->codec);
	free(f->stored);
	free(f->raw);
	free(f);
}

int redo_frames_next(void *arg, const unsigned char **ret, size_t *ret_n, struct err *err)
{
	struct redo_frames *f = arg;
	const struct restore_redo_piece *p;

	if (f->next == f->plan->redo.n)
		return 0;
	p = &f->plan->redo.v[f->next++];
	if (frames_read_one(f->repo, f->plan->packs.v[p->frame.pack], &p->frame, f->codec,
	                    f->stored, f->raw, err) < 0)
		return -1;
	if (f->progress)
		progress_add(f->progress, p->len);
	*ret = f->raw + p->raw_off;
	*ret_n = p->len;
	return 1;
}
