#include "binlog/stream_look.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "binlog/stream.h"
#include "server/privileges.h"

static int is_on(void *arg, unsigned n, char **fields, const unsigned long *lengths,
                 struct err *err)
{
	(void)lengths, (void)err;
	*(bool *)arg = n > 0 && fields[0] && strcmp(fields[0], "0") != 0;
	return 0;
}

static int to_number(const char *text, uint64_t *ret)
{
	char *end = NULL;

	errno = 0;
	unsigned long long v = text ? strtoull(text, &end, 10) : 0;
	if (!text || text[0] < '0' || text[0] > '9' || *end || errno)
		return -1;
	*ret = v;
	return 0;
}

static int add_file(void *arg, unsigned n, char **fields, const unsigned long *lengths,
                    struct err *err)
{
	struct server_look *l = arg;
	uint64_t size;

	(void)lengths;
	if (n < 2 || !fields[0] || strlen(fields[0]) >= BINLOG_NAME_MAX ||
	    to_number(fields[1], &size) < 0)
		return err_set(err, ERR_SERVER, "SHOW BINARY LOGS: unexpected answer");
	*vec_push(&l->files) = (struct server_file){.name = mem_strdup(fields[0]), .size = size};
	return 0;
}

static int refused(struct conn *c, bool mariadb, struct err *err)
{
	char *account = NULL, *grant = NULL;

	if (conn_value(c, "SELECT CURRENT_USER()", &account, NULL) == 0 && account) {
		grant = privileges_grant_text(mariadb ? "BINLOG MONITOR, REPLICATION SLAVE"
		                                      : "REPLICATION CLIENT, REPLICATION SLAVE",
		                              account);
		err_hint(err, "Run on the server: %s", grant);
	}
	free(account);
	free(grant);
	return -1;
}

static int no_binlog(struct conn *c, struct err *err)
{
	err_set(err, ERR_REFUSED, "the server at %s writes no binlog (log_bin is OFF)",
	        conn_where(c));
	if (err)
		err->sys = STREAM_NO_BINLOG;
	return err_hint(err, "Start it with log_bin, or say `binlog: off` in the policy.");
}

static int list_files(struct conn *c, struct server_look *l, struct err *err)
{
	struct err why = ERR_INIT;

	if (conn_query(c, "SHOW BINARY LOGS", add_file, l, &why) < 0) {
		if (err)
			*err = why;
		return why.kind == ERR_REFUSED ? refused(c, l->mariadb, err) : -1;
	}
	if (l->files.n == 0)
		return err_set(err, ERR_SERVER, "the server at %s lists no binlog", conn_where(c));
	return 0;
}

int look_ask(struct conn *c, struct server_look *ret, struct err *err)
{
	struct server_look l = {.mariadb = conn_is_mariadb(c)};
	bool on = false;

	if (conn_query(c, "SELECT @@log_bin", is_on, &on, err) < 0)
		return -1;
	if (!on)
		return no_binlog(c, err);
	if (look_resets(c, &l.resets, err) < 0 || list_files(c, &l, err) < 0) {
		look_done(&l);
		return -1;
	}
	*ret = l;
	return 0;
}

void look_done(struct server_look *l)
{
	for (size_t i = 0; i < l->files.n; i++)
		free(l->files.v[i].name);
	vec_done(&l->files);
}

static int take_end(void *arg, unsigned n, char **fields, const unsigned long *lengths,
                    struct err *err)
{
	struct server_end *end = arg;

	(void)lengths;
	if (n < 2 || !fields[0] || strlen(fields[0]) >= BINLOG_NAME_MAX ||
	    to_number(fields[1], &end->pos) < 0)
		return err_set(
		    err, ERR_SERVER,
		    "asked where its binlog ends, the server answered in an unknown form");
	snprintf(end->file, sizeof end->file, "%s", fields[0]);
	return 0;
}

int look_end(struct conn *c, struct server_end *ret, struct err *err)
{
	struct server_end end = {.file = ""};
	struct err why = ERR_INIT;

	/* MySQL renamed it in 8.2 and later forgot the old name. */
	const char *words = conn_is_mariadb(c) ? "SHOW MASTER STATUS" : "SHOW BINARY LOG STATUS";
	int rc = conn_query(c, words, take_end, &end, &why);
	if (rc < 0 && why.kind == ERR_SERVER && !conn_is_mariadb(c))
		rc = conn_query(c, "SHOW MASTER STATUS", take_end, &end, &why);
	if (rc < 0) {
		if (err)
			*err = why;
		return why.kind == ERR_REFUSED ? refused(c, conn_is_mariadb(c), err) : -1;
	}
	if (!end.file[0])
		return no_binlog(c, err);
	*ret = end;
	return 0;
}

int look_clock(struct conn *c, int64_t *ret_us, struct err *err)
{
	uint64_t seconds = 0;

	if (conn_u64(c, "SELECT UNIX_TIMESTAMP()", &seconds, err) < 0)
		return -1;
	*ret_us = (int64_t)seconds * CLOCK_US;
	return 0;
}

static int take_resets(void *arg, unsigned n, char **fields, const unsigned long *lengths,
                       struct err *err)
{
	(void)lengths;
	if (n < 2 || to_number(fields[1], arg) < 0)
		return err_set(err, ERR_SERVER, "SHOW GLOBAL STATUS: unexpected answer");
	return 0;
}

int look_resets(struct conn *c, uint64_t *ret, struct err *err)
{
	*ret = 0;
	return conn_query(c, "SHOW GLOBAL STATUS LIKE 'Com_reset'", take_resets, ret, err);
}

int look_behind(struct conn *c, const char *file, uint64_t pos, uint64_t *ret, struct err *err)
{
	struct server_look l = {.mariadb = conn_is_mariadb(c)};
	uint64_t sum = 0;
	bool from = false;
	int rc = list_files(c, &l, err);

	for (size_t i = 0; rc == 0 && i < l.files.n; i++) {
		const struct server_file *f = &l.files.v[i];
		if (from)
			sum += f->size;
		else if (strcmp(f->name, file) == 0) {
			sum = f->size > pos ? f->size - pos : 0;
			from = true;
		}
	}
	look_done(&l);
	if (rc == 0)
		*ret = from ? sum : UINT64_MAX;
	return rc;
}
