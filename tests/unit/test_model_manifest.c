/* A manifest comes back from its text as it went in, and what is not one is refused. */
#include <stdio.h>
#include <string.h>

#include "model/manifest.h"
#include "tests/unit/unit.h"

static struct manifest_file *add_file(struct manifest *m, enum file_kind kind, const char *path)
{
	struct manifest_file *f = vec_push(&m->files);

	*f = (struct manifest_file){.path = mem_strdup(path),
	                            .kind = kind,
	                            .mode = 0100640,
	                            .uid = 101,
	                            .gid = 4294967295u,
	                            .size = 12345678901ull,
	                            .base = -1};
	return f;
}

static struct manifest *sample(void)
{
	struct manifest *m = manifest_new();
	struct manifest_file *f;

	strcpy(m->id, "20261122T030000Z-incr");
	strcpy(m->parent, "20261122T020000Z-full");
	m->kind = BACKUP_INCREMENTAL;
	m->instance = mem_strdup("main");
	m->started_us = 1795316400000001;
	m->finished_us = 1795316441000000;
	m->method = mem_strdup("hot");
	m->mybak_version = mem_strdup("0.1.0");
	m->flavour = mem_strdup("mariadb");
	m->version = mem_strdup("10.11.19-MariaDB");
	m->uuid = mem_strdup("");
	m->page_size = 16384;
	manifest_set(m, "innodb_data_file_path", "ibdata1:12M:autoextend");
	manifest_set(m, "odd", "\xff \"q\" 100%");
	m->binlog = (struct position){mem_strdup("bin\xe4log.000007"), 4096, mem_strdup("0-1-9"),
	                              1795310000, 1795316440000000};
	m->lsn_checkpoint = 1000;
	m->lsn_end = 1ull << 60;
	for (int i = 0; i < 512; i++)
		m->redo.header[i] = (unsigned char)i;
	m->redo.encryption[511] = 7;
	m->redo.capacity = 96 << 20;
	*vec_push(&m->replica) =
	    (struct manifest_replica){mem_strdup(""), mem_strdup("src\xe4.000003"), 157};
	*vec_push(&m->unlocked.names) = mem_strdup("d\xc3\xa4.my table");
	m->unlocked.n = 2000;
	m->lock_seconds = 0.084;
	m->size_bytes = 7;
	m->pages.total = 5;
	*vec_push(&m->corrupt) = (struct manifest_corrupt){mem_strdup("db/t\n.ibd"), 4};
	*vec_push(&m->warnings) = mem_strdup("table \"x\" \xc3\xa4");
	m->engines = mem_zalloc(sizeof *m->engines);
	m->engines[0].engine = mem_strdup("InnoDB");
	m->engines[0].tables = 12;
	m->engine_n = 1;
	*vec_push(&m->roots) = (struct manifest_root){
	    mem_strdup("/var/lib/mysql"), mem_strdup("datadir"), 040700, 101, 102, UINT64_MAX, 9};
	*vec_push(&m->roots) =
	    (struct manifest_root){.path = mem_strdup("/else"), .role = mem_strdup("external")};
	*vec_push(&m->packs) = (struct manifest_pack){3, 10, 20, {1, 2, 255}, 4};
	*vec_push(&m->packs) = (struct manifest_pack){0, 11, 21, {0}, 5};
	add_file(m, FILE_REDO, "ib_logfile0");
	f = add_file(m, FILE_INNODB, "d\xc3\xa4/\"t\\%41.ibd");
	f->page_size = 8192;
	f->space_id = 77;
	f->fsp_flags = 21;
	f->base = 4000000000ll;
	f->stamp = (struct file_stamp){UINT64_MAX, 1, 2, -3, 4, 5, 6};
	f = add_file(m, FILE_SYMLINK, "link");
	f->target = mem_strdup("../up");
	f->root = 1;
	f->sparse = true;
	add_file(m, FILE_GONE, "db/x.frm");
	add_file(m, FILE_PLAIN, "db/x.frm");
	add_file(m, FILE_DIR, "db");
	return m;
}

static char *write_all(const struct manifest *m)
{
	struct str s = {0};

	manifest_write_head(m, &s);
	for (size_t i = 0; i < m->files.n; i++)
		manifest_write_file(&m->files.v[i], &s);
	manifest_write_tail(m, &s);
	return str_take(&s);
}

static int read_n(const char *text, size_t n, struct manifest **ret, struct err *err)
{
	struct manifest_reader r;
	const char *end = text + n;
	int rc = 0;

	manifest_reader_init(&r);
	while (text < end && rc == 0) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));
		size_t len = (size_t)((nl ? nl : end) - text);
		rc = manifest_reader_line(&r, text, len, err);
		text += len + 1;
	}
	if (rc == 0)
		rc = manifest_reader_finish(&r, ret, err);
	manifest_reader_done(&r);
	return rc;
}

static int read_all(const char *text, struct manifest **ret, struct err *err)
{
	return read_n(text, strlen(text), ret, err);
}

START_TEST(round_trip)
{
	struct manifest *m = sample(), *b = NULL;
	char *text = write_all(m), *again;
	struct err err = ERR_INIT;

	ck_ok(read_all(text, &b, &err), err);
	again = write_all(b);
	ck_assert_str_eq(text, again);
	ck_assert_int_eq(b->started_us, m->started_us);
	ck_assert_str_eq(b->parent, m->parent);
	ck_assert_str_eq(manifest_setting(b, "odd"), "\xff \"q\" 100%");
	ck_assert_ptr_null(manifest_setting(b, "none"));
	ck_assert_str_eq(b->binlog.file, "bin\xe4log.000007");
	ck_assert_uint_eq(b->binlog.created, 1795310000);
	ck_assert_int_eq(b->binlog.taken_us, 1795316440000000);
	ck_assert_mem_eq(b->redo.header, m->redo.header, 512);
	ck_assert_mem_eq(b->redo.encryption, m->redo.encryption, 512);
	ck_assert_uint_eq(b->replica.n, 1);
	ck_assert_str_eq(b->replica.v[0].file, "src\xe4.000003");
	ck_assert_uint_eq(b->replica.v[0].position, 157);
	ck_assert_uint_eq(b->unlocked.n, 2000);
	ck_assert_str_eq(b->unlocked.names.v[0], "d\xc3\xa4.my table");
	ck_assert(b->lock_seconds == m->lock_seconds);
	ck_assert_str_eq(b->corrupt.v[0].path, "db/t\n.ibd");
	ck_assert(b->roots.v[0].ino == UINT64_MAX && b->roots.v[0].mode == 040700);
	ck_assert(b->packs.v[0].index_hash[2] == 255 && b->packs.v[1].frames == 5);
	ck_assert_uint_eq(b->files.n, m->files.n);
	for (size_t i = 0; i < m->files.n; i++) {
		const struct manifest_file *x = &m->files.v[i], *y = &b->files.v[i];
		ck_assert_str_eq(x->path, y->path);
		ck_assert(x->kind == y->kind && x->root == y->root && x->sparse == y->sparse);
		ck_assert(x->mode == y->mode && x->uid == y->uid && x->gid == y->gid);
		ck_assert(x->size == y->size && x->page_size == y->page_size);
		ck_assert(x->space_id == y->space_id && x->fsp_flags == y->fsp_flags);
		ck_assert_int_eq(x->base, y->base);
		ck_assert_mem_eq(&x->stamp, &y->stamp, sizeof x->stamp);
		ck_assert_pstr_eq(x->target, y->target);
	}
	free(text);
	free(again);
	manifest_free(m);
	manifest_free(b);
}
END_TEST

START_TEST(head_alone)
{
	struct manifest *m = sample(), *head;
	struct manifest_reader r;
	struct str s = {0};
	struct err err = ERR_INIT;

	manifest_write_head(m, &s);
	manifest_reader_init(&r);
	ck_assert_ptr_null(manifest_reader_take_head(&r));
	ck_ok(manifest_reader_line(&r, str_text(&s), s.n - 1, &err), err);
	head = manifest_reader_take_head(&r);
	ck_assert_str_eq(head->id, m->id);
	ck_assert_uint_eq(head->files.n, 0);
	manifest_reader_done(&r);
	manifest_free(head);
	manifest_free(m);
	str_done(&s);
}
END_TEST

/* `from` of the sample's text becomes `to`; the reader must say `says`. */
static const struct {
	const char *from, *to, *says;
	enum err_kind kind;
} bad[] = {
    {"\"format\":1", "\"format\":2",
     "manifest line 1: format: found 2, this program reads format 1", ERR_REFUSED},
    {"\"format\":1", "\"format\":\"1\"", "manifest line 1: format: must be an integer"},
    {"\"format\":1,", "", "manifest line 1: format: is missing"},
    {"\"id\":\"20261122T030000Z-incr\"", "\"id\":\"../../x\"",
     "manifest line 1: id: found \"../../x\", which is no backup id"},
    {"\"id\":\"20261122T030000Z-incr\"", "\"id\":\"20261122T030000Z-full\"",
     "manifest line 1: kind: is incremental, but the id is 20261122T030000Z-full"},
    {"\"kind\":\"incremental\"", "\"kind\":\"half\"",
     "manifest line 1: kind: found \"half\", allowed: full, incremental"},
    {"\"parent\":\"20261122T020000Z-full\"", "\"parent\":null",
     "manifest line 1: parent: is missing, and the backup is incremental"},
    {"\"parent\":\"20261122T020000Z-full\"", "\"parent\":\"20261122T030000Z-incr\"",
     "manifest line 1: parent: is the backup itself"},
    {"\"instance\":\"main\"", "\"instance\":\"../a\"",
     "manifest line 1: instance: found \"../a\", which is no instance name"},
    {"\"flavour\":\"mariadb\"", "\"flavour\":\"oracle\"",
     "manifest line 1: server.flavour: found \"oracle\", allowed: mariadb, mysql"},
    {"\"page_size\":16384", "\"page_size\":1000",
     "manifest line 1: page_size: found 1000, allowed"},
    {"\"checkpoint\":1000", "\"checkpoint\":-1",
     "manifest line 1: lsn.checkpoint: found -1, allowed: 0 to 9223372036854775807"},
    {"\"checkpoint\":1000", "\"checkpoint\":1152921504606846977",
     "manifest line 1: lsn.end: 1152921504606846976 lies before the checkpoint"},
    {"\"header\":\"00", "\"header\":\"0", "manifest line 1: redo.header: must be 1024 hex digits"},
    {"\"lock_seconds\":0.084", "\"lock_seconds\":-1",
     "manifest line 1: lock_seconds: must be a number, 0 or more"},
    {"\"number\":3", "\"number\":0", "manifest line 1: packs[].number: 0 comes twice"},
    {"\"path\":\"/else\"", "\"path\":\"else\"", "manifest line 1: roots[].path: must be absolute"},
    {"\"role\":\"external\"", "\"role\":\"datadir\"",
     "manifest line 1: roots[].role: the first root, and no other, is the datadir"},
    {"\"encryption\":\"00", "\"encryption\":\"0",
     "manifest line 1: redo.encryption: must be 1024 hex digits"},
    {"\"channel\":\"\",", "", "manifest line 1: replica[].channel: is missing"},
    {"\"names\":[\"d", "\"names\":[\"%0gd",
     "manifest line 1: tables_without_lock.names: must hold escaped strings only"},
    {"\"count\":2000", "\"count\":-1", "manifest line 1: tables_without_lock.count: found -1"},
    {"\"warnings\":[", "\"warnings\":[5,", "manifest line 1: warnings: must hold strings only"},
    {"\"started\":\"2026", "\"started\":\"20x6", "manifest line 1: started: found \"20x6"},
    {"{\"format\"", "[\"format\"", "manifest line 1: not a JSON object: "},
    {"{\"p\":\"ib_logfile0\"", "{\"p\":\"../etc/passwd\"",
     "manifest line 2: p: \"../etc/passwd\" must be relative"},
    {"{\"p\":\"ib_logfile0\"", "{\"p\":\"/etc/passwd\"",
     "manifest line 2: p: \"/etc/passwd\" must"},
    {"{\"p\":\"ib_logfile0\"", "{\"p\":\"a%2F..%2Fb\"", "manifest line 2: p: \"a/../b\" must"},
    {"{\"p\":\"ib_logfile0\"", "{\"p\":\"a%0g\"", "manifest line 2: p: is not text with %XX"},
    {"{\"p\":\"ib_logfile0\"", "{\"p\":7", "manifest line 2: p: must be a string"},
    {"{\"p\":\"ib_logfile0\"", "{\"p\":\"a\",\"p\":\"b\"",
     "manifest line 2: not a JSON object: dupl"},
    {"{\"p\":\"ib_logfile0\",", "{", "manifest line 2: p: is missing"},
    {"{\"p\":\"db\"", "{\"p\":\"db/x.frm\"", "manifest line 7: p: \"db/x.frm\" comes twice"},
    {"\"k\":\"redo\"", "\"k\":\"read\"", "manifest line 2: k: found \"read\", allowed: plain, "},
    {"\"s\":12345678901", "\"s\":-5", "manifest line 2: s: found -5, allowed"},
    {"\"s\":12345678901", "\"s\":99999999999999999999",
     "manifest line 2: not a JSON object: too big"},
    {"\"m\":33184", "\"m\":65536", "manifest line 2: m: found 65536, allowed: 0 to 65535"},
    {"\"g\":4294967295", "\"g\":4294967296", "manifest line 2: g: found 4294967296"},
    {"\"r\":1", "\"r\":2", "manifest line 4: r: found 2, allowed: 0 to 1"},
    {"\"t\":\"../up\"", "\"t\":\"\"", "manifest line 4: t: is empty"},
    {",\"t\":\"../up\"", "", "manifest line 4: t: is missing"},
    {"\"k\":\"dir\"", "\"k\":\"dir\",\"t\":\"x\"",
     "manifest line 7: t: only a symlink has a target"},
    {"\"ps\":8192", "\"ps\":8193", "manifest line 3: ps: found 8193, allowed: a power of two"},
    {"\"ps\":8192", "\"ps\":131072", "manifest line 3: ps: found 131072, allowed"},
    {"\"b\":4000000000", "\"b\":-2", "manifest line 3: b: found -2, allowed: -1 to 4294967295"},
    {"\"st\":[-1,1,2,", "\"st\":[-1,1,", "manifest line 3: st: must hold 7 integers"},
    {"\"st\":[-1,1,2,", "\"st\":[-1,1,-2,", "manifest line 3: st: the size is negative"},
    {"\"files\":6", "\"files\":5", "manifest line 8: files: says 5, but 6 came before"},
    {"\"end\":true", "\"end\":1", "manifest line 8: end: must be true"},
    {"{\"end\":true,\"files\":6}", "", "manifest line 8: not a JSON object: "},
    {"{\"end\":true,\"files\":6}\n", "", "manifest ends after line 7 without its closing line"},
    {"\"files\":6}\n", "\"files\":6}\n{}\n", "manifest line 9: something follows"},
};

START_TEST(bad_lines)
{
	struct manifest *m = sample(), *got = NULL;
	char *text = write_all(m), *at;
	struct str s = {0};
	struct err err = ERR_INIT;

	at = strstr(text, bad[_i].from);
	ck_assert_msg(at != NULL, "%s is not in the sample", bad[_i].from);
	str_addn(&s, text, (size_t)(at - text));
	str_add(&s, bad[_i].to);
	str_add(&s, at + strlen(bad[_i].from));
	ck_assert_int_eq(read_all(str_text(&s), &got, &err), -1);
	ck_assert_ptr_null(got);
	ck_assert_msg(!strncmp(err.text, bad[_i].says, strlen(bad[_i].says)), "%s", err.text);
	ck_assert_int_eq(err.kind, bad[_i].kind ? bad[_i].kind : ERR_DAMAGED);
	str_done(&s);
	free(text);
	manifest_free(m);
}
END_TEST

/* Whoever can write to a repository must not get a program with root's rights from
 * root's restore of it. */
START_TEST(no_file_is_set_user_id)
{
	struct manifest *m = sample(), *back = NULL;
	struct err err = ERR_INIT;
	char *text;

	for (size_t i = 0; i < m->files.n; i++)
		m->files.v[i].mode = 07755;
	text = write_all(m);
	ck_ok(read_all(text, &back, &err), err);
	for (size_t i = 0; i < back->files.n; i++)
		ck_assert_uint_eq(back->files.v[i].mode,
		                  back->files.v[i].kind == FILE_DIR ? 07755 : 01755);
	free(text);
	manifest_free(m);
	manifest_free(back);
}
END_TEST

START_TEST(full_has_no_base)
{
	struct manifest *m = sample(), *got = NULL;
	struct err err = ERR_INIT;
	char *text;

	m->kind = BACKUP_FULL;
	strcpy(m->id, "20261122T030000Z-full");
	m->parent[0] = 0;
	text = write_all(m);
	ck_assert_int_eq(read_all(text, &got, &err), -1);
	ck_assert_str_eq(err.text, "manifest line 3: b: a full has no parent to take bytes from");
	free(text);
	manifest_free(m);
}
END_TEST

START_TEST(unknown_keys_are_ignored)
{
	struct manifest *got = NULL, *m = sample();
	char *text = write_all(m);
	struct str s = {0};
	struct err err = ERR_INIT;

	for (char *p = text; *p; p++) {
		str_addn(&s, p, 1);
		if (*p == '\n' && p[1] == '{')
			str_add(&s, "{\"newer\":[1,{}],"), p++;
	}
	ck_ok(read_all(str_text(&s), &got, &err), err);
	str_done(&s);
	free(text);
	manifest_free(m);
	manifest_free(got);
}
END_TEST

/* Whatever a broken disk makes of it: a reason or a manifest, never a crash. */
START_TEST(mutations)
{
	struct manifest *m = sample();
	char *text = write_all(m), *copy;
	size_t n = strlen(text);
	unsigned refused = 0;

	srand(4711);
	for (int round = 0; round < 20000; round++) {
		struct manifest *got = NULL;
		struct err err = ERR_INIT;
		copy = mem_dup(text, n);
		for (int k = rand() % 4; k >= 0; k--)
			copy[(size_t)rand() % n] =
			    rand() % 2 ? (char)rand() : "0\"{}[],:-9\n%"[rand() % 12];
		size_t len = rand() % 4 ? n : (size_t)rand() % n;
		if (read_n(copy, len, &got, &err)) {
			refused++;
			ck_assert(err.text[0] && !got);
		}
		manifest_free(got);
		free(copy);
	}
	ck_assert_uint_gt(refused, 5000);
	free(text);
	manifest_free(m);
}
END_TEST

START_TEST(many_files)
{
	struct manifest *m = sample(), *got = NULL;
	struct err err = ERR_INIT;
	char path[64], *text;

	for (int i = 0; i < 20000; i++) {
		snprintf(path, sizeof path, "db%d/table%d.ibd", i % 100, i);
		add_file(m, FILE_PLAIN, path);
	}
	text = write_all(m);
	ck_ok(read_all(text, &got, &err), err);
	ck_assert_uint_eq(got->files.n, m->files.n);
	ck_assert_uint_le(sizeof(struct manifest_file), 120);
	free(text);
	manifest_free(m);
	manifest_free(got);
}
END_TEST

START_TEST(ids)
{
	ck_assert(backup_id_valid("20261122T020000Z-full"));
	ck_assert(backup_id_valid("20261122T020000Z-incr"));
	const char *no[] = {"",
	                    "x",
	                    "20261122T020000Z",
	                    "20261122T020000Z-fulx",
	                    "20261122T020000Z-full/..",
	                    "20261322T020000Z-full",
	                    "2026112/T020000Z-full",
	                    "20261122T250000Z-full",
	                    "20261122t020000Z-full"};
	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		ck_assert_msg(!backup_id_valid(no[i]), "%s", no[i]);
}
END_TEST

START_TEST(stamps)
{
	const int64_t s = 1000000000;
	struct file_stamp was = {1, 2, 100, 50 * s, 60 * s, 40 * s, 62 * s}, now = was;

	now.seen_ns = 900 * s;
	ck_assert(stamp_unchanged(&was, &now));
	was.seen_ns = 62 * s - 1; /* the change may have come after the look */
	ck_assert(!stamp_unchanged(&was, &now));
	was.seen_ns = 100 * s;
	was.mtime_ns = now.mtime_ns = 99 * s;
	ck_assert(!stamp_unchanged(&was, &now));
	was.mtime_ns = now.mtime_ns = INT64_MAX; /* a clock set wildly wrong */
	ck_assert(!stamp_unchanged(&was, &now));
	was.mtime_ns = now.mtime_ns = 50 * s;
	ck_assert(stamp_unchanged(&was, &now));
	struct file_stamp other = now;
	other.ctime_ns++;
	ck_assert(!stamp_unchanged(&was, &other) && stamp_same_file(&was, &other));
	other = now;
	other.mtime_ns--; /* set back by hand */
	ck_assert(!stamp_unchanged(&was, &other) && stamp_same_file(&was, &other));
	other = now;
	other.size++;
	ck_assert(!stamp_unchanged(&was, &other) && stamp_same_file(&was, &other));
	other = now;
	other.ino++;
	ck_assert(!stamp_unchanged(&was, &other) && !stamp_same_file(&was, &other));
	other = now;
	other.btime_ns++;
	ck_assert(!stamp_same_file(&was, &other));
	other = now;
	other.dev++;
	ck_assert(!stamp_same_file(&was, &other));
	struct file_stamp none = {0};
	ck_assert(!stamp_unchanged(&none, &none)); /* not known is not unchanged */
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("manifest");
	TCase *t = tcase_create("text");

	tcase_set_timeout(t, 120);
	tcase_add_test(t, round_trip);
	tcase_add_test(t, head_alone);
	tcase_add_loop_test(t, bad_lines, 0, sizeof bad / sizeof *bad);
	tcase_add_test(t, no_file_is_set_user_id);
	tcase_add_test(t, full_has_no_base);
	tcase_add_test(t, unknown_keys_are_ignored);
	tcase_add_test(t, mutations);
	tcase_add_test(t, many_files);
	tcase_add_test(t, ids);
	tcase_add_test(t, stamps);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
