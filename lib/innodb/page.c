/*
 * Layout: fil0fil.h, fil0types.h, fsp0types.h (header fields and flags), buf0buf.cc
 * (buf_page_is_corrupted), fil0crypt.cc (fil_space_verify_crypt_checksum),
 * page0zip.cc (page_zip_calc_checksum); of MySQL checksum.cc (BlockReporter),
 * os0file.cc and os0enc.cc (what compression and encryption leave of a page).
 * Integers are big-endian.
 *
 * MySQL's flags are the legacy ones with a few more (DATA_DIR, SHARED, TEMPORARY,
 * ENCRYPTION, SDI in bits 10 to 14), and its sums are the legacy ones.
 */
#include "innodb/page.h"

#include "base/bytes.h"
#include "innodb/page_old.h"

#define FLAG_FULL_CRC32 0x10u
#define FLAG_PAGE_COMPRESSED 0x10000u /* legacy flags only */
#define FLAG_MYSQL_ENCRYPTION 0x2000u
#define FLAGS_LEGACY_KNOWN 0x1fffffu

#define TYPE_COMPRESSED_BIT 0x8000u /* full_crc32: the length is in the other bits */
#define TYPE_PAGE_COMPRESSED 34354u
#define TYPE_PAGE_COMPRESSED_ENCRYPTED 37401u
#define TYPE_MYSQL_COMPRESSED 14u
#define TYPE_MYSQL_ENCRYPTED 15u
#define TYPE_MYSQL_COMPRESSED_ENCRYPTED 16u
#define TYPE_MYSQL_ENCRYPTED_RTREE 17u

#define HEAD_MIN 58u /* up to and with the flags */

void page_space_init(struct page_space *space, uint32_t space_id, uint32_t flags,
                     uint32_t page_size)
{
	bool full = flags & FLAG_FULL_CRC32;

	*space = (struct page_space){
	    .space_id = space_id,
	    .flags = flags,
	    .page_size = page_size,
	    .full_crc32 = full,
	    .zip = !full && (flags >> 1 & 0xf),
	    .page_compressed = full ? flags >> 5 & 7 : (flags & FLAG_PAGE_COMPRESSED) != 0,
	};
}

/* The page size code: 3 is 4 KiB … 7 is 64 KiB. */
static uint32_t size_of(uint32_t code)
{
	return code >= 3 && code <= 7 ? 512u << code : 0;
}

/* *ret_logical is innodb_page_size as the flags have it, *ret_physical what a page
 * takes in the file. */
static bool flags_sizes(uint32_t flags, uint32_t *ret_logical, uint32_t *ret_physical)
{
	uint32_t code, zip, logical;

	if (flags & FLAG_FULL_CRC32) {
		logical = size_of(flags & 0xf);
		*ret_logical = *ret_physical = logical;
		return logical && flags >> 5 <= 6;
	}
	if (flags & ~FLAGS_LEGACY_KNOWN)
		return false;
	code = flags >> 6 & 0xf;
	zip = flags >> 1 & 0xf;
	logical = code ? size_of(code) : 16384;
	if (!logical || zip > 5 || (zip && 512u << zip > logical))
		return false;
	*ret_logical = logical;
	*ret_physical = zip ? 512u << zip : logical;
	return true;
}

int page_space_read(const void *page0, size_t n, uint32_t server_page_size, struct page_space *ret,
                    struct err *err)
{
	const unsigned char *p = page0;
	uint32_t flags, logical, physical, id;

	if (n < HEAD_MIN)
		return err_set(err, ERR_DAMAGED, "only %zu bytes of the first page are there", n);
	flags = be32_get(p + 54);
	id = be32_get(p + 34);
	if (bytes_all_zero(p, n < PAGE_MIN_SIZE ? n : PAGE_MIN_SIZE) && server_page_size) {
		/* just created: nothing was written yet */
		page_space_init(ret, 0, 0, server_page_size);
		return 0;
	}
	if (!flags_sizes(flags, &logical, &physical))
		return err_set(err, ERR_DAMAGED,
		               "the flags 0x%x of the first page describe no tablespace", flags);
	if (server_page_size && logical != server_page_size)
		return err_set(
		    err, ERR_DAMAGED,
		    "the flags 0x%x of the first page say pages of %u bytes, the server has %u",
		    flags, logical, server_page_size);
	if (be32_get(p + 38) != id)
		return err_set(err, ERR_DAMAGED,
		               "the first page says both space id %u and space id %u", id,
		               be32_get(p + 38));
	page_space_init(ret, id, flags, physical);
	return 0;
}

static enum page_state check_full_crc32(const unsigned char *page, uint32_t page_size)
{
	uint32_t type = be16_get(page + 24), size = page_size;
	bool compressed = type & TYPE_COMPRESSED_BIT;

	if (compressed) {
		size = (type & ~TYPE_COMPRESSED_BIT) << 8;
		if (size == 0 || size >= page_size)
			return PAGE_BAD;
	}
	if (be32_get(page + size - 4) != innodb_crc32c(0, page, size - 4))
		return PAGE_BAD;
	/* Bytes 0..3 are the key version: an encrypted page keeps no copy of the LSN. */
	if (!compressed && be32_get(page) == 0 && memcmp(page + 20, page + size - 8, 4) != 0)
		return PAGE_BAD;
	return PAGE_GOOD;
}

/* Encrypted pages of the older formats keep the sum of the stored bytes behind the
 * key version. */
static bool encrypted_sum_is(const unsigned char *page, uint32_t crc)
{
	return be32_get(page + 26) != 0 && be32_get(page + 30) == crc;
}

static enum page_state check_zip(const unsigned char *page, uint32_t page_size)
{
	uint32_t crc = innodb_crc32c(0, page + 4, 12) ^ innodb_crc32c(0, page + 24, 2) ^
	               innodb_crc32c(0, page + 34, page_size - 34);

	if (be32_get(page) == crc || encrypted_sum_is(page, crc))
		return PAGE_GOOD;
	return page_old_check_zip(page, page_size);
}

/* Servers before 10.2.2 wrote an LSN into the empty first page of ibdata2 and
 * later ones, outside of every sum. */
static bool only_flush_lsn(const unsigned char *page, uint32_t page_size)
{
	return be32_get(page + page_size - 8) == 0 && bytes_all_zero(page, 26) &&
	       bytes_all_zero(page + 34, page_size - 34);
}

static enum page_state check_legacy(const unsigned char *page, uint32_t page_size)
{
	const unsigned char *end = page + page_size - 8;
	uint32_t crc = innodb_crc32c(0, page + 4, 22) ^ innodb_crc32c(0, page + 38, page_size - 46);

	if (be32_get(page) == crc && be32_get(end) == crc && memcmp(page + 20, end + 4, 4) == 0)
		return PAGE_GOOD;
	if (encrypted_sum_is(page, crc) || only_flush_lsn(page, page_size))
		return PAGE_GOOD;
	return page_old_check(page, page_size);
}

/* What MySQL writes at 26 of a page that is compressed (14), or that and encrypted
 * (16): version, algorithm, original type, original and compressed size. */
static bool has_compressed_head(const unsigned char *page, uint32_t page_size)
{
	return page[26] >= 1 && page[26] <= 2 && page[27] >= 1 && page[27] <= 3 &&
	       be16_get(page + 30) == ((page_size - 38) & 0xffff) &&
	       be16_get(page + 32) <= page_size - 38;
}

/*
 * Pages of MySQL that keep no sum of the stored bytes: compression and encryption
 * leave the first 38 bytes, with the sum of what the page was before, and do away
 * with the end.  The kind is not in the flags (compression), or can change while a
 * file is read (encryption of undo): the page says it itself, and more than by two
 * bytes.
 */
static bool is_unsummed_mysql(const struct page_space *space, const unsigned char *page)
{
	uint32_t original = be16_get(page + 28);
	bool encrypted = space->flags & FLAG_MYSQL_ENCRYPTION; /* set before the first page is */

	switch (be16_get(page + 24)) {
	case TYPE_MYSQL_COMPRESSED:
	case TYPE_MYSQL_COMPRESSED_ENCRYPTED:
		return has_compressed_head(page, space->page_size);
	case TYPE_MYSQL_ENCRYPTED_RTREE: /* 26: a number of the index */
		return encrypted;
	case TYPE_MYSQL_ENCRYPTED:
		if (space->zip) /* 26: of BLOBs a space id */
			return encrypted;
		return be16_get(page + 26) == 0 && original != 0 &&
		       (original < TYPE_MYSQL_COMPRESSED || original > TYPE_MYSQL_ENCRYPTED_RTREE);
	default:
		return false;
	}
}

static bool is_unsummed(const struct page_space *space, const unsigned char *page)
{
	uint32_t type = be16_get(page + 24);

	if (type == TYPE_PAGE_COMPRESSED || type == TYPE_PAGE_COMPRESSED_ENCRYPTED)
		return space->page_compressed;
	return is_unsummed_mysql(space, page);
}

enum page_state page_check(const struct page_space *space, const unsigned char *page,
                           uint32_t page_no)
{
	if (be64_get(page) == 0 && bytes_all_zero(page, space->page_size))
		return PAGE_ZERO;
	if (page_no != UINT32_MAX && be32_get(page + 4) != page_no &&
	    !(be32_get(page + 4) == 0 && only_flush_lsn(page, space->page_size)))
		return PAGE_BAD;
	if (space->full_crc32)
		return check_full_crc32(page, space->page_size);
	if (is_unsummed(space, page))
		return PAGE_UNVERIFIED;
	if (space->zip)
		return check_zip(page, space->page_size);
	return check_legacy(page, space->page_size);
}

uint64_t page_lsn(const unsigned char *page)
{
	return be64_get(page + 16);
}

/* trx0sys.h: the header lies 200 bytes before the end of the page; a segment header
 * of 10 bytes, the magic number, the two blocks.  A block is one extent. */
void page_doublewrite(const unsigned char *page5, uint32_t page_size, uint64_t *ret_from,
                      uint64_t *ret_to)
{
	const unsigned char *p = page5 + page_size - 200 + 10;
	uint64_t a = be32_get(p + 4), b = be32_get(p + 8);
	uint64_t extent = page_size < 16384 ? (1u << 20) / page_size : 64;

	*ret_from = *ret_to = 0;
	if (be32_get(p) != 536853855u || a == 0 || b == 0)
		return;
	*ret_from = a < b ? a : b;
	*ret_to = (a < b ? b : a) + extent;
}
