#include "repo/repo_format.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

#define FORMAT_BYTES_MAX 65536

static int damaged(struct repo *r, const char *why, struct err *err)
{
	err_set(err, ERR_DAMAGED, "%s of repository %s: %s", REPO_FORMAT_NAME, r->url, why);
	return err_hint(err, "put the file back from a copy; the backups need not be damaged");
}

static int check_json(struct repo *r, const json_t *doc, struct err *err)
{
	const json_t *format = json_object_get(doc, "format");
	if (!json_is_integer(format) || json_integer_value(format) < 1)
		return damaged(r, "it has no format number", err);
	if (json_integer_value(format) > REPO_FORMAT) {
		err_set(err, ERR_REFUSED,
		        "repository %s has format %lld, and this program knows up to %d", r->url,
		        (long long)json_integer_value(format), REPO_FORMAT);
		return err_hint(err, "use the version of mybak that wrote it, or a newer one");
	}
	const json_t *cipher = json_object_get(doc, "cipher");
	if (cipher && !json_is_null(cipher))
		return err_set(err, ERR_REFUSED,
		               "repository %s is encrypted: encryption is not built yet", r->url);
	return 0;
}

static int read_format(struct repo *r, struct err *err)
{
	unsigned char *bytes = NULL;
	size_t n;
	if (repo_get_all(r, REPO_FORMAT_NAME, FORMAT_BYTES_MAX, &bytes, &n, err) < 0)
		return -1;
	json_error_t why;
	json_t *doc = json_loadb((const char *)bytes, n, JSON_REJECT_DUPLICATES, &why);
	int rc = doc ? check_json(r, doc, err) : damaged(r, why.text, err);
	json_decref(doc);
	free(bytes);
	return rc;
}

/* What a fresh or a network file system has of its own accord. */
static bool is_ours_to_ignore(const char *name)
{
	return name[0] == '.' || strcmp(name, "lost+found/") == 0;
}

static int note_any(void *arg, const char *name, uint64_t bytes, struct err *err)
{
	bool *any = arg;
	(void)bytes;
	(void)err;
	*any |= !is_ours_to_ignore(name);
	return 0;
}

/* A random (version 4) UUID. */
static int make_id(char id[37], struct err *err)
{
	unsigned char b[16];
	char hex[33];
	if (getrandom(b, sizeof b, 0) != (ssize_t)sizeof b)
		return err_set(err, ERR_FAILED, "no random bytes for the id of a repository");
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	str_hex(hex, b, sizeof b);
	char *out = id;
	for (int i = 0; i < 32; i++) {
		if (i == 8 || i == 12 || i == 16 || i == 20)
			*out++ = '-';
		*out++ = hex[i];
	}
	*out = '\0';
	return 0;
}

static int create_format(struct repo *r, struct err *err)
{
	char id[37], created[32];
	if (make_id(id, err) < 0)
		return -1;
	clock_format(created, sizeof created, clock_wall_us());
	char *text =
	    mem_printf("{\"format\":%d,\"id\":\"%s\",\"created\":\"%s\",\"cipher\":null}\n",
	               REPO_FORMAT, id, created);
	int rc = repo_put_bytes(r, REPO_FORMAT_NAME, text, strlen(text), err);
	free(text);
	return rc;
}

int repo_format_check(struct repo *r, bool create, struct err *err)
{
	struct err why = ERR_INIT;
	bool any = false;
	if (read_format(r, &why) == 0)
		return 0;
	if (why.kind != ERR_NOT_FOUND) {
		if (err)
			*err = why;
		return -1;
	}
	if (repo_list(r, "", note_any, &any, err) < 0)
		return -1;
	if (any) {
		err_set(err, ERR_REFUSED, "%s holds files but no %s: it is not a repository",
		        r->url, REPO_FORMAT_NAME);
		return err_hint(err, "give an empty directory to start a new repository in");
	}
	if (!create) {
		err_set(err, ERR_NOT_FOUND, "no repository at %s: the place is empty", r->url);
		return err_hint(err, "check the URL, and that its file system is mounted");
	}
	if (create_format(r, err) == 0)
		return 0;
	/* Somebody else made it in the same moment: then theirs it is. */
	return err->kind == ERR_BUSY ? read_format(r, err) : -1;
}
