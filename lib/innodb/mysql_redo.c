/*
 * Layout: log0constants.h, log0files_io.cc (log_file_header_serialize,
 * log_checkpoint_header_serialize), log0recv.cc (recv_scan_log_recs).
 */
#include "innodb/mysql_redo.h"

#include "base/bytes.h"
#include "innodb/page.h"

#define FORMAT_8_0_30 6u
#define CHECKPOINT_1 512u
#define ENCRYPTION 1024u
#define CHECKPOINT_2 1536u
#define BLOCK_SUM 508u /* of the blocks of a head, too */

#define HEADER_UUID 4u
#define HEADER_START_LSN 8u
#define HEADER_CREATOR 16u
#define CREATOR_SIZE 32u
#define HEADER_FLAGS 48u
#define FLAG_NO_LOGGING 1u
#define FLAG_CRASH_UNSAFE 2u
#define FLAG_FULL 8u

#define CHECKPOINT_LSN 8u

#define BLOCK_DATA_LEN 4u
#define BLOCK_FIRST_GROUP 6u
#define BLOCK_EPOCH 8u
#define NUMBER_MASK 0x7fffffffu
#define NUMBER_MAX 0x40000000u
#define DATA_LEN_ENCRYPTED 0x8000u
#define NO_SUM 0xdeadbeefu /* innodb_log_checksums=OFF */
#define DATA_END (MYSQL_REDO_BLOCK - MYSQL_REDO_BLOCK_TAIL)

static const struct {
	uint32_t format;
	const char *written_by;
} other_formats[] = {
    {0, "MySQL 5.7.8 or older"},
    {1, "MySQL 5.7"},
    {2, "MySQL 8.0.1"},
    {3, "MySQL 8.0.3"},
    {4, "MySQL 8.0.19"},
    {5, "MySQL 8.0.28"},
    {0x50687973, "MariaDB 10.8 or newer"},
    {0x50485953, "MariaDB 10.5"},
};

static bool sum_fits(const unsigned char *block)
{
	return be32_get(block + BLOCK_SUM) == innodb_crc32c(0, block, BLOCK_SUM);
}

static void put_sum(unsigned char *block)
{
	be32_put(block + BLOCK_SUM, innodb_crc32c(0, block, BLOCK_SUM));
}

static void put16(unsigned char *p, unsigned v)
{
	p[0] = (unsigned char)(v >> 8);
	p[1] = (unsigned char)v;
}

static int refuse_format(const unsigned char *head, struct err *err)
{
	char creator[CREATOR_SIZE + 1] = "";
	uint32_t format = be32_get(head);

	for (size_t i = 0; i < sizeof other_formats / sizeof *other_formats; i++)
		if (other_formats[i].format == format) {
			err_set(err, ERR_REFUSED,
			        "the redo log has the format of %s; this needs MySQL 8.0.30 or "
			        "newer",
			        other_formats[i].written_by);
			return err_hint(err, "Upgrade the server to MySQL 8.0.30 or newer.");
		}
	memcpy(creator, head + HEADER_CREATOR, CREATOR_SIZE);
	for (char *c = creator; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	err_set(err, ERR_REFUSED,
	        "the redo log has format %u (written by \"%s\"), which this version does not know",
	        format, creator);
	return err_hint(err, "Upgrade mybak.");
}

static int check_header(const unsigned char *head, struct err *err)
{
	if (bytes_all_zero(head, MYSQL_REDO_HEADER))
		return err_set(err, ERR_BUSY, "the redo log file has no header yet");
	if (be32_get(head) != FORMAT_8_0_30)
		return refuse_format(head, err);
	if (!sum_fits(head)) {
		err_set(err, ERR_BUSY, "the header of the redo log does not match its checksum");
		return err_hint(err, "If this does not pass, the redo log is damaged: see the "
		                     "server's error log.");
	}
	if (be32_get(head + HEADER_FLAGS) & (FLAG_NO_LOGGING | FLAG_CRASH_UNSAFE)) {
		err_set(err, ERR_REFUSED, "redo logging is switched off on this server");
		return err_hint(err, "ALTER INSTANCE ENABLE INNODB REDO_LOG");
	}
	return 0;
}

/* The server writes the two in turns and fills only those of the file a checkpoint
 * lies in: one that does not fit does not count. */
static uint64_t newest_checkpoint(const unsigned char *p, const struct mysql_redo *r)
{
	static const unsigned at[] = {CHECKPOINT_1, CHECKPOINT_2};
	uint64_t newest = 0;

	for (int i = 0; i < 2; i++) {
		uint64_t lsn = be64_get(p + at[i] + CHECKPOINT_LSN);
		if (lsn > newest && lsn >= r->start_lsn && lsn < r->end_lsn && sum_fits(p + at[i]))
			newest = lsn;
	}
	return newest;
}

int mysql_redo_read(const void *bytes, size_t n, uint64_t file_size, struct mysql_redo *ret,
                    struct err *err)
{
	const unsigned char *p = bytes;
	struct mysql_redo r = {0};
	uint32_t flags;

	if (n < MYSQL_REDO_HEAD || file_size < MYSQL_REDO_HEAD + MYSQL_REDO_BLOCK)
		return err_set(err, ERR_DAMAGED, "the redo log file is too short: %llu bytes",
		               (unsigned long long)(file_size < n ? file_size : n));
	if (check_header(p, err) != 0)
		return -1;
	flags = be32_get(p + HEADER_FLAGS);
	memcpy(r.header, p, MYSQL_REDO_HEADER);
	memcpy(r.encryption, p + ENCRYPTION, MYSQL_REDO_HEADER);
	r.has_encryption = !bytes_all_zero(r.encryption, MYSQL_REDO_HEADER);
	r.uuid = be32_get(p + HEADER_UUID);
	r.full = flags & FLAG_FULL;
	r.start_lsn = be64_get(p + HEADER_START_LSN);
	r.end_lsn = r.start_lsn + mysql_redo_align(file_size - MYSQL_REDO_HEAD);
	if (r.start_lsn == 0 || r.start_lsn % MYSQL_REDO_BLOCK || r.end_lsn < r.start_lsn ||
	    r.end_lsn >> 63)
		return err_set(err, ERR_DAMAGED,
		               "the redo log file says that it begins at LSN %llu",
		               (unsigned long long)r.start_lsn);
	r.checkpoint = newest_checkpoint(p, &r);
	*ret = r;
	return 0;
}

static uint32_t number_of(uint64_t lsn)
{
	return (uint32_t)(lsn / MYSQL_REDO_BLOCK % NUMBER_MAX) + 1;
}

static uint32_t epoch_of(uint64_t lsn)
{
	return (uint32_t)(lsn / MYSQL_REDO_BLOCK / NUMBER_MAX) + 1;
}

static enum mysql_block_state state_of(const unsigned char *block, uint64_t lsn, unsigned len)
{
	uint64_t is =
	    (uint64_t)be32_get(block + BLOCK_EPOCH) * NUMBER_MAX + (be32_get(block) & NUMBER_MASK);
	uint64_t wanted = (uint64_t)epoch_of(lsn) * NUMBER_MAX + number_of(lsn);

	if (is != wanted)
		return is < wanted ? MYSQL_BLOCK_OLD : MYSQL_BLOCK_LAPPED;
	if (len == MYSQL_REDO_BLOCK)
		return MYSQL_BLOCK_FULL;
	return len >= MYSQL_REDO_BLOCK_HEAD && len < DATA_END ? MYSQL_BLOCK_PARTIAL
	                                                      : MYSQL_BLOCK_DAMAGED;
}

struct mysql_block mysql_block_check(const unsigned char *block, uint64_t lsn)
{
	unsigned len = be16_get(block + BLOCK_DATA_LEN);
	struct mysql_block b = {.state = MYSQL_BLOCK_DAMAGED};

	if (be32_get(block) == 0 && bytes_all_zero(block, MYSQL_REDO_BLOCK)) {
		b.state = MYSQL_BLOCK_OLD;
		return b;
	}
	b.encrypted = len & DATA_LEN_ENCRYPTED;
	b.unsummed = b.encrypted || be32_get(block + BLOCK_SUM) == NO_SUM;
	len &= ~DATA_LEN_ENCRYPTED;
	if (!sum_fits(block) && !b.unsummed)
		return b;
	b.state = state_of(block, lsn, len);
	if (b.state == MYSQL_BLOCK_FULL || b.state == MYSQL_BLOCK_PARTIAL)
		b.data_len = len;
	return b;
}

uint64_t mysql_redo_bytes(uint64_t from_lsn, uint64_t end_lsn)
{
	if (end_lsn < from_lsn)
		return 0;
	return mysql_redo_align(end_lsn) - mysql_redo_align(from_lsn) +
	       (mysql_redo_is_inside(end_lsn) ? MYSQL_REDO_BLOCK : 0);
}

int mysql_block_cut(unsigned char *block, uint64_t end_lsn, struct err *err)
{
	uint64_t lsn = mysql_redo_align(end_lsn);
	unsigned len = (unsigned)(end_lsn - lsn);
	struct mysql_block b = mysql_block_check(block, lsn);

	if (!mysql_redo_is_inside(end_lsn) || len >= DATA_END)
		return err_set(err, ERR_DAMAGED, "no redo log can end at LSN %llu",
		               (unsigned long long)end_lsn);
	if ((b.state != MYSQL_BLOCK_FULL && b.state != MYSQL_BLOCK_PARTIAL) || b.data_len < len)
		return err_set(err, ERR_DAMAGED,
		               "the redo log block at LSN %llu does not reach to LSN %llu",
		               (unsigned long long)lsn, (unsigned long long)end_lsn);
	if (b.data_len == len)
		return 0;
	put16(block + BLOCK_DATA_LEN, len | (b.encrypted ? DATA_LEN_ENCRYPTED : 0));
	if (be16_get(block + BLOCK_FIRST_GROUP) > len)
		put16(block + BLOCK_FIRST_GROUP, 0);
	mysql_block_seal(block);
	return 0;
}

void mysql_block_seal(unsigned char *block)
{
	if (!(be16_get(block + BLOCK_DATA_LEN) & DATA_LEN_ENCRYPTED))
		put_sum(block);
}

void mysql_block_make_empty(uint64_t lsn, unsigned char out[MYSQL_REDO_BLOCK])
{
	memset(out, 0, MYSQL_REDO_BLOCK);
	be32_put(out, number_of(lsn));
	put16(out + BLOCK_DATA_LEN, MYSQL_REDO_BLOCK_HEAD);
	put16(out + BLOCK_FIRST_GROUP, MYSQL_REDO_BLOCK_HEAD);
	be32_put(out + BLOCK_EPOCH, epoch_of(lsn));
	put_sum(out);
}

void mysql_redo_make_head(const unsigned char *header, const unsigned char *encryption,
                          uint64_t start_lsn, uint64_t checkpoint, bool last,
                          unsigned char out[MYSQL_REDO_HEAD])
{
	static const unsigned at[] = {CHECKPOINT_1, CHECKPOINT_2};

	memset(out, 0, MYSQL_REDO_HEAD);
	memcpy(out, header, MYSQL_REDO_HEADER);
	be64_put(out + HEADER_START_LSN, start_lsn);
	be32_put(out + HEADER_FLAGS, last ? 0 : FLAG_FULL);
	put_sum(out);
	if (encryption)
		memcpy(out + ENCRYPTION, encryption, MYSQL_REDO_HEADER);
	/* Only the file it lies in says the checkpoint. */
	if (checkpoint < start_lsn)
		return;
	for (int i = 0; i < 2; i++) {
		be64_put(out + at[i] + CHECKPOINT_LSN, checkpoint);
		put_sum(out + at[i]);
	}
}
