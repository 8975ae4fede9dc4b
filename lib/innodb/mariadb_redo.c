/*
 * Layout: log0log.h (header, checkpoint blocks), log0recv.cc
 * (recv_sys_t::find_checkpoint), log0crypt.cc (log_crypt_write_header).
 */
#include "innodb/mariadb_redo.h"

#include "base/bytes.h"
#include "innodb/page.h"

#define FORMAT_10_8 0x50687973u
#define FORMAT_ENCRYPTED 0xf09f979du /* since 10.11.15, 11.4.9, 11.8.4 */
#define CHECKPOINT_1 4096u
#define CHECKPOINT_2 8192u
#define CREATOR 16u
#define CREATOR_SIZE 32u
#define CRYPT_INFO 48u /* key id; not 0 in an encrypted log */
#define HEADER_SUM 508u
#define CHECKPOINT_SUM 60u
#define RING_MIN 16u /* the record a log cannot be without */

static const struct {
	uint32_t format;
	const char *written_by;
} old_formats[] = {
    {0, "MariaDB 10.2.1 or older"},
    {1, "MariaDB 10.2"},
    {2, "MySQL 8.0"},
    {3, "MySQL 8.0"},
    {4, "MySQL 8.0"},
    {5, "MySQL 8.0"},
    {6, "MySQL 8.0.30 or newer"},
    {103, "MariaDB 10.3"},
    {104, "MariaDB 10.4"},
    {0x50485953, "MariaDB 10.5 to 10.7"},
};

static int refuse_format(const unsigned char *head, uint32_t format, struct err *err)
{
	char creator[CREATOR_SIZE + 1] = "";

	for (size_t i = 0; i < sizeof old_formats / sizeof *old_formats; i++)
		if (old_formats[i].format == (format & 0x7fffffff)) {
			err_set(err, ERR_REFUSED,
			        "the redo log has the format of %s; hot backup needs MariaDB 10.8 "
			        "or newer",
			        old_formats[i].written_by);
			return err_hint(err, "Upgrade the server to MariaDB 10.11 or newer.");
		}
	memcpy(creator, head + CREATOR, CREATOR_SIZE);
	err_set(
	    err, ERR_REFUSED,
	    "the redo log has format 0x%08x (written by \"%s\"), which this version does not know",
	    format, creator);
	return err_hint(err, "If innodb_log_archive is on, turn it off; otherwise upgrade mybak.");
}

static int check_header(const unsigned char *head, struct err *err)
{
	uint32_t format = be32_get(head);

	if (format != FORMAT_10_8 && format != FORMAT_ENCRYPTED)
		return refuse_format(head, format, err);
	if (be32_get(head + HEADER_SUM) != innodb_crc32c(0, head, HEADER_SUM)) {
		err_set(err, ERR_BUSY, "the header of ib_logfile0 does not match its checksum");
		return err_hint(err,
		                "If this does not pass, the redo log is damaged: see the server's "
		                "error log.");
	}
	if (be32_get(head + 4) != 0)
		return refuse_format(head, format, err);
	return 0;
}

/* A checkpoint block that was never written, or is being written, does not count:
 * the server keeps the older one valid until the newer is on disk. */
static bool read_checkpoint(const unsigned char *block, uint64_t first_lsn, uint64_t *ret,
                            uint64_t *ret_end)
{
	uint64_t lsn = be64_get(block), end = be64_get(block + 8);

	if (lsn < first_lsn || end < lsn || !bytes_all_zero(block + 16, CHECKPOINT_SUM - 16) ||
	    be32_get(block + CHECKPOINT_SUM) != innodb_crc32c(0, block, CHECKPOINT_SUM))
		return false;
	*ret = lsn;
	*ret_end = end;
	return true;
}

static int newest_checkpoint(const unsigned char *p, struct mariadb_redo *r, struct err *err)
{
	static const unsigned at[] = {CHECKPOINT_1, CHECKPOINT_2};
	uint64_t lsn, end;

	for (int i = 0; i < 2; i++)
		if (read_checkpoint(p + at[i], r->first_lsn, &lsn, &end) && lsn >= r->checkpoint) {
			r->checkpoint = lsn;
			r->checkpoint_end = end;
		}
	if (r->checkpoint)
		return 0;
	if (bytes_all_zero(p + CHECKPOINT_1, 64) && bytes_all_zero(p + CHECKPOINT_2, 64))
		return err_set(err, ERR_DAMAGED, "ib_logfile0 has no checkpoint");
	err_set(err, ERR_BUSY, "neither checkpoint block of ib_logfile0 matches its checksum");
	return err_hint(err,
	                "If this does not pass, the redo log is damaged: see the server's error "
	                "log.");
}

int mariadb_redo_read(const void *bytes, size_t n, uint64_t file_size, struct mariadb_redo *ret,
                      struct err *err)
{
	const unsigned char *p = bytes;
	struct mariadb_redo r = {.file_size = file_size};

	if (n < MARIADB_REDO_START || file_size < MARIADB_REDO_START + RING_MIN)
		return err_set(err, ERR_DAMAGED, "ib_logfile0 is too short: %llu bytes",
		               (unsigned long long)(file_size < n ? file_size : n));
	if (check_header(p, err) != 0)
		return -1;
	memcpy(r.header, p, MARIADB_REDO_HEADER);
	r.first_lsn = be64_get(p + 8);
	r.capacity = file_size - MARIADB_REDO_START;
	r.names_hidden = be32_get(p) == FORMAT_ENCRYPTED;
	r.encrypted = r.names_hidden || be32_get(p + CRYPT_INFO) != 0;
	if (r.first_lsn < MARIADB_REDO_START)
		return err_set(err, ERR_DAMAGED, "ib_logfile0 says that it begins at LSN %llu",
		               (unsigned long long)r.first_lsn);
	if (newest_checkpoint(p, &r, err) != 0)
		return -1;
	*ret = r;
	return 0;
}

void mariadb_redo_make_head(const struct mariadb_redo *redo, bool linear,
                            unsigned char out[MARIADB_REDO_START])
{
	static const char creator[CREATOR_SIZE] = "Backup mybak";
	unsigned char *block = out + CHECKPOINT_1;

	memset(out, 0, MARIADB_REDO_START);
	memcpy(out, redo->header, MARIADB_REDO_HEADER);
	if (linear)
		be64_put(out + 8, redo->checkpoint);
	memcpy(out + CREATOR, creator, CREATOR_SIZE);
	be32_put(out + HEADER_SUM, innodb_crc32c(0, out, HEADER_SUM));
	be64_put(block, redo->checkpoint);
	be64_put(block + 8, redo->checkpoint_end);
	be32_put(block + CHECKPOINT_SUM, innodb_crc32c(0, block, CHECKPOINT_SUM));
}
