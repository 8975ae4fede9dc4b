#include "job/pitr_errors.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "job/pitr_choose.h"

/* A compressed statement larger than that drops no list of tables. */
#define LOOK_MAX 65536u

/* The source gave up for reasons of its own; no number means anything else on the server of
 * the other kind. */
static bool is_interruption(unsigned code)
{
	switch (code) {
	case 1053: /* shutdown */
	case 1158: /* the network: reading, */
	case 1159:
	case 1160:
	case 1161: /* writing */
	case 1184: /* connection aborted */
	case 1317: /* KILL QUERY */
	case 1927: /* KILL CONNECTION */
	case 1969: /* max_statement_time */
	case 3024: /* MySQL: max_execution_time */
		return true;
	default:
		return false;
	}
}

/* Others were in the way, as nobody is here. */
static bool is_concurrency(unsigned code)
{
	switch (code) {
	case 1205: /* lock wait */
	case 1213: /* deadlock */
	case 1614: /* and of XA */
	case 3058: /* MySQL: of GET_LOCK */
	case 3572: /* MySQL: NOWAIT */
		return true;
	default:
		return false;
	}
}

/* "DROP TABLE `a`,`b`": the only kind that the server logs without its error.  A temporary
 * table can be one from before the backup. */
static int is_drop(const struct binlog_event *e, bool *ret, struct err *err)
{
	char *sql;
	size_t n;

	*ret = false;
	if (e->type != BINLOG_QUERY &&
	    (e->type != BINLOG_MARIADB_QUERY_COMPRESSED || e->size > LOOK_MAX))
		return 0;
	if (binlog_query_text(e, &sql, &n, err) < 0)
		return -1;
	*ret = !strncasecmp(sql, "DROP ", 5) &&
	       (strchr(sql, ',') || !strncasecmp(sql + 5, "TEMPORARY", 9));
	free(sql);
	return 0;
}

int pitr_errors_note(struct pitr_plan *plan, const char *file, uint64_t pos,
                     const struct binlog_event *e, const char *gtid, struct err *err)
{
	unsigned code = binlog_error_code(e);
	bool drop = false;

	if (!code && is_drop(e, &drop, err) < 0)
		return -1;
	if (!code && !drop)
		return 0;
	*vec_push(&plan->errors) = (struct replay_error){
	    .file = mem_strdup(file),
	    .pos = pos,
	    .gtid = mem_strdup(gtid),
	    .code = code,
	    .must = code && !is_interruption(code) && !is_concurrency(code),
	};
	return 0;
}

static void drop_last(struct pitr_plan *plan)
{
	struct replay_error *last = &plan->errors.v[--plan->errors.n];

	free(last->file);
	free(last->gtid);
}

void pitr_errors_forget(struct pitr_plan *plan, const char *file, uint64_t pos)
{
	while (plan->errors.n) {
		const struct replay_error *last = &plan->errors.v[plan->errors.n - 1];
		if (last->pos < pos || strcmp(last->file, file) != 0)
			return;
		drop_last(plan);
	}
}

void pitr_errors_say(struct pitr_plan *plan)
{
	const struct replay_error *first = NULL;
	size_t n = 0;

	for (size_t i = 0; i < plan->errors.n; i++)
		if (is_interruption(plan->errors.v[i].code)) {
			first = first ? first : &plan->errors.v[i];
			n++;
		}
	if (!first)
		return;
	pitr_note(plan,
	          "a statement (%s%s%s:%" PRIu64
	          ") was interrupted on the source (error %u) when it had "
	          "changed rows of a table without transactions: replayed, it runs to its end%s",
	          first->gtid, *first->gtid ? ", " : "", first->file, first->pos, first->code,
	          n > 1 ? "; and so do others" : "");
}

void pitr_errors_done(struct pitr_plan *plan)
{
	while (plan->errors.n)
		drop_last(plan);
	vec_done(&plan->errors);
}
