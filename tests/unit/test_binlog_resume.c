/*
 * Where a stream goes on, from what is archived and what the server lists; and the mark
 * by which a history is known again.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "binlog/stream_resume.h"

static struct server_file files[] = {
    {(char *)(uintptr_t) "binlog.000009", 1000},
    {(char *)(uintptr_t) "binlog.000010", 5000000000},
    {(char *)(uintptr_t) "binlog.000011", 700},
};
static struct server_look look = {.files = {.v = files, .n = 3}};

static struct resume choose(const char *file, uint64_t pos, uint64_t last, const char *next)
{
	struct history h = {.any = file != NULL, .pos = pos, .last.pos = last};
	struct resume r;

	if (file)
		snprintf(h.file, sizeof h.file, "%s", file);
	if (next)
		snprintf(h.last.next, sizeof h.last.next, "%s", next);
	resume_choose(&look, &h, &r);
	return r;
}

#define ck_resume(r, k, f, p)                  \
	do {                                   \
		struct resume got = (r);       \
		ck_assert_int_eq(got.kind, k); \
		ck_assert_str_eq(got.file, f); \
		ck_assert_uint_eq(got.pos, p); \
	} while (0)

START_TEST(test_choose)
{
	/* nothing archived: all that is there */
	ck_resume(choose(NULL, 0, 0, NULL), RESUME_LINEAGE, "binlog.000009", 4);
	/* with the last event once more, to compare it */
	ck_resume(choose("binlog.000011", 600, 550, NULL), RESUME_HERE, "binlog.000011", 550);
	ck_resume(choose("binlog.000009", 1000, 956, "binlog.000010"), RESUME_HERE, "binlog.000009",
	          956);
	/* a stream cannot begin behind 4 GiB */
	ck_resume(choose("binlog.000010", 4500000000, 4400000000, NULL), RESUME_HERE,
	          "binlog.000010", 4);
	/* the server has less than what is archived of it */
	ck_resume(choose("binlog.000011", 701, 650, NULL), RESUME_LINEAGE, "binlog.000009", 4);
	/* the one behind is the oldest that is left: nothing is missing */
	ck_resume(choose("binlog.000008", 900, 856, "binlog.000009"), RESUME_NEXT, "binlog.000009",
	          4);
	/* the end of this one was never seen, or more is gone */
	ck_resume(choose("binlog.000008", 900, 856, NULL), RESUME_GAP, "binlog.000009", 4);
	ck_resume(choose("binlog.000007", 900, 856, "binlog.000008"), RESUME_GAP, "binlog.000009",
	          4);
	/* numbers began again; another name */
	ck_resume(choose("binlog.000012", 900, 856, NULL), RESUME_LINEAGE, "binlog.000009", 4);
	ck_resume(choose("mysql-bin.000008", 900, 856, NULL), RESUME_LINEAGE, "binlog.000009", 4);
	ck_assert_str_eq(resume_file_behind(&look, "binlog.000009"), "binlog.000010");
	ck_assert_ptr_null(resume_file_behind(&look, "binlog.000011"));
	ck_assert_ptr_null(resume_file_behind(&look, "binlog.000001"));
}
END_TEST

static size_t make(unsigned char *buf, uint8_t type, const void *body, size_t n)
{
	size_t size = BINLOG_HEADER_SIZE + n + 4;

	memset(buf, 0, BINLOG_HEADER_SIZE);
	buf[4] = type;
	le32_put(buf + 9, (uint32_t)size);
	memcpy(buf + BINLOG_HEADER_SIZE, body, n);
	le32_put(buf + size - 4, binlog_crc32(buf, size - 4));
	return size;
}

START_TEST(test_mark)
{
	unsigned char buf[64];
	struct event_mark m;
	size_t n = make(buf, BINLOG_XID, "12345678", 8);

	for (int checksum = 0; checksum < 2; checksum++) {
		event_mark_set(&m, 77, buf, n, checksum);
		ck_assert_uint_eq(m.pos, 77);
		ck_assert_str_eq(m.next, "");
		ck_assert(event_mark_is(&m, buf, n, checksum));
		ck_assert(!event_mark_is(&m, buf, n - 1, checksum));
		for (size_t i = 0; i < n; i++) {
			buf[i] ^= 2;
			/* with a checksum a changed body shows in that, not in itself */
			if (!checksum || i < BINLOG_HEADER_SIZE || i >= n - 4)
				ck_assert(!event_mark_is(&m, buf, n, checksum));
			buf[i] ^= 2;
		}
	}
	/* the server clears this flag when it closes the file */
	buf[17] |= BINLOG_FLAG_IN_USE;
	ck_assert(event_mark_is(&m, buf, n, true));
	n = make(buf, BINLOG_ROTATE, "\4\0\0\0\0\0\0\0binlog.000002", 21);
	event_mark_set(&m, 77, buf, n, true);
	ck_assert_str_eq(m.next, "binlog.000002");
	n = make(buf, BINLOG_ROTATE, "\4\0\0\0\0\0\0\0../x", 12);
	event_mark_set(&m, 77, buf, n, true);
	ck_assert_str_eq(m.next, "");
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("binlog_resume");
	TCase *t = tcase_create("resume");

	tcase_add_test(t, test_choose);
	tcase_add_test(t, test_mark);
	suite_add_tcase(s, t);
	return s;
}
UNIT_MAIN(suite)
