#include "server/replay_trace.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#define RING 8192u
#define NEXT "SET @@SESSION.GTID_NEXT= '"
#define DOMAIN "SET @@session.gtid_domain_id="

void trace_begin(struct replay_trace *t)
{
	t->ring.n = 0;
	t->next = 0;
	t->line = 0;
	t->head_n = 0;
}

void trace_file(struct replay_trace *t, const char *file)
{
	size_t n = t->files.n;

	if (!n || strcmp(t->files.v[n - 1], file) != 0)
		*vec_push(&t->files) = mem_strdup(file);
	t->now = (struct trace_place){.file = t->files.v[t->files.n - 1]};
}

static void remember(struct replay_trace *t)
{
	if (t->ring.n < RING) {
		*vec_push(&t->ring) = t->now;
		return;
	}
	t->ring.v[t->next] = t->now;
	t->next = (t->next + 1) % RING;
}

static struct trace_place *newest(const struct replay_trace *t)
{
	if (!t->ring.n)
		return NULL;
	return &t->ring.v[t->ring.n < RING ? t->ring.n - 1 : (t->next + RING - 1) % RING];
}

/* "# at 4711": an event begins.  Positions do not go back; what mysqlbinlog unpacks out
 * of one event has the position behind it. */
static void take_place(struct replay_trace *t)
{
	char *end;
	uint64_t pos = strtoull(t->head + 5, &end, 10);

	if (!t->now.file || end == t->head + 5 || *end || pos < t->now.pos)
		return;
	t->now.pos = pos;
	t->now.line = t->line;
	t->now.domain = 0;
	remember(t);
}

static void name_group(struct replay_trace *t, const char *gtid, size_t n)
{
	if (n >= sizeof t->now.gtid)
		return;
	memcpy(t->now.gtid, gtid, n);
	t->now.gtid[n] = '\0';
	t->now.group = t->now.pos;
	*newest(t) = t->now;
}

/* "#261122 19:12:58 server id 1  end_log_pos 367 CRC32 0x6b84c1c4 \tGTID 0-1-1 ddl";
 * of MySQL "\tGTID\tlast_committed=0 …", "\tAnonymous_GTID\tlast_committed=0 …". */
static void take_header(struct replay_trace *t)
{
	const struct trace_place *p = newest(t);
	const char *gtid = strstr(t->head, "\tGTID ");

	if (!p || p->line + 1 != t->line)
		return;
	if (gtid && gtid[6] && !strchr(" \t", gtid[6]))
		name_group(t, gtid + 6, strcspn(gtid + 6, " \t"));
	else if (strstr(t->head, "\tGTID\t") || strstr(t->head, "\tAnonymous_GTID\t"))
		name_group(t, "", 0);
}

/* MySQL's name comes some lines behind: "SET @@SESSION.GTID_NEXT= 'uuid:7'". */
static void take_next(struct replay_trace *t)
{
	const char *gtid = t->head + sizeof NEXT - 1;

	/* Before any statement of the group. */
	if (!newest(t) || !t->now.group || t->now.group != t->now.pos || *t->now.gtid)
		return;
	if (strchr(gtid, ':'))
		name_group(t, gtid, strcspn(gtid, "'"));
}

/* "SET @@session.gtid_domain_id=5" in a comment for the version: of MariaDB, where it is another
 * than the one before. */
static void take_domain(struct replay_trace *t)
{
	if (!newest(t) || !*t->now.gtid || t->now.group != t->now.pos)
		return;
	t->now.domain = t->line;
	*newest(t) = t->now;
}

static void take_line(struct replay_trace *t)
{
	t->head[t->head_n] = '\0';
	t->line++;
	if (str_starts(t->head, "# at "))
		take_place(t);
	else if (t->head[0] == '#' && t->head[1] >= '0' && t->head[1] <= '9')
		take_header(t);
	else if (str_starts(t->head, NEXT))
		take_next(t);
	else if (str_starts(t->head, "/*") && strstr(t->head, DOMAIN))
		take_domain(t);
	t->head_n = 0;
}

void trace_text(struct replay_trace *t, const char *text, size_t n)
{
	while (n > 0) {
		const char *end = memchr(text, '\n', n);
		size_t line_n = end ? (size_t)(end - text) : n;
		size_t room = sizeof t->head - 1 - t->head_n;
		size_t kept = line_n < room ? line_n : room;

		memcpy(t->head + t->head_n, text, kept);
		t->head_n += kept;
		if (!end)
			return;
		take_line(t);
		text += line_n + 1;
		n -= line_n + 1;
	}
}

const struct trace_place *trace_find(const struct replay_trace *t, uint64_t line)
{
	const struct trace_place *found = NULL;

	for (size_t i = 0; i < t->ring.n; i++) {
		const struct trace_place *p = &t->ring.v[(t->next + i) % t->ring.n];
		if (p->line > line)
			break;
		found = p;
	}
	return found;
}

const struct trace_place *trace_last(const struct replay_trace *t)
{
	return newest(t);
}

void trace_done(struct replay_trace *t)
{
	for (size_t i = 0; i < t->files.n; i++)
		free(t->files.v[i]);
	vec_done(&t->files);
	vec_done(&t->ring);
}
