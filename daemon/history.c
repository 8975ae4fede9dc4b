#include "daemon/history.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "daemon/store.h"

struct history {
	sqlite3 *db;
	int64_t opened_us; /* runs that were found running ended then */
};

static const char schema[] = "CREATE TABLE IF NOT EXISTS runs ("
                             " id INTEGER PRIMARY KEY, type TEXT NOT NULL, instance TEXT,"
                             " state TEXT NOT NULL, due_us INTEGER, queued_us INTEGER,"
                             " started_us INTEGER, finished_us INTEGER, settled INTEGER,"
                             " step TEXT, backup TEXT, bytes_done INTEGER, bytes_total INTEGER,"
                             " size_bytes INTEGER, read_bytes INTEGER, stored_bytes INTEGER,"
                             " lock_seconds REAL, error_kind TEXT, error_message TEXT,"
                             " error_hint TEXT, note TEXT);"
                             "CREATE INDEX IF NOT EXISTS runs_of ON runs (instance, type, id);"
                             "CREATE TABLE IF NOT EXISTS known ("
                             " instance TEXT PRIMARY KEY, since_us INTEGER NOT NULL)";

/* In the order of history_put's binds and of read_row. */
#define COLUMNS                                                                                 \
	"id, type, instance, state, due_us, queued_us, started_us, finished_us, settled, step," \
	" backup, bytes_done, bytes_total, size_bytes, read_bytes, stored_bytes, lock_seconds," \
	" error_kind, error_message, error_hint, note"

static int bury(struct history *h, int64_t now_us, struct err *err)
{
	if (store_run(h->db,
	              "UPDATE runs SET state = 'failed', finished_us = ?2, error_kind = 'failed',"
	              " error_message = 'the daemon was killed while the job ran',"
	              " error_hint = ?1 WHERE state = 'running'",
	              "nothing is left behind; the schedule or run-now takes it up again", now_us,
	              err) < 0)
		return -1;
	return store_run(h->db,
	                 "UPDATE runs SET state = 'cancelled', finished_us = ?2,"
	                 " error_kind = 'cancelled', error_message = ?1 WHERE state = 'queued'",
	                 "the daemon ended before the job started", now_us, err);
}

int history_open(const char *state_dir, int64_t now_us, struct history **ret, struct err *err)
{
	bool damaged;
	struct history *h = mem_zalloc(sizeof *h);
	char *path = mem_printf("%s/history.db", state_dir);
	h->opened_us = now_us;
	if (store_open(path, schema, false, &h->db, &damaged, err) < 0 || bury(h, now_us, err) < 0)
		goto fail;
	if (damaged)
		log_msg(LOG_LEVEL_WARN, "the history was damaged and set aside; a new one begins",
		        "file=%s.damaged", path);
	free(path);
	*ret = h;
	return 0;
fail:
	free(path);
	history_free(h);
	return -1;
}

void history_free(struct history *h)
{
	if (!h)
		return;
	store_close(h->db);
	free(h);
}

static void bind_text(sqlite3_stmt *st, int at, const char *text)
{
	sqlite3_bind_text(st, at, text, -1, SQLITE_STATIC);
}

static void bind_job(sqlite3_stmt *st, const struct job *j)
{
	int n = 0;
	bool bad = j->err.kind != ERR_NONE;
	sqlite3_bind_int64(st, ++n, j->id);
	bind_text(st, ++n, job_type_name(j->type));
	bind_text(st, ++n, j->instance);
	bind_text(st, ++n, job_state_name(j->state));
	sqlite3_bind_int64(st, ++n, j->due_us);
	sqlite3_bind_int64(st, ++n, j->queued_us);
	sqlite3_bind_int64(st, ++n, j->started_us);
	sqlite3_bind_int64(st, ++n, j->finished_us);
	sqlite3_bind_int(st, ++n, j->settled);
	bind_text(st, ++n, job_step(j));
	bind_text(st, ++n, j->facts.backup);
	sqlite3_bind_int64(st, ++n, (int64_t)atomic_load(&j->progress.bytes_done));
	sqlite3_bind_int64(st, ++n, (int64_t)atomic_load(&j->progress.bytes_total));
	sqlite3_bind_int64(st, ++n, (int64_t)j->facts.size_bytes);
	sqlite3_bind_int64(st, ++n, (int64_t)j->facts.read_bytes);
	sqlite3_bind_int64(st, ++n, (int64_t)j->facts.stored_bytes);
	sqlite3_bind_double(st, ++n, j->facts.lock_seconds);
	bind_text(st, ++n, bad ? err_kind_name(j->err.kind) : NULL);
	bind_text(st, ++n, bad ? j->err.text : NULL);
	bind_text(st, ++n, bad ? j->err.hint : NULL);
	bind_text(st, ++n, j->facts.note);
}

int history_put(struct history *h, const struct job *j, struct err *err)
{
	sqlite3_stmt *st = NULL;
	if (store_prepare(h->db,
	                  "INSERT OR REPLACE INTO runs (" COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5,"
	                  " ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19,"
	                  " ?20, ?21)",
	                  &st, err) < 0)
		return -1;
	bind_job(st, j);
	int rc = store_step(st, err);
	sqlite3_finalize(st);
	if (rc < 0)
		return -1;
	return job_over(j) ? store_run(h->db, "DELETE FROM runs WHERE ?1 IS NULL AND id <= ?2",
	                               NULL, j->id - HISTORY_KEEP, err)
	                   : 0;
}

int history_last_id(struct history *h, int64_t *ret, struct err *err)
{
	return store_number(h->db, "SELECT coalesce(max(id), 0) FROM runs", ret, err);
}

static const char *text_at(sqlite3_stmt *st, int at)
{
	const char *text = (const char *)sqlite3_column_text(st, at);
	return text ? text : "";
}

#define COPY_TEXT(to, st, at) snprintf(to, sizeof(to), "%s", text_at(st, at))

/* NULL for a row of a newer version with a type or state we do not know. */
static struct job *read_row(sqlite3_stmt *st)
{
	struct err ignored;
	struct job *j = mem_zalloc(sizeof *j);
	j->id = sqlite3_column_int64(st, 0);
	if (job_type_parse(text_at(st, 1), &j->type, &ignored) < 0 ||
	    job_state_parse(text_at(st, 3), &j->state) < 0) {
		job_free(j);
		return NULL;
	}
	j->instance = mem_strdup((const char *)sqlite3_column_text(st, 2));
	j->due_us = sqlite3_column_int64(st, 4);
	j->queued_us = sqlite3_column_int64(st, 5);
	j->started_us = sqlite3_column_int64(st, 6);
	j->finished_us = sqlite3_column_int64(st, 7);
	j->settled = sqlite3_column_int(st, 8);
	COPY_TEXT(j->step, st, 9);
	COPY_TEXT(j->facts.backup, st, 10);
	atomic_store(&j->progress.bytes_done, (uint64_t)sqlite3_column_int64(st, 11));
	atomic_store(&j->progress.bytes_total, (uint64_t)sqlite3_column_int64(st, 12));
	j->facts.size_bytes = (uint64_t)sqlite3_column_int64(st, 13);
	j->facts.read_bytes = (uint64_t)sqlite3_column_int64(st, 14);
	j->facts.stored_bytes = (uint64_t)sqlite3_column_int64(st, 15);
	j->facts.lock_seconds = sqlite3_column_double(st, 16);
	if (sqlite3_column_type(st, 17) != SQLITE_NULL) {
		j->err.kind = err_kind_from_name(text_at(st, 17));
		COPY_TEXT(j->err.text, st, 18);
		COPY_TEXT(j->err.hint, st, 19);
	}
	COPY_TEXT(j->facts.note, st, 20);
	return j;
}

int history_list(struct history *h, const char *instance, unsigned limit, history_each *each,
                 void *arg, struct err *err)
{
	sqlite3_stmt *st = NULL;
	int rc;
	if (store_prepare(h->db,
	                  "SELECT " COLUMNS " FROM runs WHERE ?1 IS NULL OR instance = ?1"
	                  " ORDER BY id DESC LIMIT ?2",
	                  &st, err) < 0)
		return -1;
	bind_text(st, 1, instance);
	sqlite3_bind_int64(st, 2, limit);
	while ((rc = store_step(st, err)) == 1) {
		struct job *j = read_row(st);
		if (j)
			each(arg, &j);
		job_free(j);
	}
	sqlite3_finalize(st);
	return rc;
}

int history_last(struct history *h, const char *instance, enum job_type type,
                 struct history_last *ret, struct err *err)
{
	static const char sql[] =
	    "SELECT coalesce(max(CASE WHEN settled THEN max(started_us, queued_us) END), -1),"
	    " coalesce(max(CASE WHEN state = 'done' THEN finished_us END), 0),"
	    " coalesce((SELECT state = 'failed' FROM runs WHERE instance = ?1 AND"
	    "  state IN ('done', 'failed') AND (type = ?2 OR (state = 'done' AND"
	    "   (?2 = 'incremental' AND type = 'full' OR"
	    "    ?2 = 'full' AND type = 'incremental' AND backup LIKE '%-full')))"
	    "  ORDER BY id DESC LIMIT 1), 0)"
	    " FROM runs WHERE instance = ?1 AND type = ?2";
	sqlite3_stmt *st = NULL;
	if (store_prepare(h->db, sql, &st, err) < 0)
		return -1;
	bind_text(st, 1, instance);
	bind_text(st, 2, job_type_name(type));
	int rc = store_step(st, err);
	if (rc == 1)
		*ret = (struct history_last){
		    .settled_us = sqlite3_column_int64(st, 0),
		    .success_us = sqlite3_column_int64(st, 1),
		    .failed = sqlite3_column_int(st, 2),
		};
	sqlite3_finalize(st);
	return rc < 0 ? -1 : 0;
}

int history_killed(struct history *h, const char *instance, enum job_type type,
                   struct history_killed *ret, struct err *err)
{
	static const char sql[] = "SELECT state = 'failed', due_us, finished_us FROM runs"
	                          " WHERE instance = ?1 AND type = ?2 AND state != 'cancelled'"
	                          " ORDER BY id DESC";
	struct history_killed found = {.due_us = -1};
	sqlite3_stmt *st = NULL;
	int rc;
	if (store_prepare(h->db, sql, &st, err) < 0)
		return -1;
	bind_text(st, 1, instance);
	bind_text(st, 2, job_type_name(type));
	while ((rc = store_step(st, err)) == 1) {
		bool failed = sqlite3_column_int(st, 0);
		int64_t due = sqlite3_column_int64(st, 1);
		if (!found.times)
			found.due_us = due;
		if (!failed || due != found.due_us ||
		    (!found.times && sqlite3_column_int64(st, 2) != h->opened_us))
			break;
		found.times++;
	}
	sqlite3_finalize(st);
	if (rc < 0)
		return -1;
	*ret = found;
	return 0;
}

int history_since(struct history *h, const char *instance, int64_t now_us, int64_t *ret,
                  struct err *err)
{
	if (store_run(h->db, "INSERT OR IGNORE INTO known (instance, since_us) VALUES (?1, ?2)",
	              instance, now_us, err) < 0)
		return -1;
	sqlite3_stmt *st = NULL;
	if (store_prepare(h->db, "SELECT since_us FROM known WHERE instance = ?1", &st, err) < 0)
		return -1;
	bind_text(st, 1, instance);
	int rc = store_step(st, err);
	if (rc == 1)
		*ret = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return rc < 0 ? -1 : 0;
}
