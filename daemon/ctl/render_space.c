/*
 * What backups occupy, by kind.
 */
#include "daemon/ctl/jget.h"
#include "daemon/ctl/render.h"
#include "daemon/ctl/table.h"

static void add_kind(struct table *t, const json_t *instance, const char *kind)
{
	const json_t *o = json_object_get(instance, kind);

	table_text(t, "%llu", (unsigned long long)jsize(o, "count"));
	table_size(t, jsize(o, "bytes"));
}

void render_space(const struct term *term, const json_t *space)
{
	static const char *const titles[] = {"INSTANCE",      ">FULLS", ">BYTES",
	                                     ">INCREMENTALS", ">BYTES", NULL};
	struct table t;
	json_t *o;
	size_t i;

	table_init(&t, term, titles);
	json_array_foreach(json_object_get(space, "instances"), i, o)
	{
		table_text(&t, "%s", jstr_or(o, "name", jstr_or(o, "instance", "?")));
		add_kind(&t, o, "full");
		add_kind(&t, o, "incremental");
	}
	table_print(&t);
	table_done(&t);
}
