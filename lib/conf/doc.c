#include "conf/doc.h"

#include <stdbool.h>
#include <string.h>

#define DEPTH_MAX 20

/* Line and column of a byte: the reader of characters knows no others. */
static yaml_mark_t mark_of_byte(const char *text, size_t n, size_t byte)
{
	yaml_mark_t m = {0};

	for (size_t i = 0; i < n && i < byte; i++) {
		/* Columns are characters: the further bytes of one do not count. */
		m.column += ((unsigned char)text[i] & 0xc0) != 0x80;
		if (text[i] == '\n') {
			m.line++;
			m.column = 0;
		}
	}
	return m;
}

/* Is there a tab in front of what stands in this line? */
static bool tab_in_front(const char *text, size_t n, size_t line)
{
	const char *end = text + n;

	while (line-- > 0 && text < end) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));
		text = nl ? nl + 1 : end;
	}
	while (text < end && *text == ' ')
		text++;
	return text < end && *text == '\t';
}

/* What the library stumbled over, in its words, and the two causes it cannot name. */
static int syntax(const yaml_parser_t *p, const char *text, size_t n, struct complaints *to)
{
	const char *problem = p->problem ? p->problem : "out of memory";
	const char *advice = "";

	if (p->error == YAML_READER_ERROR) {
		yaml_mark_t at = mark_of_byte(text, n, p->problem_offset);
		complain(to, &at, "", "not YAML: %s (0x%02x)", problem, (unsigned)p->problem_value);
		return -1;
	}
	if (tab_in_front(text, n, p->problem_mark.line))
		advice = "; indent with spaces, not with tabs";
	else if (p->context && strstr(p->context, "alias"))
		advice = "; a value that starts with * needs quotes";
	if (p->context)
		complain(to, &p->problem_mark, "", "not YAML: %s, %s from line %zu on%s", problem,
		         p->context, p->context_mark.line + 1, advice);
	else
		complain(to, &p->problem_mark, "", "not YAML: %s%s", problem, advice);
	return -1;
}

static const yaml_char_t *anchor_of(const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_SCALAR_EVENT:
		return e->data.scalar.anchor;
	case YAML_SEQUENCE_START_EVENT:
		return e->data.sequence_start.anchor;
	case YAML_MAPPING_START_EVENT:
		return e->data.mapping_start.anchor;
	default:
		return NULL;
	}
}

struct look {
	unsigned documents, depth;
};

/* An alias is a second way to the same value (and, ten deep, to a billion of them);
 * a policy needs none, so they go before a tree is built.  -1: look no further. */
static int look_at(const yaml_event_t *e, struct look *l, struct complaints *to)
{
	if (e->type == YAML_DOCUMENT_START_EVENT && ++l->documents == 2) {
		complain(to, &e->start_mark, "", "a second document starts here; a policy is one");
		return -1;
	}
	if (e->type == YAML_ALIAS_EVENT)
		complain(to, &e->start_mark, "",
		         "found the alias *%s; aliases are not allowed: write the value out, or "
		         "quote it if it is meant to start with *",
		         e->data.alias.anchor);
	else if (anchor_of(e))
		complain(to, &e->start_mark, "", "found the anchor &%s; anchors are not allowed",
		         anchor_of(e));
	l->depth += e->type == YAML_SEQUENCE_START_EVENT || e->type == YAML_MAPPING_START_EVENT;
	l->depth -= e->type == YAML_SEQUENCE_END_EVENT || e->type == YAML_MAPPING_END_EVENT;
	if (l->depth <= DEPTH_MAX)
		return 0;
	complain(to, &e->start_mark, "", "nested more than %d deep", DEPTH_MAX);
	return -1;
}

static void start(yaml_parser_t *p, const char *text, size_t n)
{
	yaml_parser_initialize(p);
	yaml_parser_set_encoding(p, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(p, (const unsigned char *)text, n);
}

static int look_through(const char *text, size_t n, struct complaints *to)
{
	struct look l = {0};
	yaml_parser_t p;
	int rc = 0;

	start(&p, text, n);
	for (bool end = false; !end && rc == 0;) {
		yaml_event_t e;
		if (!yaml_parser_parse(&p, &e)) {
			rc = syntax(&p, text, n, to);
			break;
		}
		end = e.type == YAML_STREAM_END_EVENT;
		rc = look_at(&e, &l, to);
		yaml_event_delete(&e);
	}
	yaml_parser_delete(&p);
	return rc || to->list.n ? -1 : 0;
}

int doc_load(const char *text, size_t n, yaml_document_t *ret, struct complaints *to)
{
	yaml_document_t doc;
	yaml_parser_t p;
	int rc = 0;

	if (n > DOC_BYTES_MAX) {
		complain(to, &(yaml_mark_t){0}, "", "%zu bytes, allowed: up to %u", n,
		         DOC_BYTES_MAX);
		return -1;
	}
	if (look_through(text, n, to))
		return -1;
	start(&p, text, n);
	if (!yaml_parser_load(&p, &doc))
		rc = syntax(&p, text, n, to);
	else
		*ret = doc;
	yaml_parser_delete(&p);
	return rc;
}

bool doc_is_null(const yaml_node_t *node)
{
	const char *text = (const char *)node->data.scalar.value;

	return node->type == YAML_SCALAR_NODE &&
	       node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (!*text || !strcmp(text, "~") || !strcmp(text, "null"));
}

const char *doc_kind(const yaml_node_t *node)
{
	if (node->type == YAML_SEQUENCE_NODE)
		return "a list";
	if (node->type == YAML_MAPPING_NODE)
		return "a mapping";
	return doc_is_null(node) ? "nothing" : "text";
}

yaml_node_t *doc_value(yaml_document_t *doc, const yaml_node_t *mapping, const char *key)
{
	yaml_node_pair_t *p = mapping->data.mapping.pairs.start;

	for (; p < mapping->data.mapping.pairs.top; p++) {
		yaml_node_t *k = yaml_document_get_node(doc, p->key);
		if (k->type == YAML_SCALAR_NODE && k->data.scalar.length == strlen(key) &&
		    !memcmp(k->data.scalar.value, key, strlen(key)))
			return yaml_document_get_node(doc, p->value);
	}
	return NULL;
}
