/*
 * The hot copy of MariaDB >= 10.8.
 *
 *	begin     BACKUP STAGE START; aria_log_control; redo capture from the newest
 *	          checkpoint; scan
 *	stage 1   tablespaces, while everything goes on
 *	advance   FLUSH, BLOCK_DDL; scan again
 *	stage 2   tablespaces that are new, then everything that is no tablespace
 *	advance   the capture catches up; BLOCK_COMMIT; end LSN, binlog position, tail of
 *	          the Aria logs; END; redo up to the end LSN
 *	stage 3   what was read into memory under the lock
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/str.h"
#include "source/aria.h"
#include "source/mariadb_names.h"
#include "source/parent.h"
#include "source/redo_capture.h"
#include "source/scan.h"
#include "source/source.h"
#include "source/stages.h"
#include "source/work.h"

#define FLUSH_SETTING "innodb_flush_log_at_trx_commit"
/* Questions asked while commits are blocked: a server that hangs is let go soon. */
#define SIDE_TIMEOUT_S 10
#define CATCH_UP_BYTES (256u << 10)

struct hot {
	struct source source;
	struct source_plan plan;
	struct manifest *out;
	struct conn *side; /* questions and settings; holds no lock */
	struct stages stages;
	struct redo_capture *capture;
	struct aria aria;
	uint16_t aria_root;
	struct parent parent;
	struct mariadb_names names;
	pthread_mutex_t lock; /* guards work and out->files while copy threads run */
	struct work first, second;
	struct work *work; /* the one of this stage */
	int stage;
	bool ended;         /* BACKUP STAGE END was said */
	unsigned flush_was; /* the server's setting, asked just before it is changed */
	bool flush_changed; /* it has to be put back */
};

static struct hot *hot_of(struct source *s)
{
	return (struct hot *)s;
}

static int hot_probe(const struct facts *facts, struct err *err)
{
	return facts_check_hot(facts, err);
}

static int open_sessions(struct hot *h, struct err *err)
{
	if (conn_open(&h->plan.target, 0, &h->stages.conn, err) != 0 ||
	    conn_open(&h->plan.target, SIDE_TIMEOUT_S, &h->side, err) != 0)
		return -1;
	h->stages.wait_s = h->plan.lock_wait_s;
	h->stages.retries = h->plan.lock_retries;
	h->stages.cancel = h->plan.cancel;
	return 0;
}

static int plan_roots(struct hot *h, struct err *err)
{
	const struct facts *f = h->plan.facts;
	scan_root(h->out, h->plan.datadir ? h->plan.datadir : f->datadir, "datadir");
	if (mariadb_names_init(&h->names, f, h->out, err) != 0)
		return -1;
	h->aria_root = f->aria_log_dir ? scan_root(h->out, f->aria_log_dir, "aria_log") : 0;
	return 0;
}

static void work_prepare(struct hot *h, struct work *w)
{
	work_init(w);
	w->out = h->out;
	w->parent = &h->parent;
	w->names = &h->names;
	w->server_page_size = h->plan.facts->page_size;
	w->myisam_mmap = h->plan.facts->myisam_mmap;
}

/* The redo is file 0; its owner and mode are those of the server's log. */
static void add_redo_file(struct hot *h, const char *redo_dir)
{
	struct manifest_file f = {
	    .path = mem_strdup("ib_logfile0"), .kind = FILE_REDO, .base = -1, .mode = 0660};
	char *path = mem_printf("%s/ib_logfile0", redo_dir);
	struct stat st;
	if (stat(path, &st) == 0) {
		f.mode = st.st_mode & 07777u;
		f.uid = st.st_uid;
		f.gid = st.st_gid;
	}
	free(path);
	*vec_push(&h->out->files) = f;
}

static int start_capture(struct hot *h, struct err *err)
{
	const struct facts *f = h->plan.facts;
	struct redo_capture_plan plan = {
	    .target = h->plan.target,
	    .redo_dir = f->redo_dir ? f->redo_dir : h->out->roots.v[0].path,
	    .to = h->plan.redo,
	    .cancel = h->plan.cancel,
	};
	add_redo_file(h, plan.redo_dir);
	if (redo_capture_start(&plan, &h->capture, err) != 0)
		return -1;
	const struct mariadb_redo *log = redo_capture_log(h->capture);
	h->out->lsn_checkpoint = log->checkpoint;
	memcpy(h->out->redo.header, log->header, sizeof h->out->redo.header);
	h->out->redo.first_lsn = log->first_lsn;
	h->out->redo.capacity = log->capacity;
	h->out->redo.file_size = log->file_size;
	h->out->redo.checkpoint_end_lsn = log->checkpoint_end;
	return 0;
}

static int scan_now(struct hot *h, struct scan *ret, struct err *err)
{
	struct scan_plan plan = {
	    .out = h->out, .classify = mariadb_names_classify, .arg = &h->names};
	return scan_run(&plan, ret, err);
}

static void add_total(struct hot *h, const struct work *w)
{
	if (h->plan.progress)
		atomic_fetch_add(&h->plan.progress->bytes_total, work_bytes(w));
}

static void say_step(struct hot *h, const char *literal)
{
	if (h->plan.progress)
		progress_step(h->plan.progress, literal);
}

static int plan_first(struct hot *h, struct err *err)
{
	struct scan scan;
	if (scan_now(h, &scan, err) != 0)
		return -1;
	for (size_t i = 0; i < scan.list.n; i++)
		if (scan.list.v[i].kind == FOUND_INNODB)
			work_add(&h->first, &scan.list.v[i])->may_wait = true;
	scan_done(&scan);
	work_sort(&h->first);
	add_total(h, &h->first);
	return 0;
}

static void hot_free(struct source *s);

static int hot_begin(const struct source_plan *plan, struct source **ret, struct err *err)
{
	struct hot *h = mem_zalloc(sizeof *h);
	h->source.ops = &source_hot_mariadb;
	h->plan = *plan;
	h->out = plan->out;
	pthread_mutex_init(&h->lock, NULL);
	parent_init(&h->parent, plan->parent);
	work_prepare(h, &h->first);
	work_prepare(h, &h->second);
	h->second.hurry = true;
	h->work = &h->first;
	h->stage = 1;

	say_step(h, "start");
	if (open_sessions(h, err) != 0 || plan_roots(h, err) != 0 ||
	    stages_enter(&h->stages, "START", err) != 0 ||
	    aria_begin(&h->aria, h->out, h->aria_root, err) != 0 || start_capture(h, err) != 0 ||
	    plan_first(h, err) != 0) {
		hot_free(&h->source);
		return -1;
	}
	say_step(h, "copy");
	*ret = &h->source;
	return 0;
}

static int hot_next(struct source *s, struct item *ret, struct err *err)
{
	struct hot *h = hot_of(s);
	/* A copy whose redo is lost is worth nothing: stop at once. */
	if (redo_capture_check(h->capture, err) != 0)
		return -1;
	pthread_mutex_lock(&h->lock);
	int rc = work_next(h->work, ret, err);
	pthread_mutex_unlock(&h->lock);
	return rc;
}

/* A file that ended before its scanned size was cut short meanwhile (an undo
 * tablespace being truncated): redo owes the rest. */
static void hot_done(struct source *s, const struct item *item, uint64_t end)
{
	struct hot *h = hot_of(s);
	if (item->fd < 0 || end >= item->off + item->len)
		return;
	pthread_mutex_lock(&h->lock);
	struct manifest_file *m = &h->out->files.v[item->file];
	if (end < m->size)
		m->size = end;
	pthread_mutex_unlock(&h->lock);
}

/* Files of stage 1 by inode, to meet them again under another name. */
struct met {
	struct hot *h;
	size_t *order;
	bool *seen;
};

static int met_compare(const void *a, const void *b, void *arg)
{
	const struct work *w = arg;
	uint64_t x = w->files.v[*(const size_t *)a].found.stamp.ino;
	uint64_t y = w->files.v[*(const size_t *)b].found.stamp.ino;
	return x < y ? -1 : x > y;
}

static void met_init(struct met *m, struct hot *h)
{
	size_t n = h->first.files.n;
	*m = (struct met){.h = h,
	                  .order = mem_resize(NULL, n ? n : 1, sizeof *m->order),
	                  .seen = mem_zalloc(n ? n : 1)};
	for (size_t i = 0; i < n; i++)
		m->order[i] = i;
	qsort_r(m->order, n, sizeof *m->order, met_compare, &h->first);
}

static void met_done(struct met *m)
{
	free(m->order);
	free(m->seen);
}

/* Is this what stage 1 copied?  An inode number can have been used again, and an
 * IMPORT TABLESPACE gives a file another space id without redo: a file that was
 * touched since must still be the same tablespace. */
static bool met_same(const struct hot *h, const struct work_file *x, const struct found *f)
{
	if (x->state != WORK_TAKEN && x->state != WORK_UNCHANGED)
		return false;
	if (!stamp_same_file(&x->found.stamp, &f->stamp))
		return false;
	if (x->found.stamp.ctime_ns == f->stamp.ctime_ns)
		return true;
	uint32_t space_id;
	return work_space_id(&h->first, f, &space_id) &&
	       space_id == h->out->files.v[x->number].space_id;
}

static struct work_file *met_find(struct met *m, const struct found *f)
{
	struct work *w = &m->h->first;
	size_t lo = 0, hi = w->files.n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (w->files.v[m->order[mid]].found.stamp.ino < f->stamp.ino)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < w->files.n; lo++) {
		struct work_file *x = &w->files.v[m->order[lo]];
		if (x->found.stamp.ino != f->stamp.ino)
			break;
		if (met_same(m->h, x, f)) {
			m->seen[m->order[lo]] = true;
			return x;
		}
	}
	return NULL;
}

static void rename_in_manifest(struct hot *h, const struct work_file *x, const struct found *f)
{
	struct manifest_file *m = &h->out->files.v[x->number];
	m->root = f->root;
	if (strcmp(m->path, f->path) != 0) {
		free(m->path);
		m->path = mem_strdup(f->path);
	}
}

static void mark_gone(struct hot *h, const struct met *m)
{
	for (size_t i = 0; i < h->first.files.n; i++) {
		const struct work_file *x = &h->first.files.v[i];
		if (!m->seen[i] && (x->state == WORK_TAKEN || x->state == WORK_UNCHANGED))
			h->out->files.v[x->number].kind = FILE_GONE;
	}
}

struct engine_suffix {
	const char *suffix, *engine;
};
static const struct engine_suffix engines[] = {
    {".ibd", "InnoDB"}, {".MAI", "Aria"}, {".MYI", "MyISAM"}, {".CSV", "CSV"}, {".ARZ", "ARCHIVE"},
};

static void count_engines(struct hot *h, const struct scan *scan)
{
	size_t n = sizeof engines / sizeof *engines;
	uint64_t tables[sizeof engines / sizeof *engines] = {0};
	for (size_t i = 0; i < scan->list.n; i++)
		for (size_t k = 0; k < n; k++)
			if (str_ends(scan->list.v[i].path, engines[k].suffix))
				tables[k]++;
	h->out->engines = mem_resize(NULL, n, sizeof *h->out->engines);
	for (size_t k = 0; k < n; k++) {
		if (!tables[k])
			continue;
		h->out->engines[h->out->engine_n].engine = mem_strdup(engines[k].engine);
		h->out->engines[h->out->engine_n++].tables = tables[k];
	}
}

/* Names cannot change any more: what is new since the first scan, and everything
 * that is no tablespace. */
static int plan_second(struct hot *h, struct err *err)
{
	struct scan scan;
	struct met met;
	if (scan_now(h, &scan, err) != 0)
		return -1;
	met_init(&met, h);
	count_engines(h, &scan);
	for (size_t i = 0; i < scan.list.n; i++) {
		struct found *f = &scan.list.v[i];
		struct work_file *x = f->kind == FOUND_INNODB ? met_find(&met, f) : NULL;
		if (x)
			rename_in_manifest(h, x, f);
		else if (f->kind == FOUND_ARIA_LOG)
			aria_plan_log(&h->second, f);
		else
			work_add(&h->second, f);
	}
	mark_gone(h, &met);
	met_done(&met);
	scan_done(&scan);
	work_sort(&h->second);
	aria_plan_control(&h->aria, &h->second);
	add_total(h, &h->second);
	h->work = &h->second;
	return 0;
}

static int enter_block_ddl(struct hot *h, struct err *err)
{
	say_step(h, "block_ddl");
	if (stages_enter(&h->stages, "FLUSH", err) != 0 ||
	    stages_enter(&h->stages, "BLOCK_DDL", err) != 0 || plan_second(h, err) != 0)
		return -1;
	say_step(h, "files");
	return 0;
}

/* On some versions a flush of the redo log is durable only while every commit's is:
 * so that is switched on for the blink of the lock, and remembered in case this
 * process dies in that blink. */
static bool needs_flush_setting(const struct hot *h)
{
	return h->flush_was != 1 && h->plan.facts->can_set_global;
}

/* Somebody may have changed it since the backup began. */
static int ask_flush(struct hot *h, struct err *err)
{
	uint64_t now;
	if (conn_u64(h->side, "SELECT @@global." FLUSH_SETTING, &now, err) != 0)
		return -1;
	h->flush_was = (unsigned)now;
	return 0;
}

static int set_flush(struct conn *c, unsigned value, struct err *err)
{
	char *sql = mem_printf("SET GLOBAL " FLUSH_SETTING "=%u", value);
	int rc = conn_exec(c, err, sql);
	free(sql);
	return rc;
}

static int remember_flush(struct hot *h, struct err *err)
{
	if (!h->plan.remember)
		return 0;
	char *token = mem_printf(FLUSH_SETTING "=%u", h->flush_was);
	int rc = h->plan.remember(h->plan.remember_arg, token, err);
	free(token);
	return rc;
}

static int put_flush_back(struct hot *h, struct conn *c, struct err *err)
{
	if (!h->flush_changed)
		return 0;
	if (set_flush(c, h->flush_was, err) != 0)
		return err_add(err, "putting " FLUSH_SETTING " back to %u", h->flush_was);
	h->flush_changed = false;
	return 0;
}

static int wait_durable(struct hot *h, uint64_t end_lsn, struct err *err)
{
	struct redo_lsns now;
	uint64_t from = clock_mono_ns();
	for (;;) {
		if (redo_lsns_ask(h->side, &now, err) != 0 ||
		    cancel_check(h->plan.cancel, err) != 0)
			return -1;
		if (now.flushed >= end_lsn)
			return 0;
		if (clock_mono_ns() - from > 10000000000ull)
			return err_set(err, ERR_SERVER,
			               "the server did not make its redo durable within 10 s "
			               "(flushed LSN %llu, "
			               "wanted %llu)",
			               (unsigned long long)now.flushed,
			               (unsigned long long)end_lsn);
		clock_sleep_ms(1);
	}
}

static int fix_end_lsn(struct hot *h, struct err *err)
{
	struct redo_lsns now;
	if (needs_flush_setting(h)) {
		h->flush_changed = true; /* also when the answer is lost */
		if (set_flush(h->side, 1, err) != 0)
			return -1;
	}
	if (redo_lsns_ask(h->side, &now, err) != 0 ||
	    conn_exec(h->side, err, "FLUSH NO_WRITE_TO_BINLOG ENGINE LOGS") != 0 ||
	    put_flush_back(h, h->side, err) != 0 || wait_durable(h, now.current, err) != 0)
		return -1;
	h->out->lsn_end = now.current;
	return 0;
}

static int take_position(void *arg, unsigned n, char **fields, const unsigned long *lengths,
                         struct err *err)
{
	struct position *p = arg;
	(void)lengths;
	if (n < 2 || !fields[0] || !fields[1])
		return err_set(err, ERR_SERVER, "SHOW MASTER STATUS answered in an unknown form");
	free(p->file);
	p->file = mem_strdup(fields[0]);
	p->pos = strtoull(fields[1], NULL, 10);
	return 0;
}

static int fix_position(struct hot *h, struct err *err)
{
	const struct facts *f = h->plan.facts;
	struct position *p = &h->out->binlog;
	if (f->log_bin &&
	    (conn_query(h->side, "SHOW MASTER STATUS", take_position, p, err) != 0 ||
	     conn_value(h->side, "SELECT @@global.gtid_binlog_pos", &p->gtid, err) != 0))
		return -1;
	if (f->is_replica &&
	    conn_value(h->side, "SELECT @@global.gtid_slave_pos", &h->out->replica_gtid, err) != 0)
		return -1;
	return 0;
}

/* What happens while no commit can: nothing in here that could happen elsewhere. */
static int fix_point(struct hot *h, struct err *err)
{
	if (stages_block_commit(&h->stages, err) != 0)
		return -1;
	redo_capture_hold(h->capture);
	if (fix_end_lsn(h, err) != 0 || fix_position(h, err) != 0 ||
	    aria_seal(&h->second, h->aria_root, err) != 0 ||
	    aria_seal_statistics(&h->second, err) != 0)
		return -1;
	if (stages_end(&h->stages, &h->out->lock_seconds, &h->out->ddl_lock_seconds, err) != 0)
		return -1;
	h->ended = true;
	return 0;
}

static void sum_sizes(struct manifest *m)
{
	m->size_bytes = 0;
	for (size_t i = 0; i < m->files.n; i++)
		if (m->files.v[i].kind == FILE_INNODB || m->files.v[i].kind == FILE_PLAIN)
			m->size_bytes += m->files.v[i].size;
}

static int enter_block_commit(struct hot *h, struct err *err)
{
	say_step(h, "block_commit");
	if (ask_flush(h, err) != 0 || (needs_flush_setting(h) && remember_flush(h, err) != 0))
		return -1;
	if (redo_capture_catch_up(h->capture, CATCH_UP_BYTES, err) != 0 || fix_point(h, err) != 0)
		return -1;
	if (needs_flush_setting(h) && h->plan.remember &&
	    h->plan.remember(h->plan.remember_arg, NULL, err) != 0)
		return -1;
	say_step(h, "redo");
	if (redo_capture_finish(h->capture, h->out->lsn_end, err) != 0)
		return -1;
	h->out->files.v[0].size = h->out->lsn_end - h->out->lsn_checkpoint;
	sum_sizes(h->out);
	return 0;
}

static int hot_advance(struct source *s, struct err *err)
{
	struct hot *h = hot_of(s);
	if (redo_capture_check(h->capture, err) != 0)
		return -1;
	switch (h->stage++) {
	case 1:
		return enter_block_ddl(h, err) == 0 ? 1 : -1;
	case 2:
		return enter_block_commit(h, err) == 0 ? 1 : -1;
	default:
		return 0;
	}
}

/* The session that changed the setting may be gone, the server not. */
static int put_flush_back_anyhow(struct hot *h)
{
	struct err ignored;
	struct conn *c = NULL;
	if (!h->flush_changed || put_flush_back(h, h->side, &ignored) == 0)
		return 0;
	int rc = conn_open(&h->plan.target, 5, &c, &ignored);
	if (rc == 0)
		rc = put_flush_back(h, c, &ignored);
	conn_free(c);
	return rc;
}

static void hot_free(struct source *s)
{
	struct hot *h = s ? hot_of(s) : NULL;
	struct err ignored;
	if (!h)
		return;
	/* The session first: whatever lock it holds goes with it. */
	conn_free(h->stages.conn);
	if (put_flush_back_anyhow(h) == 0 && !h->ended && h->plan.remember)
		h->plan.remember(h->plan.remember_arg, NULL, &ignored);
	redo_capture_free(h->capture);
	conn_free(h->side);
	work_done(&h->first);
	work_done(&h->second);
	aria_done(&h->aria);
	mariadb_names_done(&h->names);
	parent_done(&h->parent);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

static int hot_undo(const struct conn_target *target, const char *token, struct err *err)
{
	unsigned value;
	char extra;
	uint64_t now;
	struct conn *c = NULL;
	int rc = -1;

	if (sscanf(token, FLUSH_SETTING "=%1u%c", &value, &extra) != 1)
		return err_set(err, ERR_DAMAGED, "unknown undo token \"%s\"", token);
	if (conn_open(target, 30, &c, err) != 0 ||
	    conn_u64(c, "SELECT @@global." FLUSH_SETTING, &now, err) != 0)
		goto out;
	rc = 0;
	if (now == 1 && value != 1) {
		char *sql = mem_printf("SET GLOBAL " FLUSH_SETTING "=%u", value);
		rc = conn_exec(c, err, sql);
		free(sql);
	}
out:
	conn_free(c);
	return rc;
}

const struct source_ops source_hot_mariadb = {
    .name = "hot",
    .probe = hot_probe,
    .begin = hot_begin,
    .next = hot_next,
    .done = hot_done,
    .advance = hot_advance,
    .free = hot_free,
    .undo = hot_undo,
};
