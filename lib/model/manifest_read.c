/*
 * The text form of a manifest, coming in.  What the keys mean: manifest_text.c.
 *
 * Nothing here is trusted: a manifest decides which paths a restore writes to.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "model/manifest.h"
#include "model/manifest_field.h"
#include "model/manifest_head.h"

/* Open addressing; a slot holds the number of a file + 1. */
struct manifest_paths {
	uint32_t *slots;
	size_t size; /* a power of two, more than twice the files */
};

static size_t slot_of(const struct manifest_paths *p, const struct manifest_file *f)
{
	return XXH3_64bits_withSeed(f->path, strlen(f->path), f->root) & (p->size - 1);
}

/* Where f is, or would go. */
static uint32_t *find_slot(const struct manifest_paths *p, const struct manifest *m,
                           const struct manifest_file *f)
{
	size_t at = slot_of(p, f);

	for (; p->slots[at]; at = (at + 1) & (p->size - 1)) {
		const struct manifest_file *other = &m->files.v[p->slots[at] - 1];
		if (other->root == f->root && !strcmp(other->path, f->path))
			break;
	}
	return &p->slots[at];
}

static void grow_paths(struct manifest_paths *p, const struct manifest *m, size_t n)
{
	p->size = p->size ? p->size * 2 : 1024;
	free(p->slots);
	p->slots = mem_zalloc(p->size * sizeof *p->slots);
	for (size_t i = 0; i < n; i++)
		if (m->files.v[i].kind != FILE_GONE)
			*find_slot(p, m, &m->files.v[i]) = (uint32_t)i + 1;
}

/* The last file of m has a name no earlier one has?  One that is gone takes no name:
 * another of the same name may have come after it. */
static bool path_is_new(struct manifest_paths *p, const struct manifest *m)
{
	size_t number = m->files.n - 1;
	uint32_t *slot;

	if (m->files.v[number].kind == FILE_GONE)
		return true;
	if (2 * m->files.n >= p->size)
		grow_paths(p, m, number);
	slot = find_slot(p, m, &m->files.v[number]);
	if (*slot)
		return false;
	*slot = (uint32_t)number + 1;
	return true;
}

static int read_file_kind(const struct field_src *s, uint8_t *ret)
{
	char *kind = NULL;
	int rc = -1;

	if (field_text(s, "k", FIELD_MUST, &kind))
		return -1;
	for (unsigned k = FILE_PLAIN; k <= FILE_GONE; k++)
		if (!strcmp(kind, file_kind_name(k))) {
			*ret = (uint8_t)k;
			rc = 0;
		}
	if (rc)
		field_bad(s, "k",
		          "found \"%.40s\", allowed: plain, innodb, redo, dir, symlink, gone",
		          kind);
	free(kind);
	return rc;
}

static int read_pages(const struct field_src *s, struct manifest_file *f)
{
	if (field_u32(s, "ps", FIELD_MUST, &f->page_size) ||
	    field_u32(s, "id", FIELD_MUST, &f->space_id) ||
	    field_u32(s, "ff", FIELD_MUST, &f->fsp_flags))
		return -1;
	if (!manifest_page_size_ok(f->page_size, 1024))
		return field_bad(s, "ps",
		                 "found %" PRIu32 ", allowed: a power of two, 1024 to 65536",
		                 f->page_size);
	return 0;
}

static int read_stamp(const struct field_src *s, struct file_stamp *st)
{
	json_t *list;
	int64_t v[7];

	if (field_array(s, "st", FIELD_MAY, &list))
		return -1;
	if (!list)
		return 0;
	if (json_array_size(list) != 7)
		return field_bad(s, "st", "must hold 7 integers");
	for (size_t i = 0; i < 7; i++) {
		if (!json_is_integer(json_array_get(list, i)))
			return field_bad(s, "st", "must hold 7 integers");
		v[i] = json_integer_value(json_array_get(list, i));
	}
	if (v[2] < 0)
		return field_bad(s, "st", "the size is negative");
	*st = (struct file_stamp){
	    .dev = (uint64_t)v[0],
	    .ino = (uint64_t)v[1],
	    .size = (uint64_t)v[2],
	    .mtime_ns = v[3],
	    .ctime_ns = v[4],
	    .btime_ns = v[5],
	    .seen_ns = v[6],
	};
	return 0;
}

static int read_name(const struct field_src *s, const struct manifest *m, struct manifest_file *f)
{
	int64_t root = 0;

	if (field_path(s, "p", FIELD_MUST, &f->path))
		return -1;
	if (!str_is_safe_relative(f->path))
		return field_bad(
		    s, "p", "\"%.200s\" must be relative, without empty, \".\" or \"..\" parts",
		    f->path);
	if (m->roots.n == 0)
		return field_bad(s, "r", "the head names no roots");
	if (field_int(s, "r", FIELD_MAY, 0, (int64_t)m->roots.n - 1, &root))
		return -1;
	f->root = (uint16_t)root;
	return 0;
}

static int read_numbers(const struct field_src *s, const struct manifest *m,
                        struct manifest_file *f)
{
	int64_t mode = 0, sparse = 0;

	f->base = -1;
	if (field_u64(s, "s", FIELD_MUST, &f->size) ||
	    field_int(s, "m", FIELD_MUST, 0, 0177777, &mode) ||
	    field_u32(s, "u", FIELD_MUST, &f->uid) || field_u32(s, "g", FIELD_MUST, &f->gid) ||
	    field_int(s, "z", FIELD_MAY, 0, 1, &sparse) ||
	    field_int(s, "b", FIELD_MAY, -1, UINT32_MAX, &f->base))
		return -1;
	/* Data are no programs: whoever can write to a repository must not get one with
	 * root's rights from root's restore of it. */
	f->mode = (uint32_t)mode & (f->kind == FILE_DIR ? ~0u : ~06000u);
	f->sparse = sparse;
	if (f->base >= 0 && m->kind == BACKUP_FULL)
		return field_bad(s, "b", "a full has no parent to take bytes from");
	return 0;
}

static int read_target(const struct field_src *s, struct manifest_file *f)
{
	bool link = f->kind == FILE_SYMLINK;

	if (field_path(s, "t", link, &f->target))
		return -1;
	if (!f->target)
		return 0;
	if (!link)
		return field_bad(s, "t", "only a symlink has a target");
	if (!f->target[0])
		return field_bad(s, "t", "is empty");
	return 0;
}

static int read_file(struct manifest_reader *r, const json_t *o, struct err *err)
{
	struct field_src s = {o, "", r->line, err};
	struct manifest_file *f;

	if (r->m->files.n >= UINT32_MAX - 1)
		return field_bad(&s, "p", "too many files");
	f = vec_push(&r->m->files);
	*f = (struct manifest_file){0};
	if (read_name(&s, r->m, f) || read_file_kind(&s, &f->kind) || read_numbers(&s, r->m, f) ||
	    read_target(&s, f) || read_stamp(&s, &f->stamp))
		return -1;
	if (f->kind == FILE_INNODB && read_pages(&s, f))
		return -1;
	if (!path_is_new(r->paths, r->m))
		return field_bad(&s, "p", "\"%.200s\" comes twice", f->path);
	return 0;
}

static int read_tail(struct manifest_reader *r, const json_t *o, struct err *err)
{
	struct field_src s = {o, "", r->line, err};
	uint64_t files = 0;

	if (!json_is_true(json_object_get(o, "end")))
		return field_bad(&s, "end", "must be true");
	if (field_u64(&s, "files", FIELD_MUST, &files))
		return -1;
	if (files != r->m->files.n)
		return field_bad(&s, "files", "says %" PRIu64 ", but %zu came before", files,
		                 r->m->files.n);
	r->complete = true;
	return 0;
}

void manifest_reader_init(struct manifest_reader *r)
{
	*r = (struct manifest_reader){.paths = mem_zalloc(sizeof *r->paths)};
}

int manifest_reader_line(struct manifest_reader *r, const char *line, size_t n, struct err *err)
{
	json_error_t why;
	json_t *o = NULL;
	int rc = -1;

	r->line++;
	if (r->complete)
		return err_set(err, ERR_DAMAGED,
		               "manifest line %" PRIu64 ": something follows the closing line",
		               r->line);
	o = json_loadb(line, n, JSON_REJECT_DUPLICATES, &why);
	if (!json_is_object(o)) {
		err_set(err, ERR_DAMAGED,
		        "manifest line %" PRIu64 ": not a JSON object: %s (byte %d)", r->line,
		        o ? "found an array" : why.text, o ? 1 : why.position);
		goto out;
	}
	if (!r->m) {
		if (r->line != 1) {
			err_set(err, ERR_DAMAGED,
			        "manifest line %" PRIu64 ": its head was not read", r->line);
			goto out;
		}
		r->m = manifest_new();
		rc = manifest_read_head(r->m, o, err);
	} else if (json_object_get(o, "end")) {
		rc = read_tail(r, o, err);
	} else {
		rc = read_file(r, o, err);
	}
out:
	json_decref(o);
	return rc;
}

int manifest_reader_finish(struct manifest_reader *r, struct manifest **ret, struct err *err)
{
	if (!r->complete || !r->m) {
		err_set(err, ERR_DAMAGED,
		        "manifest ends after line %" PRIu64 " without its closing line", r->line);
		return err_hint(err, "The manifest was cut off; this backup cannot be used.");
	}
	*ret = manifest_reader_take_head(r);
	return 0;
}

struct manifest *manifest_reader_take_head(struct manifest_reader *r)
{
	struct manifest *m = r->m;

	r->m = NULL;
	return m;
}

void manifest_reader_done(struct manifest_reader *r)
{
	manifest_free(r->m);
	if (r->paths)
		free(r->paths->slots);
	free(r->paths);
	*r = (struct manifest_reader){0};
}
