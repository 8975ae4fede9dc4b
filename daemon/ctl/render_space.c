/*
 * What backups occupy, by kind, and the room there is.
 */
#include "daemon/ctl/jget.h"
#include "daemon/ctl/render.h"
#include "daemon/ctl/table.h"

static void add_kind(struct table *t, const json_t *instance, const char *kind)
{
	const json_t *o = json_object_get(instance, kind);

	table_text(t, "%llu", (unsigned long long)jsize(o, "count"));
	table_size(t, jsize(o, "stored_bytes"));
	table_size(t, jsize(o, "read_bytes"));
}

void render_space(const struct term *term, const json_t *space)
{
	static const char *const titles[] = {"INSTANCE", ">DATA",        ">FULL",   ">STORED",
	                                     ">READ",    ">INCREMENTAL", ">STORED", ">READ",
	                                     ">BINLOGS", ">STORED",      ">READ",   NULL};
	struct table t;
	json_t *o;
	size_t i;

	table_init(&t, term, titles);
	t.lead = "instance";
	json_array_foreach(json_object_get(space, "instances"), i, o)
	{
		table_text(&t, "%s", jstr_or(o, "name", "?"));
		table_size(&t, jsize(o, "size_bytes"));
		add_kind(&t, o, "full");
		add_kind(&t, o, "incremental");
		add_kind(&t, o, "binlog");
	}
	table_print(&t);
	table_done(&t);
	if (term->tty)
		fputc('\n', term->to);
	render_repositories(term, json_object_get(space, "repositories"));
}
