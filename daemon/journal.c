#include "daemon/journal.h"

#include <sqlite3.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/store.h"

struct journal {
	sqlite3 *db;
};

static const char schema[] = "CREATE TABLE IF NOT EXISTS tokens ("
                             " job INTEGER PRIMARY KEY,"
                             " instance TEXT NOT NULL,"
                             " token TEXT NOT NULL,"
                             " left_over INTEGER NOT NULL DEFAULT 0,"
                             " written_us INTEGER NOT NULL)";

int journal_open(const char *state_dir, struct journal **ret, struct err *err)
{
	bool damaged;
	struct journal *j = mem_zalloc(sizeof *j);
	char *path = mem_printf("%s/journal.db", state_dir);
	if (store_open(path, schema, true, &j->db, &damaged, err) < 0 ||
	    store_exec(j->db, "UPDATE tokens SET left_over = 1", err) < 0)
		goto fail;
	if (damaged)
		log_msg(LOG_LEVEL_WARN,
		        "the journal was damaged and set aside: what a killed backup left set on a "
		        "server is not undone",
		        "file=%s.damaged", path);
	free(path);
	*ret = j;
	return 0;
fail:
	free(path);
	journal_free(j);
	return -1;
}

void journal_free(struct journal *j)
{
	if (!j)
		return;
	store_close(j->db);
	free(j);
}

int journal_set(struct journal *j, int64_t job, const char *instance, const char *token,
                struct err *err)
{
	if (!token)
		return store_run(j->db, "DELETE FROM tokens WHERE ?1 IS NULL AND job = ?2", NULL,
		                 job, err);
	sqlite3_stmt *st = NULL;
	if (store_prepare(j->db,
	                  "INSERT OR REPLACE INTO tokens (job, instance, token, written_us)"
	                  " VALUES (?1, ?2, ?3, ?4)",
	                  &st, err) < 0)
		return -1;
	sqlite3_bind_int64(st, 1, job);
	sqlite3_bind_text(st, 2, instance, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 3, token, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 4, clock_wall_us());
	int rc = store_step(st, err);
	sqlite3_finalize(st);
	return rc < 0 ? -1 : 0;
}

int journal_last_id(struct journal *j, int64_t *ret, struct err *err)
{
	return store_number(j->db, "SELECT coalesce(max(job), 0) FROM tokens", ret, err);
}

int journal_left_over(struct journal *j, struct journal_entry **ret, size_t *ret_n, struct err *err)
{
	VEC(struct journal_entry) list = {0};
	sqlite3_stmt *st = NULL;
	int rc;
	if (store_prepare(j->db,
	                  "SELECT job, instance, token FROM tokens WHERE left_over = 1 AND"
	                  " instance NOT IN (SELECT instance FROM tokens WHERE left_over = 0)"
	                  " ORDER BY job",
	                  &st, err) < 0)
		return -1;
	while ((rc = store_step(st, err)) == 1)
		*vec_push(&list) = (struct journal_entry){
		    .job = sqlite3_column_int64(st, 0),
		    .instance = mem_strdup((const char *)sqlite3_column_text(st, 1)),
		    .token = mem_strdup((const char *)sqlite3_column_text(st, 2)),
		};
	sqlite3_finalize(st);
	if (rc < 0) {
		journal_entries_free(list.v, list.n);
		return -1;
	}
	*ret = list.v;
	*ret_n = list.n;
	return 0;
}

void journal_entries_free(struct journal_entry *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(list[i].instance);
		free(list[i].token);
	}
	free(list);
}
