/*
 * Layout: log0recv.cc (log_parse_start, log_parse_file), mtr0log.h (varints),
 * mtr0types.h (record types), log0log.h (get_sequence_bit).
 *
 * A mini-transaction: records, one byte 0 or 1 that tells the lap of the ring, in
 * an encrypted log 8 bytes of nonce, and the crc of records and nonce.  A record: a
 * byte of type (upper four bits) and length; if the length bits are 0, a varint with
 * length - 15 follows and its own bytes count as part of the record.
 */
#include "base/bytes.h"
#include "innodb/mariadb_redo.h"
#include "innodb/page.h"

#define MTR_MAX (64u << 20) /* the server refuses more than a few MiB */

enum {
	FILE_CREATE = 0x80,
	FILE_DELETE = 0x90,
	FILE_RENAME = 0xa0,
	FILE_MODIFY = 0xb0,
};

/* Length in bytes of the varint that starts with this byte; 0: there is none. */
static size_t varint_length(unsigned char first)
{
	return first < 0x80    ? 1
	       : first < 0xc0  ? 2
	       : first < 0xe0  ? 3
	       : first < 0xf0  ? 4
	       : first == 0xf0 ? 5
	                       : 0;
}

/* All its bytes are there. */
static uint64_t varint_value(const unsigned char *p)
{
	switch (varint_length(*p)) {
	case 1:
		return p[0];
	case 2:
		return 0x80 + (uint64_t)((p[0] & 0x3f) << 8 | p[1]);
	case 3:
		return 0x4080 + (uint64_t)((p[0] & 0x1f) << 16 | be16_get(p + 1));
	case 4:
		return 0x204080 + (uint64_t)((p[0] & 0x0f) << 24 | p[1] << 16 | be16_get(p + 2));
	default:
		return 0x10204080 + (uint64_t)be32_get(p + 1);
	}
}

/* The record at p: *ret_head bytes of type and length, *ret_body bytes behind them.
 * 1, 0 if more bytes are needed to tell, -1 if it is none. */
static int record_size(const unsigned char *p, size_t n, size_t *ret_head, size_t *ret_body)
{
	size_t length;
	uint64_t more;

	*ret_head = 1;
	*ret_body = p[0] & 0x0f;
	if (*ret_body)
		return 1;
	if (n < 2)
		return 0;
	length = varint_length(p[1]);
	if (length == 0)
		return -1;
	if (n < 1 + length)
		return 0;
	more = varint_value(p + 1);
	if (more >= MTR_MAX)
		return -1;
	*ret_head = 1 + length;
	*ret_body = (size_t)more + 15 - length;
	return 1;
}

/* Bytes of records before the sequence byte.  1, 0: more bytes are needed, -1. */
static int records_size(const unsigned char *p, size_t n, size_t *ret)
{
	size_t at = 0, head, body;

	while (at < n) {
		int rc;

		if (p[at] <= 1) {
			*ret = at;
			return at > 0 ? 1 : -1; /* a mini-transaction is never empty */
		}
		rc = record_size(p + at, n - at, &head, &body);
		if (rc <= 0)
			return rc;
		at += head + body;
		if (at > MTR_MAX)
			return -1;
	}
	return 0;
}

static bool rename_one(redo_rename *rename, void *arg, unsigned char *p, size_t n)
{
	unsigned char *second = memchr(p, 0, n);
	bool changed;

	if (!second)
		return rename(arg, p, n);
	changed = rename(arg, p, (size_t)(second - p));
	second++;
	return rename(arg, second, (size_t)(p + n - second)) || changed;
}

/* `body`: space id, page number, then the name, or old NUL new for a rename. */
static bool rename_in_record(redo_rename *rename, void *arg, unsigned char *body, size_t n)
{
	for (int i = 0; i < 2; i++) {
		size_t length = n ? varint_length(*body) : 0;

		if (length == 0 || length >= n)
			return false;
		body += length;
		n -= length;
	}
	return rename_one(rename, arg, body, n);
}

static bool rename_in_records(redo_rename *rename, void *arg, unsigned char *p, size_t n)
{
	bool changed = false, after_page = false;
	size_t head, body;

	for (size_t at = 0; at < n; at += head + body) {
		unsigned type = p[at] & 0xf0;

		if (record_size(p + at, n - at, &head, &body) != 1)
			break;
		/* Behind a record of a page the bit 0x80 means "the same page again". */
		if (after_page && type & 0x80)
			continue;
		after_page = !(type & 0x80);
		if (type == FILE_CREATE || type == FILE_DELETE || type == FILE_RENAME ||
		    type == FILE_MODIFY)
			changed |= rename_in_record(rename, arg, p + at + head, body);
	}
	return changed;
}

void redo_walk_init(struct redo_walk *w, const struct mariadb_redo *redo, uint64_t start_lsn)
{
	*w = (struct redo_walk){.redo = *redo, .lsn = start_lsn};
}

static int damaged(const struct redo_walk *w, const char *why, struct err *err)
{
	return err_set(err, ERR_DAMAGED, "redo at LSN %llu: %s", (unsigned long long)w->lsn, why);
}

static uint32_t mtr_crc(const unsigned char *mtr, size_t records, size_t nonce)
{
	uint32_t crc = innodb_crc32c(0, mtr, records);

	return nonce ? innodb_crc32c(crc, mtr + records + 1, nonce) : crc;
}

static int check_mtr(const struct redo_walk *w, const unsigned char *mtr, size_t records,
                     size_t nonce, struct err *err)
{
	uint64_t lap = (w->lsn + records - w->redo.first_lsn) / w->redo.capacity;

	if (mtr[records] != !(lap & 1))
		return damaged(w, "its mini-transaction belongs to another lap of the log", err);
	if (be32_get(mtr + records + 1 + nonce) != mtr_crc(mtr, records, nonce))
		return damaged(w, "its mini-transaction does not match its checksum", err);
	return 0;
}

int redo_walk_feed(struct redo_walk *w, unsigned char *bytes, size_t n, bool last, bool linear,
                   redo_rename *rename, void *arg, size_t *ret_used, struct err *err)
{
	const size_t nonce = w->redo.encrypted ? 8 : 0;
	size_t used = 0, records = 0;

	while (used < n) {
		unsigned char *mtr = bytes + used;
		int rc = records_size(mtr, n - used, &records);

		if (rc < 0)
			return damaged(w, "there is no mini-transaction", err);
		if (rc == 0 || n - used < records + 1 + nonce + 4) {
			if (last)
				return damaged(w, "its mini-transaction is cut off", err);
			if (n - used > MTR_MAX)
				return damaged(w, "its mini-transaction is larger than 64 MiB",
				               err);
			break;
		}
		if (check_mtr(w, mtr, records, nonce, err) != 0)
			return -1;
		if (linear) {
			mtr[records] = 1;
			if (rename && !w->redo.names_hidden &&
			    rename_in_records(rename, arg, mtr, records))
				be32_put(mtr + records + 1 + nonce, mtr_crc(mtr, records, nonce));
		}
		used += records + 1 + nonce + 4;
		w->lsn += records + 1 + nonce + 4;
		w->mtrs++;
	}
	*ret_used = used;
	return 0;
}
