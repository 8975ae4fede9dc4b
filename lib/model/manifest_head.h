/*
 * manifest_head: line 1 of a manifest, coming in.  Private to the room.
 */
#ifndef MODEL_MANIFEST_HEAD_H
#define MODEL_MANIFEST_HEAD_H

#include <jansson.h>

#include "base/err.h"
#include "model/manifest.h"
#include "model/manifest_field.h"

/* Fills m (new) from the object; on failure m is half filled, to be freed. */
int manifest_read_head(struct manifest *m, const json_t *head, struct err *err);

/* Of line 1: the point (manifest_point.c). */
int manifest_read_point(const struct field_src *s, struct manifest *m);

/* A page size InnoDB writes: 1 KiB to 64 KiB (below 4 KiB only compressed). */
bool manifest_page_size_ok(uint32_t bytes, uint32_t least);

#endif
