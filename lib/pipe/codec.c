#include "pipe/codec.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "base/mem.h"

struct codec {
	ZSTD_CCtx *c;
	ZSTD_DCtx *d;
	void *stored;
	int level; /* that c is set to; 0: none yet */
};

size_t codec_stored_max(void)
{
	return ZSTD_compressBound(FRAME_RAW_MAX);
}

int codec_new(struct codec **ret, struct err *err)
{
	struct codec *c = mem_zalloc(sizeof *c);

	c->c = ZSTD_createCCtx();
	c->d = ZSTD_createDCtx();
	if (!c->c || !c->d) {
		err_set(err, ERR_FAILED, "not enough memory for zstd");
		goto fail;
	}
	c->stored = mem_pages(codec_stored_max(), err);
	if (!c->stored)
		goto fail;
	*ret = c;
	return 0;
fail:
	codec_free(c);
	return -1;
}

void codec_free(struct codec *c)
{
	if (!c)
		return;
	ZSTD_freeCCtx(c->c);
	ZSTD_freeDCtx(c->d);
	free(c->stored);
	free(c);
}

int codec_encode(struct codec *c, int level, const void *raw, struct frame *f,
                 const void **ret_stored, struct err *err)
{
	size_t n = 0;

	memset(f->raw_hash, 0, FRAME_HASH_SIZE);
	memset(f->stored_hash, 0, FRAME_HASH_SIZE);
	if (f->raw > 0) {
		if (level != c->level) /* out of range is brought into it by zstd */
			ZSTD_CCtx_setParameter(c->c, ZSTD_c_compressionLevel, level);
		c->level = level;
		/* zstd's own checksum stays off: raw_hash says more. */
		n = ZSTD_compress2(c->c, c->stored, codec_stored_max(), raw, f->raw);
		if (ZSTD_isError(n))
			return err_set(err, ERR_FAILED, "compressing %u bytes: %s", f->raw,
			               ZSTD_getErrorName(n));
		hash_bytes(raw, f->raw, f->raw_hash);
		hash_bytes(c->stored, n, f->stored_hash);
	}
	f->stored = (uint32_t)n;
	*ret_stored = c->stored;
	return 0;
}

static int check_hash(const void *bytes, size_t n, const unsigned char want[FRAME_HASH_SIZE],
                      const char *what, struct err *err)
{
	unsigned char hash[FRAME_HASH_SIZE];

	hash_bytes(bytes, n, hash);
	if (memcmp(hash, want, FRAME_HASH_SIZE) != 0)
		return err_set(err, ERR_DAMAGED, "the %s bytes of a frame do not match their hash",
		               what);
	return 0;
}

int codec_decode(struct codec *c, const struct frame *f, const void *stored, void *raw,
                 struct err *err)
{
	size_t n;

	if (f->raw > FRAME_RAW_MAX || f->stored > codec_stored_max() || !f->raw != !f->stored)
		return err_set(err, ERR_DAMAGED,
		               "a frame says that it has %u bytes in the pack and %u as files",
		               f->stored, f->raw);
	if (f->raw == 0)
		return 0;
	if (check_hash(stored, f->stored, f->stored_hash, "stored", err) != 0)
		return -1;
	n = ZSTD_decompressDCtx(c->d, raw, FRAME_RAW_MAX, stored, f->stored);
	if (ZSTD_isError(n))
		return err_set(err, ERR_DAMAGED, "a frame cannot be decompressed: %s",
		               ZSTD_getErrorName(n));
	if (n != f->raw)
		return err_set(err, ERR_DAMAGED, "a frame has %zu bytes instead of %u", n, f->raw);
	return check_hash(raw, n, f->raw_hash, "decompressed", err);
}
