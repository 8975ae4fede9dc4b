#include "job/verify_binlog.h"

#include <string.h>

#include "base/clock.h"

uint64_t verify_binlog_bytes(const struct archive_catalog *archive)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < archive->lineages.n; i++)
		for (size_t k = 0; k < archive->lineages.v[i].segments.n; k++)
			sum += archive->lineages.v[i].segments.v[k].stored;
	return sum;
}

static void add(struct verify_result *to, enum verify_binlog_kind kind, const struct lineage *l,
                const char *file, const struct err *why)
{
	struct verify_binlog *f = vec_push(&to->binlogs);

	*f = (struct verify_binlog){.kind = kind, .file = mem_strdup(file), .why = *why};
	memcpy(f->lineage, l->name, sizeof f->lineage);
}

static void add_gap(struct verify_result *to, const struct lineage *l, const struct segment *s)
{
	const struct segment_gap *g = s->gap;
	char from[32] = "?", until[32] = "?";
	struct err why = ERR_INIT;

	if (g->from_us)
		clock_format(from, sizeof from, g->from_us);
	if (g->to_us)
		clock_format(until, sizeof until, g->to_us);
	err_set(&why, g->lost ? ERR_DAMAGED : ERR_NONE,
	        "what came between %s:%llu and %s is %s: no second from %s to %s can be reached",
	        g->from_file, (unsigned long long)g->from_pos, s->file,
	        g->lost ? "gone from the repository" : "missing, purged before it was read", from,
	        until);
	add(to, g->lost ? VERIFY_SEGMENTS_LOST : VERIFY_GAP, l, s->file, &why);
}

static int check_segment(struct repo *repo, const char *instance, const struct lineage *l,
                         const struct segment *s, const struct verify_request *req,
                         struct verify_result *result, struct err *err)
{
	struct err why = ERR_INIT;

	if (s->gap)
		add_gap(result, l, s);
	if (cancel_check(req->cancel, err) < 0)
		return -1;
	if (archive_check(repo, instance, l, s, req->cancel, &why) == 0) {
		result->bytes += s->stored;
	} else if (why.kind == ERR_CANCELLED) {
		*err = why;
		return -1;
	} else {
		add(result, VERIFY_SEGMENT_DAMAGED, l, s->file, &why);
	}
	result->segments++;
	if (req->progress)
		progress_add(req->progress, s->stored);
	return 0;
}

int verify_binlogs(struct repo *repo, const char *instance, const struct archive_catalog *archive,
                   const struct verify_request *req, struct verify_result *result, struct err *err)
{
	for (size_t i = 0; i < archive->lineages.n; i++) {
		const struct lineage *l = &archive->lineages.v[i];
		for (size_t k = 0; k < l->damaged.n; k++)
			add(result, VERIFY_SEGMENT_DAMAGED, l, l->damaged.v[k].file,
			    &l->damaged.v[k].why);
		result->segments += l->damaged.n;
		for (size_t k = 0; k < l->segments.n; k++)
			if (check_segment(repo, instance, l, &l->segments.v[k], req, result, err) <
			    0)
				return -1;
	}
	return 0;
}

int verify_binlog_report(const struct verify_result *result, const struct err *no_archive,
                         struct err *err)
{
	const struct verify_binlog *first = NULL;
	size_t bad = 0;

	if (no_archive->kind != ERR_NONE) {
		err_set(err, ERR_DAMAGED,
		        "no backup is damaged, but the binlogs cannot be read: %s",
		        no_archive->text);
		return err_hint(err, "%s",
		                no_archive->hint[0]
		                    ? no_archive->hint
		                    : "see to what is in the way there, then verify again");
	}
	for (size_t i = 0; i < result->binlogs.n; i++) {
		if (result->binlogs.v[i].kind == VERIFY_GAP)
			continue;
		first = first ? first : &result->binlogs.v[i];
		bad++;
	}
	if (!first)
		return 0;
	err_set(err, ERR_DAMAGED, "%zu of the archived binlogs damaged or lost; the first: %s", bad,
	        first->why.text);
	return err_hint(err, "take a full backup now: what comes behind it can be reached again");
}
