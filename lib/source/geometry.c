#include "source/geometry.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "base/mem.h"

#define TRIES 200
#define PAUSE_MS 10
#define SAMPLE (1u << 20)
#define SAMPLES_MAX 64 /* looked through for a page that is not zero */

enum look { LOOK_FOUND, LOOK_ZERO, LOOK_AGAIN };

/* Page 0, if it is written and whole. */
static int look_at_page0(int fd, const char *name, uint32_t server_page_size, unsigned char *buf,
                         struct page_space *ret, enum look *ret_look, struct err *err)
{
	size_t n;
	if (fsio_pread(fd, buf, PAGE_MAX_SIZE, 0, &n, name, err) != 0)
		return -1;
	*ret_look = LOOK_ZERO;
	if (n < PAGE_MIN_SIZE || bytes_all_zero(buf, PAGE_MIN_SIZE))
		return 0;
	*ret_look = LOOK_AGAIN;
	if (page_space_read(buf, n, server_page_size, ret, err) != 0)
		return 0;
	if (n >= ret->page_size && page_check(ret, buf, UINT32_MAX) != PAGE_BAD)
		*ret_look = LOOK_FOUND;
	else
		err_set(err, ERR_DAMAGED, "page 0 does not match its checksum");
	return 0;
}

static unsigned size_code(uint32_t bytes)
{
	unsigned code = 0;
	while (512u << code < bytes)
		code++;
	return code;
}

/* Do all pages of the sample that are not zero fit this format, and is there one? */
static bool fits(const struct page_space *space, const unsigned char *sample, size_t n,
                 uint64_t off, uint32_t *ret_space_id)
{
	bool any = false;
	for (size_t at = 0; at + space->page_size <= n; at += space->page_size) {
		const unsigned char *page = sample + at;
		enum page_state state =
		    page_check(space, page, (uint32_t)((off + at) / space->page_size));
		if (state == PAGE_BAD || state == PAGE_UNVERIFIED)
			return false;
		if (state == PAGE_GOOD) {
			any = true;
			*ret_space_id = be32_get(page + 34);
		}
	}
	return any;
}

/* The formats a server with this innodb_page_size makes, commonest first. */
static bool guess(const unsigned char *sample, size_t n, uint64_t off, uint32_t server_page_size,
                  struct page_space *ret)
{
	unsigned code = size_code(server_page_size);
	unsigned logical = server_page_size == 16384 ? 0 : code << 6;
	uint32_t space_id = 0;
	struct page_space space;

	page_space_init(&space, 0, 0x10u | code, server_page_size);
	bool found = fits(&space, sample, n, off, &space_id);
	if (!found) {
		page_space_init(&space, 0, logical, server_page_size);
		found = fits(&space, sample, n, off, &space_id);
	}
	for (unsigned zip = 1; !found && zip <= 5 && 512u << zip <= server_page_size; zip++) {
		page_space_init(&space, 0, logical | zip << 1, 512u << zip);
		found = fits(&space, sample, n, off, &space_id);
	}
	if (found) {
		space.space_id = space_id;
		*ret = space;
	}
	return found;
}

/* The pages behind an unwritten page 0. */
static int look_behind(int fd, const char *name, uint32_t server_page_size, unsigned char *buf,
                       struct page_space *ret, enum look *ret_look, struct err *err)
{
	size_t n;
	for (uint64_t off = 0; off < (uint64_t)SAMPLE * SAMPLES_MAX; off += n) {
		if (fsio_pread(fd, buf, SAMPLE, off, &n, name, err) != 0)
			return -1;
		if (n == 0)
			break;
		if (off == 0) /* page 0 was looked at */
			memset(buf, 0, n < server_page_size ? n : server_page_size);
		if (bytes_all_zero(buf, n))
			continue;
		*ret_look = LOOK_AGAIN;
		if (guess(buf, n, off, server_page_size, ret))
			*ret_look = LOOK_FOUND;
		else
			err_set(err, ERR_BUSY,
			        "page 0 is not written, and others are in no format known");
		return 0;
	}
	*ret_look = LOOK_ZERO;
	return 0;
}

/* A page 0 that stays corrupt: if the others tell the format, whoever copies them
 * meets it as one corrupt page among pages. */
static int give_up(int fd, const char *name, uint32_t server_page_size, unsigned char *buf,
                   struct page_space *ret, enum look *ret_look, struct err *err)
{
	struct err why = *err;
	if (look_behind(fd, name, server_page_size, buf, ret, ret_look, err) == 0 &&
	    *ret_look == LOOK_FOUND)
		return 0;
	*err = why;
	err_add(err, "%s", name);
	return err_hint(err, "CHECK TABLE this table; if it is being made or imported, run the "
	                     "backup again");
}

int geometry_read(int fd, const char *name, uint32_t server_page_size, struct page_space *ret,
                  enum geometry *ret_state, struct err *err)
{
	unsigned char *buf = mem_pages(SAMPLE, err);
	enum look look = LOOK_AGAIN;
	int rc = buf ? 0 : -1;

	for (int i = 0; rc == 0 && look == LOOK_AGAIN; i++) {
		if (i == TRIES) {
			rc = give_up(fd, name, server_page_size, buf, ret, &look, err);
			break;
		}
		if (i > 0)
			clock_sleep_ms(PAUSE_MS);
		rc = look_at_page0(fd, name, server_page_size, buf, ret, &look, err);
		if (rc == 0 && look == LOOK_ZERO)
			rc = look_behind(fd, name, server_page_size, buf, ret, &look, err);
	}
	free(buf);
	if (rc != 0)
		return -1;
	*ret_state = look == LOOK_ZERO ? GEOMETRY_NOTHING : GEOMETRY_KNOWN;
	if (look == LOOK_ZERO)
		page_space_init(ret, 0, 0, server_page_size);
	return 0;
}
