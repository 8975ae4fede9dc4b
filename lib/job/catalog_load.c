#include "job/catalog_load.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "pipe/codec.h"
#include "repo/backups.h"

/* Bounds what a damaged or hostile object can make us hold; a manifest of a million
 * files is far below. */
#define MANIFEST_MAX (1u << 30)
/* A manifest up to this size is read whole even if only its head is wanted, so
 * that one that was cut off shows up in every list.  Of a larger one (some twenty
 * thousand files) this much holds the head. */
#define HEAD_BYTES (1u << 20)
#define STORE_BATCH (64u << 10)
#define MANIFEST_LEVEL 3

struct reading {
	struct manifest_reader reader;
	bool with_files;
	bool part; /* only the front of the object was fetched */
	bool closed;
};

/* Of a file's line nothing is parsed when only the head is wanted. */
static int each_line(void *arg, const char *line, size_t n, struct err *err)
{
	struct reading *r = arg;

	if (!r->with_files && r->reader.line > 0) {
		r->closed = n > 6 && !memcmp(line, "{\"end\"", 6);
		return 0;
	}
	if (manifest_reader_line(&r->reader, line, n, err) < 0)
		return -1;
	return r->part ? 1 : 0;
}

static int finish_reading(struct reading *r, struct manifest **ret, struct err *err)
{
	if (r->with_files)
		return manifest_reader_finish(&r->reader, ret, err);
	if (!r->part && !r->closed)
		return err_set(err, ERR_DAMAGED, "its closing line is missing");
	*ret = manifest_reader_take_head(&r->reader);
	return *ret ? 0 : err_set(err, ERR_DAMAGED, "it is empty");
}

static int check_identity(const struct manifest *m, const char *instance, const char *id,
                          struct err *err)
{
	if (!strcmp(m->id, id) && !strcmp(m->instance, instance))
		return 0;
	return err_set(err, ERR_DAMAGED, "it is the manifest of backup %s of instance %s", m->id,
	               m->instance);
}

static int parse(const void *bytes, size_t n, bool with_files, bool part, struct manifest **ret,
                 struct err *err)
{
	struct reading r = {.with_files = with_files, .part = part};
	int rc;

	manifest_reader_init(&r.reader);
	rc = codec_unpack_lines(bytes, n, each_line, &r, err);
	if (rc == 0)
		rc = finish_reading(&r, ret, err);
	manifest_reader_done(&r.reader);
	return rc;
}

static int load(struct repo *r, const char *name, bool with_files, struct manifest **ret,
                struct err *err)
{
	unsigned char *bytes = NULL;
	uint64_t size = 0;
	size_t n = 0;
	int rc = -1;

	if (repo_size(r, name, &size, err) < 0)
		return -1;
	if (!with_files && size > HEAD_BYTES) {
		if (!(bytes = mem_pages(HEAD_BYTES, err)))
			return -1;
		rc = repo_read(r, name, 0, bytes, HEAD_BYTES, err);
		if (rc == 0 && parse(bytes, HEAD_BYTES, false, true, ret, NULL) == 0)
			goto out;
		free(bytes);
		bytes = NULL;
		if (rc < 0)
			return -1;
		/* A head of a megabyte (a list of corrupt pages): then the whole of it. */
	}
	rc = repo_get_all(r, name, MANIFEST_MAX, &bytes, &n, err);
	if (rc == 0)
		rc = parse(bytes, n, with_files, false, ret, err);
out:
	free(bytes);
	return rc;
}

int manifest_load(struct repo *r, const char *instance, const char *id, bool with_files,
                  struct manifest **ret, struct err *err)
{
	struct manifest *m = NULL;
	char *name;
	int rc;

	if (!backup_id_valid(id))
		return err_set(err, ERR_USAGE, "\"%s\" is no backup id", id);
	name = repo_name_manifest(instance, id);
	rc = load(r, name, with_files, &m, err);
	if (rc == 0)
		rc = check_identity(m, instance, id, err);
	if (rc < 0) {
		manifest_free(m);
		err_add(err, "manifest of backup %s", id);
	} else {
		*ret = m;
	}
	free(name);
	return rc;
}

int catalog_load(struct repo *r, const char *instance, struct catalog *ret, struct err *err)
{
	struct name_list ids = {0}, leftovers = {0};
	struct catalog c;
	int rc;

	catalog_init(&c);
	rc = backups_ids(r, instance, &ids, &leftovers, err);
	for (size_t i = 0; rc == 0 && i < ids.names.n; i++) {
		struct manifest *m = NULL;
		struct err why = ERR_INIT;
		if (manifest_load(r, instance, ids.names.v[i], false, &m, &why) == 0)
			catalog_add(&c, m);
		else if (why.kind != ERR_NOT_FOUND) /* expired since it was listed */
			catalog_add_damaged(&c, ids.names.v[i], &why);
	}
	name_list_done(&ids);
	name_list_done(&leftovers);
	if (rc < 0) {
		catalog_done(&c);
		return -1;
	}
	*ret = c;
	return 0;
}

/* Lines in batches: a manifest of a million files is never one text. */
static int write_lines(const struct manifest *m, struct sink *to, struct err *err)
{
	struct str text = {0};
	int rc = 0;

	manifest_write_head(m, &text);
	for (size_t i = 0; i < m->files.n && rc == 0; i++) {
		manifest_write_file(&m->files.v[i], &text);
		if (text.n < STORE_BATCH)
			continue;
		rc = sink_write(to, str_text(&text), text.n, err);
		str_reset(&text);
	}
	manifest_write_tail(m, &text);
	if (rc == 0)
		rc = sink_write(to, str_text(&text), text.n, err);
	str_done(&text);
	return rc;
}

int manifest_store(struct repo *r, const struct manifest *m, struct err *err)
{
	char *name = repo_name_manifest(m->instance, m->id);
	struct sink *object = NULL, *packed = NULL;
	int rc = repo_put(r, name, &object, err);

	if (rc == 0) {
		packed = codec_object_sink(object, MANIFEST_LEVEL);
		rc = write_lines(m, packed, err);
	}
	if (rc == 0)
		rc = sink_finish(packed, err);
	sink_free(packed);
	free(name);
	return rc;
}

static void join(const struct name_list *l, struct str *out)
{
	for (size_t i = 0; i < l->names.n; i++)
		str_addf(out, "%s%s", i ? ", " : "", l->names.v[i]);
}

int instance_choose(struct repo *r, const char *wanted, char **ret, struct err *err)
{
	struct name_list l = {0};
	struct str names = {0};
	const char *found = NULL;
	int rc = -1;

	if (backups_instances(r, &l, err) < 0)
		return -1;
	for (size_t i = 0; i < l.names.n; i++)
		if (wanted ? !strcmp(l.names.v[i], wanted) : l.names.n == 1)
			found = l.names.v[i];
	join(&l, &names);
	if (found) {
		*ret = mem_strdup(found);
		rc = 0;
	} else if (l.names.n == 0) {
		err_set(err, ERR_NOT_FOUND, "the repository %s holds no backups", r->url);
	} else if (wanted) {
		err_set(err, ERR_NOT_FOUND, "the repository %s has no instance \"%s\"", r->url,
		        wanted);
		err_hint(err, "it has: %s", str_text(&names));
	} else {
		err_set(err, ERR_USAGE, "the repository %s has several instances", r->url);
		err_hint(err, "choose one with -i: %s", str_text(&names));
	}
	str_done(&names);
	name_list_done(&l);
	return rc;
}
