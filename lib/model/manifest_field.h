/*
 * manifest_field: keys of one JSON object of a manifest, each checked as it is
 * taken.  Private to the room.
 *
 * All return 0, or -1 with ERR_DAMAGED and a text that names line and key.  With
 * `need` false a key that is absent (or null) leaves *ret as it is.
 */
#ifndef MODEL_MANIFEST_FIELD_H
#define MODEL_MANIFEST_FIELD_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct field_src {
	const json_t *object; /* borrowed */
	const char *prefix;   /* "server." or "" */
	uint64_t line;
	struct err *err;
};

#define FIELD_MUST true
#define FIELD_MAY false

int field_bad(const struct field_src *s, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int field_int(const struct field_src *s, const char *key, bool need, int64_t min, int64_t max,
              int64_t *ret);
int field_u64(const struct field_src *s, const char *key, bool need, uint64_t *ret);
int field_u32(const struct field_src *s, const char *key, bool need, uint32_t *ret);
int field_real(const struct field_src *s, const char *key, bool need, double *ret);
/* New strings; what *ret held before is not freed. */
int field_text(const struct field_src *s, const char *key, bool need, char **ret);
int field_path(const struct field_src *s, const char *key, bool need, char **ret); /* %XX */
int field_time(const struct field_src *s, const char *key, int64_t *ret_us);
int field_hex(const struct field_src *s, const char *key, void *ret, size_t n);
/* Borrowed; *ret NULL if absent. */
int field_object(const struct field_src *s, const char *key, bool need, json_t **ret);
int field_array(const struct field_src *s, const char *key, bool need, json_t **ret);

#endif
