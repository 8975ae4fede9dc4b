/*
 * Layout: buf0checksum.cc (buf_calc_page_new_checksum, _old_checksum), ut0rnd.h
 * (ut_fold_ulint_pair), page0zip.cc (page_zip_calc_checksum).
 */
#include "innodb/page_old.h"
#include "base/bytes.h"

/* The server folds in 64 bits and keeps the low 32: no step carries downwards, so
 * 32 bits give the same. */
static uint32_t fold(const unsigned char *p, size_t n)
{
	uint32_t f = 0;

	for (size_t i = 0; i < n; i++)
		f = ((((f ^ p[i] ^ 1653893711u) << 8) + f) ^ 1463735687u) + p[i];
	return f;
}

enum page_state page_old_check(const unsigned char *page, uint32_t page_size)
{
	const unsigned char *end = page + page_size - 8;
	uint32_t head = be32_get(page), tail = be32_get(end);

	if (memcmp(page + 20, end + 4, 4) != 0)
		return PAGE_BAD;
	if (head == PAGE_NO_SUM && tail == PAGE_NO_SUM)
		return PAGE_UNVERIFIED;
	if (head != (uint32_t)(fold(page + 4, 22) + fold(page + 38, page_size - 38 - 8)))
		return PAGE_BAD;
	/* The field at the end holds the sum of the first bytes or, before 4.0.14, the
	 * upper half of the LSN. */
	if (tail != PAGE_NO_SUM && tail != be32_get(page + 16) && tail != fold(page, 26))
		return PAGE_BAD;
	return PAGE_GOOD;
}

/* Adler-32 that starts at 0, not at 1 as RFC 1950 has it. */
static uint32_t adler(uint32_t sum, const unsigned char *p, size_t n)
{
	uint32_t a = sum & 0xffff, b = sum >> 16;

	for (size_t i = 0; i < n; i++) {
		a = (a + p[i]) % 65521;
		b = (b + a) % 65521;
	}
	return b << 16 | a;
}

enum page_state page_old_check_zip(const unsigned char *page, uint32_t page_size)
{
	uint32_t sum = adler(0, page + 4, 12);

	sum = adler(sum, page + 24, 2);
	sum = adler(sum, page + 34, page_size - 34);
	if (be32_get(page) == sum)
		return PAGE_GOOD;
	return be32_get(page) == PAGE_NO_SUM ? PAGE_UNVERIFIED : PAGE_BAD;
}
