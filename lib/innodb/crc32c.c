/*
 * CRC-32C by the CPU's own instructions where it has them.
 */
#include <isa-l/crc.h>
#include <string.h>

#include "innodb/page.h"

/* isa-l works on the register itself: the usual inversions before and after are
 * left to the caller, it takes an int, and it wants a pointer it never writes by. */
uint32_t innodb_crc32c(uint32_t seed, const void *bytes, size_t n)
{
	const size_t piece = 1u << 30;
	unsigned char *p;
	uint32_t crc = ~seed;

	memcpy(&p, &bytes, sizeof p);
	for (; n > piece; p += piece, n -= piece)
		crc = crc32_iscsi(p, (int)piece, crc);
	return ~crc32_iscsi(p, (int)n, crc);
}
