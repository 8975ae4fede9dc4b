/*
 * The bytes of a segment, closed or open, as if they lay in a file.
 *
 * A piece of up to 1 MiB is held: a frame of a closed segment, or what stands in the
 * .part from where was asked.  What reaches over several is put together in `joined`, and
 * stays there: whoever has read a header asks for the whole event next.
 */
#include <stdlib.h>
#include <string.h>

#include "binlog/archive_json.h"
#include "binlog/archive_parts.h"
#include "pipe/codec.h"

struct segment_bytes {
	char *instance, *lineage;
	struct archive_at at; /* of these */
	char *file, *name;    /* name: of the object with the bytes */
	bool open;
	uint64_t size;
	struct segment_frames frames;
	struct codec *codec;
	unsigned char *raw, *stored;
	uint64_t have_at;
	size_t have_n;
	unsigned char *joined;
	uint64_t joined_at;
	size_t joined_n, joined_cap;
};

void segment_bytes_free(struct segment_bytes *b)
{
	if (!b)
		return;
	vec_done(&b->frames.list);
	codec_free(b->codec);
	free(b->raw);
	free(b->stored);
	free(b->joined);
	free(b->name);
	free(b->file);
	free(b->instance);
	free(b->lineage);
	free(b);
}

/* Its index, and from then on its frames. */
static int use_closed(struct segment_bytes *b, struct err *err)
{
	unsigned char *text = NULL;
	struct segment s = {0};
	struct segment_frames frames = {0};
	size_t n;
	char *json = archive_object(&b->at, b->file, ARCHIVE_JSON);
	int rc = repo_get_all(b->at.repo, json, ARCHIVE_INDEX_MAX, &text, &n, err);

	if (rc == 0 && (segment_read_head((char *)text, n, &s, err) < 0 ||
	                segment_read_index((char *)text, n, &s, &frames, NULL, err) < 0))
		rc = err_add(err, "%s", json);
	if (rc == 0 && !b->codec)
		rc = codec_new(&b->codec, err);
	if (rc == 0 && !b->stored && !(b->stored = mem_pages(codec_stored_max(), err)))
		rc = -1;
	if (rc == 0) {
		b->open = false;
		b->size = s.size;
		b->have_n = 0;
		vec_done(&b->frames.list);
		b->frames = frames;
		frames = (struct segment_frames){0};
		free(b->name);
		b->name = archive_object(&b->at, b->file, ARCHIVE_ZST);
	}
	vec_done(&frames.list);
	segment_done(&s);
	free(text);
	free(json);
	return rc;
}

int segment_bytes_open(const struct archive_at *at, const struct segment *s,
                       struct segment_bytes **ret, struct err *err)
{
	struct segment_bytes *b = mem_zalloc(sizeof *b);
	struct err why = ERR_INIT;
	uint64_t there;
	int rc = 0;

	b->instance = mem_strdup(at->instance);
	b->lineage = mem_strdup(at->lineage);
	b->at = (struct archive_at){at->repo, b->instance, b->lineage};
	b->file = mem_strdup(s->file);
	b->name = archive_object(at, s->file, ARCHIVE_PART);
	b->open = s->open;
	b->size = s->size;
	if (!(b->raw = mem_pages(FRAME_RAW_MAX, err)))
		rc = -1;
	else if (!s->open ||
	         (repo_size(at->repo, b->name, &there, &why) < 0 && why.kind == ERR_NOT_FOUND))
		rc = use_closed(b, err);
	if (rc == 0)
		*ret = b;
	else
		segment_bytes_free(b);
	return rc;
}

/* The frame that holds pos, which lies before the end. */
static const struct segment_frame *find_frame(const struct segment_bytes *b, uint64_t pos)
{
	size_t lo = 0, hi = b->frames.list.n;

	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;
		if (b->frames.list.v[mid].raw_at <= pos)
			lo = mid;
		else
			hi = mid;
	}
	return &b->frames.list.v[lo];
}

static int decode(struct segment_bytes *b, const struct segment_frame *from, struct err *err)
{
	struct frame f = {.stored = from->stored, .raw = from->raw};

	if (repo_read(b->at.repo, b->name, from->stored_at, b->stored, from->stored, err) < 0)
		return -1;
	memcpy(f.stored_hash, from->stored_hash, sizeof f.stored_hash);
	memcpy(f.raw_hash, from->raw_hash, sizeof f.raw_hash);
	if (codec_decode(b->codec, &f, b->stored, b->raw, err) < 0)
		return err_add(err, "%s, frame at offset %llu (offset %llu of the binlog)", b->name,
		               (unsigned long long)from->stored_at,
		               (unsigned long long)from->raw_at);
	b->have_at = from->raw_at;
	b->have_n = from->raw;
	return 0;
}

static int read_part(struct segment_bytes *b, uint64_t pos, struct err *err)
{
	uint64_t left = b->size - pos;
	size_t n = left < FRAME_RAW_MAX ? (size_t)left : FRAME_RAW_MAX;

	if (repo_read(b->at.repo, b->name, pos, b->raw, n, err) < 0)
		return -1;
	b->have_at = pos;
	b->have_n = n;
	return 0;
}

/* Hold the piece that has pos, which lies before the end. */
static int hold(struct segment_bytes *b, uint64_t pos, struct err *err)
{
	struct err why = ERR_INIT;

	if (b->have_n && pos >= b->have_at && pos - b->have_at < b->have_n)
		return 0;
	b->have_n = 0;
	if (!b->open)
		return decode(b, find_frame(b, pos), err);
	if (read_part(b, pos, &why) == 0)
		return 0;
	/* Closed while it was read: the same bytes are elsewhere now. */
	if (why.kind == ERR_NOT_FOUND && use_closed(b, &why) == 0)
		return decode(b, find_frame(b, pos), err);
	if (err)
		*err = why;
	return -1;
}

static int beyond(const struct segment_bytes *b, uint64_t pos, size_t n, struct err *err)
{
	return err_set(err, ERR_DAMAGED,
	               "%s: %zu bytes at offset %llu were wanted, and the binlog ends at %llu",
	               b->name, n, (unsigned long long)pos, (unsigned long long)b->size);
}

int segment_bytes_some(struct segment_bytes *b, uint64_t pos, const unsigned char **ret,
                       size_t *ret_n, struct err *err)
{
	if (pos > b->size)
		return beyond(b, pos, 0, err);
	if (pos < b->size && hold(b, pos, err) < 0)
		return -1;
	*ret = pos < b->size ? b->raw + (pos - b->have_at) : b->raw;
	*ret_n = pos < b->size ? b->have_n - (size_t)(pos - b->have_at) : 0;
	return 0;
}

/* Once for many: what an event of 40 MB needs is not given back before the end. */
static int room_to_join(struct segment_bytes *b, size_t n, struct err *err)
{
	if (b->joined_cap >= n)
		return 0;
	unsigned char *room = mem_pages(n, err);
	if (!room)
		return -1;
	if (b->joined_n)
		memcpy(room, b->joined, b->joined_n);
	free(b->joined);
	b->joined = room;
	b->joined_cap = n;
	return 0;
}

int segment_bytes_at(struct segment_bytes *b, uint64_t pos, size_t n, const unsigned char **ret,
                     struct err *err)
{
	const unsigned char *p;
	size_t some;

	if (pos > b->size || n > b->size - pos)
		return beyond(b, pos, n, err);
	if (!b->joined_n || b->joined_at != pos) {
		if (segment_bytes_some(b, pos, &p, &some, err) < 0)
			return -1;
		if (some >= n) {
			*ret = p;
			return 0;
		}
		b->joined_at = pos;
		b->joined_n = 0;
	}
	if (room_to_join(b, n, err) < 0)
		return -1;
	for (; b->joined_n < n; b->joined_n += some) {
		if (segment_bytes_some(b, pos + b->joined_n, &p, &some, err) < 0)
			return -1;
		some = some < n - b->joined_n ? some : n - b->joined_n;
		memcpy(b->joined + b->joined_n, p, some);
	}
	*ret = b->joined;
	return 0;
}
