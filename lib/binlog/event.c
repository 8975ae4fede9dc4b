/*
 * What is common to all events: header, checksum, and the format description.
 */
#include "binlog/event.h"

#include <isa-l/crc.h>

#include "base/bytes.h"

#define CHECKSUM_SIZE 4u
#define FORMAT_FIXED (2u + 50u + 4u + 1u) /* version, server's version, created, header size */
#define FORMAT_STARTED_AT 52u            /* time the server was started, 0 in files it went on to */
#define FORMAT_TAIL (1u + CHECKSUM_SIZE) /* how events are checksummed; its own checksum */
/* MariaDB's own event types begin here: only its table of types is that long. */
#define FORMAT_TYPES_MARIADB 160u

uint32_t binlog_crc32(const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	const size_t piece = 1u << 30; /* some versions of the library take an int */
	uint32_t crc = 0;

	for (; n > piece; p += piece, n -= piece)
		crc = crc32_gzip_refl(crc, p, piece);
	return crc32_gzip_refl(crc, p, n);
}

int binlog_header_parse(const void *bytes, size_t n, struct binlog_event *ret, struct err *err)
{
	const unsigned char *p = bytes;

	if (n < BINLOG_HEADER_SIZE)
		return err_set(err, ERR_DAMAGED, "binlog event: %zu bytes, its header alone has %u",
		               n, BINLOG_HEADER_SIZE);
	struct binlog_event e = {
	    .timestamp = le32_get(p),
	    .type = p[4],
	    .server_id = le32_get(p + 5),
	    .size = le32_get(p + 9),
	    .next_pos = le32_get(p + 13),
	    .flags = (uint16_t)(p[17] | p[18] << 8),
	};
	if (e.size < BINLOG_HEADER_SIZE)
		return err_set(err, ERR_DAMAGED,
		               "binlog event of type %u says its size is %u, less than its header",
		               e.type, e.size);
	*ret = e;
	return 0;
}

/* A format event is summed up as if it were not in use: the server sets and clears
 * that flag in place. */
static uint32_t checksum_of(const unsigned char *p, size_t n, uint8_t type)
{
	unsigned char head[BINLOG_HEADER_SIZE];

	if (type != BINLOG_FORMAT)
		return binlog_crc32(p, n);
	memcpy(head, p, sizeof head);
	head[17] &= (unsigned char)~BINLOG_FLAG_IN_USE;
	return crc32_gzip_refl(binlog_crc32(head, sizeof head), p + sizeof head, n - sizeof head);
}

int binlog_event_parse(const void *bytes, size_t n, bool checksum, struct binlog_event *ret,
                       struct err *err)
{
	const unsigned char *p = bytes;
	size_t tail = checksum ? CHECKSUM_SIZE : 0;
	struct binlog_event e = {0};

	if (binlog_header_parse(bytes, n, &e, err) < 0)
		return -1;
	if (e.size != n || n < BINLOG_HEADER_SIZE + tail)
		return err_set(err, ERR_DAMAGED,
		               "binlog event of type %u says its size is %u: it has %zu bytes",
		               e.type, e.size, n);
	if (checksum) {
		uint32_t is = checksum_of(p, n - tail, e.type), said = le32_get(p + n - tail);
		if (is != said)
			return err_set(err, ERR_DAMAGED,
			               "binlog event of type %u and %zu bytes: its checksum is "
			               "%08x, it says %08x",
			               e.type, n, is, said);
	}
	e.body = p + BINLOG_HEADER_SIZE;
	e.body_n = n - BINLOG_HEADER_SIZE - tail;
	*ret = e;
	return 0;
}

static int parse_format(const void *bytes, size_t n, bool always_summed, struct binlog_format *ret,
                        struct err *err)
{
	struct binlog_event e = {0};
	struct binlog_format f = {0};

	if (binlog_event_parse(bytes, n, false, &e, err) < 0)
		return -1;
	if (e.type != BINLOG_FORMAT)
		return err_set(err, ERR_DAMAGED,
		               "a binlog begins with an event of type %u, not with its format",
		               e.type);
	if (e.body_n < FORMAT_FIXED + FORMAT_TAIL)
		return err_set(err, ERR_DAMAGED, "binlog format event has only %zu bytes", n);
	unsigned layout = e.body[0] | (unsigned)e.body[1] << 8;
	unsigned header_n = e.body[FORMAT_FIXED - 1];
	unsigned sum = e.body[e.body_n - FORMAT_TAIL];
	if (layout != 4 || header_n != BINLOG_HEADER_SIZE || sum > 1)
		return err_set(err, ERR_DAMAGED,
		               "binlog of layout %u, header size %u and checksum algorithm %u: "
		               "known are 4, %u and 0 or 1",
		               layout, header_n, sum, BINLOG_HEADER_SIZE);
	f.checksum = sum == 1;
	if ((f.checksum || always_summed) && binlog_event_parse(bytes, n, true, &e, err) < 0)
		return -1;
	f.mariadb = n - BINLOG_HEADER_SIZE - FORMAT_FIXED - FORMAT_TAIL >= FORMAT_TYPES_MARIADB;
	f.created = e.timestamp;
	f.server_id = e.server_id;
	memcpy(f.version, e.body + 2, sizeof f.version - 1);
	*ret = f;
	return 0;
}

int binlog_format_parse(const void *bytes, size_t n, struct binlog_format *ret, struct err *err)
{
	return parse_format(bytes, n, true, ret, err);
}

int binlog_format_parse_repeated(const void *bytes, size_t n, struct binlog_format *ret,
                                 struct err *err)
{
	return parse_format(bytes, n, false, ret, err);
}

bool binlog_format_is_start(const struct binlog_event *e)
{
	return e->type == BINLOG_FORMAT && e->body_n >= FORMAT_STARTED_AT + 4 &&
	       le32_get(e->body + FORMAT_STARTED_AT) != 0;
}
