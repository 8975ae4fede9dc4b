/*
 * reader: a document against the rows.  Private to the room.
 */
#ifndef CONF_READER_H
#define CONF_READER_H

#include <yaml.h>

#include "conf/complain.h"
#include "conf/draft.h"
#include "conf/rows.h"

struct reader {
	yaml_document_t *doc;
	struct complaints *complaints;
	struct draft *draft;
};

/* A mapping into the struct at `base`; `where` is the section as shown to people
 * ("instances[0]", "" for the file).  Whatever is wrong becomes a complaint. */
void read_section(struct reader *r, const yaml_node_t *mapping, const char *section,
                  const char *where, void *base);

/* The keys whose values have rules of their own. */
void read_list(struct reader *r, const struct row *row, const yaml_node_t *node, const char *where);
void read_compression(struct reader *r, const yaml_node_t *node, const char *where);
void read_texts(struct reader *r, const struct row *row, const yaml_node_t *node, const char *where,
                void *field);
void read_later(struct reader *r, const struct row *row, const yaml_node_t *node,
                const char *where);

/* "found …, allowed: …" for a node of the wrong kind. */
void read_wrong_kind(struct reader *r, const struct row *row, const yaml_node_t *node,
                     const char *where);
/* A scalar through row_store. */
void read_scalar(struct reader *r, const struct row *row, const yaml_node_t *node,
                 const char *where, void *field);

#endif
