/*
 * binlog: the events of a server's binlog: streaming them as a replica would, keeping
 * them byte for byte, finding a transaction among them.  Sees repositories through
 * their interface; knows neither policies nor jobs.
 *
 * event: the byte format, as pure functions.
 *
 * Source: sql/log_event.h of MariaDB, libs/mysql/binlog/event of MySQL.  Integers are
 * little-endian.  Every length is checked against the bytes given.
 */
#ifndef BINLOG_EVENT_H
#define BINLOG_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define BINLOG_MAGIC "\xfe\x62\x69\x6e"
#define BINLOG_MAGIC_SIZE 4u
#define BINLOG_HEADER_SIZE 19u
#define BINLOG_FLAG_IN_USE 0x1u
#define BINLOG_FLAG_THREAD_SPECIFIC 0x4u /* of a statement that uses temporary tables */
#define BINLOG_FLAG_ARTIFICIAL 0x20u

enum binlog_type {
	BINLOG_QUERY = 2,
	BINLOG_STOP = 3,
	BINLOG_ROTATE = 4,
	BINLOG_APPEND_BLOCK = 9, /* this and two more: LOAD DATA with what it loads */
	BINLOG_FORMAT = 15,
	BINLOG_XID = 16,
	BINLOG_BEGIN_LOAD = 17,
	BINLOG_EXECUTE_LOAD = 18,
	BINLOG_TABLE_MAP = 19,
	BINLOG_HEARTBEAT = 27,
	BINLOG_MYSQL_GTID = 33,
	BINLOG_MYSQL_ANONYMOUS = 34,
	BINLOG_MYSQL_PREVIOUS_GTIDS = 35,
	BINLOG_XA_PREPARE = 38,
	BINLOG_MYSQL_PAYLOAD = 40,
	BINLOG_HEARTBEAT_2 = 41,
	BINLOG_MYSQL_GTID_TAGGED = 42,
	BINLOG_MARIADB_ANNOTATE = 160,
	BINLOG_MARIADB_CHECKPOINT = 161,
	BINLOG_MARIADB_GTID = 162,
	BINLOG_MARIADB_GTID_LIST = 163,
	/* Streamed in its place even though what follows arrives in the clear, marked
	 * ignorable: positions stay those of the server's file. */
	BINLOG_MARIADB_START_ENCRYPTION = 164,
	BINLOG_MARIADB_QUERY_COMPRESSED = 165,
};

struct binlog_event {
	uint32_t timestamp; /* seconds since 1970 UTC */
	uint8_t type;
	uint32_t server_id;
	uint32_t size;     /* of the whole event, checksum included */
	uint32_t next_pos; /* low 32 bits of the offset behind it; 0 in some artificial ones */
	uint16_t flags;
	const unsigned char *body; /* behind the header, without checksum; borrowed */
	size_t body_n;
};

/* What a format description event says of the events behind it. */
struct binlog_format {
	bool mariadb;
	bool checksum;    /* events end with a crc32 */
	uint32_t created; /* its timestamp: with the server id it tells files of one name apart */
	uint32_t server_id;
	char version[51];
};

/* The header alone (n >= BINLOG_HEADER_SIZE): type, size, …; body is not set. */
int binlog_header_parse(const void *bytes, size_t n, struct binlog_event *ret, struct err *err);
/* A whole event of exactly n bytes.  `checksum`: verify the crc32 at its end (IN_USE
 * of a format event is masked as the server does) and take it off the body. */
int binlog_event_parse(const void *bytes, size_t n, bool checksum, struct binlog_event *ret,
                       struct err *err);
/* From a whole format description event.  It has a checksum of its own, which is
 * verified, even where the events behind it have none. */
int binlog_format_parse(const void *bytes, size_t n, struct binlog_format *ret, struct err *err);
/* The same event as a server repeats it for who begins in the middle of a file: it
 * changes some of it, and its checksum only where events have one. */
int binlog_format_parse_repeated(const void *bytes, size_t n, struct binlog_format *ret,
                                 struct err *err);

/* Of a format event: did the server begin to run with this file, and not go on to it? */
bool binlog_format_is_start(const struct binlog_event *e);

/* The CRC-32 that closes an event, of the bytes before it. */
uint32_t binlog_crc32(const void *bytes, size_t n);

/* Does this event begin a group (transaction or single statement)?  Its GTID as the
 * server writes it ("0-1-42", "uuid:tag:7"), "" if anonymous. */
#define BINLOG_GTID_MAX 128
bool binlog_begins_group(const struct binlog_event *e);
int binlog_gtid_text(const struct binlog_event *e, char out[BINLOG_GTID_MAX], struct err *err);
/* MariaDB: the group is one statement, which no COMMIT follows. */
bool binlog_is_one_statement(const struct binlog_event *e);
/* When the group was committed, microseconds: from the GTID event where it says so,
 * else its header's second. */
int64_t binlog_commit_time_us(const struct binlog_event *e);

/* Name and position a rotate event leads to; name is not NUL-terminated in the event. */
#define BINLOG_NAME_MAX 512
int binlog_rotate_parse(const struct binlog_event *e, char name[BINLOG_NAME_MAX], uint64_t *ret_pos,
                        struct err *err);

/* Database and table of a table map event, for looking for the transactions of a
 * table; both cut to fit (each needs at least one byte). */
int binlog_table_map_parse(const struct binlog_event *e, char *db, size_t db_size, char *table,
                           size_t table_size, struct err *err);
/* Database and text of a query event (borrowed, not NUL-terminated).  A compressed
 * one (165) has its text only in binlog_query_text; here it is empty. */
int binlog_query_parse(const struct binlog_event *e, const char **ret_db, size_t *ret_db_n,
                       const char **ret_sql, size_t *ret_sql_n, struct err *err);
/* The text of a query event, unpacked where it is compressed, as a new string. */
int binlog_query_text(const struct binlog_event *e, char **ret_sql, size_t *ret_n, struct err *err);

/* Change a statement in its place: `event` is the whole of it, keeps its size and gets a
 * new checksum (`checksum`: events of its file have one).  The bits of its session's
 * sql_mode; */
int binlog_query_set_mode(void *event, size_t n, bool checksum, uint64_t set, uint64_t clear,
                          struct err *err);
/* … bytes [from, to) of its text, which is not compressed: `text`, and blanks behind it. */
int binlog_query_set_text(void *event, size_t n, bool checksum, size_t from, size_t to,
                          const char *text, struct err *err);

/* The error a statement ended with on the server that logged it; 0: none, or the event is
 * no statement. */
unsigned binlog_error_code(const struct binlog_event *e);

/* What a rows event, of any version and compressed or not, does to its table. */
enum binlog_rows { BINLOG_ROWS_NONE, BINLOG_ROWS_INSERT, BINLOG_ROWS_UPDATE, BINLOG_ROWS_DELETE };
enum binlog_rows binlog_rows_kind(uint8_t type);
/* The number by which rows events refer to the table map before them: of either. */
int binlog_table_id(const struct binlog_event *e, uint64_t *ret_id, struct err *err);

#endif
