#include "model/manifest_field.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

int field_bad(const struct field_src *s, const char *key, const char *fmt, ...)
{
	char why[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	return err_set(s->err, ERR_DAMAGED, "manifest line %" PRIu64 ": %s%s: %s", s->line,
	               s->prefix, key, why);
}

/* 1: *ret is there, 0: absent and allowed to be, -1. */
static int get(const struct field_src *s, const char *key, bool need, json_t **ret)
{
	json_t *v = json_object_get(s->object, key);

	if (v && !json_is_null(v)) {
		*ret = v;
		return 1;
	}
	return need ? field_bad(s, key, "is missing") : 0;
}

int field_int(const struct field_src *s, const char *key, bool need, int64_t min, int64_t max,
              int64_t *ret)
{
	json_t *v = NULL;
	int rc = get(s, key, need, &v);

	if (rc <= 0)
		return rc;
	if (!json_is_integer(v))
		return field_bad(s, key, "must be an integer");
	if (json_integer_value(v) < min || json_integer_value(v) > max)
		return field_bad(s, key, "found %" PRId64 ", allowed: %" PRId64 " to %" PRId64,
		                 (int64_t)json_integer_value(v), min, max);
	*ret = json_integer_value(v);
	return 0;
}

int field_u64(const struct field_src *s, const char *key, bool need, uint64_t *ret)
{
	int64_t v = (int64_t)*ret;

	if (field_int(s, key, need, 0, INT64_MAX, &v))
		return -1;
	*ret = (uint64_t)v;
	return 0;
}

int field_u32(const struct field_src *s, const char *key, bool need, uint32_t *ret)
{
	int64_t v = *ret;

	if (field_int(s, key, need, 0, UINT32_MAX, &v))
		return -1;
	*ret = (uint32_t)v;
	return 0;
}

int field_real(const struct field_src *s, const char *key, bool need, double *ret)
{
	json_t *v = NULL;
	int rc = get(s, key, need, &v);

	if (rc <= 0)
		return rc;
	if (!json_is_number(v) || !isfinite(json_number_value(v)) || json_number_value(v) < 0)
		return field_bad(s, key, "must be a number, 0 or more");
	*ret = json_number_value(v);
	return 0;
}

int field_text(const struct field_src *s, const char *key, bool need, char **ret)
{
	json_t *v = NULL;
	int rc = get(s, key, need, &v);

	if (rc <= 0)
		return rc;
	if (!json_is_string(v))
		return field_bad(s, key, "must be a string");
	*ret = mem_strdup(json_string_value(v));
	return 0;
}

int field_path(const struct field_src *s, const char *key, bool need, char **ret)
{
	char *text = NULL, *path;

	if (field_text(s, key, need, &text))
		return -1;
	if (!text)
		return 0;
	path = str_unescape_path(text);
	free(text);
	if (!path)
		return field_bad(s, key, "is not text with %%XX for every other byte");
	*ret = path;
	return 0;
}

int field_time(const struct field_src *s, const char *key, int64_t *ret_us)
{
	char *text = NULL;
	int rc = 0;

	if (field_text(s, key, FIELD_MUST, &text))
		return -1;
	if (clock_parse(text, ret_us))
		rc = field_bad(s, key, "found \"%.40s\", allowed: a time like 2026-11-22T02:00:00Z",
		               text);
	free(text);
	return rc;
}

int field_hex(const struct field_src *s, const char *key, void *ret, size_t n)
{
	char *text = NULL;
	int rc = 0;

	if (field_text(s, key, FIELD_MUST, &text))
		return -1;
	if (str_unhex(ret, n, text))
		rc = field_bad(s, key, "must be %zu hex digits", 2 * n);
	free(text);
	return rc;
}

int field_object(const struct field_src *s, const char *key, bool need, json_t **ret)
{
	json_t *v = NULL;

	if (get(s, key, need, &v) < 0)
		return -1;
	if (v && !json_is_object(v))
		return field_bad(s, key, "must be an object");
	*ret = v;
	return 0;
}

int field_array(const struct field_src *s, const char *key, bool need, json_t **ret)
{
	json_t *v = NULL;

	if (get(s, key, need, &v) < 0)
		return -1;
	if (v && !json_is_array(v))
		return field_bad(s, key, "must be an array");
	*ret = v;
	return 0;
}
