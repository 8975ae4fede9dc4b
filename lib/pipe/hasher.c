/*
 * XXH3-128 in canonical (big-endian) form.  The dispatching calls choose the widest
 * vectors of the CPU when first used: six times as fast as the plain ones here.
 */
#ifdef __x86_64__
#include <xxh_x86dispatch.h>
#else
#include <xxhash.h>
#endif

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "pipe/codec.h"

struct hasher {
	XXH3_state_t *state;
};

static void put(unsigned char out[FRAME_HASH_SIZE], XXH128_hash_t hash)
{
	XXH128_canonical_t canonical;

	XXH128_canonicalFromHash(&canonical, hash);
	memcpy(out, canonical.digest, FRAME_HASH_SIZE);
}

void hash_bytes(const void *bytes, size_t n, unsigned char out[FRAME_HASH_SIZE])
{
	put(out, XXH3_128bits(bytes, n));
}

struct hasher *hasher_new(void)
{
	struct hasher *h = mem_zalloc(sizeof *h);

	h->state = XXH3_createState();
	if (!h->state)
		abort(); /* half a KiB: as in base/mem */
	XXH3_128bits_reset(h->state);
	return h;
}

void hasher_add(struct hasher *h, const void *bytes, size_t n)
{
	XXH3_128bits_update(h->state, bytes, n);
}

void hasher_end(struct hasher *h, unsigned char out[FRAME_HASH_SIZE])
{
	put(out, XXH3_128bits_digest(h->state));
	XXH3_freeState(h->state);
	free(h);
}
