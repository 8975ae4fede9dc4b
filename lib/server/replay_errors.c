#include "server/replay_errors.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define KEPT_MAX 1000u /* of a line */

/* DROP TABLE and DROP SEQUENCE of several, of which some are not there: the source logs
 * them without their error. */
#define UNKNOWN_TABLE 1051u
#define UNKNOWN_SEQUENCE 4091u
/* A session that has temporary tables keeps its GTID domain, and a replay is one session
 * where the source had many.  Nothing logs it here, so the domain is of no use.  (Another
 * binlog_format would let it change, and rows come out of other engines in another order.) */
#define SAME_DOMAIN 1953u
#define SAME_DOMAIN_SINCE_12 4209u

static int hint_before(const struct trace_place *p, struct err *err)
{
	char *point;

	if (!p || !p->group)
		return err_hint(err, "Another --backup may get past it; what the statement needs "
		                     "may be an option of the source (--server-option).");
	point = *p->gtid ? mem_printf("--gtid %s --before", p->gtid)
	                 : mem_printf("--position %s:%" PRIu64, p->file, p->group);
	err_hint(err,
	         "%s restores everything before it. It may need what only the source had: a "
	         "temporary table older than the backup (an older --backup), or an option "
	         "(--server-option).",
	         point);
	free(point);
	return -1;
}

static int unexpected(const struct trace_place *p, unsigned code, const char *line, struct err *err)
{
	if (!p)
		err_set(err, ERR_SERVER, "replay failed: %.600s", line);
	else if (p->group)
		err_set(err, ERR_SERVER, "replay failed in transaction %s%s%s:%" PRIu64 ": %.600s",
		        p->gtid, *p->gtid ? ", " : "", p->file, p->group, line);
	else
		err_set(err, ERR_SERVER, "replay of %s failed at %" PRIu64 ": %.600s", p->file,
		        p->pos, line);
	if (err)
		err->sys = (int)code;
	return hint_before(p, err);
}

static int missing(const struct replay_error *m, struct err *err)
{
	err_set(err, ERR_SERVER,
	        "replay failed in transaction %s%s%s:%" PRIu64
	        ": its statement failed on the source "
	        "with error %u, and did not here: the data would be another",
	        m->gtid, *m->gtid ? ", " : "", m->file, m->pos, m->code);
	if (*m->gtid)
		return err_hint(err, "--gtid %s --before restores everything before it.", m->gtid);
	return err_hint(err, "--position %s:%" PRIu64 " --before restores everything before it.",
	                m->file, m->pos);
}

static bool is_at(const struct replay_error *e, const struct trace_place *p)
{
	return e->pos == p->pos && !strcmp(e->file, p->file);
}

static bool is_of(const struct replay_error *e, unsigned code)
{
	return e->code ? e->code == code : code == UNKNOWN_TABLE || code == UNKNOWN_SEQUENCE;
}

static int judge(struct replay_errors *e, const struct trace_place *p, unsigned code,
                 const char *line, struct err *err)
{
	size_t i = e->next;

	while (p && i < e->n && !is_at(&e->list[i], p))
		i++;
	if (!p || i == e->n || !is_of(&e->list[i], code))
		return unexpected(p, code, line, err);
	for (size_t k = e->next; k < i; k++)
		if (e->list[k].must)
			return missing(&e->list[k], err);
	e->next = i + 1;
	return 0;
}

static bool keeps_domain(const struct trace_place *p, uint64_t line, unsigned code)
{
	return p && p->domain == line && (code == SAME_DOMAIN || code == SAME_DOMAIN_SINCE_12);
}

/* "ERROR 1062 (23000) at line 7: Duplicate entry …"; without a line it is about no
 * statement.  The line is one of a stream that nobody has: it is left out. */
static int take_line(struct replay_errors *e, const struct replay_trace *t, struct err *err)
{
	static const char at[] = " at line ";
	char *line = str_take(&e->line), *where, *end = NULL;
	uint64_t number = 0;
	int rc = 0;

	if (!str_starts(line, "ERROR")) {
		free(e->other);
		e->other = line;
		return 0;
	}
	unsigned code = (unsigned)strtoul(line + 5, NULL, 10);
	where = strstr(line, at);
	if (where)
		number = strtoull(where + sizeof at - 1, &end, 10);
	if (end)
		memmove(where, end, strlen(end) + 1);
	const struct trace_place *p = number ? trace_find(t, number) : NULL;
	if (!keeps_domain(p, number, code))
		rc = judge(e, p, code, line, err);
	free(line);
	return rc;
}

int errors_text(struct replay_errors *e, const struct replay_trace *t, const char *text, size_t n,
                struct err *err)
{
	while (n > 0) {
		const char *end = memchr(text, '\n', n);
		size_t line_n = end ? (size_t)(end - text) : n;
		size_t room = KEPT_MAX - e->line.n;

		str_addn(&e->line, text, line_n < room ? line_n : room);
		if (!end)
			return 0;
		if (e->line.n && take_line(e, t, err) < 0)
			return -1;
		text += line_n + 1;
		n -= line_n + 1;
	}
	return 0;
}

int errors_end(struct replay_errors *e, const struct replay_trace *t, struct err *err)
{
	return e->line.n ? take_line(e, t, err) : 0;
}

int errors_finish(const struct replay_errors *e, struct err *err)
{
	for (size_t i = e->next; i < e->n; i++)
		if (e->list[i].must)
			return missing(&e->list[i], err);
	return 0;
}

void errors_done(struct replay_errors *e)
{
	str_done(&e->line);
	free(e->other);
	e->other = NULL;
}
