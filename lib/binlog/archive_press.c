#include <stdlib.h>
#include <string.h>

#include "binlog/archive_json.h"
#include "binlog/archive_writer.h"
#include "pipe/codec.h"

#define PRESS_LEVEL 3

int press_init(struct press *p, struct err *err)
{
	if (codec_new(&p->codec, err) < 0)
		return -1;
	p->raw = mem_pages(FRAME_RAW_MAX, err);
	return p->raw ? 0 : -1;
}

void press_drop(struct press *p)
{
	sink_free(p->out);
	p->out = NULL;
	vec_done(&p->frames.list);
	p->raw_at = p->stored_at = 0;
	p->given_up = false;
}

void press_done(struct press *p)
{
	press_drop(p);
	codec_free(p->codec);
	free(p->raw);
}

static int begin(struct press *p, const struct archive_at *at, const char *file, struct err *err)
{
	if (p->out)
		return 0;
	char *name = archive_object(at, file, ARCHIVE_ZST);
	int rc = repo_put(at->repo, name, &p->out, err);
	free(name);
	return rc;
}

/* One frame, of n bytes: read from the .part, where they have just been written. */
static int press_frame(struct press *p, const struct archive_at *at, const char *file, uint32_t n,
                       struct err *err)
{
	struct frame f = {.raw = n};
	const void *stored;
	char *part = archive_object(at, file, ARCHIVE_PART);
	/* First this: where it is gone, nothing should come into being. */
	int rc = repo_read(at->repo, part, p->raw_at, p->raw, n, err);

	if (rc == 0)
		rc = begin(p, at, file, err);
	if (rc == 0)
		rc = codec_encode(p->codec, PRESS_LEVEL, p->raw, &f, &stored, err);
	if (rc == 0)
		rc = sink_write(p->out, stored, f.stored, err);
	if (rc == 0) {
		struct segment_frame *to = vec_push(&p->frames.list);
		*to = (struct segment_frame){
		    .raw_at = p->raw_at, .stored_at = p->stored_at, .raw = n, .stored = f.stored};
		memcpy(to->stored_hash, f.stored_hash, sizeof to->stored_hash);
		memcpy(to->raw_hash, f.raw_hash, sizeof to->raw_hash);
		p->raw_at += n;
		p->stored_at += f.stored;
	}
	free(part);
	return rc;
}

void press_some(struct press *p, const struct archive_at *at, const char *file, uint64_t have,
                unsigned most)
{
	while (!p->given_up && most-- > 0 && have - p->raw_at >= FRAME_RAW_MAX) {
		if (press_frame(p, at, file, FRAME_RAW_MAX, NULL) == 0)
			continue;
		press_drop(p); /* gives its room back, which may be what was short */
		p->given_up = true;
	}
}

static int press_rest(struct press *p, const struct archive_at *at, const char *file, uint64_t size,
                      struct err *err)
{
	while (p->raw_at < size) {
		uint64_t left = size - p->raw_at;
		if (cancel_check(p->cancel, err) < 0)
			return -1;
		uint32_t n = left < FRAME_RAW_MAX ? (uint32_t)left : FRAME_RAW_MAX;
		if (press_frame(p, at, file, n, err) < 0)
			return -1;
	}
	return sink_finish(p->out, err);
}

static int put_index(const struct archive_at *at, const struct segment *s,
                     const struct segment_frames *frames, struct err *err)
{
	struct str text = {0};
	char *name = archive_object(at, s->file, ARCHIVE_JSON);

	segment_write(s, frames, &text);
	int rc = repo_put_bytes(at->repo, name, str_text(&text), text.n, err);
	str_done(&text);
	free(name);
	return rc;
}

static int remove_object(const struct archive_at *at, const char *file, const char *suffix,
                         struct err *err)
{
	char *name = archive_object(at, file, suffix);
	int rc = repo_remove(at->repo, name, err);
	free(name);
	return rc;
}

int press_close(struct press *p, const struct archive_at *at, struct segment *s, struct err *err)
{
	int rc = press_rest(p, at, s->file, s->size, err);

	if (rc == 0) {
		s->stored = p->stored_at;
		if (s->gap && !s->gap->to_us)
			s->gap->to_us = s->first_us;
		rc = put_index(at, s, &p->frames, err);
	}
	press_drop(p);
	if (rc < 0)
		return err_add(err, "closing binlog %s", s->file);
	s->open = false;
	vec_done(&s->points); /* they are in the index now */
	if (remove_object(at, s->file, ARCHIVE_PART, err) < 0 ||
	    remove_object(at, s->file, ARCHIVE_OPEN, err) < 0)
		return -1;
	return 0;
}
