/*
 * jget: members of a JSON object that may be missing or of another type: what a
 * daemon of another version sends must not bring the client down.
 */
#ifndef CTL_JGET_H
#define CTL_JGET_H

#include <jansson.h>
#include <stdint.h>

#include "base/clock.h"

/* NULL when it is no string. */
static inline const char *jstr(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}
static inline const char *jstr_or(const json_t *o, const char *key, const char *other)
{
	const char *s = jstr(o, key);
	return s ? s : other;
}
/* Never negative; 0 when it is no number. */
static inline uint64_t jsize(const json_t *o, const char *key)
{
	json_int_t v = json_integer_value(json_object_get(o, key));
	return v > 0 ? (uint64_t)v : 0;
}
static inline double jnum(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}
/* 0 and microseconds, or -1. */
static inline int jtime(const json_t *o, const char *key, int64_t *ret_us)
{
	const char *s = jstr(o, key);
	return s ? clock_parse(s, ret_us) : -1;
}

#endif
