#include "repo/pack.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/mem.h"
#include "base/str.h"
#include "repo/index.h"

/* Entries are collected to this size before they are written. */
#define INDEX_BUFFER (64u << 10)

struct pack_writer {
	struct pack_set *set;
	struct sink *pack, *index; /* NULL: no pack is open */
	struct manifest_pack facts;
	struct str entries; /* of the index, not yet written */
	XXH3_state_t *hash; /* of the index */
	VEC(struct manifest_pack) done;
};

struct pack_writer *pack_writer_new(struct pack_set *set)
{
	struct pack_writer *w = mem_zalloc(sizeof *w);
	w->set = set;
	w->hash = XXH3_createState();
	if (!w->hash)
		abort(); /* as mem_alloc does: a few hundred bytes */
	return w;
}

static int put_objects(struct pack_writer *w, uint32_t number, struct err *err)
{
	struct pack_set *s = w->set;
	char *pack = repo_name_pack(s->instance, s->id, number);
	char *index = repo_name_index(s->instance, s->id, number);
	int rc = repo_put(s->repo, pack, &w->pack, err);
	if (rc == 0)
		rc = repo_put(s->repo, index, &w->index, err);
	free(pack);
	free(index);
	return rc;
}

static int open_pack(struct pack_writer *w, struct err *err)
{
	uint32_t number = atomic_fetch_add(&w->set->next_number, 1);
	if (put_objects(w, number, err) < 0)
		return -1;
	w->facts = (struct manifest_pack){.number = number};
	XXH3_128bits_reset(w->hash);
	index_put_head(&w->entries, number);
	return 0;
}

static int flush_entries(struct pack_writer *w, struct err *err)
{
	XXH3_128bits_update(w->hash, w->entries.p, w->entries.n);
	if (sink_write(w->index, w->entries.p, w->entries.n, err) < 0)
		return -1;
	w->facts.index_bytes += w->entries.n;
	str_reset(&w->entries);
	return 0;
}

static void close_sinks(struct pack_writer *w)
{
	sink_free(w->pack);
	sink_free(w->index);
	w->pack = w->index = NULL;
}

static int close_pack(struct pack_writer *w, struct err *err)
{
	XXH128_canonical_t hash;
	if (flush_entries(w, err) < 0 || sink_finish(w->pack, err) < 0 ||
	    sink_finish(w->index, err) < 0)
		return -1;
	XXH128_canonicalFromHash(&hash, XXH3_128bits_digest(w->hash));
	memcpy(w->facts.index_hash, hash.digest, sizeof w->facts.index_hash);
	*vec_push(&w->done) = w->facts;
	close_sinks(w);
	return 0;
}

int pack_writer_add(struct pack_writer *w, struct frame *f, const void *stored, struct err *err)
{
	bool full = w->pack && w->facts.bytes > 0 && f->stored > PACK_BYTES - w->facts.bytes;
	if (full && close_pack(w, err) < 0)
		return -1;
	if (!w->pack && open_pack(w, err) < 0)
		return -1;
	if (f->stored && sink_write(w->pack, stored, f->stored, err) < 0)
		return -1;
	f->pack = w->facts.number;
	f->at = w->facts.bytes;
	w->facts.bytes += f->stored;
	w->facts.frames++;
	index_put_frame(&w->entries, f);
	return w->entries.n >= INDEX_BUFFER ? flush_entries(w, err) : 0;
}

int pack_writer_finish(struct pack_writer *w, struct manifest *out, struct err *err)
{
	if (w->pack && close_pack(w, err) < 0)
		return -1;
	for (size_t i = 0; i < w->done.n; i++)
		*vec_push(&out->packs) = w->done.v[i];
	w->done.n = 0;
	return 0;
}

void pack_writer_free(struct pack_writer *w)
{
	if (!w)
		return;
	close_sinks(w);
	str_done(&w->entries);
	vec_done(&w->done);
	XXH3_freeState(w->hash);
	free(w);
}

/* The whole index, once its size and hash are what the manifest says. */
static int load_index(struct repo *r, const char *name, const struct manifest_pack *p,
                      unsigned char **ret, struct err *err)
{
	uint64_t size;
	XXH128_canonical_t hash;
	if (repo_size(r, name, &size, err) < 0)
		return -1;
	/* Only what is really there is allocated, whatever the manifest claims. */
	if (size != p->index_bytes || size > SIZE_MAX)
		return err_set(err, ERR_DAMAGED, "it has %llu bytes, and the manifest says %llu",
		               (unsigned long long)size, (unsigned long long)p->index_bytes);
	unsigned char *bytes = mem_pages((size_t)size, err);
	if (!bytes)
		return -1;
	if (repo_read(r, name, 0, bytes, (size_t)size, err) < 0)
		goto fail;
	XXH128_canonicalFromHash(&hash, XXH3_128bits(bytes, (size_t)size));
	if (memcmp(hash.digest, p->index_hash, sizeof p->index_hash) != 0) {
		err_set(err, ERR_DAMAGED, "its bytes are not those that were written");
		goto fail;
	}
	*ret = bytes;
	return 0;
fail:
	free(bytes);
	return -1;
}

static int give_frames(struct index_reader *in, const struct manifest_pack *p, pack_each *each,
                       void *arg, bool *ret_theirs, struct err *err)
{
	struct frame f;
	uint64_t frames = 0;
	int rc;
	while ((rc = index_reader_next(in, &f, err)) > 0) {
		frames++;
		if (each(arg, &f, err) < 0) {
			*ret_theirs = true;
			return -1;
		}
	}
	if (rc == 0 && frames != p->frames)
		return err_set(err, ERR_DAMAGED, "it has %llu frames, and the manifest says %llu",
		               (unsigned long long)frames, (unsigned long long)p->frames);
	return rc;
}

int pack_read_index(struct repo *r, const struct manifest *m, const struct manifest_pack *p,
                    pack_each *each, void *arg, struct err *err)
{
	int rc = -1;
	unsigned char *bytes = NULL;
	bool theirs = false; /* the reason is the caller's own: not ours to put in words */
	char *name = repo_name_index(m->instance, m->id, p->number);
	struct index_reader *in = mem_alloc(sizeof *in);
	if (load_index(r, name, p, &bytes, err) < 0)
		goto out;
	if (index_reader_init(in, bytes, (size_t)p->index_bytes, p->number, p->bytes,
	                      (uint32_t)m->files.n, err) < 0)
		goto out;
	rc = give_frames(in, p, each, arg, &theirs, err);
out:
	if (rc < 0 && !theirs)
		err_add(err, "index %s", name);
	free(in);
	free(bytes);
	free(name);
	return rc;
}
