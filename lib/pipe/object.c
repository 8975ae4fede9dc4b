/*
 * Whole small objects: one zstd frame with its content checksum, read line by line.
 */
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "base/mem.h"
#include "base/str.h"
#include "pipe/codec.h"

#define LINE_MAX_BYTES (16u << 20)

struct object_sink {
	struct sink sink;
	struct sink *to;
	ZSTD_CCtx *ctx;
	size_t out_size;
	unsigned char *out;
};

/* Compress in[0..n) and pass on what comes out; ZSTD_e_end closes the frame. */
static int compress_on(struct object_sink *o, const void *bytes, size_t n, ZSTD_EndDirective how,
                       struct err *err)
{
	ZSTD_inBuffer in = {bytes, n, 0};
	size_t left;

	do {
		ZSTD_outBuffer out = {o->out, o->out_size, 0};
		left = ZSTD_compressStream2(o->ctx, &out, &in, how);
		if (ZSTD_isError(left))
			return err_set(err, ERR_FAILED, "compressing: %s", ZSTD_getErrorName(left));
		if (out.pos > 0 && sink_write(o->to, o->out, out.pos, err) < 0)
			return -1;
	} while (how == ZSTD_e_end ? left > 0 : in.pos < in.size);
	return 0;
}

static int object_write(struct sink *sink, const void *bytes, size_t n, struct err *err)
{
	return compress_on((struct object_sink *)sink, bytes, n, ZSTD_e_continue, err);
}

static int object_finish(struct sink *sink, struct err *err)
{
	struct object_sink *o = (struct object_sink *)sink;

	if (compress_on(o, NULL, 0, ZSTD_e_end, err) < 0)
		return -1;
	return sink_finish(o->to, err);
}

static void object_free(struct sink *sink)
{
	struct object_sink *o = (struct object_sink *)sink;

	sink_free(o->to);
	ZSTD_freeCCtx(o->ctx);
	free(o->out);
	free(o);
}

static const struct sink_ops object_ops = {"object", object_write, object_finish, object_free};

struct sink *codec_object_sink(struct sink *to, int level)
{
	struct object_sink *o = mem_zalloc(sizeof *o);

	o->sink.ops = &object_ops;
	o->to = to;
	o->out_size = ZSTD_CStreamOutSize();
	o->out = mem_alloc(o->out_size);
	o->ctx = ZSTD_createCCtx();
	if (!o->ctx)
		abort(); /* as mem_alloc does */
	ZSTD_CCtx_setParameter(o->ctx, ZSTD_c_compressionLevel, level);
	ZSTD_CCtx_setParameter(o->ctx, ZSTD_c_checksumFlag, 1);
	return &o->sink;
}

/* Hand over every whole line of text[0..n); the rest stays in `rest`.  0, 1 the
 * caller has enough, -1. */
static int hand_over(struct str *rest, const char *text, size_t n, codec_line *line, void *arg,
                     struct err *err)
{
	while (n > 0) {
		const char *end = memchr(text, '\n', n);
		size_t part = end ? (size_t)(end - text) : n;
		int rc;

		if (rest->n + part > LINE_MAX_BYTES)
			return err_set(err, ERR_DAMAGED, "a line is longer than 16 MiB");
		if (!end || rest->n > 0)
			str_addn(rest, text, part);
		if (!end)
			return 0;
		rc = rest->n > 0 ? line(arg, str_text(rest), rest->n, err)
		                 : line(arg, text, part, err);
		if (rc != 0)
			return rc;
		str_reset(rest);
		text += part + 1;
		n -= part + 1;
	}
	return 0;
}

/* 0 to the end, 1 stopped by `line`, -1. */
static int decode(ZSTD_DCtx *d, char *out, size_t out_size, ZSTD_inBuffer *in, struct str *rest,
                  codec_line *line, void *arg, struct err *err)
{
	size_t left;

	do {
		ZSTD_outBuffer o = {out, out_size, 0};
		size_t before = in->pos;
		int rc;

		left = ZSTD_decompressStream(d, &o, in);
		if (ZSTD_isError(left))
			return err_set(err, ERR_DAMAGED, "cannot be decompressed: %s",
			               ZSTD_getErrorName(left));
		rc = hand_over(rest, out, o.pos, line, arg, err);
		if (rc != 0)
			return rc;
		if (left != 0 && o.pos == 0 && in->pos == before)
			return err_set(err, ERR_DAMAGED, "cut off after %zu bytes", in->size);
	} while (left != 0);
	if (in->pos != in->size)
		return err_set(err, ERR_DAMAGED, "%zu bytes follow the end", in->size - in->pos);
	if (rest->n > 0)
		return err_set(err, ERR_DAMAGED, "the last line has no end");
	return 0;
}

int codec_unpack_lines(const void *stored, size_t n, codec_line *line, void *arg, struct err *err)
{
	ZSTD_DCtx *d = ZSTD_createDCtx();
	size_t out_size = ZSTD_DStreamOutSize();
	char *out = mem_alloc(out_size);
	ZSTD_inBuffer in = {stored, n, 0};
	struct str rest = {0};
	int rc;

	if (d)
		rc = decode(d, out, out_size, &in, &rest, line, arg, err);
	else
		rc = err_set(err, ERR_FAILED, "not enough memory for zstd");
	str_done(&rest);
	free(out);
	ZSTD_freeDCtx(d);
	return rc < 0 ? -1 : 0;
}
