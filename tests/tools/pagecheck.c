/*
 * pagecheck: what the page code says of every page of real files.
 *
 *	pagecheck [-f] INNODB_PAGE_SIZE FILE…
 *
 * Files of a server that was shut down must have no bad page.  With -f, bytes of
 * good pages are changed one at a time (a few of each page, the same ones each run)
 * and each must make the page bad, unless its format leaves that byte out of the
 * sum.  One line a file; exit 1 if a page is bad or a change went unseen.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "innodb/page.h"

struct counts {
	unsigned long state[4], missed, flips;
};

/* Bytes that no sum of the format covers. */
static bool is_covered(const struct page_space *s, const unsigned char *page, uint32_t at)
{
	uint32_t type = be16_get(page + 24);
	/* In BLOBs of MySQL's zip pages a space id stands there. */
	bool encrypted = be32_get(page + 26) != 0 && be32_get(page + 26) != be32_get(page + 34);

	if (s->full_crc32) /* behind a compressed page there may be anything */
		return !(type & 0x8000) || at < (type & 0x7fff) << 8;
	if (s->zip)
		return at >= 34 || at == 24 || at == 25 || (at >= 4 && at < 16) ||
		       (encrypted ? at >= 30 && at < 34 : at < 4);
	if (encrypted)
		return (at >= 4 && at < 26) || (at >= 30 && at < 34) ||
		       (at >= 38 && at < s->page_size - 8);
	return at < 26 || at >= 38;
}

static void flip(const struct page_space *s, unsigned char *page, uint32_t no, struct counts *c)
{
	uint32_t seed = no * 2654435761u;

	for (int i = 0; i < 40; i++) {
		/* the header and the end more often than the middle */
		uint32_t at = i < 10   ? (uint32_t)((seed >> 8) + i * 4u) % 40
		              : i < 16 ? s->page_size - 1 - (seed + i) % 16
		                       : (seed = seed * 1103515245u + 12345) / 7 % s->page_size;

		if (!is_covered(s, page, at))
			continue;
		page[at] ^= (unsigned char)(1u << (seed >> 13 & 7));
		c->flips++;
		if (page_check(s, page, no) != PAGE_BAD) {
			c->missed++;
			printf("page %u: change of byte %u is not seen\n", no, at);
		}
		page[at] ^= (unsigned char)(1u << (seed >> 13 & 7));
	}
}

static int check_file(const char *path, uint32_t server_page_size, bool flips)
{
	static unsigned char page[PAGE_MAX_SIZE];
	struct counts c = {{0}, 0, 0};
	struct page_space space;
	struct err err = ERR_INIT;
	uint64_t skip_from = 0, skip_to = 0;
	bool is_system = strstr(path, "ibdata") != NULL;
	uint32_t no = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || pread(fd, page, PAGE_MIN_SIZE, 0) != PAGE_MIN_SIZE ||
	    page_space_read(page, PAGE_MIN_SIZE, server_page_size, &space, &err) != 0) {
		printf("%s: cannot be read: %s\n", path, err.text);
		if (fd >= 0)
			close(fd);
		return 1;
	}
	if (is_system && pread(fd, page, space.page_size, 5 * (off_t)space.page_size) > 0)
		page_doublewrite(page, space.page_size, &skip_from, &skip_to);
	for (; pread(fd, page, space.page_size, (off_t)no * space.page_size) ==
	       (ssize_t)space.page_size;
	     no++) {
		enum page_state state;

		if (no >= skip_from && no < skip_to)
			continue;
		state = page_check(&space, page, no);
		c.state[state]++;
		if (state == PAGE_BAD)
			printf("%s: page %u is bad, type %u\n", path, no, be16_get(page + 24));
		if (flips && state == PAGE_GOOD)
			flip(&space, page, no, &c);
	}
	close(fd);
	printf("%s: size %u flags 0x%x good %lu zero %lu unverified %lu bad %lu skipped %lu "
	       "changes %lu missed %lu\n",
	       path, space.page_size, space.flags, c.state[PAGE_GOOD], c.state[PAGE_ZERO],
	       c.state[PAGE_UNVERIFIED], c.state[PAGE_BAD], (unsigned long)(skip_to - skip_from),
	       c.flips, c.missed);
	return c.state[PAGE_BAD] || c.missed;
}

int main(int argc, char **argv)
{
	int first = 1, rc = 0;
	bool flips = false;

	if (argc > 1 && strcmp(argv[1], "-f") == 0) {
		flips = true;
		first++;
	}
	if (argc < first + 2) {
		fprintf(stderr, "usage: pagecheck [-f] INNODB_PAGE_SIZE FILE…\n");
		return 2;
	}
	for (int i = first + 1; i < argc; i++)
		rc |= check_file(argv[i], (uint32_t)strtoul(argv[first], NULL, 10), flips);
	return rc;
}
