#include "conf/reader.h"

#include <stdlib.h>
#include <string.h>

#include "conf/doc.h"

void read_wrong_kind(struct reader *r, const struct row *row, const yaml_node_t *node,
                     const char *where)
{
	struct str allowed = {0};

	row_allowed(row, &allowed);
	complain(r->complaints, &node->start_mark, where, "found %s, allowed: %s", doc_kind(node),
	         str_text(&allowed));
	str_done(&allowed);
}

void read_scalar(struct reader *r, const struct row *row, const yaml_node_t *node,
                 const char *where, void *field)
{
	const char *text = (const char *)node->data.scalar.value;
	struct err err = ERR_INIT;

	if (node->type != YAML_SCALAR_NODE || doc_is_null(node))
		read_wrong_kind(r, row, node, where);
	else if (strlen(text) != node->data.scalar.length)
		complain(r->complaints, &node->start_mark, where, "a NUL byte is not allowed");
	else if (row_store(row, text, field, &err))
		complain(r->complaints, &node->start_mark, where, "%s", err.text);
}

static void read_value(struct reader *r, const struct row *row, const yaml_node_t *node,
                       const char *where, void *base)
{
	char *section, *field = (char *)base + row->offset;

	switch (row->type) {
	case ROW_SECTION:
		if (node->type == YAML_MAPPING_NODE) {
			section = row_section(row);
			read_section(r, node, section, where, field);
			free(section);
		} else if (!doc_is_null(node)) {
			read_wrong_kind(r, row, node, where);
		}
		break;
	case ROW_LIST:
		read_list(r, row, node, where);
		break;
	case ROW_RULES:
		read_compression(r, node, where);
		break;
	case ROW_TEXTS:
		read_texts(r, row, node, where, field);
		break;
	case ROW_LATER:
		read_later(r, row, node, where);
		break;
	default:
		read_scalar(r, row, node, where, field);
	}
}

static char *join(const char *where, const char *key)
{
	return mem_printf("%s%s%s", where, *where ? "." : "", key);
}

/* The keys of a section, for people. */
static void unknown_key(struct reader *r, const yaml_node_t *key, const char *section,
                        const char *where)
{
	const char *word = (const char *)key->data.scalar.value, *near;
	VEC(const char *) known = {0};
	struct str all = {0};

	for (size_t i = 0; i < row_n; i++) {
		const char *k = row_key(&rows[i], section);
		if (!k)
			continue;
		str_addf(&all, "%s%s", known.n ? ", " : "", k);
		*vec_push(&known) = k;
	}
	near = str_nearest(word, known.v, known.n);
	if (near)
		complain(r->complaints, &key->start_mark, where,
		         "unknown key; did you mean \"%s\"?", near);
	else
		complain(r->complaints, &key->start_mark, where, "unknown key; allowed: %s",
		         str_text(&all));
	str_done(&all);
	vec_done(&known);
}

static bool is_credential(const char *section, const char *key)
{
	return !strcmp(section, "instances[].") &&
	       (!strcmp(key, "password") || !strcmp(key, "passwd") || !strcmp(key, "user"));
}

static void check_key(struct reader *r, const yaml_node_t *mapping, const yaml_node_pair_t *pair,
                      const char *section, const char *where)
{
	const yaml_node_t *key = yaml_document_get_node(r->doc, pair->key);
	const char *word = (const char *)key->data.scalar.value;
	const yaml_node_t *first;
	char *here;

	if (key->type != YAML_SCALAR_NODE || strlen(word) != key->data.scalar.length) {
		complain(r->complaints, &key->start_mark, where,
		         "found %s as a key, allowed: a word",
		         key->type == YAML_SCALAR_NODE ? "a NUL byte" : doc_kind(key));
		return;
	}
	here = join(where, word);
	first = doc_value(r->doc, mapping, word);
	if (first && first != yaml_document_get_node(r->doc, pair->value))
		complain(r->complaints, &key->start_mark, here, "given twice, first in line %zu",
		         first->start_mark.line + 1);
	else if (is_credential(section, word))
		complain(r->complaints, &key->start_mark, here,
		         "user and password come only from the file that defaults_file names");
	else if (!row_find(section, word, strlen(word)))
		unknown_key(r, key, section, here);
	free(here);
}

/* `lists`: those that are lists, or those that are not. */
static void read_rows(struct reader *r, const yaml_node_t *mapping, const char *section,
                      const char *where, void *base, bool lists)
{
	for (size_t i = 0; i < row_n; i++) {
		const char *key = row_key(&rows[i], section);
		const yaml_node_t *value;
		if (!key || (rows[i].type == ROW_LIST) != lists)
			continue;
		value = doc_value(r->doc, mapping, key);
		char *here = join(where, key);
		if (value)
			read_value(r, &rows[i], value, here, base);
		else if (rows[i].must)
			complain(r->complaints, &mapping->start_mark, here, "is missing");
		free(here);
	}
}

void read_section(struct reader *r, const yaml_node_t *mapping, const char *section,
                  const char *where, void *base)
{
	const yaml_node_pair_t *p = mapping->data.mapping.pairs.start;

	for (; p < mapping->data.mapping.pairs.top; p++)
		check_key(r, mapping, p, section, where);
	/* Instances start from the common schedule and retention, wherever those stand. */
	read_rows(r, mapping, section, where, base, false);
	read_rows(r, mapping, section, where, base, true);
}
