#include "job/pitr_local.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/fsio.h"
#include "base/mem.h"
#include "job/pitr_choose.h"

#define LOAD_DUPLICATES 25u /* in the body of EXECUTE_LOAD: what becomes of duplicates, */
#define LOAD_DUPLICATES_FAIL 0u

/* Of either server.  Without the directories, a warning; STRICT_… make it an error. */
#define MODE_NO_DIR_IN_CREATE (UINT64_C(1) << 7)
#define MODE_STRICT (UINT64_C(3) << 21)

/* The programs run it as LOAD DATA LOCAL, which passes over duplicates. */
static bool is_failed_load(const struct binlog_event *e)
{
	unsigned code = e->type == BINLOG_EXECUTE_LOAD ? binlog_error_code(e) : 0;

	return (code == 1022 || code == 1062 || code == 1586) && e->body_n > LOAD_DUPLICATES &&
	       e->body[LOAD_DUPLICATES] == LOAD_DUPLICATES_FAIL;
}

static int words_of(const struct binlog_event *e, struct local_words *ret, struct err *err)
{
	char *sql;
	size_t n;

	if (e->type != BINLOG_QUERY && e->type != BINLOG_MARIADB_QUERY_COMPRESSED)
		return 0;
	if (binlog_query_text(e, &sql, &n, err) < 0)
		return -1;
	local_words(sql, ret);
	free(sql);
	return 0;
}

int pitr_local_note(struct pitr_plan *plan, const char *file, uint64_t pos,
                    const struct binlog_event *e, const char *gtid, struct err *err)
{
	struct local_words words = {0};

	if (words_of(e, &words, err) < 0)
		return -1;
	if (is_failed_load(e))
		words.kind = LOCAL_LOAD;
	if (words.kind == LOCAL_NONE) {
		free(words.path);
		return 0;
	}
	*vec_push(&plan->locals) = (struct pitr_local){
	    .words = words,
	    .file = mem_strdup(file),
	    .pos = pos,
	    .gtid = mem_strdup(gtid),
	    .code = binlog_error_code(e),
	};
	return 0;
}

static void drop_last(struct pitr_plan *plan)
{
	struct pitr_local *last = &plan->locals.v[--plan->locals.n];

	free(last->words.path);
	free(last->file);
	free(last->gtid);
}

void pitr_local_forget(struct pitr_plan *plan, const char *file, uint64_t pos)
{
	while (plan->locals.n) {
		const struct pitr_local *last = &plan->locals.v[plan->locals.n - 1];
		if (last->pos < pos || strcmp(last->file, file) != 0)
			return;
		drop_last(plan);
	}
}

static const struct pitr_local *first_of(const struct pitr_plan *plan, enum local_kind kind)
{
	for (size_t i = 0; i < plan->locals.n; i++)
		if (plan->locals.v[i].words.kind == kind)
			return &plan->locals.v[i];
	return NULL;
}

static int refuse_load(const struct pitr_local *l, struct err *err)
{
	char *point = *l->gtid ? mem_printf("--gtid %s --before", l->gtid)
	                       : mem_printf("--position %s:%" PRIu64 " --before", l->file, l->pos);

	err_set(err, ERR_REFUSED,
	        "transaction %s%s%s:%" PRIu64 " cannot be replayed: a LOAD DATA that failed on the "
	        "source with error %u when it had changed a table without transactions; replayed "
	        "it would not fail, and the data would be another",
	        l->gtid, *l->gtid ? ", " : "", l->file, l->pos, l->code);
	err_hint(err,
	         "%s restores everything before it. Take a full backup of the source, if it is "
	         "there: points behind that can be reached.",
	         point);
	free(point);
	return -1;
}

static void say_places(struct pitr_plan *plan)
{
	const struct pitr_local *first = NULL;
	size_t n = 0;

	for (size_t i = 0; i < plan->locals.n; i++) {
		const struct pitr_local *l = &plan->locals.v[i];
		if (!l->words.path)
			continue;
		first = first ? first : l;
		n++;
	}
	if (first)
		pitr_note(plan,
		          "what the source put into other directories behind the backup (%s, "
		          "transaction %s%s%s:%" PRIu64 "%s) lies in the data directory here",
		          first->words.path, first->gtid, *first->gtid ? ", " : "", first->file,
		          first->pos, n > 1 ? ", and others" : "");
}

static void say_key(struct pitr_plan *plan)
{
	const struct pitr_local *l = first_of(plan, LOCAL_MASTER_KEY);

	if (l)
		pitr_note(plan,
		          "the source changed its master key behind the backup (transaction "
		          "%s%s%s:%" PRIu64 "): the restored data keeps the one of the backup",
		          l->gtid, *l->gtid ? ", " : "", l->file, l->pos);
}

int pitr_local_judge(struct pitr_plan *plan, struct err *err)
{
	const struct pitr_local *load = first_of(plan, LOCAL_LOAD);

	if (load)
		return refuse_load(load, err);
	say_places(plan);
	say_key(plan);
	return 0;
}

/* A statement's GTID is to be executed all the same. */
static int change(const struct pitr_local *l, void *event, size_t n, bool checksum, struct err *err)
{
	struct binlog_event e;
	const char *db, *sql;
	size_t db_n, sql_n;

	switch (l->words.kind) {
	case LOCAL_DIRECTORY:
		return binlog_query_set_mode(event, n, checksum, MODE_NO_DIR_IN_CREATE, MODE_STRICT,
		                             err);
	case LOCAL_DATAFILE:
		return binlog_query_set_text(event, n, checksum, l->words.from, l->words.to, "",
		                             err);
	case LOCAL_MASTER_KEY:
		if (binlog_event_parse(event, n, checksum, &e, err) < 0 ||
		    binlog_query_parse(&e, &db, &db_n, &sql, &sql_n, err) < 0)
			return -1;
		return binlog_query_set_text(event, n, checksum, 0, sql_n, "COMMIT", err);
	default:
		return 0;
	}
}

static int change_at(const struct pitr_local *l, uint64_t end, bool checksum, int fd,
                     struct err *err)
{
	unsigned char head[BINLOG_HEADER_SIZE], *bytes;
	struct binlog_event e = {0};
	size_t n;
	int rc;

	if (fsio_pread(fd, head, sizeof head, l->pos, &n, l->file, err) < 0 ||
	    binlog_header_parse(head, n, &e, err) < 0)
		return -1;
	if (e.size > end - l->pos)
		return err_set(err, ERR_DAMAGED, "an event of binlog %s is too long", l->file);
	bytes = mem_alloc(e.size);
	rc = fsio_pread(fd, bytes, e.size, l->pos, &n, l->file, err);
	if (rc == 0)
		rc = change(l, bytes, n, checksum, err);
	if (rc == 0)
		rc = fsio_pwrite(fd, bytes, n, l->pos, l->file, err);
	free(bytes);
	return rc == 0 ? 0 : err_add(err, "binlog %s at %" PRIu64, l->file, l->pos);
}

int pitr_local_change(const struct pitr_plan *plan, const struct pitr_piece *piece, bool checksum,
                      int fd, struct err *err)
{
	for (size_t i = 0; i < plan->locals.n; i++) {
		const struct pitr_local *l = &plan->locals.v[i];
		if (l->pos >= piece->from && l->pos < piece->to && !strcmp(l->file, piece->file) &&
		    change_at(l, piece->to, checksum, fd, err) < 0)
			return -1;
	}
	return 0;
}

void pitr_local_done(struct pitr_plan *plan)
{
	while (plan->locals.n)
		drop_last(plan);
	vec_done(&plan->locals);
}
