/* The archive of binlogs and its writer's death, at whatever moment; and a full disk. */
#include <fcntl.h>
#include <sys/mount.h>

#include "base/log.h"
#include "binlog/archive_writer.h"
#include "binlog/stream_history.h"
#include "tests/unit/binlog_place.h"

/* The same in small, and one more. */
static void make_small(struct made m[4])
{
	made_begin(&m[0], "binlog.000001", T0, 1);
	made_group(&m[0], T0 + 1, MIB + 17);
	made_group(&m[0], T0 + 2, 10);
	made_rotate(&m[0], T0 + 2, "binlog.000002");
	made_begin(&m[1], "binlog.000002", T0 + 2, 1);
	made_rotate(&m[1], T0 + 2, "binlog.000003");
	for (int i = 2; i < 4; i++) {
		made_begin(&m[i], i == 2 ? "binlog.000003" : "binlog.000004", T0 + 3, 1);
		made_group(&m[i], T0 + 3, 100);
	}
}

/* Wherever the .part ends, and whatever stands there behind its last whole event. */
START_TEST(torn_tails_at_every_byte)
{
	struct err e = ERR_INIT;
	struct made m;
	struct archive *a = opened();
	made_begin(&m, "binlog.000001", T0, 1);
	made_group(&m, T0, 20);
	made_group(&m, T0 + 1, 30);
	archive_whole(a, &m);
	archive_free(a);
	log_set_level(LOG_LEVEL_ERR); /* of some it is said that they are damaged */
	size_t open_n;
	char *open_text = slurp(in(L0 "/binlog.000001.open"), &open_n);
	for (size_t n = 0; n <= m.bytes.n; n++) {
		char *torn = memset(mem_alloc(m.bytes.n + 100), 0xa5, m.bytes.n + 100);
		size_t whole = 0, i = 1;
		memcpy(torn, m.bytes.p, n);
		for (; i < m.at.n && m.at.v[i] <= n; i++)
			whole = m.at.v[i];
		spill(in(L0 "/binlog.000001.part"), torn, n % 2 ? n : m.bytes.n + 90);
		free(torn);
		/* Readers see the same, and change nothing. */
		struct archive_catalog c = loaded();
		ck_assert_uint_eq(c.lineages.n, whole > 0);
		if (whole)
			ck_assert_uint_eq(c.lineages.v[0].segments.v[0].size, whole);
		archive_catalog_done(&c);
		a = opened();
		check_tail(a, whole ? "binlog.000001" : NULL, whole);
		if (!whole) {
			ck_assert(!there(L0));
			ck_ok(fsio_mkdirs(in(L0), 0750, &e), e);
			spill(in(L0 "/binlog.000001.open"), open_text, open_n);
		} else if (n % 16 == 0) {
			ck_ok(made_feed(a, &m, whole, m.bytes.n, &e), e);
			ck_assert_uint_eq(archive_current(a)->groups, 2);
			uint64_t pos;
			ck_ok(archive_sync(a, &pos, &e), e);
			size_t got;
			char *part = slurp(in(L0 "/binlog.000001.part"), &got);
			ck_assert_uint_eq(got, m.bytes.n);
			ck_assert_mem_eq(part, m.bytes.p, got);
			free(part);
		}
		archive_free(a);
	}
	free(open_text);
	made_done(&m);
}
END_TEST

/* ---- a repository that dies at the Nth operation */

static struct dying {
	struct repo repo;
	int left;
} dying;

struct dying_sink {
	struct sink sink;
	struct sink *real;
};
struct dying_append {
	struct repo_append append;
	struct repo_append *real;
};

static int die(struct err *err)
{
	if (dying.left-- > 0)
		return 0;
	return err_set(err, ERR_IO, "the repository is gone");
}

static int dying_write(struct sink *s, const void *p, size_t n, struct err *err)
{
	return die(err) < 0 ? -1 : sink_write(((struct dying_sink *)s)->real, p, n, err);
}
static int dying_finish(struct sink *s, struct err *err)
{
	return die(err) < 0 ? -1 : sink_finish(((struct dying_sink *)s)->real, err);
}
static void dying_sink_free(struct sink *s)
{
	sink_free(((struct dying_sink *)s)->real);
	free(s);
}
static const struct sink_ops dying_sink_ops = {"dying", dying_write, dying_finish, dying_sink_free};

static int dying_put(struct repo *r, const char *name, struct sink **ret, struct err *err)
{
	struct sink *real = NULL;
	(void)r;
	if (die(err) < 0 || repo_put(repo, name, &real, err) < 0)
		return -1;
	struct dying_sink *s = mem_zalloc(sizeof *s);
	s->sink.ops = &dying_sink_ops;
	s->real = real;
	*ret = &s->sink;
	return 0;
}

/* Dying in the middle of a write leaves half of it. */
static int dying_append_write(struct repo_append *x, const void *p, size_t n, struct err *err)
{
	struct dying_append *a = (struct dying_append *)x;
	if (die(err) < 0) {
		if (dying.left == -1)
			repo_append_write(a->real, p, n / 2, NULL);
		return -1;
	}
	int rc = repo_append_write(a->real, p, n, err);
	x->size = a->real->size;
	return rc;
}
static int dying_append_cut(struct repo_append *x, uint64_t n, struct err *err)
{
	struct dying_append *a = (struct dying_append *)x;
	int rc = die(err) < 0 ? -1 : repo_append_cut(a->real, n, err);
	x->size = a->real->size;
	return rc;
}
static int dying_append_sync(struct repo_append *x, struct err *err)
{
	return die(err) < 0 ? -1 : repo_append_sync(((struct dying_append *)x)->real, err);
}
static void dying_append_close(struct repo_append *x)
{
	repo_append_close(((struct dying_append *)x)->real);
	free(x);
}
static const struct repo_append_ops dying_append_ops = {dying_append_write, dying_append_cut,
                                                        dying_append_sync, dying_append_close};

static int dying_append(struct repo *r, const char *name, struct repo_append **ret, struct err *err)
{
	struct repo_append *real = NULL;
	(void)r;
	if (die(err) < 0 || repo_append(repo, name, &real, err) < 0)
		return -1;
	struct dying_append *a = mem_zalloc(sizeof *a);
	a->append = (struct repo_append){&dying_append_ops, real->size};
	a->real = real;
	*ret = &a->append;
	return 0;
}

static int dying_sweep(struct repo *r, const char *prefix, struct err *err)
{
	(void)r;
	return die(err) < 0 ? -1 : repo_sweep(repo, prefix, err);
}
static int dying_get(struct repo *r, const char *name, uint64_t off, uint64_t n, struct sink *to,
                     struct err *err)
{
	(void)r;
	return die(err) < 0 ? -1 : repo_get(repo, name, off, n, to, err);
}
static int dying_read(struct repo *r, const char *name, uint64_t off, void *p, size_t n,
                      struct err *err)
{
	(void)r;
	return die(err) < 0 ? -1 : repo_read(repo, name, off, p, n, err);
}
static int dying_size(struct repo *r, const char *name, uint64_t *ret, struct err *err)
{
	(void)r;
	return die(err) < 0 ? -1 : repo_size(repo, name, ret, err);
}
static int dying_list(struct repo *r, const char *prefix, repo_each *each, void *arg,
                      struct err *err)
{
	(void)r;
	return die(err) < 0 ? -1 : repo_list(repo, prefix, each, arg, err);
}
static int dying_remove(struct repo *r, const char *name, struct err *err)
{
	(void)r;
	return die(err) < 0 ? -1 : repo_remove(repo, name, err);
}
static int dying_remove_all(struct repo *r, const char *prefix, struct err *err)
{
	(void)r;
	return die(err) < 0 ? -1 : repo_remove_all(repo, prefix, err);
}
static int dying_lock(struct repo *r, const char *name, bool exclusive, const char *what,
                      void **ret, struct err *err)
{
	(void)r;
	return die(err) < 0 ? -1 : repo_lock(repo, name, exclusive, what, ret, err);
}
static void dying_unlock(struct repo *r, void *lock)
{
	(void)r;
	repo_unlock(repo, lock);
}
static const struct repo_ops dying_ops = {
    .put = dying_put,
    .append = dying_append,
    .sweep = dying_sweep,
    .get = dying_get,
    .read = dying_read,
    .size = dying_size,
    .list = dying_list,
    .remove = dying_remove,
    .remove_all = dying_remove_all,
    .lock = dying_lock,
    .unlock = dying_unlock,
};

/* As the stream would: from where the archive says, file by file, syncing now and then.
 * *durable: index of file and offset that were durable at last. */
static int stream_on(struct repo *r, const struct made *m, size_t n, size_t durable[2],
                     struct err *err)
{
	struct archive *a = NULL;
	struct archive_tail t = {0};
	uint64_t pos = 0;
	size_t i = 0;
	int rc = archive_open(r, "main", NULL, &a, err);
	if (rc == 0)
		rc = archive_tail(a, &t, err);
	if (rc == 0 && t.file)
		while (strcmp(m[i].file, t.file) != 0)
			i++;
	if (rc == 0 && t.file) {
		/* Nothing that was durable is lost. */
		ck_assert(i > durable[0] || (i == durable[0] && t.pos >= durable[1]));
	} else if (rc == 0) {
		ck_assert(durable[0] == 0 && durable[1] == 0);
	}
	size_t from = t.file ? t.pos : 0;
	for (; rc == 0 && i < n; i++, from = 0) {
		if (from == 0)
			rc = archive_begin_file(a, m[i].file, NULL, err);
		for (size_t k = 0; rc == 0 && k + 1 < m[i].at.n; k++) {
			if (m[i].at.v[k] < from)
				continue;
			rc = made_feed(a, &m[i], m[i].at.v[k], m[i].at.v[k + 1], err);
			if (rc == 0 && k % 3 == 0)
				rc = archive_sync(a, &pos, err);
			if (rc == 0 && k % 3 == 0) {
				durable[0] = i;
				durable[1] = pos;
			}
		}
	}
	if (rc == 0)
		rc = archive_sync(a, &pos, err);
	free(t.file);
	archive_free(a);
	return rc;
}

static int count_name(void *arg, const char *name, uint64_t bytes, struct err *err)
{
	(void)name, (void)bytes, (void)err;
	++*(int *)arg;
	return 0;
}

START_TEST(a_crash_at_any_point_is_healed)
{
	struct err e = ERR_INIT;
	struct made m[4];
	make_small(m);
	dying.repo = (struct repo){&dying_ops, url};
	bool done = false;
	int deaths = 0;
	for (int first = 0; !done; first++) {
		size_t durable[2] = {0, 0};
		ck_ok(repo_remove_all(repo, "main/", &e), e);
		/* Dies once there, and again after each so many steps further on. */
		for (int again = 0; again < 2; again++) {
			dying.left = again ? first % 23 : first;
			int rc = stream_on(&dying.repo, m, 4, durable, &e);
			done |= rc == 0 && again == 0;
			deaths += rc < 0;
		}
		ck_ok(stream_on(repo, m, 4, durable, &e), e);
		struct archive_catalog c = loaded();
		ck_assert_uint_eq(c.lineages.n, 1);
		struct lineage *l = &c.lineages.v[0];
		ck_assert_uint_eq(l->segments.n, 4);
		ck_assert_uint_eq(l->damaged.n, 0);
		for (int i = 0; i < 4; i++) {
			ck_assert_ptr_null(l->segments.v[i].gap);
			check_segment(l, &l->segments.v[i], &m[i], i == 3);
		}
		archive_catalog_done(&c);
		/* Three times two, and .part, .open, lineage.json: nothing is left over. */
		int objects = 0;
		char *prefix = mem_printf("main/binlogs/%s/", L0);
		ck_ok(repo_list(repo, prefix, count_name, &objects, &e), e);
		free(prefix);
		ck_assert_int_eq(objects, 9);
	}
	ck_assert_int_gt(deaths, 100);
	for (int i = 0; i < 4; i++)
		made_done(&m[i]);
}
END_TEST

/* A kill leaves what no return from a function can: temporary files. */
START_TEST(leftovers_are_swept)
{
	struct made m[3];
	struct archive *a = opened();
	make_three(m);
	for (int i = 0; i < 3; i++)
		archive_whole(a, &m[i]);
	archive_free(a);
	spill(in(L0 "/.tmp-0123456789abcdef"), "x", 1);
	spill(in(L0 "/binlog.000000.zst"), "half removed", 12);
	spill(in(L0 "/binlog.000004.open"), "never began", 11);
	spill(in(L0 "/notes.txt"), "somebody else's", 15);
	a = opened();
	check_tail(a, "binlog.000003", m[2].bytes.n);
	archive_free(a);
	ck_assert(!there(L0 "/.tmp-0123456789abcdef") && !there(L0 "/binlog.000000.zst") &&
	          !there(L0 "/binlog.000004.open"));
	ck_assert(there(L0 "/notes.txt"));
	for (int i = 0; i < 3; i++)
		made_done(&m[i]);
}
END_TEST

/* A closed one whose index cannot be read is fetched again, if the server has it. */
START_TEST(a_damaged_end_is_replaced)
{
	struct made m[3];
	struct archive *a = opened();
	make_three(m);
	for (int i = 0; i < 3; i++)
		archive_whole(a, &m[i]);
	archive_free(a);
	unlink(in(L0 "/binlog.000003.part"));
	unlink(in(L0 "/binlog.000003.open"));
	spill(in(L0 "/binlog.000002.json"), "{}", 2);
	a = opened();
	check_tail(a, "binlog.000001", m[0].bytes.n);
	archive_whole(a, &m[1]);
	archive_whole(a, &m[2]);
	archive_free(a);
	struct archive_catalog c = loaded();
	struct lineage *l = &c.lineages.v[0];
	ck_assert_uint_eq(l->segments.n, 3);
	for (int i = 0; i < 3; i++)
		check_segment(l, &l->segments.v[i], &m[i], i == 2);
	archive_catalog_done(&c);
	for (int i = 0; i < 3; i++)
		made_done(&m[i]);
}
END_TEST

/* As long as the .part is there, nothing is lost with what was made of it. */
START_TEST(a_part_is_kept_until_it_is_not_needed)
{
	struct made m[3];
	struct archive *a = opened();
	size_t open_n, json_n, zst_n;
	make_three(m);
	archive_whole(a, &m[0]);
	char *open_text = slurp(in(L0 "/binlog.000001.open"), &open_n);
	archive_whole(a, &m[1]);
	archive_free(a);
	char *json = slurp(in(L0 "/binlog.000001.json"), &json_n);
	char *zst = slurp(in(L0 "/binlog.000001.zst"), &zst_n);
	for (int what = 0; what < 3; what++) {
		spill(in(L0 "/binlog.000001.part"), m[0].bytes.p, m[0].bytes.n);
		spill(in(L0 "/binlog.000001.open"), open_text, open_n);
		spill(in(L0 "/binlog.000001.json"), json, what == 1 ? json_n / 3 : json_n);
		spill(in(L0 "/binlog.000001.zst"), zst, what == 2 ? zst_n - 1 : zst_n);
		archive_free(opened());
		ck_assert(!there(L0 "/binlog.000001.part") && !there(L0 "/binlog.000001.open"));
		struct archive_catalog c = loaded();
		const struct lineage *l = &c.lineages.v[0];
		ck_assert_uint_eq(l->damaged.n, 0);
		ck_assert_uint_eq(l->segments.n, 2);
		ck_assert(!l->segments.v[0].gap);
		check_segment(l, &l->segments.v[0], &m[0], false);
		archive_catalog_done(&c);
	}
	/* If it is of no use either, all stays. */
	spill(in(L0 "/binlog.000001.part"), "rubbish", 7);
	spill(in(L0 "/binlog.000001.json"), "{}", 2);
	archive_free(opened());
	ck_assert(there(L0 "/binlog.000001.part") && there(L0 "/binlog.000001.json") &&
	          there(L0 "/binlog.000001.zst"));
	free(open_text);
	free(json);
	free(zst);
	for (int i = 0; i < 3; i++)
		made_done(&m[i]);
}
END_TEST

static bool heal_says(const char *text)
{
	char path[128], *said;
	size_t n;
	snprintf(path, sizeof path, "%s/said", dir);
	int old = dup(2), fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ck_assert_int_eq(dup2(fd, 2), 2);
	archive_free(opened());
	ck_assert_int_eq(dup2(old, 2), 2);
	close(old);
	close(fd);
	said = slurp(path, &n);
	bool found = n > 0 && strstr(said, text);
	free(said);
	return found;
}

/* A torn end is what a crash leaves; anything more is not cut off without a word. */
START_TEST(damage_inside_an_open_one_is_told)
{
	struct made m;
	struct archive *a = opened();
	char wanted[64];
	made_begin(&m, "binlog.000001", T0, 1);
	for (unsigned i = 0; i < 4; i++)
		made_group(&m, T0 + i, 100);
	archive_whole(a, &m);
	archive_free(a);
	size_t at = m.at.v[5];
	spill(in(L0 "/binlog.000001.part"), m.bytes.p, at + 30);
	ck_assert(!heal_says("damaged"));
	m.bytes.p[at + 25] ^= 1;
	snprintf(wanted, sizeof wanted, "%zu bytes follow", m.bytes.n - at);
	spill(in(L0 "/binlog.000001.part"), m.bytes.p, m.bytes.n);
	ck_assert(heal_says(wanted));
	made_done(&m);
}
END_TEST

/* Too much of it for one that never came into being. */
START_TEST(a_part_without_a_begin_is_damaged)
{
	struct made m;
	struct archive *a = opened();
	made_begin(&m, "binlog.000001", T0, 1);
	made_group(&m, T0, 2 * MIB);
	archive_whole(a, &m);
	archive_free(a);
	memset(m.bytes.p, 0, 40);
	spill(in(L0 "/binlog.000001.part"), m.bytes.p, m.bytes.n);
	struct archive_catalog c = loaded();
	ck_assert_uint_eq(c.lineages.n, 1);
	ck_assert_uint_eq(c.lineages.v[0].segments.n, 0);
	ck_assert_uint_eq(c.lineages.v[0].damaged.n, 1);
	ck_assert_str_eq(c.lineages.v[0].damaged.v[0].file, "binlog.000001");
	archive_catalog_done(&c);
	made_done(&m);
}
END_TEST

/* A lineage of which nothing is left may hold what somebody has put there. */
START_TEST(what_is_not_ours_is_not_removed)
{
	struct err e = ERR_INIT;
	struct made m;
	uint64_t freed;
	struct archive *a = opened();
	made_begin(&m, "binlog.000001", T0, 1);
	archive_whole(a, &m);
	archive_new_lineage(a);
	m.created = T0 + 3600;
	archive_whole(a, &m);
	struct archive_catalog c = loaded();
	ck_assert_uint_eq(c.lineages.n, 2);
	spill(in(L0 "/notes.txt"), "mine", 4);
	ck_ok(archive_remove_before(repo, "main", &c.lineages.v[0], NULL, &freed, &e), e);
	ck_assert(there(L0 "/notes.txt") && !there(L0 "/lineage.json"));
	archive_free(a);
	archive_free(opened());
	ck_assert(there(L0 "/notes.txt"));
	unlink(in(L0 "/notes.txt"));
	archive_free(opened());
	ck_assert(!there(L0));
	archive_catalog_done(&c);
	made_done(&m);
}
END_TEST

/* An event that cannot be kept ends a connection, not the archive: what came before it
 * and was not yet durable is what the next one goes on from. */
START_TEST(the_tail_is_there_to_be_read)
{
	struct err e = ERR_INIT;
	struct archive *a = opened();
	struct history h = {0};
	struct made m;
	made_begin(&m, "b.000001", T0, 1);
	made_group(&m, T0 + 1, 100);
	made_group(&m, T0 + 2, 100);
	ck_ok(archive_begin_file(a, m.file, NULL, &e), e);
	ck_ok(made_feed(a, &m, 0, m.bytes.n, &e), e);
	ck_assert_int_eq(archive_append(a, "not an event at all", 19, &e), -1);
	e = ERR_INIT;
	check_tail(a, "b.000001", m.bytes.n);
	ck_assert_uint_eq(a->durable, m.bytes.n);
	struct archive_catalog c = loaded();
	ck_assert_ptr_nonnull(archive_find(&c, "b.000001", m.bytes.n, T0, NULL));
	archive_catalog_done(&c);
	ck_ok(history_learn(repo, "main", a, NULL, &h, &e), e);
	ck_assert_uint_eq(h.pos, m.bytes.n);
	ck_assert_uint_eq(h.last.pos, m.at.v[m.at.n - 2]);
	archive_free(a);
	made_done(&m);
}
END_TEST

/* Names that can be in a directory but are not ours, and none of this does any harm. */
START_TEST(what_is_strange_is_left_alone)
{
	struct err e = ERR_INIT;
	struct made m;
	ck_ok(fsio_mkdirs(in("not-a-lineage"), 0750, &e), e);
	ck_ok(fsio_mkdirs(in("20250101T000000Z-9/sub"), 0750, &e), e);
	spill(in("20250101T000000Z-9/x.json"), "{}", 2);
	struct archive_catalog c = loaded();
	ck_assert_uint_eq(c.lineages.n, 0);
	archive_catalog_done(&c);
	made_begin(&m, "binlog.000001", T0, 1);
	struct archive *a = opened();
	archive_whole(a, &m);
	archive_free(a);
	/* A large .part that is no binlog: kept, and a lineage begins. */
	char *junk = mem_zalloc(2 * MIB);
	spill(in(L0 "/binlog.000001.part"), junk, 2 * MIB);
	free(junk);
	a = opened();
	check_tail(a, NULL, 0);
	archive_whole(a, &m);
	ck_assert_str_eq(archive_lineage(a), L0 "-2");
	archive_free(a);
	ck_assert(there(L0 "/binlog.000001.part"));
	a = opened();
	check_tail(a, "binlog.000001", m.bytes.n);
	archive_free(a);
	made_done(&m);
}
END_TEST

START_TEST(a_full_disk_loses_nothing)
{
	struct err e = ERR_INIT, why = ERR_INIT;
	struct made m;
	struct repo *real = repo, *small = NULL;
	struct archive *a = NULL;
	struct repo_options o = {.create = true};
	char place[80], place_url[100], filler[100];
	uint64_t durable = 0, pos;
	snprintf(place, sizeof place, "%s/small", dir);
	snprintf(place_url, sizeof place_url, "file://%s/r", place);
	snprintf(filler, sizeof filler, "%s/filler", place);
	mkdir(place, 0700);
	if (geteuid() != 0 || mount("unit", place, "tmpfs", 0, "size=8m") < 0) {
		printf("skipped: a_full_disk_loses_nothing: mounting a tmpfs needs root\n");
		return;
	}
	made_begin(&m, "binlog.000001", T0, 1);
	for (int i = 0; i < 300; i++)
		made_group(&m, T0 + (unsigned)i, 10000);
	char *fill = mem_zalloc(6 * MIB);
	spill(filler, fill, 6 * MIB);
	free(fill);
	ck_ok(repo_open(place_url, &o, &small, &e), e);
	repo = small;
	ck_ok(archive_open(repo, "main", NULL, &a, &e), e);
	ck_ok(archive_begin_file(a, m.file, NULL, &e), e);
	int rc = 0;
	for (size_t k = 0; rc == 0 && k + 1 < m.at.n; k++) {
		rc = made_feed(a, &m, m.at.v[k], m.at.v[k + 1], &why);
		if (rc == 0)
			rc = archive_sync(a, &pos, &why);
		if (rc == 0)
			durable = pos;
	}
	ck_assert_int_eq(rc, -1);
	ck_assert_int_eq(why.kind, ERR_NO_SPACE);
	ck_assert_str_ne(why.hint, "");
	ck_assert_uint_gt(durable, MIB);
	/* Not before it is asked where to go on. */
	ck_assert_int_eq(archive_sync(a, &pos, &e), -1);
	unlink(filler);
	struct archive_tail t;
	ck_ok(archive_tail(a, &t, &e), e);
	ck_assert_uint_ge(t.pos, durable);
	ck_ok(made_feed(a, &m, t.pos, m.bytes.n, &e), e);
	ck_ok(archive_sync(a, &pos, &e), e);
	ck_assert_uint_eq(pos, m.bytes.n);
	free(t.file);
	/* No room to close it: it stays open, and is closed when there is. */
	uint64_t room, total;
	ck_ok(repo_space(repo, &room, &total, &e), e);
	fill = mem_zalloc(room);
	int fd = open(filler, O_WRONLY | O_CREAT, 0600);
	ck_assert_int_gt(write(fd, fill, room), 0);
	close(fd);
	free(fill);
	ck_assert_int_eq(archive_begin_file(a, "binlog.000002", NULL, &why), -1);
	ck_assert_int_eq(why.kind, ERR_NO_SPACE);
	check_tail(a, "binlog.000001", m.bytes.n);
	unlink(filler);
	ck_ok(archive_begin_file(a, "binlog.000002", NULL, &e), e);
	archive_free(a);
	struct archive_catalog c = loaded();
	check_segment(&c.lineages.v[0], &c.lineages.v[0].segments.v[0], &m, false);
	archive_catalog_done(&c);
	repo_close(small);
	repo = real;
	umount(place);
	made_done(&m);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("binlog_crash");
	TCase *t = tcase_create("archive");
	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, torn_tails_at_every_byte);
	tcase_add_test(t, a_crash_at_any_point_is_healed);
	tcase_add_test(t, leftovers_are_swept);
	tcase_add_test(t, a_damaged_end_is_replaced);
	tcase_add_test(t, a_part_is_kept_until_it_is_not_needed);
	tcase_add_test(t, damage_inside_an_open_one_is_told);
	tcase_add_test(t, a_part_without_a_begin_is_damaged);
	tcase_add_test(t, what_is_not_ours_is_not_removed);
	tcase_add_test(t, the_tail_is_there_to_be_read);
	tcase_add_test(t, what_is_strange_is_left_alone);
	tcase_add_test(t, a_full_disk_loses_nothing);
	suite_add_tcase(s, t);
	return s;
}
UNIT_MAIN(suite)
