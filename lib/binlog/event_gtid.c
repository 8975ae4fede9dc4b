/*
 * The events that begin a group: MariaDB's GTID, MySQL's anonymous, plain and tagged.
 */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/str.h"
#include "binlog/event.h"

#define US_PER_S 1000000
#define YEAR_10000 253402300800 /* in seconds; four digits is what texts of times have */
#define UUID_SIZE 16
#define TAG_MAX 32
#define TAG_LETTERS "abcdefghijklmnopqrstuvwxyz0123456789_"

/* MariaDB (Gtid_log_event): sequence, domain, flags. */
#define MARIADB_FLAGS 12
#define FL_STANDALONE 0x01u
#define FL_COMPLETED_XA 0x80u

/* MySQL, plain and anonymous: flags, uuid, number, then the logical clock, then times. */
#define PLAIN_UUID 1
#define PLAIN_NUMBER (PLAIN_UUID + UUID_SIZE)
#define PLAIN_MIN (PLAIN_NUMBER + 8)
#define PLAIN_CLOCK PLAIN_MIN /* 2 where the two numbers of the logical clock follow */
#define PLAIN_TIME (PLAIN_CLOCK + 1 + 8 + 8)
#define PLAIN_TIME_SIZE 7
#define PLAIN_TIME_MASK ((1ULL << 55) - 1) /* the top bit says that another time follows */

bool binlog_begins_group(const struct binlog_event *e)
{
	return e->type == BINLOG_MARIADB_GTID || e->type == BINLOG_MYSQL_GTID ||
	       e->type == BINLOG_MYSQL_ANONYMOUS || e->type == BINLOG_MYSQL_GTID_TAGGED;
}

static int too_short(const struct binlog_event *e, struct err *err)
{
	return err_set(err, ERR_DAMAGED, "binlog event of type %u ends early: %zu bytes", e->type,
	               e->body_n);
}

static void uuid_text(char out[37], const unsigned char uuid[UUID_SIZE])
{
	static const unsigned char parts[] = {4, 2, 2, 2, 6};

	for (size_t i = 0; i < sizeof parts; i++) {
		str_hex(out, uuid, parts[i]);
		out += 2 * parts[i];
		uuid += parts[i];
		*out++ = i + 1 < sizeof parts ? '-' : '\0';
	}
}

/* ---- MySQL, tagged: fields as (number, value), integers of one to nine bytes */

struct tagged {
	unsigned char uuid[UUID_SIZE];
	char tag[TAG_MAX + 1];
	bool odd; /* no server lets anybody set such a tag: it is none that can be named */
	int64_t number;
	uint64_t time_us;
};

enum {
	FIELD_FLAGS,
	FIELD_UUID,
	FIELD_NUMBER,
	FIELD_TAG,
	FIELD_COMMITTED,
	FIELD_SEQUENCE,
	FIELD_TIME
};

struct cursor {
	const unsigned char *p, *end;
	bool bad; /* sticky: looked at once behind it all */
};

/* As many one bits as bytes follow end the first byte. */
static uint64_t take_unsigned(struct cursor *c)
{
	unsigned char all[8] = {0};
	size_t more = 0;

	if (c->bad || c->p == c->end)
		return c->bad = true, 0;
	unsigned char first = *c->p++;
	while (more < 8 && first & 1u << more)
		more++;
	if ((size_t)(c->end - c->p) < more)
		return c->bad = true, 0;
	memcpy(all, c->p, more);
	c->p += more;
	if (more == 8)
		return le64_get(all);
	return le64_get(all) << (7 - more) | (uint64_t)(first >> (more + 1));
}

static int64_t take_signed(struct cursor *c)
{
	uint64_t v = take_unsigned(c);

	return (int64_t)(v >> 1 ^ -(v & 1));
}

static void take_uuid(struct cursor *c, struct tagged *t)
{
	for (size_t i = 0; i < UUID_SIZE; i++) {
		uint64_t byte = take_unsigned(c);
		if (byte > UINT8_MAX)
			c->bad = true;
		t->uuid[i] = (unsigned char)byte;
	}
}

static void take_tag(struct cursor *c, struct tagged *t)
{
	uint64_t n = take_unsigned(c);

	if (c->bad || n > TAG_MAX || n > (uint64_t)(c->end - c->p)) {
		c->bad = true;
		return;
	}
	memcpy(t->tag, c->p, n);
	t->tag[n] = '\0';
	t->odd = strspn(t->tag, TAG_LETTERS) != n;
	c->p += n;
}

static void take_field(struct cursor *c, uint64_t field, struct tagged *t)
{
	switch (field) {
	case FIELD_UUID:
		take_uuid(c, t);
		break;
	case FIELD_NUMBER:
		t->number = take_signed(c);
		break;
	case FIELD_TAG:
		take_tag(c, t);
		break;
	case FIELD_COMMITTED:
	case FIELD_SEQUENCE:
		take_signed(c);
		break;
	case FIELD_TIME:
		t->time_us = take_unsigned(c);
		break;
	default: /* the flags */
		take_unsigned(c);
		break;
	}
}

static int parse_tagged(const struct binlog_event *e, struct tagged *ret, struct err *err)
{
	struct cursor c = {.p = e->body, .end = e->body + e->body_n};
	struct tagged t = {0};
	bool have_number = false;

	uint64_t form = take_unsigned(&c);
	if (!c.bad && form != 1)
		return err_set(err, ERR_DAMAGED,
		               "binlog event with a tagged GTID of form %llu: only 1 is known",
		               (unsigned long long)form);
	take_unsigned(&c); /* bytes of it all */
	take_unsigned(&c); /* fields that may not be skipped */
	/* They come in order; nothing behind the time of commit is needed. */
	while (!c.bad && c.p < c.end) {
		uint64_t field = take_unsigned(&c);
		if (field > FIELD_TIME)
			break;
		take_field(&c, field, &t);
		have_number |= field == FIELD_NUMBER;
	}
	if (c.bad || !have_number)
		return too_short(e, err);
	*ret = t;
	return 0;
}

/* ---- all of them */

static int mariadb_text(const struct binlog_event *e, char out[BINLOG_GTID_MAX], struct err *err)
{
	if (e->body_n < 8 + 4 + 1)
		return too_short(e, err);
	snprintf(out, BINLOG_GTID_MAX, "%u-%u-%llu", le32_get(e->body + 8), e->server_id,
	         (unsigned long long)le64_get(e->body));
	return 0;
}

static int plain_text(const struct binlog_event *e, char out[BINLOG_GTID_MAX], struct err *err)
{
	char uuid[37];

	if (e->body_n < PLAIN_MIN)
		return too_short(e, err);
	uuid_text(uuid, e->body + PLAIN_UUID);
	snprintf(out, BINLOG_GTID_MAX, "%s:%lld", uuid,
	         (long long)le64_get(e->body + PLAIN_NUMBER));
	return 0;
}

static int tagged_text(const struct binlog_event *e, char out[BINLOG_GTID_MAX], struct err *err)
{
	struct tagged t = {0};
	char uuid[37];

	if (parse_tagged(e, &t, err) < 0)
		return -1;
	uuid_text(uuid, t.uuid);
	if (t.odd) {
		out[0] = '\0';
		return 0;
	}
	snprintf(out, BINLOG_GTID_MAX, "%s%s%s:%lld", uuid, *t.tag ? ":" : "", t.tag,
	         (long long)t.number);
	return 0;
}

int binlog_gtid_text(const struct binlog_event *e, char out[BINLOG_GTID_MAX], struct err *err)
{
	switch (e->type) {
	case BINLOG_MARIADB_GTID:
		return mariadb_text(e, out, err);
	case BINLOG_MYSQL_GTID:
		return plain_text(e, out, err);
	case BINLOG_MYSQL_GTID_TAGGED:
		return tagged_text(e, out, err);
	default:
		out[0] = '\0';
		return 0;
	}
}

int64_t binlog_commit_time_us(const struct binlog_event *e)
{
	uint64_t us = 0;
	struct tagged t = {0};

	if (e->type == BINLOG_MYSQL_GTID_TAGGED && parse_tagged(e, &t, NULL) == 0)
		us = t.time_us;
	if ((e->type == BINLOG_MYSQL_GTID || e->type == BINLOG_MYSQL_ANONYMOUS) &&
	    e->body_n >= PLAIN_TIME + PLAIN_TIME_SIZE && e->body[PLAIN_CLOCK] == 2) {
		unsigned char all[8] = {0};
		memcpy(all, e->body + PLAIN_TIME, PLAIN_TIME_SIZE);
		us = le64_get(all) & PLAIN_TIME_MASK;
	}
	if (us == 0 || us >= (uint64_t)YEAR_10000 * US_PER_S)
		us = (uint64_t)e->timestamp * US_PER_S;
	return (int64_t)us;
}

static unsigned mariadb_flags(const struct binlog_event *e)
{
	return e->type == BINLOG_MARIADB_GTID && e->body_n > MARIADB_FLAGS ? e->body[MARIADB_FLAGS]
	                                                                   : 0;
}

bool binlog_is_one_statement(const struct binlog_event *e)
{
	return mariadb_flags(e) & (FL_STANDALONE | FL_COMPLETED_XA);
}
