/*
 * The objects of a lineage and of a segment come into being.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "binlog/archive_json.h"
#include "binlog/archive_writer.h"

/* A name no lineage has: of two that begin in the same second, as after a RESET MASTER,
 * the second gets a number. */
static int name_lineage(struct archive *a, const struct binlog_format *f, struct err *err)
{
	struct lineage_names l = {0};
	char time[32], name[LINEAGE_MAX];
	bool taken = true;

	if (archive_lineages(a->repo, a->instance, &l, err) < 0)
		return -1;
	clock_format_id(time, sizeof time, f->created * CLOCK_US);
	for (unsigned n = 1; taken; n++) {
		snprintf(name, sizeof name, n > 1 ? "%s-%u-%u" : "%s-%u", time, f->server_id, n);
		taken = false;
		for (size_t i = 0; i < l.list.n; i++)
			taken |= !strcmp(l.list.v[i].name, name);
	}
	for (size_t i = 0; i < l.list.n; i++)
		if (l.list.v[i].number > a->number)
			a->number = l.list.v[i].number;
	vec_done(&l.list);
	memcpy(a->lineage, name, sizeof name);
	a->number++;
	return 0;
}

static int put_text(struct archive *a, char *name, const struct str *text, struct err *err)
{
	int rc = repo_put_bytes(a->repo, name, str_text(text), text->n, err);
	free(name);
	return rc;
}

int archive_begin_lineage(struct archive *a, const struct binlog_format *f, struct err *err)
{
	struct str text = {0};

	if (name_lineage(a, f, err) < 0)
		return -1;
	lineage_write(a->number, &text);
	int rc = put_text(a, mem_printf("%s/binlogs/%s/" ARCHIVE_LINEAGE, a->instance, a->lineage),
	                  &text, err);
	str_done(&text);
	return rc;
}

/* Of one object of a file: its size, ARCHIVE_NONE if it is not there. */
static int look_at(struct archive *a, const char *file, const char *suffix, uint64_t *ret,
                   struct err *err)
{
	struct archive_at at = archive_here(a);
	struct err why = ERR_INIT;
	char *name = archive_object(&at, file, suffix);
	int rc = repo_size(a->repo, name, ret, &why);

	free(name);
	if (rc == 0)
		return 0;
	*ret = ARCHIVE_NONE;
	if (why.kind == ERR_NOT_FOUND)
		return 0;
	if (err)
		*err = why;
	return -1;
}

static int remove_object(struct archive *a, const char *file, const char *suffix, struct err *err)
{
	struct archive_at at = archive_here(a);
	char *name = archive_object(&at, file, suffix);
	int rc = repo_remove(a->repo, name, err);

	free(name);
	return rc;
}

/* Only a closed segment whose index cannot be read may be replaced. */
static int make_way(struct archive *a, char *file, struct err *err)
{
	struct archive_at at = archive_here(a);
	struct archive_item item = {file, ARCHIVE_NONE, ARCHIVE_NONE, ARCHIVE_NONE, ARCHIVE_NONE};
	struct segment s = {0};
	struct err why = ERR_INIT;

	if (look_at(a, file, ARCHIVE_JSON, &item.json, err) < 0)
		return -1;
	if (item.json == ARCHIVE_NONE)
		return 0;
	if (look_at(a, file, ARCHIVE_ZST, &item.zst, err) < 0)
		return -1;
	if (segment_load(&at, &item, &s, &why) == 0 || why.kind != ERR_DAMAGED) {
		segment_done(&s);
		return err_set(err, ERR_BUSY, "binlog %s is in lineage %s already", file,
		               a->lineage);
	}
	if (remove_object(a, file, ARCHIVE_JSON, err) < 0 ||
	    remove_object(a, file, ARCHIVE_ZST, err) < 0)
		return -1;
	return 0;
}

static int put_open(struct archive *a, const struct segment *s, struct err *err)
{
	struct archive_at at = archive_here(a);
	struct str text = {0};

	segment_write_open(s, &text);
	int rc = put_text(a, archive_object(&at, s->file, ARCHIVE_OPEN), &text, err);
	str_done(&text);
	return rc;
}

int archive_make_objects(struct archive *a, const struct segment *s, struct err *err)
{
	struct archive_at at = archive_here(a);

	if (make_way(a, s->file, err) < 0 || put_open(a, s, err) < 0)
		return -1;
	char *part = archive_object(&at, s->file, ARCHIVE_PART);
	int rc = repo_append(a->repo, part, &a->part, err);
	free(part);
	return rc == 0 && a->part->size ? repo_append_cut(a->part, 0, err) : rc;
}
