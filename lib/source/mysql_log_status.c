#include "source/mysql_log_status.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

static int number(const json_t *o, const char *key, uint64_t *ret)
{
	const json_t *v = json_object_get(o, key);
	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return -1;
	*ret = (uint64_t)json_integer_value(v);
	return 0;
}

/* A set of several sources comes with line breaks. */
static char *one_line(const char *gtid)
{
	char *copy = mem_strdup(gtid), *to = copy;
	for (const char *p = gtid; *p; p++)
		if (*p != '\n' && *p != '\r')
			*to++ = *p;
	*to = '\0';
	return copy;
}

/* A name becomes part of a path. */
static bool is_file_name(const char *s)
{
	return s && *s && !strchr(s, '/') && strcmp(s, ".") != 0 && strcmp(s, "..") != 0;
}

static int read_local(const json_t *o, struct position *p)
{
	const char *file = json_string_value(json_object_get(o, "binary_log_file"));
	const char *gtid = json_string_value(json_object_get(o, "gtid_executed"));

	if (!json_is_object(o))
		return -1;
	if (file && *file) {
		if (!is_file_name(file) || number(o, "binary_log_position", &p->pos) != 0)
			return -1;
		p->file = mem_strdup(file);
		p->taken_us = clock_wall_us();
		/* Without a binlog to hold still, the set is behind what the LSN has. */
		if (gtid)
			p->gtid = one_line(gtid);
	}
	return 0;
}

int log_status_read(const char *local, const char *engines, struct log_status *ret, struct err *err)
{
	json_t *l = local ? json_loads(local, 0, NULL) : NULL;
	json_t *e = engines ? json_loads(engines, 0, NULL) : NULL;
	const json_t *innodb = json_object_get(e, "InnoDB");
	struct log_status s = {0};
	int rc = 0;

	if (read_local(l, &s.binlog) != 0 || number(innodb, "LSN", &s.lsn) != 0 ||
	    number(innodb, "LSN_checkpoint", &s.checkpoint) != 0 || s.lsn < s.checkpoint ||
	    !s.checkpoint) {
		rc = err_set(err, ERR_SERVER,
		             "performance_schema.log_status answered in an unknown form: "
		             "\"%.200s\", \"%.200s\"",
		             local ? local : "NULL", engines ? engines : "NULL");
		log_status_done(&s);
	} else {
		*ret = s;
	}
	json_decref(l);
	json_decref(e);
	return rc;
}

void log_status_done(struct log_status *s)
{
	position_done(&s->binlog);
	*s = (struct log_status){0};
}
