/*
 * verify: straight at a repository.
 */
#include <stdlib.h>

#include "daemon/ctl/ctl.h"
#include "daemon/ctl/meter.h"
#include "daemon/ctl/place.h"
#include "daemon/ctl/table.h"
#include "daemon/ctl/verb.h"
#include "job/verify.h"

#define THREADS_MAX 256u

static json_t *finding_json(const struct verify_finding *f)
{
	json_t *o = json_pack("{s:s, s:b}", "id", f->id, "usable", f->usable);

	if (o && f->usable)
		json_object_set_new(o, "error", json_null());
	else if (o)
		json_object_set_new(o, "error", ctl_error_json(&f->why));
	return o;
}

static const char *binlog_state(const struct verify_binlog *b)
{
	static const char *const names[] = {[VERIFY_SEGMENT_DAMAGED] = "damaged",
	                                    [VERIFY_SEGMENTS_LOST] = "lost",
	                                    [VERIFY_GAP] = "gap"};
	return names[b->kind];
}

static json_t *binlogs_json(const struct verify_result *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->binlogs.n; i++) {
		const struct verify_binlog *b = &r->binlogs.v[i];

		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "state",
		                                      binlog_state(b), "lineage", b->lineage,
		                                      "file", b->file, "message", b->why.text));
	}
	return list;
}

static json_t *result_json(const struct verify_result *r)
{
	json_t *findings = json_array();

	for (size_t i = 0; i < r->findings.n; i++)
		json_array_append_new(findings, finding_json(&r->findings.v[i]));
	return json_pack("{s:I, s:I, s:I, s:o, s:I, s:o}", "backups", (json_int_t)r->backups,
	                 "frames", (json_int_t)r->frames, "bytes", (json_int_t)r->bytes, "findings",
	                 findings, "segments", (json_int_t)r->segments, "binlogs", binlogs_json(r));
}

static void print_binlogs(const struct term *term, const struct verify_result *r)
{
	static const char *const titles[] = {"BINLOG", "STATE", "WHY", NULL};
	struct table t;

	table_init(&t, term, titles);
	for (size_t i = 0; i < r->binlogs.n; i++) {
		const struct verify_binlog *b = &r->binlogs.v[i];

		table_text(&t, "%s", b->file);
		table_text(&t, "%s", binlog_state(b));
		table_style(&t, b->kind == VERIFY_GAP ? STYLE_WARN : STYLE_BAD);
		table_text(&t, "%s", b->why.text);
	}
	table_print(&t);
	table_done(&t);
}

static void print_result(const struct term *term, const struct verify_result *r)
{
	static const char *const titles[] = {"BACKUP", "STATE", "WHY", NULL};
	char size[STR_HUMAN_MAX];
	struct table t;

	table_init(&t, term, titles);
	for (size_t i = 0; i < r->findings.n; i++) {
		const struct verify_finding *f = &r->findings.v[i];

		table_text(&t, "%s", f->id);
		table_text(&t, "%s", f->usable ? "ok" : "damaged");
		table_style(&t, f->usable ? STYLE_GOOD : STYLE_BAD);
		table_text(&t, "%s", f->usable ? "" : f->why.text);
	}
	table_print(&t);
	table_done(&t);
	if (r->binlogs.n)
		print_binlogs(term, r);
	if (term->tty)
		term_line(term, STYLE_PLAIN, "%llu backups, %llu frames, %llu binlogs, %s read.",
		          (unsigned long long)r->backups, (unsigned long long)r->frames,
		          (unsigned long long)r->segments, str_size(size, r->bytes));
}

static int fill(struct ctl *ctl, struct verify_request *req, struct err *err)
{
	const struct args *a = &ctl->args;

	req->instance = a->value[OPT_INSTANCE];
	if (a->words.n > 0 && place_id(a->words.v[0], &req->backup, err))
		return -1;
	if (args_has(a, OPT_JOBS) && args_number(a, OPT_JOBS, THREADS_MAX, &req->jobs, err))
		return -1;
	return 0;
}

int verb_verify(struct ctl *ctl, struct err *err)
{
	struct progress progress = {.step = NULL};
	struct verify_result result = {0};
	struct verify_request req = {.cancel = ctl_catch_interrupt(), .progress = &progress};
	struct meter meter = {0};
	json_t *value = NULL;
	struct place place = {0};
	int rc = -1;

	if (fill(ctl, &req, err) || place_find(ctl, &place, err))
		goto out;
	req.repo_url = place.url;
	if (!req.instance && place.instance)
		req.instance = place.instance->name;
	meter_start(&meter, &ctl->notes, &progress);
	rc = verify_run(&req, &result, err);
	meter_stop(&meter);
	if (rc && err->kind != ERR_DAMAGED)
		goto out;
	value = result_json(&result);
	if (rc)
		json_object_set_new(value, "error", ctl_error_json(err));
	if (!ctl_print_json(ctl, value))
		print_result(&ctl->out, &result);
out:
	json_decref(value);
	verify_result_done(&result);
	place_done(&place);
	return rc;
}
