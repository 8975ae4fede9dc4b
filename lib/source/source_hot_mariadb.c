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
#include "source/hot.h"

/* Questions asked while commits are blocked: a server that hangs is let go soon. */
#define SIDE_TIMEOUT_S 10

static struct hot *hot_of(struct source *s)
{
	return (struct hot *)s;
}

static int hot_probe(const struct facts *facts, struct err *err)
{
	return facts_check_hot(facts, err);
}

static int hot_current_lsn(struct conn *c, uint64_t *ret, struct err *err)
{
	struct redo_lsns lsns;
	if (redo_lsns_ask(c, &lsns, err) != 0)
		return -1;
	*ret = lsns.current;
	return 0;
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

int hot_scan(struct hot *h, struct scan *ret, struct err *err)
{
	struct scan_plan plan = {
	    .out = h->out, .classify = mariadb_names_classify, .arg = &h->names};
	return scan_run(&plan, ret, err);
}

void hot_add_total(struct hot *h, const struct work *w)
{
	if (h->plan.progress)
		atomic_fetch_add(&h->plan.progress->bytes_total, work_bytes(w));
}

void hot_say_step(struct hot *h, const char *literal)
{
	if (h->plan.progress)
		progress_step(h->plan.progress, literal);
}

static int plan_first(struct hot *h, struct err *err)
{
	struct scan scan;
	if (hot_scan(h, &scan, err) != 0)
		return -1;
	for (size_t i = 0; i < scan.list.n; i++)
		if (scan.list.v[i].kind == FOUND_INNODB)
			work_add(&h->first, &scan.list.v[i])->may_wait = true;
	scan_done(&scan);
	work_sort(&h->first);
	hot_add_total(h, &h->first);
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

	hot_say_step(h, "start");
	if (open_sessions(h, err) != 0 || plan_roots(h, err) != 0 ||
	    stages_enter(&h->stages, "START", err) != 0 ||
	    aria_begin(&h->aria, h->out, h->aria_root, err) != 0 || start_capture(h, err) != 0 ||
	    plan_first(h, err) != 0) {
		hot_free(&h->source);
		return -1;
	}
	hot_say_step(h, "copy");
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

static int enter_block_ddl(struct hot *h, struct err *err)
{
	hot_say_step(h, "block_ddl");
	if (stages_enter(&h->stages, "FLUSH", err) != 0 ||
	    stages_enter(&h->stages, "BLOCK_DDL", err) != 0 || hot_rescan(h, err) != 0)
		return -1;
	hot_say_step(h, "files");
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
		return hot_fix_point(h, err) == 0 ? 1 : -1;
	default:
		return 0;
	}
}

static void hot_free(struct source *s)
{
	struct hot *h = s ? hot_of(s) : NULL;
	struct err ignored;
	if (!h)
		return;
	/* The session first: whatever lock it holds goes with it. */
	conn_free(h->stages.conn);
	if (hot_put_flush_back(h) == 0 && !h->ended && h->plan.remember)
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

const struct source_ops source_hot_mariadb = {
    .name = "hot",
    .probe = hot_probe,
    .current_lsn = hot_current_lsn,
    .begin = hot_begin,
    .next = hot_next,
    .done = hot_done,
    .advance = hot_advance,
    .free = hot_free,
    .undo = hot_undo,
};
