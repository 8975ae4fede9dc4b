/* The texts of archive_json.h going out. */
#include "binlog/archive_json.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "pipe/codec.h"

static void add_string(struct str *out, const char *key, const char *text)
{
	char *escaped = text ? str_escape_path(text) : NULL;
	json_t *v = text ? json_string(escaped) : json_null();
	char *dumped = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);

	str_addf(out, ",\"%s\":%s", key, dumped);
	free(dumped);
	json_decref(v);
	free(escaped);
}

static void add_time(struct str *out, const char *key, int64_t us)
{
	char text[64];

	if (us <= 0) {
		str_addf(out, ",\"%s\":null", key);
		return;
	}
	clock_format(text, sizeof text, us);
	size_t n = strlen(text);
	str_addf(out, ",\"%s\":\"%.*s.%06dZ\"", key, n ? (int)n - 1 : 0, text,
	         (int)(us % CLOCK_US));
}

static void add_gap(struct str *out, const struct segment_gap *g)
{
	if (!g) {
		str_add(out, ",\"gap\":null");
		return;
	}
	/* "lost" is not written: it is found, never decided. */
	str_addf(out, ",\"gap\":{\"from_position\":%" PRIu64, g->from_pos);
	add_string(out, "from_file", g->from_file);
	add_time(out, "from_time", g->from_us);
	add_time(out, "to_time", g->to_us);
	str_add(out, "}");
}

static void add_check(struct str *out, size_t from)
{
	unsigned char hash[FRAME_HASH_SIZE];
	char hex[2 * FRAME_HASH_SIZE + 1];

	hash_bytes(out->p + from, out->n - from, hash);
	str_hex(hex, hash, sizeof hash);
	str_addf(out, ARCHIVE_CHECK "%s\"", hex);
}

static void add_facts(struct str *out, const struct segment *s)
{
	char created[32];

	str_addf(out, "{\"format\":%d", ARCHIVE_FORMAT);
	add_string(out, "file", s->file);
	clock_format(created, sizeof created, s->created * CLOCK_US);
	str_addf(out,
	         ",\"size\":%" PRIu64 ",\"stored\":%" PRIu64 ",\"server_id\":%" PRIu32
	         ",\"created\":\"%s\",\"mariadb\":%s",
	         s->size, s->stored, s->server_id, created, s->mariadb ? "true" : "false");
	add_string(out, "version", s->version);
	str_addf(out, ",\"checksum\":%s", s->checksum ? "true" : "false");
	add_time(out, "first_time", s->first_us);
	add_time(out, "last_time", s->last_us);
	add_string(out, "first_gtid", s->first_gtid[0] ? s->first_gtid : NULL);
	add_string(out, "last_gtid", s->last_gtid[0] ? s->last_gtid : NULL);
	str_addf(out, ",\"events\":%" PRIu64 ",\"groups\":%" PRIu64, s->events, s->groups);
	add_gap(out, s->gap);
	add_string(out, "previous", s->previous);
}

void segment_write(const struct segment *s, const struct segment_frames *frames, struct str *out)
{
	size_t from = out->n;
	char hex[2][2 * FRAME_HASH_SIZE + 1];

	add_facts(out, s);
	add_check(out, from);
	str_add(out, ",\n\"frames\":[");
	for (size_t i = 0; i < frames->list.n; i++) {
		const struct segment_frame *f = &frames->list.v[i];
		str_hex(hex[0], f->stored_hash, FRAME_HASH_SIZE);
		str_hex(hex[1], f->raw_hash, FRAME_HASH_SIZE);
		str_addf(out, "%s[%" PRIu64 ",%" PRIu64 ",%" PRIu32 ",\"%s\",\"%s\"]", i ? "," : "",
		         f->raw_at, f->stored_at, f->stored, hex[0], hex[1]);
	}
	str_add(out, "],\n\"points\":[");
	for (size_t i = 0; i < s->points.n; i++) {
		const struct segment_point *p = &s->points.v[i];
		/* A GTID has letters, digits, ':' and '-' (a tag: '_'). */
		str_addf(out, "%s[%" PRIu64 ",%" PRId64 ",\"%s\"]", i ? "," : "", p->pos,
		         p->commit_us, p->gtid);
	}
	str_add(out, "]}\n");
}

void segment_write_open(const struct segment *s, struct str *out)
{
	size_t from = out->n;

	str_addf(out, "{\"format\":%d", ARCHIVE_FORMAT);
	add_string(out, "file", s->file);
	add_gap(out, s->gap);
	add_string(out, "previous", s->previous);
	add_check(out, from);
	str_add(out, "}\n");
}

void lineage_write(uint64_t number, struct str *out)
{
	char now[32];
	size_t from = out->n;

	clock_format(now, sizeof now, clock_wall_us());
	str_addf(out, "{\"format\":%d,\"number\":%" PRIu64 ",\"begun\":\"%s\"", ARCHIVE_FORMAT,
	         number, now);
	add_check(out, from);
	str_add(out, "}\n");
}
