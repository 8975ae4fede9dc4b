/*
 * doc: text to one YAML document without anchors and aliases, or complaints.
 * Private to the room.
 */
#ifndef CONF_DOC_H
#define CONF_DOC_H

#include <yaml.h>

#include "conf/complain.h"

#define DOC_BYTES_MAX (1u << 20)

/* *ret is to be freed with yaml_document_delete. */
int doc_load(const char *text, size_t n, yaml_document_t *ret, struct complaints *to);

/* Plain and empty, "~" or "null": a key with nothing behind it. */
bool doc_is_null(const yaml_node_t *node);
/* "a list", "a mapping", "text", "nothing". */
const char *doc_kind(const yaml_node_t *node);
/* The value of a key of a mapping (the first, if there are several), or NULL. */
yaml_node_t *doc_value(yaml_document_t *doc, const yaml_node_t *mapping, const char *key);

#endif
