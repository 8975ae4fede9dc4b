/*
 * binlog: what is archived, and where in it a table was changed.  Straight at the
 * repository.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "daemon/ctl/ctl.h"
#include "daemon/ctl/place.h"
#include "daemon/ctl/point.h"
#include "daemon/ctl/table.h"
#include "daemon/ctl/verb.h"
#include "job/binlog_find.h"
#include "job/binlog_view.h"
#include "job/catalog_load.h"

#define AROUND_US (15 * 60 * CLOCK_US)

struct source {
	struct repo *repo;
	char *instance;
};

static void source_done(struct source *s)
{
	repo_close(s->repo);
	free(s->instance);
}

static int source_open(struct ctl *ctl, struct source *ret, struct err *err)
{
	struct repo_options options = {0};
	struct place place = {0};
	int rc = place_find(ctl, &place, err);

	if (rc == 0) {
		const char *wanted = ctl->args.value[OPT_INSTANCE];
		if (!wanted && place.instance)
			wanted = place.instance->name;
		options.must_be_mounted = place.must_be_mounted;
		rc = repo_open(place.url, &options, &ret->repo, err);
		if (rc == 0)
			rc = instance_choose(ret->repo, wanted, &ret->instance, err);
	}
	place_done(&place);
	return rc;
}

static json_t *time_json(int64_t us)
{
	char buf[32];

	return us > 0 ? json_string(clock_format(buf, sizeof buf, us)) : json_null();
}

/* ---- list */

static json_t *gap_json(const struct segment_gap *g)
{
	if (!g)
		return json_null();
	return json_pack("{s:s, s:I, s:o, s:o}", "from_file", g->from_file ? g->from_file : "",
	                 "from_position", (json_int_t)g->from_pos, "from_time",
	                 time_json(g->from_us), "to_time", time_json(g->to_us));
}

static json_t *segment_json(const struct lineage *l, const struct segment *s)
{
	return json_pack("{s:s, s:s, s:b, s:I, s:I, s:o, s:o, s:s, s:s, s:I, s:o}", "lineage",
	                 l->name, "file", s->file, "open", s->open, "size_bytes",
	                 (json_int_t)s->size, "stored_bytes", (json_int_t)s->stored, "first",
	                 time_json(s->first_us), "last", time_json(s->last_us), "first_gtid",
	                 s->first_gtid, "last_gtid", s->last_gtid, "transactions",
	                 (json_int_t)s->groups, "gap", gap_json(s->gap));
}

static void add_when(struct table *t, int64_t us)
{
	char buf[64];

	table_text(t, "%s", us > 0 ? point_when(t->term, buf, us) : "");
}

static void gap_row(struct table *t, const struct lineage *l, const struct segment_gap *g)
{
	table_text(t, "%s", l->name);
	table_text(t, "%s", "GAP");
	table_style(t, STYLE_BAD);
	table_text(t, "missing from %s:%llu on", g->from_file ? g->from_file : "?",
	           (unsigned long long)g->from_pos);
	table_text(t, "%s", "");
	table_text(t, "%s", "");
	add_when(t, g->from_us);
	add_when(t, g->to_us);
	table_text(t, "%s", "");
}

static void print_list(const struct term *term, const struct archive_catalog *a)
{
	static const char *const titles[] = {"HISTORY", "STATE", "BINLOG",    ">SIZE", ">STORED",
	                                     "FIRST",   "LAST",  "LAST GTID", NULL};
	struct table t;

	table_init(&t, term, titles);
	for (size_t i = 0; i < a->lineages.n; i++) {
		const struct lineage *l = &a->lineages.v[i];
		for (size_t k = 0; k < l->segments.n; k++) {
			const struct segment *s = &l->segments.v[k];
			if (s->gap)
				gap_row(&t, l, s->gap);
			table_text(&t, "%s", l->name);
			table_text(&t, "%s", s->open ? "open" : "closed");
			table_text(&t, "%s", s->file);
			table_size(&t, s->size);
			table_size(&t, s->stored);
			add_when(&t, s->first_us);
			add_when(&t, s->last_us);
			table_text(&t, "%s", s->last_gtid);
		}
	}
	table_print(&t);
	table_done(&t);
}

static int list(struct ctl *ctl, const struct source *from, struct err *err)
{
	struct binlog_view v = {0};
	const struct archive_catalog *a = &v.archive;
	json_t *all = json_array();
	int rc = binlog_view_open(from->repo, from->instance, &v, err);

	for (size_t i = 0; i < a->lineages.n; i++)
		for (size_t k = 0; k < a->lineages.v[i].segments.n; k++)
			json_array_append_new(
			    all, segment_json(&a->lineages.v[i], &a->lineages.v[i].segments.v[k]));
	if (rc == 0 && !ctl_print_json(ctl, all))
		print_list(&ctl->out, a);
	json_decref(all);
	binlog_view_done(&v);
	return rc;
}

/* ---- find */

static json_t *hit_json(const struct binlog_hit *h)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:I, s:I, s:s, s:s, s:I, s:I, s:I}", "time", "",
	                      "gtid", h->group.gtid, "file", h->group.file, "position",
	                      (json_int_t)h->group.pos, "end", (json_int_t)h->group.end, "lineage",
	                      h->lineage, "what", h->what, "inserts", (json_int_t)h->inserts,
	                      "updates", (json_int_t)h->updates, "deletes", (json_int_t)h->deletes);
	struct str sql = {0};

	if (!o)
		return json_null();
	json_object_set_new(o, "time", time_json(h->group.commit_us));
	text_safe(&sql, h->sql);
	json_object_set_new(o, "sql", json_string(str_text(&sql)));
	str_done(&sql);
	return o;
}

struct hits {
	const struct term *term;
	struct table table;
	bool histories; /* a column tells them apart */
	json_t *json;   /* or NULL */
	uint64_t n;
};

/* A pipe always has the same columns. */
static int begin_hits(void *arg, size_t lineage_n, struct err *err)
{
	static const char *const one[] = {"TIME", "GTID", "BEGINS AT", "WHAT", "STATEMENT", NULL};
	static const char *const several[] = {"TIME",      "GTID",    "BEGINS AT", "WHAT",
	                                      "STATEMENT", "HISTORY", NULL};
	struct hits *to = arg;

	(void)err;
	to->histories = lineage_n > 1 || !to->term->tty;
	table_init(&to->table, to->term, to->histories ? several : one);
	return 0;
}

static int add_hit(void *arg, const struct binlog_hit *h, struct err *err)
{
	struct hits *to = arg;

	(void)err;
	to->n++;
	if (to->json) {
		json_array_append_new(to->json, hit_json(h));
		return 0;
	}
	add_when(&to->table, h->group.commit_us);
	table_text(&to->table, "%s", h->group.gtid);
	table_text(&to->table, "%s:%llu", h->group.file, (unsigned long long)h->group.pos);
	table_text(&to->table, "%s", h->what);
	table_text(&to->table, "%s", h->sql);
	if (to->histories)
		table_text(&to->table, "%s", h->lineage);
	return 0;
}

static int which_times(const struct args *a, struct binlog_find_request *req, struct err *err)
{
	int64_t around;

	req->from_us = 0;
	req->until_us = INT64_MAX / 2;
	if (args_has(a, OPT_AROUND) && (args_has(a, OPT_FROM) || args_has(a, OPT_UNTIL)))
		return err_set(err, ERR_USAGE, "--around and --from, --until exclude each other");
	if (args_has(a, OPT_AROUND)) {
		if (point_time_of(a, OPT_AROUND, &around, err))
			return -1;
		req->from_us = around - AROUND_US;
		req->until_us = around + AROUND_US;
	}
	if (args_has(a, OPT_FROM) && point_time_of(a, OPT_FROM, &req->from_us, err))
		return -1;
	if (args_has(a, OPT_UNTIL) && point_time_of(a, OPT_UNTIL, &req->until_us, err))
		return -1;
	return 0;
}

static int find(struct ctl *ctl, const struct source *from, struct err *err)
{
	const char *word = ctl->args.value[OPT_TABLE], *dot = word ? strchr(word, '.') : NULL;
	struct binlog_find_request req = {
	    .repo = from->repo, .instance = from->instance, .cancel = ctl_catch_interrupt()};
	struct hits hits = {.term = &ctl->out, .json = ctl->json ? json_array() : NULL};
	char *db = NULL;
	int rc = -1;

	if (!dot || dot == word || !dot[1]) {
		err_set(err, ERR_USAGE, "binlog find: which table?");
		err_hint(err, "Say --table DB.TABLE, or --table 'DB.*' for all of a database.");
		goto out;
	}
	db = mem_strndup(word, (size_t)(dot - word));
	req.db = db;
	req.table = dot + 1;
	req.begin = begin_hits;
	req.hit = add_hit;
	req.arg = &hits;
	if (which_times(&ctl->args, &req, err) || binlog_find(&req, err))
		goto out;
	if (!ctl_print_json(ctl, hits.json))
		table_print(&hits.table);
	if (!hits.n)
		term_note(&ctl->notes, "no transaction in the archive touched %s then", word);
	else if (ctl->out.tty && !ctl->json)
		term_line(&ctl->out, STYLE_PLAIN,
		          "mybakctl restore --gtid GTID --before --to DIR brings back what was "
		          "there just before one of them.");
	rc = 0;
out:
	free(db);
	json_decref(hits.json);
	table_done(&hits.table);
	return rc;
}

int verb_binlog(struct ctl *ctl, struct err *err)
{
	const char *word = ctl->args.words.v[0];
	struct source from = {0};
	int rc = -1;

	if (strcmp(word, "list") != 0 && strcmp(word, "find") != 0) {
		err_set(err, ERR_USAGE, "binlog %s: list or find?", word);
		return err_hint(err, "mybakctl binlog --help prints the usage.");
	}
	if (source_open(ctl, &from, err) == 0)
		rc = strcmp(word, "list") ? find(ctl, &from, err) : list(ctl, &from, err);
	source_done(&from);
	return rc;
}
