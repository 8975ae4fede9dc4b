#include "tests/unit/unit.h"

#include <string.h>
#include <zstd.h>

#include "base/mem.h"
#include "base/str.h"
#include "pipe/codec.h"

struct got {
	struct str text;
	unsigned lines, stop_at;
};

static int take(void *arg, const char *line, size_t n, struct err *err)
{
	struct got *g = arg;

	str_addn(&g->text, line, n);
	str_add(&g->text, "\n");
	g->lines++;
	if (g->stop_at == 1000 + g->lines)
		return err_set(err, ERR_REFUSED, "no");
	return g->lines == g->stop_at;
}

static void pack(const char *text, size_t n, void **ret, size_t *ret_n)
{
	struct err err = ERR_INIT;

	struct sink_memory m;
	sink_memory_init(&m, SIZE_MAX);
	struct sink *sink = codec_object_sink(&m.sink, 3);
	for (size_t at = 0; at < n; at += 1000) /* in pieces, as a manifest is */
		ck_ok(sink_write(sink, text + at, n - at < 1000 ? n - at : 1000, &err), err);
	ck_ok(sink_finish(sink, &err), err);
	sink_free(sink);
	*ret = m.bytes; /* the caller's */
	*ret_n = m.n;
}

static int unpack(const void *p, size_t n, struct got *g, struct err *err)
{
	return codec_unpack_lines(p, n, take, g, err);
}

static void make_text(struct str *s)
{
	for (int i = 0; s->n < 600000; i++)
		str_addf(
		    s, "line %d %.*s\n", i, i % 200,
		    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
}

START_TEST(test_lines)
{
	struct str s = {0};
	struct got g = {0};
	struct err err = ERR_INIT;
	void *p;
	size_t n;

	make_text(&s);
	pack(s.p, s.n, &p, &n);
	ck_ok(unpack(p, n, &g, &err), err);
	ck_assert_str_eq(g.text.p, s.p);
	str_done(&g.text);
	g = (struct got){.stop_at = 1};
	ck_ok(unpack(p, n, &g, &err), err);
	ck_assert_str_eq(g.text.p, "line 0 \n");
	str_done(&g.text);
	g = (struct got){.stop_at = 1003};
	ck_assert_int_eq(unpack(p, n, &g, &err), -1);
	ck_assert_int_eq(err.kind, ERR_REFUSED);
	str_done(&g.text);
	free(p);
	pack("", 0, &p, &n);
	g = (struct got){0};
	ck_ok(unpack(p, n, &g, &err), err);
	ck_assert_uint_eq(g.lines, 0);
	free(p);
	pack("\n\nx\n", 4, &p, &n);
	ck_ok(unpack(p, n, &g, &err), err);
	ck_assert_uint_eq(g.lines, 3);
	str_done(&g.text);
	free(p);
	str_done(&s);
}
END_TEST

static void check_damaged(const void *p, size_t n)
{
	struct got g = {0};
	struct err err = ERR_INIT;

	ck_assert_msg(unpack(p, n, &g, &err) == -1, "size %zu", n);
	ck_assert_int_eq(err.kind, ERR_DAMAGED);
	str_done(&g.text);
}

START_TEST(test_damage)
{
	struct str s = {0};
	unsigned char *p, *longer;
	void *packed;
	size_t n;

	make_text(&s);
	pack(s.p, s.n, &packed, &n);
	p = packed;
	for (size_t i = 0; i < n; i += i < 50 || i > n - 50 ? 1 : n / 50) {
		struct got g = {0};
		struct err err = ERR_INIT;

		check_damaged(p, i);
		p[i] ^= 0x20;
		/* A changed window size can be harmless; changed contents never come through. */
		if (unpack(p, n, &g, &err) == 0)
			ck_assert_str_eq(g.text.p, s.p);
		else
			ck_assert_int_eq(err.kind, ERR_DAMAGED);
		str_done(&g.text);
		p[i] ^= 0x20;
	}
	longer = mem_zalloc(n + 1);
	memcpy(longer, p, n);
	check_damaged(longer, n + 1);
	free(longer);
	free(packed);
	pack("a\nb", 3, &packed, &n);
	check_damaged(packed, n);
	free(packed);
	check_damaged("hello", 5);
	str_done(&s);
}
END_TEST

START_TEST(test_long_line)
{
	size_t size = 17u << 20, n;
	char *text = mem_alloc(size);
	void *p;

	memset(text, 'x', size);
	text[size - 1] = '\n';
	pack(text, size, &p, &n);
	check_damaged(p, n);
	free(p);
	free(text);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("pipe/object");
	TCase *t = tcase_create("object");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, test_lines);
	tcase_add_test(t, test_damage);
	tcase_add_test(t, test_long_line);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
