#include "repo/repo.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "repo/repo_dir.h"
#include "repo/repo_format.h"

static int open_driver(const char *url, const struct repo_options *o, struct repo **ret,
                       struct err *err)
{
	const char *path = str_starts(url, "file://") ? url + strlen("file://") : url;
	if (path[0] == '/')
		return repo_dir_open(path, o, ret, err);
	if (str_starts(url, "s3://"))
		return err_set(err, ERR_REFUSED, "repository %s: s3 is not built yet", url);
	err_set(err, ERR_USAGE, "repository %s: not a URL that is known", url);
	return err_hint(err, "write file:// and an absolute path: file:///var/lib/mybakd/repo");
}

int repo_open(const char *url, const struct repo_options *o, struct repo **ret, struct err *err)
{
	struct repo *r = NULL;
	if (open_driver(url, o, &r, err) < 0)
		return -1;
	r->url = mem_strdup(url);
	if (repo_format_check(r, o->create, err) < 0) {
		repo_close(r);
		return -1;
	}
	*ret = r;
	return 0;
}

void repo_close(struct repo *r)
{
	if (!r)
		return;
	free(r->url);
	r->ops->close(r);
}

/* Names come from policies, command lines and other programs' directories. */
static int check_name(const char *name, struct err *err)
{
	if (str_is_safe_relative(name))
		return 0;
	return err_set(err, ERR_USAGE, "\"%s\" is not a name of an object in a repository", name);
}

static int check_prefix(const char *prefix, struct err *err)
{
	if (str_ends(prefix, "/")) {
		char *name = mem_strndup(prefix, strlen(prefix) - 1);
		bool safe = str_is_safe_relative(name);
		free(name);
		if (safe)
			return 0;
	}
	return err_set(err, ERR_USAGE, "\"%s\" is not a prefix of objects in a repository", prefix);
}

int repo_put(struct repo *r, const char *name, struct sink **ret, struct err *err)
{
	return check_name(name, err) < 0 ? -1 : r->ops->put(r, name, ret, err);
}

int repo_put_bytes(struct repo *r, const char *name, const void *bytes, size_t n, struct err *err)
{
	struct sink *sink = NULL;
	if (repo_put(r, name, &sink, err) < 0)
		return -1;
	int rc = sink_write(sink, bytes, n, err);
	if (rc == 0)
		rc = sink_finish(sink, err);
	sink_free(sink);
	return rc;
}

int repo_append(struct repo *r, const char *name, struct repo_append **ret, struct err *err)
{
	return check_name(name, err) < 0 ? -1 : r->ops->append(r, name, ret, err);
}

int repo_append_write(struct repo_append *a, const void *bytes, size_t n, struct err *err)
{
	return a->ops->write(a, bytes, n, err);
}

int repo_append_cut(struct repo_append *a, uint64_t size, struct err *err)
{
	return a->ops->cut(a, size, err);
}

int repo_append_sync(struct repo_append *a, struct err *err)
{
	return a->ops->sync(a, err);
}

void repo_append_close(struct repo_append *a)
{
	if (a)
		a->ops->close(a);
}

int repo_get(struct repo *r, const char *name, uint64_t off, uint64_t len, struct sink *to,
             struct err *err)
{
	return check_name(name, err) < 0 ? -1 : r->ops->get(r, name, off, len, to, err);
}

int repo_get_all(struct repo *r, const char *name, size_t max, unsigned char **ret, size_t *ret_n,
                 struct err *err)
{
	uint64_t size;
	if (repo_size(r, name, &size, err) < 0)
		return -1;
	if (size > max)
		return err_set(err, ERR_DAMAGED, "%s is larger than the %zu bytes it can be", name,
		               max);
	struct sink_memory m;
	sink_memory_init(&m, max);
	int rc = repo_get(r, name, 0, UINT64_MAX, &m.sink, err);
	if (rc == 0) {
		/* Callers may count on a buffer even for an empty object. */
		*ret = m.bytes ? m.bytes : mem_alloc(1);
		*ret_n = m.n;
		m.bytes = NULL;
	}
	sink_memory_done(&m);
	return rc;
}

int repo_read(struct repo *r, const char *name, uint64_t off, void *buf, size_t n, struct err *err)
{
	return check_name(name, err) < 0 ? -1 : r->ops->read(r, name, off, buf, n, err);
}

int repo_list(struct repo *r, const char *prefix, repo_each *each, void *arg, struct err *err)
{
	if (prefix[0] && check_prefix(prefix, err) < 0)
		return -1;
	return r->ops->list(r, prefix, each, arg, err);
}

int repo_sweep(struct repo *r, const char *prefix, struct err *err)
{
	return check_prefix(prefix, err) < 0 ? -1 : r->ops->sweep(r, prefix, err);
}

int repo_remove(struct repo *r, const char *name, struct err *err)
{
	return check_name(name, err) < 0 ? -1 : r->ops->remove(r, name, err);
}

int repo_remove_all(struct repo *r, const char *prefix, struct err *err)
{
	return check_prefix(prefix, err) < 0 ? -1 : r->ops->remove_all(r, prefix, err);
}

int repo_size(struct repo *r, const char *name, uint64_t *ret, struct err *err)
{
	return check_name(name, err) < 0 ? -1 : r->ops->size(r, name, ret, err);
}

int repo_lock(struct repo *r, const char *name, bool exclusive, const char *what, void **ret_lock,
              struct err *err)
{
	if (check_name(name, err) < 0)
		return -1;
	return r->ops->lock(r, name, exclusive, what, ret_lock, err);
}

void repo_unlock(struct repo *r, void *lock)
{
	if (lock)
		r->ops->unlock(r, lock);
}

int repo_space(struct repo *r, uint64_t *ret_free, uint64_t *ret_total, struct err *err)
{
	return r->ops->space(r, ret_free, ret_total, err);
}

char *repo_name_dir(const char *instance, const char *id)
{
	return mem_printf("%s/backups/%s/", instance, id);
}

char *repo_name_manifest(const char *instance, const char *id)
{
	return mem_printf("%s/backups/%s/manifest", instance, id);
}

char *repo_name_pack(const char *instance, const char *id, uint32_t number)
{
	return mem_printf("%s/backups/%s/pack.%03u", instance, id, number);
}

char *repo_name_index(const char *instance, const char *id, uint32_t number)
{
	return mem_printf("%s/backups/%s/index.%03u", instance, id, number);
}
