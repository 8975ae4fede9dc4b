/*
 * expire: by the daemon; what would go is worked out here, from the policy and the
 * repository, and changes nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/ctl/ctl.h"
#include "daemon/ctl/follow.h"
#include "daemon/ctl/jget.h"
#include "daemon/ctl/place.h"
#include "daemon/ctl/table.h"
#include "daemon/ctl/verb.h"
#include "job/expire.h"

static json_t *result_json(const char *instance, const struct expire_result *r)
{
	json_t *lines = json_array(), *binlogs = json_array();

	for (size_t i = 0; i < r->binlogs.n; i++) {
		const struct expire_binlog *b = &r->binlogs.v[i];

		json_array_append_new(
		    binlogs, json_pack("{s:s, s:s, s:s, s:I, s:b, s:s, s:I}", "lineage", b->lineage,
		                       "first", b->first, "last", b->last, "segments",
		                       (json_int_t)b->segments, "remove", b->remove, "reason",
		                       b->reason, "stored_bytes", (json_int_t)b->stored_bytes));
	}
	for (size_t i = 0; i < r->lines.n; i++) {
		const struct expire_line *l = &r->lines.v[i];

		json_array_append_new(lines,
		                      json_pack("{s:s, s:b, s:s, s:I}", "id", l->id, "remove",
		                                l->remove, "reason", l->reason, "stored_bytes",
		                                (json_int_t)l->stored_bytes));
	}
	return json_pack("{s:b, s:s, s:o, s:o, s:I}", "dry_run", 1, "instance", instance, "lines",
	                 lines, "binlogs", binlogs, "freed_bytes", (json_int_t)r->freed_bytes);
}

static void print_binlogs(const struct term *term, const struct expire_result *r)
{
	static const char *const titles[] = {"BINLOGS", "WOULD", ">STORED", "WHY", NULL};
	struct table t;

	table_init(&t, term, titles);
	for (size_t i = 0; i < r->binlogs.n; i++) {
		const struct expire_binlog *b = &r->binlogs.v[i];

		table_text(&t, "%s%s%s", b->first, b->segments > 1 ? " to " : "",
		           b->segments > 1 ? b->last : "");
		table_text(&t, "%s", b->remove ? "go" : "stay");
		table_style(&t, b->remove ? STYLE_WARN : STYLE_PLAIN);
		table_size(&t, b->stored_bytes);
		table_text(&t, "%s", b->reason);
	}
	table_print(&t);
	table_done(&t);
}

static void print_result(const struct term *term, const struct expire_result *r)
{
	static const char *const titles[] = {"BACKUP", "WOULD", ">STORED", "WHY", NULL};
	char size[STR_HUMAN_MAX];
	struct table t;

	table_init(&t, term, titles);
	for (size_t i = 0; i < r->lines.n; i++) {
		const struct expire_line *l = &r->lines.v[i];

		table_text(&t, "%s", l->id);
		table_text(&t, "%s", l->remove ? "go" : "stay");
		table_style(&t, l->remove ? STYLE_WARN : STYLE_PLAIN);
		table_size(&t, l->stored_bytes);
		table_text(&t, "%s", l->reason);
	}
	table_print(&t);
	table_done(&t);
	if (r->binlogs.n)
		print_binlogs(term, r);
	if (term->tty)
		term_line(term, STYLE_PLAIN, "%s would be freed. Nothing was changed.",
		          str_size(size, r->freed_bytes));
}

static int dry_run(struct ctl *ctl, struct err *err)
{
	const struct policy_instance *instance;
	struct expire_result result = {0};
	struct policy *policy = NULL;
	json_t *value = NULL;
	int rc = -1;

	if (place_policy(ctl, &policy, err) || place_instance(ctl, policy, &instance, err))
		goto out;
	if (expire_run(policy, instance, true, ctl_catch_interrupt(), &result, err))
		goto out;
	value = result_json(instance->name, &result);
	if (!ctl_print_json(ctl, value))
		print_result(&ctl->out, &result);
	rc = 0;
out:
	json_decref(value);
	expire_result_done(&result);
	policy_unref(policy);
	return rc;
}

int verb_expire(struct ctl *ctl, struct err *err)
{
	char *instance = NULL;
	json_t *job = NULL;
	uint64_t id;
	int rc = -1;

	if (args_has(&ctl->args, OPT_DRY_RUN))
		return dry_run(ctl, err);
	if (ctl_instance(ctl, &instance, err) || follow_start(ctl, "expire", instance, &id, err))
		goto out;
	if (follow_job(ctl, id, 0, &job, err))
		goto out;
	rc = follow_outcome(job, err);
	if (!ctl_print_json(ctl, job) && rc == 0)
		term_line(&ctl->out, STYLE_PLAIN, "%s: %s", instance, jstr_or(job, "note", "done"));
out:
	json_decref(job);
	free(instance);
	return rc;
}
