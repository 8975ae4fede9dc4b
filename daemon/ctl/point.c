#include "daemon/ctl/point.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "daemon/ctl/jget.h"
#include "daemon/ctl/render.h"

#define HANG_S 2u

const char *point_when(const struct term *t, char buf[64], int64_t us)
{
	return t->tty ? clock_format_local(buf, 64, us) : clock_format(buf, 64, us);
}

int point_time_of(const struct args *a, enum opt_id option, int64_t *ret_us, struct err *err)
{
	if (point_parse_time(a->value[option], ret_us, err) == 0)
		return 0;
	return err_add(err, "--%s", opt_rows[option].name);
}

static int check_together(const struct args *a, struct err *err)
{
	static const enum opt_id points[] = {OPT_TIME, OPT_GTID, OPT_POSITION};
	const char *first = NULL;

	for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
		const char *name = opt_rows[points[i]].name;
		if (!args_has(a, points[i]))
			continue;
		if (first)
			return err_set(err, ERR_USAGE, "--%s and --%s exclude each other", first,
			               name);
		if (args_has(a, OPT_NO_RECOVER))
			return err_set(err, ERR_USAGE,
			               "--%s and --no-recover exclude each other: binlogs are "
			               "replayed on a server that has recovered",
			               name);
		first = name;
	}
	if (args_has(a, OPT_BEFORE) && !args_has(a, OPT_GTID) && !args_has(a, OPT_POSITION)) {
		err_set(err, ERR_USAGE, "--before what?");
		return err_hint(err, "Say it with --gtid or --position; --time is always before "
		                     "what happened at that moment.");
	}
	return 0;
}

int point_from_args(const struct args *a, bool named, struct restore_point *ret, struct err *err)
{
	*ret = (struct restore_point){.kind = named || args_has(a, OPT_NO_RECOVER) ? POINT_BACKUP
	                                                                           : POINT_LATEST,
	                              .before = args_has(a, OPT_BEFORE)};
	if (check_together(a, err))
		return -1;
	if (args_has(a, OPT_TIME)) {
		ret->kind = POINT_TIME;
		return point_time_of(a, OPT_TIME, &ret->time_us, err);
	}
	if (args_has(a, OPT_GTID))
		return point_parse_gtid(a->value[OPT_GTID], ret, err);
	if (args_has(a, OPT_POSITION))
		return point_parse_position(a->value[OPT_POSITION], ret, err);
	return 0;
}

/* Only a daemon that writes to the same place can tell. */
static int64_t from_status(const json_t *status, const char *url, const char *instance)
{
	const json_t *repo = json_array_get(json_object_get(status, "repositories"), 0);
	bool only = json_array_size(json_object_get(status, "instances")) == 1;
	json_t *o;
	size_t i;
	int64_t us;

	if (strcmp(jstr_or(repo, "url", ""), url) != 0)
		return 0;
	json_array_foreach(json_object_get(status, "instances"), i, o)
	{
		if ((instance ? strcmp(jstr_or(o, "name", ""), instance) == 0 : only) &&
		    jtime(json_object_get(o, "binlog"), "caught_up", &us) == 0)
			return us;
	}
	return 0;
}

int64_t point_caught_up(struct ctl *ctl, const struct place *place, const char *instance)
{
	unsigned patience = ctl->client.patience_s;
	json_t *status = NULL;
	int64_t us = 0;

	ctl->client.patience_s = HANG_S;
	if (ctl_get(ctl, "/v1/status", &status, NULL) == 0)
		us = from_status(status, place->url, instance);
	ctl->client.patience_s = patience;
	json_decref(status);
	return us;
}

static void print_group(const struct term *t, const char *label, const struct pitr_group *g,
                        uint64_t pos)
{
	char when[64];

	render_fact(t, label, "%s%s, committed %s, %s %s:%llu", *g->gtid ? "GTID " : "no GTID",
	            g->gtid, point_when(t, when, g->commit_us),
	            pos == g->pos ? "begins at" : "ends at", g->file, (unsigned long long)pos);
}

void point_print(const struct term *t, const struct restore_point *p,
                 const struct restore_result *r)
{
	char size[STR_HUMAN_MAX], took[STR_HUMAN_MAX];
	struct str text = {0};

	if (!r->replay.done)
		return;
	point_text(p, &text);
	render_fact(t, "target", "%s", str_text(&text));
	str_done(&text);
	render_fact(t, "replayed", "%llu transactions, %s of binlogs in %s",
	            (unsigned long long)r->replay.groups, str_size(size, r->replay.bytes),
	            str_duration(took, r->replay.seconds));
	if (r->replay.last.known)
		print_group(t, "last applied", &r->replay.last, r->replay.last.end);
	else
		render_fact(t, "last applied", "none: the backup itself is the point");
	if (r->replay.next.known)
		print_group(t, "first left out", &r->replay.next, r->replay.next.pos);
	else
		render_fact(t, "first left out", "none: this is the end of what is archived");
	if (r->replay.gtid_pos)
		render_fact(t, "gtid position",
		            "%s; before it replicates or replicas follow it: "
		            "SET GLOBAL gtid_slave_pos='%s'",
		            r->replay.gtid_pos, r->replay.gtid_pos);
}

static json_t *group_json(const struct pitr_group *g, uint64_t pos)
{
	char when[32];

	if (!g->known)
		return json_null();
	return json_pack("{s:s, s:s, s:s, s:I}", "gtid", g->gtid, "time",
	                 clock_format(when, sizeof when, g->commit_us), "file", g->file, "position",
	                 (json_int_t)pos);
}

json_t *point_json(const struct restore_point *p, const struct restore_result *r)
{
	struct str text = {0};
	json_t *o;

	if (!r->replay.done)
		return json_null();
	point_text(p, &text);
	o = json_pack("{s:s, s:I, s:I, s:f, s:o, s:o}", "target", str_text(&text), "transactions",
	              (json_int_t)r->replay.groups, "bytes", (json_int_t)r->replay.bytes, "seconds",
	              r->replay.seconds, "last_applied",
	              group_json(&r->replay.last, r->replay.last.end), "first_left_out",
	              group_json(&r->replay.next, r->replay.next.pos));
	if (o && r->replay.gtid_pos) {
		char *sql = mem_printf("SET GLOBAL gtid_slave_pos='%s'", r->replay.gtid_pos);
		json_object_set_new(o, "gtid_position", json_string(r->replay.gtid_pos));
		json_object_set_new(o, "gtid_statement", json_string(sql));
		free(sql);
	}
	str_done(&text);
	return o;
}
