/* The keys whose values are lists, and what must hold between items. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "conf/doc.h"
#include "conf/reader.h"

/* Credentials that others can read are no secret.  Whether the file is there at all
 * is found out when it is used. */
static void check_defaults_file(struct reader *r, const yaml_node_t *item, const char *where,
                                const struct policy_instance *in)
{
	const yaml_node_t *node = doc_value(r->doc, item, "defaults_file");
	struct stat st;
	char *here;

	if (!node || !in->defaults_file || stat(in->defaults_file, &st) || !(st.st_mode & 0077))
		return;
	here = mem_printf("%s.defaults_file", where);
	complain(r->complaints, &node->start_mark, here,
	         "%s has mode %04o, allowed: none for group and others; run: chmod 600 %s",
	         in->defaults_file, (unsigned)st.st_mode & 07777, in->defaults_file);
	free(here);
}

static void check_address(struct reader *r, const yaml_node_t *item, const char *where)
{
	bool socket = doc_value(r->doc, item, "socket"), host = doc_value(r->doc, item, "host");

	if (!socket && !host)
		complain(r->complaints, &item->start_mark, where, "needs socket or host");
	if (socket && host)
		complain(r->complaints, &item->start_mark, where,
		         "has socket and host, allowed: one");
}

/* Is there an earlier item of that name? */
static void check_name(struct reader *r, const yaml_node_t *list, size_t n, const char *where)
{
	const yaml_node_item_t *items = list->data.sequence.items.start;
	const yaml_node_t *item = yaml_document_get_node(r->doc, items[n]);
	const yaml_node_t *name = doc_value(r->doc, item, "name"), *other;
	char *here = mem_printf("%s.name", where);

	for (size_t i = 0; name && name->type == YAML_SCALAR_NODE && i < n; i++) {
		item = yaml_document_get_node(r->doc, items[i]);
		other = item->type == YAML_MAPPING_NODE ? doc_value(r->doc, item, "name") : NULL;
		if (!other || other->type != YAML_SCALAR_NODE ||
		    strcmp((const char *)other->data.scalar.value,
		           (const char *)name->data.scalar.value) != 0)
			continue;
		complain(r->complaints, &name->start_mark, here,
		         "\"%.64s\" is taken, by the one in line %zu", name->data.scalar.value,
		         other->start_mark.line + 1);
		break;
	}
	free(here);
}

static void read_repository(struct reader *r, const yaml_node_t *item, const char *where)
{
	struct policy_repository *repo = vec_push(&r->draft->repositories);

	*repo = (struct policy_repository){0};
	draft_defaults("repositories[].", repo);
	read_section(r, item, "repositories[].", where, repo);
}

static void read_instance(struct reader *r, const yaml_node_t *item, const char *where)
{
	struct policy_instance *in = vec_push(&r->draft->instances);

	*in = (struct policy_instance){
	    .schedule = r->draft->schedule,
	    .retention = r->draft->retention,
	};
	draft_defaults("instances[].", in);
	read_section(r, item, "instances[].", where, in);
	check_address(r, item, where);
	check_defaults_file(r, item, where, in);
}

void read_list(struct reader *r, const struct row *row, const yaml_node_t *node, const char *where)
{
	bool repos = !strcmp(row->path, "repositories");
	size_t n;

	if (node->type != YAML_SEQUENCE_NODE) {
		read_wrong_kind(r, row, node, where);
		return;
	}
	n = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
	if (n == 0)
		complain(r->complaints, &node->start_mark, where, "is empty, allowed: one or more");
	for (size_t i = 0; i < n; i++) {
		yaml_node_t *item =
		    yaml_document_get_node(r->doc, node->data.sequence.items.start[i]);
		char *here = mem_printf("%s[%zu]", where, i);
		if (repos && i == 1)
			complain(r->complaints, &item->start_mark, where,
			         "found %zu, allowed: 1; more than one repository is not built yet",
			         n);
		if (item->type != YAML_MAPPING_NODE) {
			complain(r->complaints, &item->start_mark, here,
			         "found %s, allowed: a mapping", doc_kind(item));
		} else {
			(repos ? read_repository : read_instance)(r, item, here);
			check_name(r, node, i, here);
		}
		free(here);
	}
}

/* Sizes rise and the last rule takes the rest, so that there is a level for every
 * file and no rule that never holds. */
static void check_rule(struct reader *r, const yaml_node_t *item, const char *where, bool last)
{
	size_t n = r->draft->compression.n;
	const struct policy_compression_rule *rule = &r->draft->compression.v[n - 1];
	bool open = rule->up_to == UINT64_MAX;

	if (open && !last)
		complain(r->complaints, &item->start_mark, where,
		         "has no up_to; only the last rule holds for every size");
	else if (!open && last)
		complain(r->complaints, &item->start_mark, where,
		         "the last rule holds for every larger file and has no up_to");
	else if (n > 1 && rule->up_to <= rule[-1].up_to)
		complain(r->complaints, &item->start_mark, where,
		         "up_to must be larger than in the rule before");
}

static void read_rules(struct reader *r, const yaml_node_t *list, const char *where)
{
	const yaml_node_item_t *i = list->data.sequence.items.start;
	const yaml_node_item_t *top = list->data.sequence.items.top;

	r->draft->compression.n = 0;
	if (i == top)
		complain(r->complaints, &list->start_mark, where, "is empty, allowed: one or more");
	for (; i < top; i++) {
		yaml_node_t *item = yaml_document_get_node(r->doc, *i);
		struct policy_compression_rule *rule = vec_push(&r->draft->compression);
		char *here = mem_printf("%s[%td]", where, i - list->data.sequence.items.start);
		size_t before = r->complaints->list.n;
		*rule = (struct policy_compression_rule){.up_to = UINT64_MAX};
		if (item->type != YAML_MAPPING_NODE)
			complain(r->complaints, &item->start_mark, here,
			         "found %s, allowed: a mapping", doc_kind(item));
		else
			read_section(r, item, "compression[].", here, rule);
		if (r->complaints->list.n == before)
			check_rule(r, item, here, i + 1 == top);
		free(here);
	}
}

void read_compression(struct reader *r, const yaml_node_t *node, const char *where)
{
	const yaml_node_t *level;

	if (doc_is_null(node))
		return;
	if (node->type == YAML_SEQUENCE_NODE) {
		read_rules(r, node, where);
		return;
	}
	if (node->type != YAML_MAPPING_NODE) {
		read_wrong_kind(r, row_find("", where, strlen(where)), node, where);
		return;
	}
	/* "level:" can have the list as well. */
	level = doc_value(r->doc, node, "level");
	if (level && level->type == YAML_SEQUENCE_NODE &&
	    node->data.mapping.pairs.top == node->data.mapping.pairs.start + 1)
		read_rules(r, level, "compression.level");
	else
		read_section(r, node, "compression.", where, r->draft->compression.v);
}

void read_texts(struct reader *r, const struct row *row, const yaml_node_t *node, const char *where,
                void *field)
{
	VEC(char *) texts = {0};

	if (node->type != YAML_SEQUENCE_NODE) {
		read_wrong_kind(r, row, node, where);
		return;
	}
	for (yaml_node_item_t *i = node->data.sequence.items.start;
	     i < node->data.sequence.items.top; i++) {
		yaml_node_t *item = yaml_document_get_node(r->doc, *i);
		const char *text = (const char *)item->data.scalar.value;
		if (item->type != YAML_SCALAR_NODE || !str_starts(text, "--") ||
		    strlen(text) != item->data.scalar.length)
			read_wrong_kind(r, row, item, where);
		else
			*vec_push(&texts) = mem_strdup(text);
	}
	*vec_push(&texts) = NULL;
	*(char ***)field = texts.v;
}

void read_later(struct reader *r, const struct row *row, const yaml_node_t *node, const char *where)
{
	bool list = row->words && !strcmp(row->words, "[]");
	const yaml_node_item_t *i;

	if (list && (doc_is_null(node) ||
	             (node->type == YAML_SEQUENCE_NODE &&
	              node->data.sequence.items.start == node->data.sequence.items.top)))
		return;
	if (node->type == YAML_SCALAR_NODE && !doc_is_null(node)) {
		read_scalar(r, row, node, where, NULL);
		return;
	}
	if (list && node->type == YAML_SEQUENCE_NODE) {
		for (i = node->data.sequence.items.start; i < node->data.sequence.items.top; i++)
			complain(r->complaints, &yaml_document_get_node(r->doc, *i)->start_mark,
			         where, "%s is not built yet; leave it out", row->path);
		return;
	}
	complain(r->complaints, &node->start_mark, where, "is not built yet; leave it out");
}
