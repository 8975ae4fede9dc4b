/* The whole path without a server: backups made by hand in a repository, restored
 * and verified. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "base/mem.h"
#include "innodb/page.h"
#include "job/catalog_load.h"
#include "job/expire.h"
#include "job/restore.h"
#include "job/restore_target.h"
#include "job/verify.h"
#include "pipe/codec.h"
#include "repo/backups.h"
#include "repo/pack.h"
#include "tests/unit/unit.h"

#define FULL "20261122T020000Z-full"
#define INCR "20261122T030000Z-incr"
#define MANY "20261122T040000Z-full"
#define LSN 100000u
#define KIB 1024u

static char dir[64], url[128], to[128];
static struct repo *repo;
static struct err err;

/* ---- making backups ---- */

struct maker {
	struct manifest *m;
	struct pack_set set;
	struct pack_writer *w;
	struct codec *codec;
};

static void add_root(struct manifest *m, const char *path, const char *role)
{
	*vec_push(&m->roots) = (struct manifest_root){.path = mem_strdup(path),
	                                              .role = mem_strdup(role),
	                                              .mode = 0750,
	                                              .uid = geteuid(),
	                                              .gid = getegid()};
}

static void begin(struct maker *k, const char *id, const char *parent)
{
	struct manifest *m = k->m = manifest_new();

	strcpy(m->id, id);
	strcpy(m->parent, parent);
	m->kind = parent[0] ? BACKUP_INCREMENTAL : BACKUP_FULL;
	m->instance = mem_strdup("main");
	m->method = mem_strdup("hot");
	m->mybak_version = mem_strdup("0");
	m->flavour = mem_strdup("mariadb");
	m->version = mem_strdup("10.11.19-MariaDB");
	m->uuid = mem_strdup("");
	m->page_size = 16384;
	m->started_us = m->finished_us = clock_wall_us();
	m->lsn_checkpoint = LSN;
	m->lsn_end = LSN;
	m->redo.first_lsn = 20480;
	m->redo.file_size = 1 << 20;
	m->redo.capacity = (1 << 20) - 12288;
	m->redo.checkpoint_end_lsn = LSN;
	be32_put(m->redo.header, 0x50687973);
	be64_put(m->redo.header + 8, 20480);
	be32_put(m->redo.header + 508, innodb_crc32c(0, m->redo.header, 508));
	add_root(m, "/var/lib/mysql", "datadir");
	k->set = (struct pack_set){.repo = repo, .instance = "main", .id = k->m->id};
	k->w = pack_writer_new(&k->set);
	ck_ok(codec_new(&k->codec, &err), err);
}

static uint32_t add_file(struct maker *k, enum file_kind kind, const char *path, uint64_t size,
                         int64_t base)
{
	*vec_push(&k->m->files) = (struct manifest_file){
	    .path = mem_strdup(path),
	    .kind = (uint8_t)kind,
	    .mode = kind == FILE_DIR ? 0700 : 0640,
	    .uid = geteuid(),
	    .gid = getegid(),
	    .size = size,
	    .page_size = kind == FILE_INNODB ? 16384 : 0,
	    .base = base,
	    .stamp = {.mtime_ns = 1700000000000000000LL},
	};
	return (uint32_t)k->m->files.n - 1;
}

/* Bytes that compress a little and differ everywhere. */
static void fill(unsigned char *p, size_t n, unsigned seed)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (unsigned char)((i / 3 * 2654435761u + seed * 40503u) >> 13 | 1);
}

static void put_frame(struct maker *k, const unsigned char *raw, uint32_t raw_n,
                      const struct extent *e, uint32_t n)
{
	struct frame f = {.raw = raw_n, .extents = e, .extent_n = n};
	const void *stored = NULL;

	if (raw_n)
		ck_ok(codec_encode(k->codec, 1, raw, &f, &stored, &err), err);
	ck_ok(pack_writer_add(k->w, &f, stored, &err), err);
}

/* `n` bytes of file `file` from `off` on, in frames of 64 KiB; also into `image`. */
static void put(struct maker *k, uint32_t file, uint64_t off, size_t n, unsigned seed,
                unsigned char *image)
{
	unsigned char raw[64 * KIB];

	for (size_t at = 0; at < n; at += sizeof raw) {
		uint32_t part = (uint32_t)(n - at < sizeof raw ? n - at : sizeof raw);
		struct extent e = {.file = file, .off = off + at, .len = part};
		fill(raw, part, seed + (unsigned)at);
		put_frame(k, raw, part, &e, 1);
		if (image)
			memcpy(image + off + at, raw, part);
	}
}

static void put_zero(struct maker *k, uint32_t file, uint64_t off, uint64_t n, unsigned char *image)
{
	struct extent e = {.file = file, .zero = 1, .off = off, .len = n};

	put_frame(k, NULL, 0, &e, 1);
	memset(image + off, 0, n);
}

static void end(struct maker *k)
{
	ck_ok(pack_writer_finish(k->w, k->m, &err), err);
	ck_ok(manifest_store(repo, k->m, &err), err);
	pack_writer_free(k->w);
	codec_free(k->codec);
	manifest_free(k->m);
}

/* What the newest backup must look like. */
#define BIG (1000 * KIB)
#define GROWN (1200 * KIB)
static unsigned char big[GROWN], small[300], holes[256 * KIB];

static void make_full(void)
{
	struct maker k;

	begin(&k, FULL, "");
	add_file(&k, FILE_DIR, "db", 0, -1);
	uint32_t t = add_file(&k, FILE_INNODB, "db/t.ibd", BIG, -1);
	uint32_t frm = add_file(&k, FILE_PLAIN, "db/t.frm", sizeof small, -1);
	add_file(&k, FILE_PLAIN, "db/empty.MYD", 0, -1);
	uint32_t gone = add_file(&k, FILE_GONE, "db/gone.ibd", 100, -1);
	uint32_t h = add_file(&k, FILE_INNODB, "db/holes.ibd", sizeof holes, -1);
	k.m->files.v[h].sparse = true;
	add_file(&k, FILE_REDO, "ib_logfile0", 0, -1);
	put(&k, t, 0, BIG, 1, big);
	put(&k, frm, 0, sizeof small, 2, small);
	put(&k, gone, 0, 100, 3, NULL);
	/* a page with a hole of its own inside the frame */
	unsigned char raw[32 * KIB] = {0};
	struct extent e = {.file = h, .off = 64 * KIB, .len = sizeof raw};
	fill(raw, 4 * KIB, 4);
	fill(raw + 16 * KIB, 4 * KIB, 5);
	put_frame(&k, raw, sizeof raw, &e, 1);
	memcpy(holes + 64 * KIB, raw, sizeof raw);
	end(&k);
}

static void make_incr(void)
{
	struct maker k;

	begin(&k, INCR, FULL);
	add_file(&k, FILE_DIR, "db", 0, -1);
	uint32_t frm = add_file(&k, FILE_PLAIN, "db/renamed.frm", sizeof small, 2);
	uint32_t t = add_file(&k, FILE_INNODB, "db/renamed.ibd", GROWN, 1);
	uint32_t h = add_file(&k, FILE_INNODB, "db/holes.ibd", sizeof holes, 5);
	k.m->files.v[h].sparse = true;
	add_file(&k, FILE_REDO, "ib_logfile0", 0, -1);
	(void)frm;
	put(&k, t, 160 * KIB, 32 * KIB, 7, big);
	put_zero(&k, t, 320 * KIB, 16 * KIB, big);
	put(&k, t, BIG, 100 * KIB, 8, big);
	put(&k, h, 128 * KIB, 16 * KIB, 9, holes);
	end(&k);
}

static void setup(void)
{
	struct repo_options o = {.create = true};

	err = ERR_INIT;
	memset(big, 0, sizeof big);
	memset(holes, 0, sizeof holes);
	strcpy(dir, "/var/tmp/unit-restore-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(url, sizeof url, "file://%s/repo", dir);
	snprintf(to, sizeof to, "%s/new/data", dir);
	ck_ok(repo_open(url, &o, &repo, &err), err);
	make_full();
}

static void teardown(void)
{
	repo_close(repo);
	ck_ok(fsio_remove_tree(dir, &err), err);
}

/* ---- looking at what came out ---- */

static const char *in(const char *name)
{
	static char path[300];

	snprintf(path, sizeof path, "%s/%s", to, name);
	return path;
}

static bool there(const char *path)
{
	return access(path, F_OK) == 0;
}

static void same(const char *name, const unsigned char *want, size_t n)
{
	struct stat st;
	char *bytes = NULL;
	size_t got = 0;

	ck_ok(fsio_read_file(in(name), 8 << 20, &bytes, &got, &err), err);
	ck_assert_uint_eq(got, n);
	ck_assert_msg(!memcmp(bytes, want, n), "%s differs", name);
	free(bytes);
	ck_assert_int_eq(stat(in(name), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
}

static struct restore_request request(const char *backup)
{
	return (struct restore_request){.repo_url = url, .backup = backup, .to = to};
}

static int run(const struct restore_request *req)
{
	struct restore_result result = {0};
	int rc;

	err_clear(&err);
	rc = restore_run(req, &result, &err);
	if (rc == 0)
		restore_result_done(&result);
	return rc;
}

static void check_full(void)
{
	same("db/t.ibd", big, BIG);
	same("db/t.frm", small, sizeof small);
	same("db/empty.MYD", small, 0);
	same("db/holes.ibd", holes, sizeof holes);
	ck_assert(!there(in("db/gone.ibd")));
	ck_assert(there(in("ib_logfile0")));
	ck_assert(!there(in(RESTORE_MARK)));
}

START_TEST(test_full)
{
	struct restore_request req = request(FULL);
	struct stat st;

	ck_ok(run(&req), err);
	check_full();
	ck_assert_int_eq(stat(in("db/t.frm"), &st), 0);
	ck_assert_int_eq(st.st_mtime, 1700000000);
	ck_assert_int_eq(stat(in("db"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	ck_assert_int_eq(stat(to, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0750);
	/* Holes stay holes, also those inside of pages. */
	ck_assert_int_eq(stat(in("db/holes.ibd"), &st), 0);
	ck_assert_int_le(st.st_blocks * 512, 24 * KIB);
}
END_TEST

START_TEST(test_incremental)
{
	struct restore_request req = request(NULL);

	make_incr();
	for (unsigned jobs = 1; jobs <= 4; jobs += 3) {
		req.jobs = jobs;
		ck_ok(run(&req), err);
		same("db/renamed.ibd", big, GROWN);
		same("db/renamed.frm", small, sizeof small);
		same("db/holes.ibd", holes, sizeof holes);
		ck_assert(!there(in("db/t.ibd")) && !there(in("db/empty.MYD")));
		req.force = true; /* the second time it replaces the first */
	}
}
END_TEST

START_TEST(test_more_files_than_descriptors)
{
	struct maker k;
	struct restore_request req = request(MANY);
	struct stat st;
	char name[32];

	begin(&k, MANY, "");
	struct rlimit few = {400, 400};
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	for (unsigned i = 0; i < 1500; i++) {
		snprintf(name, sizeof name, "db/t%u.ibd", i);
		put(&k, add_file(&k, FILE_INNODB, name, 16 * KIB, -1), 0, 16 * KIB, i, NULL);
	}
	end(&k);
	ck_ok(run(&req), err);
	for (unsigned i = 0; i < 1500; i += 499) {
		snprintf(name, sizeof name, "db/t%u.ibd", i);
		unsigned char want[16 * KIB];
		fill(want, sizeof want, i);
		same(name, want, sizeof want);
	}
	ck_assert_int_eq(stat(in("db"), &st), 0);
}
END_TEST

static void refused(const struct restore_request *req, enum err_kind kind, const char *word)
{
	ck_assert_int_eq(run(req), -1);
	ck_assert_msg(err.kind == kind, "%s: %s", err_kind_name(err.kind), err.text);
	ck_assert_msg(strstr(err.text, word) != NULL, "\"%s\" lacks \"%s\"", err.text, word);
}

START_TEST(test_refusals)
{
	struct restore_request req = request("20200101T000000Z-full");

	refused(&req, ERR_NOT_FOUND, "20200101");
	ck_assert(strstr(err.hint, "list"));
	req = request(NULL);
	req.instance = "other";
	refused(&req, ERR_NOT_FOUND, "other");
	req = request(NULL);
	req.to = "/etc";
	req.force = true;
	refused(&req, ERR_REFUSED, "/etc");
	req.to = "/";
	refused(&req, ERR_REFUSED, "system");
	req.to = dir; /* holds the repository */
	refused(&req, ERR_REFUSED, "repository");
	req.to = "";
	refused(&req, ERR_USAGE, "empty");
	req = request(NULL);
	req.recover = true;
	req.server_binary = "/no/such/server";
	ck_assert_int_eq(run(&req), -1);
	ck_assert(strstr(err.text, "/no/such/server"));
	/* Nothing was written by any of them. */
	ck_assert(!there(to));
	snprintf(to, sizeof to, "%s/new", dir);
	ck_assert(!there(to));
}
END_TEST

START_TEST(test_not_empty)
{
	struct restore_request req = request(NULL);
	struct stat st;

	ck_ok(fsio_mkdirs(in("sub"), 0700, &err), err);
	ck_ok(fsio_replace(in("precious"), "x", 1, 0600, &err), err);
	refused(&req, ERR_REFUSED, "precious");
	ck_assert(strstr(err.hint, "--force"));
	ck_assert(there(in("precious")));
	/* A link is not followed, neither as the target nor when it is emptied. */
	char link[200], keep[200];
	snprintf(link, sizeof link, "%s/link", dir);
	snprintf(keep, sizeof keep, "%s/keep", dir);
	ck_assert_int_eq(symlink(to, link), 0);
	req.to = link;
	req.force = true;
	refused(&req, ERR_REFUSED, "symbolic link");
	ck_ok(fsio_mkdirs(keep, 0700, &err), err);
	strcat(keep, "/file");
	ck_ok(fsio_replace(keep, "x", 1, 0600, &err), err);
	snprintf(link, sizeof link, "%s/keep", dir);
	ck_assert_int_eq(symlink(link, in("sub/link")), 0);
	req.to = to;
	ck_ok(run(&req), err);
	check_full();
	ck_assert(!there(in("precious")) && !there(in("sub")));
	ck_assert_int_eq(stat(keep, &st), 0);
	/* What is there after a crash is not data. */
	ck_ok(fsio_replace(in(RESTORE_MARK), "x", 1, 0600, &err), err);
	req.force = false;
	refused(&req, ERR_REFUSED, "incomplete restore");
}
END_TEST

START_TEST(test_in_use)
{
	struct restore_request req = request(NULL);
	struct flock lock = {.l_type = F_WRLCK};
	int status;

	req.force = true;
	ck_ok(fsio_mkdirs(to, 0700, &err), err);
	ck_ok(fsio_replace(in("ibdata1"), "x", 1, 0600, &err), err);
	pid_t server = fork(); /* a lock is seen by other processes only */
	if (server == 0) {
		int fd = open(in("ibdata1"), O_RDWR);
		if (fd < 0 || fcntl(fd, F_SETLK, &lock) < 0)
			_exit(1);
		pause();
	}
	char *locked = NULL;
	for (int i = 0; i < 200 && !locked; i++, clock_sleep_ms(10))
		locked = target_in_use(to);
	ck_assert_ptr_nonnull(locked);
	free(locked);
	refused(&req, ERR_REFUSED, "running server holds a lock");
	ck_assert(there(in("ibdata1")));
	kill(server, SIGKILL);
	waitpid(server, &status, 0);
	ck_ok(run(&req), err);
}
END_TEST

/* A database nobody uses has nothing locked or open; the server above it tells. */
START_TEST(test_in_a_live_directory)
{
	struct restore_request req = request(NULL);
	struct flock lock = {.l_type = F_WRLCK};
	char live[100], shop[120], table[140];
	int status;

	snprintf(live, sizeof live, "%s/live", dir);
	snprintf(shop, sizeof shop, "%s/shop", live);
	snprintf(table, sizeof table, "%s/t.ibd", shop);
	ck_ok(fsio_mkdirs(shop, 0700, &err), err);
	ck_ok(fsio_replace(table, "x", 1, 0600, &err), err);
	strcat(live, "/aria_log_control");
	ck_ok(fsio_replace(live, "x", 1, 0600, &err), err);
	pid_t server = fork();
	if (server == 0) {
		int fd = open(live, O_RDWR);
		if (fd < 0 || fcntl(fd, F_SETLK, &lock) < 0)
			_exit(1);
		pause();
	}
	*strrchr(live, '/') = '\0';
	char *locked = NULL;
	for (int i = 0; i < 200 && !locked; i++, clock_sleep_ms(10))
		locked = target_in_use(live);
	ck_assert_ptr_nonnull(locked);
	free(locked);
	req.to = shop;
	req.force = true;
	refused(&req, ERR_REFUSED, "data directory that is in use");
	ck_assert(there(table));
	strcat(shop, "/new");
	refused(&req, ERR_REFUSED, "data directory that is in use");
	ck_assert(!there(shop));
	kill(server, SIGKILL);
	waitpid(server, &status, 0);
}
END_TEST

/* Emptying a directory stops at a file system mounted in it. */
START_TEST(test_mount_below)
{
	struct restore_request req = request(NULL);
	char other[100], file[120];

	snprintf(other, sizeof other, "%s/other", dir);
	snprintf(file, sizeof file, "%s/precious", other);
	ck_ok(fsio_mkdirs(other, 0700, &err), err);
	ck_ok(fsio_replace(file, "x", 1, 0600, &err), err);
	ck_ok(fsio_mkdirs(in("a/b"), 0700, &err), err);
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount(other, in("a/b"), NULL, MS_BIND, NULL) < 0)
		return; /* only root may mount */
	req.force = true;
	refused(&req, ERR_REFUSED, "mounted at");
	ck_assert(there(file));
	ck_assert_int_eq(umount(in("a/b")), 0);
	ck_ok(run(&req), err);
	ck_assert(there(file));
}
END_TEST

/* Whoever stops a restore with --force at its first step keeps what is still there. */
START_TEST(test_emptying_is_cut_off)
{
	struct cancel cancel = {0};
	struct target t;
	char mark[200];

	ck_ok(fsio_mkdirs(to, 0700, &err), err);
	ck_ok(fsio_replace(in("precious"), "x", 1, 0600, &err), err);
	snprintf(mark, sizeof mark, "%s/%s", to, RESTORE_MARK);
	ck_ok(target_check(to, TARGET_DATADIR, true, url, &t, &err), err);
	cancel_ask(&cancel);
	ck_assert_int_eq(target_prepare(&t, "x", &cancel, &err), -1);
	ck_assert_int_eq(err.kind, ERR_CANCELLED);
	target_undo(&t);
	ck_assert(there(in("precious")));
	ck_assert(!there(mark));
	target_done(&t);
	/* The mark cannot be made: nothing was begun. */
	err_clear(&err);
	ck_ok(target_check(to, TARGET_DATADIR, true, url, &t, &err), err);
	ck_ok(fsio_mkdirs(mark, 0700, &err), err);
	ck_assert_int_eq(target_prepare(&t, "x", NULL, &err), -1);
	target_undo(&t);
	ck_assert(there(in("precious")));
	target_done(&t);
}
END_TEST

START_TEST(test_filled_meanwhile)
{
	struct target t;

	ck_ok(target_check(to, TARGET_DATADIR, false, url, &t, &err), err);
	ck_ok(fsio_mkdirs(to, 0700, &err), err);
	ck_ok(fsio_replace(in("precious"), "x", 1, 0600, &err), err);
	ck_assert_int_eq(target_prepare(&t, "x", NULL, &err), -1);
	ck_assert_int_eq(err.kind, ERR_REFUSED);
	target_undo(&t);
	ck_assert(there(in("precious")));
	target_done(&t);
}
END_TEST

/* A directory outside the data directory is emptied only if a restore left it half
 * made: on the source's host it may be the live one. */
START_TEST(test_mapped)
{
	struct maker k;
	char map[200], ext[100], file[150];
	const char *maps[] = {map, NULL};
	struct restore_request req = request(MANY);

	begin(&k, MANY, "");
	add_root(k.m, "/data/ext", "external");
	uint32_t t = add_file(&k, FILE_INNODB, "db/t.ibd", 16 * KIB, -1);
	k.m->files.v[t].root = 1;
	put(&k, t, 0, 16 * KIB, 1, big);
	uint32_t isl = add_file(&k, FILE_PLAIN, "db/t.isl", 18, -1);
	struct extent e = {.file = isl, .len = 18};
	put_frame(&k, (const unsigned char *)"/data/ext/db/t.ibd", 18, &e, 1);
	end(&k);
	refused(&req, ERR_USAGE, "/data/ext");
	snprintf(ext, sizeof ext, "%s/ext", dir);
	snprintf(map, sizeof map, "/data/ext=%s", ext);
	snprintf(file, sizeof file, "%s/db/t.ibd", ext);
	req.maps = maps;
	ck_ok(run(&req), err);
	same("db/t.isl", (const unsigned char *)file, strlen(file));
	ck_assert(there(file));
	req.force = true;
	refused(&req, ERR_REFUSED, "/ext is not empty");
	ck_assert(there(file));
	snprintf(file, sizeof file, "%s/%s", ext, RESTORE_MARK);
	ck_ok(fsio_replace(file, "x", 1, 0600, &err), err);
	ck_ok(run(&req), err);
	ck_assert(!there(file));
}
END_TEST

static void object(char *buf, size_t size, const char *id, const char *name)
{
	snprintf(buf, size, "%s/repo/main/backups/%s/%s", dir, id, name);
}

static void flip(const char *path, off_t at)
{
	unsigned char b;
	int fd = open(path, O_RDWR);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pread(fd, &b, 1, at), 1);
	b ^= 0x10;
	ck_assert_int_eq(pwrite(fd, &b, 1, at), 1);
	close(fd);
}

static int verify(const char *backup, struct verify_result *ret)
{
	struct verify_request req = {.repo_url = url, .backup = backup, .jobs = 2};

	err_clear(&err);
	return verify_run(&req, ret, &err);
}

START_TEST(test_failed_restore_leaves_nothing)
{
	struct restore_request req = request(FULL);
	char pack[300];
	struct stat st;

	object(pack, sizeof pack, FULL, "pack.000");
	ck_assert_int_eq(stat(pack, &st), 0);
	flip(pack, st.st_size / 2);
	refused(&req, ERR_DAMAGED, "pack.000");
	ck_assert(strstr(err.hint, "removed"));
	ck_assert(!there(to));
	/* A directory that was there stays, empty. */
	ck_ok(fsio_mkdirs(to, 0700, &err), err);
	refused(&req, ERR_DAMAGED, "pack.000");
	bool empty = false;
	ck_ok(fsio_is_empty_dir(to, &empty, &err), err);
	ck_assert(there(to) && empty);
}
END_TEST

START_TEST(test_cancel)
{
	struct cancel cancel = {0};
	struct progress progress = {NULL};
	struct restore_request req = request(FULL);

	cancel_ask(&cancel);
	req.cancel = &cancel;
	req.progress = &progress;
	refused(&req, ERR_CANCELLED, "cancelled");
	ck_assert(!there(to));
}
END_TEST

START_TEST(test_progress)
{
	struct progress progress = {NULL};
	struct restore_request req = request(FULL);

	req.progress = &progress;
	ck_ok(run(&req), err);
	ck_assert_uint_gt(progress.bytes_total, BIG);
	ck_assert_uint_eq(progress.bytes_done, progress.bytes_total);
	ck_assert_str_eq(progress.step, "finish");
}
END_TEST

START_TEST(test_verify_good)
{
	struct verify_result r = {0};

	make_incr();
	ck_ok(verify(NULL, &r), err);
	ck_assert_uint_eq(r.backups, 2);
	ck_assert_uint_gt(r.frames, 10);
	ck_assert(r.findings.v[0].usable && r.findings.v[1].usable);
	verify_result_done(&r);
	ck_assert_int_eq(verify("20200101T000000Z-full", &r), -1);
	ck_assert_int_eq(err.kind, ERR_NOT_FOUND);
	verify_result_done(&r);
}
END_TEST

/* One flipped bit, wherever it is, is found, and the child is told of its parent. */
START_TEST(test_verify_flips)
{
	static const char *const names[] = {"pack.000", "index.000", "manifest"};
	struct verify_result r = {0};
	char path[300];
	struct stat st;

	make_incr();
	for (unsigned n = 0; n < 3; n++) {
		object(path, sizeof path, FULL, names[n]);
		ck_assert_int_eq(stat(path, &st), 0);
		for (off_t at = 0; at < st.st_size; at += 1 + st.st_size / 40) {
			flip(path, at);
			ck_assert_msg(verify(INCR, &r) == -1, "%s byte %ld", names[n], (long)at);
			ck_assert_int_eq(err.kind, ERR_DAMAGED);
			ck_assert_uint_eq(r.findings.n, 1);
			ck_assert(!r.findings.v[0].usable);
			ck_assert_msg(strstr(r.findings.v[0].why.text, FULL) != NULL, "%s",
			              r.findings.v[0].why.text);
			verify_result_done(&r);
			flip(path, at);
		}
	}
	ck_ok(verify(NULL, &r), err);
	verify_result_done(&r);
}
END_TEST

START_TEST(test_verify_missing)
{
	struct verify_result r = {0};
	unsigned char *was = mem_dup(big, sizeof big);
	char path[300];

	make_incr();
	object(path, sizeof path, INCR, "pack.000");
	ck_assert_int_eq(truncate(path, 1000), 0);
	ck_assert_int_eq(verify(NULL, &r), -1);
	ck_assert(r.findings.v[0].usable && !r.findings.v[1].usable);
	ck_assert(strstr(r.findings.v[1].why.text, "1000 bytes"));
	verify_result_done(&r);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(verify(NULL, &r), -1);
	ck_assert(!r.findings.v[1].usable);
	verify_result_done(&r);
	/* A manifest that was cut off is listed, and "latest" does not skip it. */
	struct restore_request req = request(NULL);
	struct catalog c;
	struct stat st;
	object(path, sizeof path, INCR, "manifest");
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(truncate(path, st.st_size / 2), 0);
	ck_ok(catalog_load(repo, "main", &c, &err), err);
	ck_assert_uint_eq(c.damaged_n, 1);
	ck_assert_uint_eq(c.backups.n, 1);
	catalog_done(&c);
	refused(&req, ERR_DAMAGED, INCR);
	ck_assert(strstr(err.hint, FULL));
	req.backup = FULL;
	ck_ok(run(&req), err);
	same("db/t.ibd", was, BIG);
	free(was);
}
END_TEST

/* A full manifest whose tail line is gone, but whose compression is whole. */
START_TEST(test_manifest_without_end)
{
	struct manifest *m = NULL;
	struct str text = {0};
	struct sink *object;
	char *name = repo_name_manifest("main", INCR);

	ck_ok(manifest_load(repo, "main", FULL, true, &m, &err), err);
	strcpy(m->id, INCR);
	manifest_write_head(m, &text);
	manifest_write_file(&m->files.v[0], &text);
	ck_ok(repo_put(repo, name, &object, &err), err);
	object = codec_object_sink(object, 1);
	ck_ok(sink_write(object, str_text(&text), text.n, &err), err);
	ck_ok(sink_finish(object, &err), err);
	sink_free(object);
	manifest_free(m);
	ck_assert_int_eq(manifest_load(repo, "main", INCR, false, &m, &err), -1);
	ck_assert_int_eq(err.kind, ERR_DAMAGED);
	ck_assert_int_eq(manifest_load(repo, "main", INCR, true, &m, &err), -1);
	ck_assert_int_eq(err.kind, ERR_DAMAGED);
	free(name);
	str_done(&text);
}
END_TEST

START_TEST(test_expire)
{
	struct policy *p = policy_new();
	struct policy_repository where = {.name = mem_strdup("local"), .url = mem_strdup(url)};
	struct policy_instance inst = {
	    .name = mem_strdup("main"),
	    .retention = {.full_days = 1, .incremental_days = 1, .min_full = 1}};
	struct expire_result r = {0};

	make_incr();
	p->repositories = mem_dup(&where, sizeof where);
	p->repository_n = 1;
	clock_set_fake(clock_wall_us() + 10 * 86400 * CLOCK_US);
	for (int dry = 1; dry >= 0; dry--) {
		ck_ok(expire_run(p, &inst, dry, NULL, &r, &err), err);
		ck_assert_uint_eq(r.lines.n, 2);
		ck_assert_str_eq(r.lines.v[0].id, FULL);
		ck_assert(!r.lines.v[0].remove); /* the last full stays */
		ck_assert(r.lines.v[1].remove);
		ck_assert(r.lines.v[1].reason[0]);
		expire_result_done(&r);
	}
	ck_ok(expire_run(p, &inst, true, NULL, &r, &err), err);
	ck_assert_uint_eq(r.lines.n, 1);
	expire_result_done(&r);
	/* While somebody restores, nothing is taken away; looking is free. */
	void *lock;
	char *name = backups_reader_lock("main");
	ck_ok(repo_lock(repo, name, false, "restore", &lock, &err), err);
	ck_assert_int_eq(expire_run(p, &inst, false, NULL, &r, &err), -1);
	ck_assert_int_eq(err.kind, ERR_BUSY);
	ck_ok(expire_run(p, &inst, true, NULL, &r, &err), err);
	expire_result_done(&r);
	repo_unlock(repo, lock);
	free(name);
	free(inst.name);
	clock_set_fake(-1);
	policy_unref(p);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("job_restore");
	TCase *t = tcase_create("restore");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_full);
	tcase_add_test(t, test_incremental);
	tcase_add_test(t, test_more_files_than_descriptors);
	tcase_add_test(t, test_refusals);
	tcase_add_test(t, test_not_empty);
	tcase_add_test(t, test_in_use);
	tcase_add_test(t, test_in_a_live_directory);
	tcase_add_test(t, test_mount_below);
	tcase_add_test(t, test_emptying_is_cut_off);
	tcase_add_test(t, test_filled_meanwhile);
	tcase_add_test(t, test_mapped);
	tcase_add_test(t, test_failed_restore_leaves_nothing);
	tcase_add_test(t, test_cancel);
	tcase_add_test(t, test_progress);
	tcase_add_test(t, test_verify_good);
	tcase_add_test(t, test_verify_flips);
	tcase_add_test(t, test_verify_missing);
	tcase_add_test(t, test_manifest_without_end);
	tcase_add_test(t, test_expire);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
