#include "source/mariadb_stages.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "source/lock.h"

/* All commits wait for what happens then, and none of it waits for a repository. */
#define COMMIT_IDLE "SET SESSION wait_timeout=10"

static const char *who_holds(const char *stage)
{
	if (strcmp(stage, "START") == 0)
		return "another backup of this server may be running, or a session holds LOCK "
		       "TABLES or a global read lock: see SHOW FULL PROCESSLIST";
	return "look for long-running statements and open transactions with SHOW FULL "
	       "PROCESSLIST, let them end, or raise limits.lock_wait in the policy";
}

int stages_enter(struct stages *s, const char *stage, struct err *err)
{
	char *sql = mem_printf("BACKUP STAGE %s", stage);
	int rc = lock_enter(keep_take(s->keep), sql, s->wait_s, s->cancel, who_holds(stage), err);
	keep_give(s->keep);
	free(sql);
	if (rc == 0 && strcmp(stage, "BLOCK_DDL") == 0)
		s->ddl_ns = clock_mono_ns();
	return rc;
}

int stages_block_commit(struct stages *s, struct err *err)
{
	struct conn *c = keep_take(s->keep);
	int rc = conn_exec(c, err, COMMIT_IDLE);
	if (rc == 0)
		rc = lock_enter_gently(c, "BACKUP STAGE BLOCK_COMMIT", s->retries, s->cancel,
		                       who_holds("BLOCK_COMMIT"), err);
	keep_give(s->keep);
	s->commit_ns = clock_mono_ns();
	return rc;
}

int stages_end(struct stages *s, double *ret_commit_s, double *ret_ddl_s, struct err *err)
{
	int rc = conn_exec(keep_take(s->keep), err, "BACKUP STAGE END");
	keep_give(s->keep);
	if (rc != 0)
		return err_add(err, "BACKUP STAGE END");
	uint64_t now = clock_mono_ns();
	keep_let_go(s->keep);
	*ret_commit_s = (double)(now - s->commit_ns) / 1e9;
	*ret_ddl_s = (double)(now - s->ddl_ns) / 1e9;
	return 0;
}
