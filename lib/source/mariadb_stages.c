#include "source/mariadb_stages.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "source/lock.h"

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
	int rc = lock_enter(s->conn, sql, s->wait_s, s->cancel, who_holds(stage), err);
	free(sql);
	if (rc == 0 && strcmp(stage, "BLOCK_DDL") == 0)
		s->ddl_ns = clock_mono_ns();
	return rc;
}

int stages_block_commit(struct stages *s, struct err *err)
{
	if (lock_enter_gently(s->conn, "BACKUP STAGE BLOCK_COMMIT", s->retries, s->cancel,
	                      who_holds("BLOCK_COMMIT"), err) != 0)
		return -1;
	s->commit_ns = clock_mono_ns();
	return 0;
}

int stages_end(struct stages *s, double *ret_commit_s, double *ret_ddl_s, struct err *err)
{
	if (conn_exec(s->conn, err, "BACKUP STAGE END") != 0)
		return err_add(err, "BACKUP STAGE END");
	uint64_t now = clock_mono_ns();
	*ret_commit_s = (double)(now - s->commit_ns) / 1e9;
	*ret_ddl_s = (double)(now - s->ddl_ns) / 1e9;
	return 0;
}
