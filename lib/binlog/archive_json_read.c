/* The texts of archive_json.h coming in. */
#include "binlog/archive_json.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "pipe/codec.h"

static int bad(struct err *err, const char *key, const char *why)
{
	return err_set(err, ERR_DAMAGED, "%s: %s", key, why);
}

static int get_u64(const json_t *o, const char *key, uint64_t max, uint64_t *ret, struct err *err)
{
	const json_t *v = json_object_get(o, key);

	if (!json_is_integer(v) || json_integer_value(v) < 0 ||
	    (uint64_t)json_integer_value(v) > max)
		return bad(err, key, "must be a number from 0 on");
	*ret = (uint64_t)json_integer_value(v);
	return 0;
}

static int get_bool(const json_t *o, const char *key, bool *ret, struct err *err)
{
	const json_t *v = json_object_get(o, key);

	if (!json_is_boolean(v))
		return bad(err, key, "must be true or false");
	*ret = json_is_true(v);
	return 0;
}

/* New string, NULL for null. */
static int get_text(const json_t *o, const char *key, char **ret, struct err *err)
{
	const json_t *v = json_object_get(o, key);
	char *text;

	if (json_is_null(v))
		return 0;
	if (!json_is_string(v) || !(text = str_unescape_path(json_string_value(v))))
		return bad(err, key, "must be text with %XX for every other byte, or null");
	*ret = text;
	return 0;
}

static int get_word(const json_t *o, const char *key, char *ret, size_t size, struct err *err)
{
	char *text = NULL;

	if (get_text(o, key, &text, err) < 0)
		return -1;
	int rc = text && strlen(text) >= size ? bad(err, key, "is too long") : 0;
	if (rc == 0)
		snprintf(ret, size, "%s", text ? text : "");
	free(text);
	return rc;
}

static int get_file(const json_t *o, const char *key, char **ret, struct err *err)
{
	if (get_text(o, key, ret, err) < 0)
		return -1;
	return *ret && !archive_file_valid(*ret) ? bad(err, key, "is not the name of a binlog") : 0;
}

static int get_time(const json_t *o, const char *key, int64_t *ret, struct err *err)
{
	const json_t *v = json_object_get(o, key);

	if (json_is_null(v))
		return 0;
	if (!json_is_string(v) || clock_parse(json_string_value(v), ret) != 0 || *ret < 0)
		return bad(err, key, "must be a time like 2026-11-22T02:00:00.123456Z, or null");
	return 0;
}

static int get_gap(const json_t *o, struct segment *s, struct err *err)
{
	const json_t *v = json_object_get(o, "gap");

	if (json_is_null(v))
		return 0;
	if (!json_is_object(v))
		return bad(err, "gap", "must be an object or null");
	s->gap = mem_zalloc(sizeof *s->gap);
	if (get_file(v, "from_file", &s->gap->from_file, err) < 0 ||
	    get_u64(v, "from_position", INT64_MAX, &s->gap->from_pos, err) < 0 ||
	    get_time(v, "from_time", &s->gap->from_us, err) < 0 ||
	    get_time(v, "to_time", &s->gap->to_us, err) < 0)
		return err_add(err, "gap");
	return s->gap->from_file ? 0 : bad(err, "gap", "does not say behind which binlog");
}

static int get_format(const json_t *o, struct err *err)
{
	uint64_t format = 0;

	if (get_u64(o, "format", INT32_MAX, &format, err) < 0)
		return -1;
	if (format > ARCHIVE_FORMAT) {
		err_set(err, ERR_REFUSED, "it has format %" PRIu64 ", and this program knows %d",
		        format, ARCHIVE_FORMAT);
		return err_hint(err, "use the version of mybak that wrote it, or a newer one");
	}
	return 0;
}

/* The line is what its check says. */
static int verify_check(const char *line, size_t n, struct err *err)
{
	unsigned char hash[FRAME_HASH_SIZE], said[FRAME_HASH_SIZE];
	const size_t tail =
	    strlen(ARCHIVE_CHECK) + 2 * sizeof hash + 2; /* and '"', then ',' or '}' */
	char hex[2 * FRAME_HASH_SIZE + 1] = "";

	if (n <= tail || memcmp(line + n - tail, ARCHIVE_CHECK, strlen(ARCHIVE_CHECK)) != 0)
		return bad(err, "check", "is missing");
	memcpy(hex, line + n - tail + strlen(ARCHIVE_CHECK), sizeof hex - 1);
	hash_bytes(line, n - tail, hash);
	if (str_unhex(said, sizeof said, hex) < 0 || memcmp(said, hash, sizeof hash) != 0)
		return bad(err, "check", "does not fit the text before it");
	return 0;
}

/* The object in the first line, complete or with a comma for the closing brace. */
static json_t *load_line(const char *text, size_t n, struct err *err)
{
	const char *end = memchr(text, '\n', n);
	json_error_t why;
	json_t *o = NULL;

	if (!end || end == text) {
		bad(err, "its first line", "is not complete");
		return NULL;
	}
	n = (size_t)(end - text);
	if (verify_check(text, n, err) < 0)
		return NULL;
	char *line = mem_strndup(text, n);
	if (line[n - 1] == ',')
		line[n - 1] = '}';
	o = json_loadb(line, n, JSON_REJECT_DUPLICATES, &why);
	free(line);
	if (!o)
		bad(err, "its first line", why.text);
	else if (get_format(o, err) == 0)
		return o;
	json_decref(o);
	return NULL;
}

static int read_facts(const json_t *o, struct segment *s, struct err *err)
{
	uint64_t server_id = 0;
	int64_t created_us = 0;

	if (get_file(o, "file", &s->file, err) < 0 ||
	    get_u64(o, "size", INT64_MAX, &s->size, err) < 0 ||
	    get_u64(o, "stored", INT64_MAX, &s->stored, err) < 0 ||
	    get_u64(o, "server_id", UINT32_MAX, &server_id, err) < 0 ||
	    get_time(o, "created", &created_us, err) < 0 ||
	    get_bool(o, "mariadb", &s->mariadb, err) < 0 ||
	    get_word(o, "version", s->version, sizeof s->version, err) < 0 ||
	    get_bool(o, "checksum", &s->checksum, err) < 0 ||
	    get_time(o, "first_time", &s->first_us, err) < 0 ||
	    get_time(o, "last_time", &s->last_us, err) < 0 ||
	    get_word(o, "first_gtid", s->first_gtid, sizeof s->first_gtid, err) < 0 ||
	    get_word(o, "last_gtid", s->last_gtid, sizeof s->last_gtid, err) < 0 ||
	    get_u64(o, "events", INT64_MAX, &s->events, err) < 0 ||
	    get_u64(o, "groups", INT64_MAX, &s->groups, err) < 0 || get_gap(o, s, err) < 0 ||
	    get_file(o, "previous", &s->previous, err) < 0)
		return -1;
	if (!s->file || s->size <= BINLOG_MAGIC_SIZE || s->stored == 0)
		return bad(err, "file", "is missing or empty");
	s->server_id = (uint32_t)server_id;
	s->created = (uint32_t)(created_us / CLOCK_US);
	return 0;
}

int segment_read_head(const char *text, size_t n, struct segment *ret, struct err *err)
{
	struct segment s = {0};
	json_t *o = load_line(text, n, err);
	int rc = o ? read_facts(o, &s, err) : -1;

	json_decref(o);
	if (rc == 0)
		*ret = s;
	else
		segment_done(&s);
	return rc;
}

static bool is_count(const json_t *v)
{
	return json_is_integer(v) && json_integer_value(v) >= 0;
}

static bool get_hash(const json_t *v, unsigned char ret[FRAME_HASH_SIZE])
{
	const char *hex = json_string_value(v);

	return hex && strlen(hex) == 2 * FRAME_HASH_SIZE &&
	       str_unhex(ret, FRAME_HASH_SIZE, hex) == 0;
}

static int read_frame(const json_t *v, struct segment_frame *f, struct err *err)
{
	const json_t *raw = json_array_get(v, 0), *at = json_array_get(v, 1),
	             *stored = json_array_get(v, 2);

	if (!is_count(raw) || !is_count(at) || !is_count(stored) ||
	    json_integer_value(stored) == 0 ||
	    (uint64_t)json_integer_value(stored) > codec_stored_max() ||
	    !get_hash(json_array_get(v, 3), f->stored_hash) ||
	    !get_hash(json_array_get(v, 4), f->raw_hash))
		return bad(err, "frames",
		           "one is not [offset, stored offset, stored bytes, two hashes]");
	f->raw_at = (uint64_t)json_integer_value(raw);
	f->stored_at = (uint64_t)json_integer_value(at);
	f->stored = (uint32_t)json_integer_value(stored);
	return 0;
}

static int check_frames(struct segment_frames *l, const struct segment *s, struct err *err)
{
	uint64_t raw = 0, stored = 0;

	for (size_t i = 0; i < l->list.n; i++) {
		struct segment_frame *f = &l->list.v[i];
		uint64_t end = i + 1 < l->list.n ? f[1].raw_at : s->size;
		if (f->raw_at != raw || f->stored_at != stored || end <= raw ||
		    end - raw > FRAME_RAW_MAX)
			return bad(err, "frames", "they do not adjoin");
		f->raw = (uint32_t)(end - raw);
		raw = end;
		stored += f->stored;
	}
	return raw == s->size && stored == s->stored
	           ? 0
	           : bad(err, "frames", "they do not add up to size and stored");
}

static int read_frames(const json_t *o, const struct segment *s, struct segment_frames *ret,
                       struct err *err)
{
	const json_t *a = json_object_get(o, "frames");

	if (!json_is_array(a))
		return bad(err, "frames", "must be an array");
	for (size_t i = 0; i < json_array_size(a); i++) {
		struct segment_frame *f = vec_push(&ret->list);
		*f = (struct segment_frame){0};
		if (read_frame(json_array_get(a, i), f, err) < 0)
			return -1;
	}
	return check_frames(ret, s, err);
}

static int read_points(const json_t *o, const struct segment *s, struct segment *ret,
                       struct err *err)
{
	const json_t *a = json_object_get(o, "points");
	uint64_t before = 0;

	if (!json_is_array(a))
		return bad(err, "points", "must be an array");
	for (size_t i = 0; i < json_array_size(a); i++) {
		const json_t *v = json_array_get(a, i), *pos = json_array_get(v, 0),
		             *us = json_array_get(v, 1);
		const char *gtid = json_string_value(json_array_get(v, 2));
		struct segment_point p = {0};
		if (!is_count(pos) || !is_count(us) || !gtid || strlen(gtid) >= sizeof p.gtid)
			return bad(err, "points", "one is not [offset, microseconds, gtid]");
		p.pos = (uint64_t)json_integer_value(pos);
		p.commit_us = json_integer_value(us);
		memcpy(p.gtid, gtid, strlen(gtid) + 1);
		if (p.pos <= before || p.pos >= s->size)
			return bad(err, "points", "they are not in order");
		before = p.pos;
		*vec_push(&ret->points) = p;
	}
	return 0;
}

int segment_read_index(const char *text, size_t n, const struct segment *s,
                       struct segment_frames *ret_frames, struct segment *ret_points,
                       struct err *err)
{
	json_error_t why;
	struct segment_frames frames = {0};
	struct segment points = {0};
	json_t *o = json_loadb(text, n, JSON_REJECT_DUPLICATES, &why);
	int rc = o ? 0 : bad(err, "its text", why.text);

	if (rc == 0 && ret_frames)
		rc = read_frames(o, s, &frames, err);
	if (rc == 0 && ret_points)
		rc = read_points(o, s, &points, err);
	if (rc == 0 && ret_frames) {
		*ret_frames = frames;
		frames = (struct segment_frames){0};
	}
	if (rc == 0 && ret_points) {
		ret_points->points = points.points;
		points = (struct segment){0};
	}
	vec_done(&frames.list);
	vec_done(&points.points);
	json_decref(o);
	return rc;
}

int segment_read_open(const char *text, size_t n, struct segment *s, struct err *err)
{
	struct segment got = {0};
	json_t *o = load_line(text, n, err);
	int rc = o ? 0 : -1;

	if (rc == 0 &&
	    (get_gap(o, &got, err) < 0 || get_file(o, "previous", &got.previous, err) < 0))
		rc = -1;
	if (rc == 0) {
		s->gap = got.gap;
		s->previous = got.previous;
	} else {
		segment_done(&got);
	}
	json_decref(o);
	return rc;
}

int lineage_read(const char *text, size_t n, uint64_t *ret_number, struct err *err)
{
	json_t *o = load_line(text, n, err);
	int rc = o ? get_u64(o, "number", INT64_MAX, ret_number, err) : -1;

	json_decref(o);
	return rc;
}
