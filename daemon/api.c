#include "daemon/api.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "daemon/daemon.h"
#include "daemon/metrics.h"
#include "daemon/status.h"
#include "job/catalog_load.h"

#define ARGS_MAX 2
#define ARG_SIZE 128
#define HISTORY_LIMIT 100
#define HISTORY_LIMIT_MAX 1000

struct call {
	struct daemon *d;
	const struct api_request *rq;
	char args[ARGS_MAX][ARG_SIZE]; /* what stood where the route has {} */
	int status;                    /* of success */
	json_t *json;                  /* the answer, … */
	struct str text;               /* … or this, if type is set */
	const char *type;
	int64_t existing;  /* with ERR_BUSY: the job that is in the way; 0: none */
	struct str report; /* of a policy that was refused: a line for each error */
};

static int get_status(struct call *c, struct err *err)
{
	(void)err;
	c->json = status_json(c->d);
	return 0;
}

static int get_jobs(struct call *c, struct err *err)
{
	(void)err;
	c->json = json_object();
	json_object_set_new(c->json, "jobs", status_jobs(c->d, false));
	return 0;
}

static int job_id(const char *text, int64_t *ret, struct err *err)
{
	char *end;
	errno = 0;
	long long id = strtoll(text, &end, 10);
	if (!isdigit((unsigned char)text[0]) || *end || errno || id < 1)
		return err_set(err, ERR_USAGE, "\"%s\" is not the number of a job", text);
	*ret = id;
	return 0;
}

static int get_job(struct call *c, struct err *err)
{
	int64_t id = 0;
	if (job_id(c->args[0], &id, err) < 0)
		return -1;
	const struct job *j = jobs_find(&c->d->jobs, id);
	if (!j) {
		err_set(err, ERR_NOT_FOUND, "there is no job %lld", (long long)id);
		return err_hint(err, "older runs are in /v1/history");
	}
	c->json = status_run(j);
	return 0;
}

static int delete_job(struct call *c, struct err *err)
{
	int64_t id = 0;
	if (job_id(c->args[0], &id, err) < 0 || daemon_cancel(c->d, id, err) < 0)
		return -1;
	c->status = 202;
	c->json = json_object();
	json_object_set_new(c->json, "id", json_integer(id));
	return 0;
}

static int parse_body(const struct api_request *rq, json_t **ret, struct err *err)
{
	json_error_t why;
	json_t *j = json_loadb(rq->body, rq->body_n, JSON_REJECT_DUPLICATES, &why);
	if (!j)
		return err_set(err, ERR_USAGE, "the body is not JSON: %s at byte %d", why.text,
		               why.position);
	if (!json_is_object(j)) {
		json_decref(j);
		return err_set(err, ERR_USAGE, "the body is not a JSON object");
	}
	*ret = j;
	return 0;
}

/* type and instance are borrowed from `body`. */
static int read_wish(const struct daemon *d, json_t *body, enum job_type *ret_type,
                     const char **ret_instance, struct err *err)
{
	const char *key, *type = NULL, *instance = NULL;
	json_t *value;
	json_object_foreach(body, key, value)
	{
		const char **to = !strcmp(key, "type")       ? &type
		                  : !strcmp(key, "instance") ? &instance
		                                             : NULL;
		if (!to)
			return err_set(err, ERR_USAGE,
			               "unknown key \"%.64s\"; known are type, instance", key);
		if (!json_is_string(value))
			return err_set(err, ERR_USAGE, "\"%s\" is not a string", key);
		*to = json_string_value(value);
	}
	if (!type)
		return err_set(err, ERR_USAGE, "the key \"type\" is missing");
	if (job_type_parse(type, ret_type, err) < 0)
		return -1;
	if (*ret_type == JOB_CHECK)
		instance = NULL; /* a check looks at everything */
	else if (!instance && d->policy->instance_n == 1)
		instance = d->policy->instances[0].name;
	else if (!instance)
		return err_set(err, ERR_USAGE,
		               "the key \"instance\" is missing, and the policy has %zu of them",
		               d->policy->instance_n);
	*ret_instance = instance;
	return 0;
}

static int post_job(struct call *c, struct err *err)
{
	json_t *body = NULL;
	enum job_type type = JOB_CHECK;
	const char *instance = NULL;
	int64_t id = 0;
	if (parse_body(c->rq, &body, err) < 0)
		return -1;
	int rc = read_wish(c->d, body, &type, &instance, err);
	if (rc == 0)
		rc = daemon_submit(c->d, type, instance, -1, &id, &c->existing, err);
	json_decref(body);
	if (rc < 0)
		return -1;
	c->status = 202;
	c->json = json_object();
	json_object_set_new(c->json, "id", json_integer(id));
	return 0;
}

static int known_instance(const struct call *c, struct err *err)
{
	if (policy_find_instance(c->d->policy, c->args[0]))
		return 0;
	err_set(err, ERR_NOT_FOUND, "the policy has no instance %s", c->args[0]);
	return err_hint(err, "mybakctl status lists the instances");
}

static int get_backups(struct call *c, struct err *err)
{
	if (known_instance(c, err) < 0)
		return -1;
	c->json = status_backups(c->d, c->args[0]);
	return 0;
}

static int get_backup(struct call *c, struct err *err)
{
	if (known_instance(c, err) < 0)
		return -1;
	const struct catalog *catalog = snapshot_catalog(c->d->snapshot, c->args[0]);
	const struct manifest *m = catalog ? catalog_find(catalog, c->args[1]) : NULL;
	if (!m)
		return err_set(err, ERR_NOT_FOUND, "instance %s has no backup %s", c->args[0],
		               c->args[1]);
	c->json = status_backup(c->d, m);
	return 0;
}

static int get_space(struct call *c, struct err *err)
{
	(void)err;
	c->json = status_space(c->d);
	return 0;
}

static int get_check(struct call *c, struct err *err)
{
	(void)err;
	c->json = status_check(c->d);
	return 0;
}

static int history_limit(const char *text, unsigned *ret, struct err *err)
{
	int64_t n = 0;
	if (job_id(text, &n, err) < 0 || n > HISTORY_LIMIT_MAX)
		return err_set(err, ERR_USAGE, "limit is not a number from 1 to %d",
		               HISTORY_LIMIT_MAX);
	*ret = (unsigned)n;
	return 0;
}

/* Cuts `query` up in place. */
static int history_query(char *query, const char **instance, unsigned *limit, struct err *err)
{
	char *at = NULL;
	for (char *word = strtok_r(query, "&", &at); word; word = strtok_r(NULL, "&", &at)) {
		if (str_starts(word, "instance=")) {
			*instance = word + strlen("instance=");
		} else if (str_starts(word, "limit=")) {
			if (history_limit(word + strlen("limit="), limit, err) < 0)
				return -1;
		} else {
			return err_set(err, ERR_USAGE,
			               "unknown parameter \"%.64s\"; known are instance, limit",
			               word);
		}
	}
	return 0;
}

static void add_run(void *arg, struct job **job)
{
	json_array_append_new(arg, status_run(*job));
}

static int get_history(struct call *c, struct err *err)
{
	char *query = mem_strdup(c->rq->query ? c->rq->query : "");
	const char *instance = NULL;
	unsigned limit = HISTORY_LIMIT;
	json_t *list = json_array();
	int rc = history_query(query, &instance, &limit, err);
	if (rc == 0)
		rc = history_list(c->d->history, instance, limit, add_run, list, err);
	if (rc == 0) {
		c->json = json_object();
		json_object_set(c->json, "history", list);
	}
	json_decref(list);
	free(query);
	return rc;
}

/* All errors of the file, not only the first, in one line: as many as it holds. */
static void join_errors(const char *report, struct err *err)
{
	struct str text = {0};
	unsigned left_out = 0;
	for (const char *line = report; *line;) {
		size_t n = strcspn(line, "\n");
		if (left_out || (text.n && text.n + n + 32 > ERR_TEXT_MAX))
			left_out++;
		else
			str_addf(&text, "%s%.*s", text.n ? "; " : "", (int)n, line);
		line += n + (line[n] == '\n');
	}
	if (left_out)
		str_addf(&text, "; and %u more", left_out);
	if (text.n)
		err_set(err, err->kind, "%s", str_text(&text));
	str_done(&text);
}

static int post_reload(struct call *c, struct err *err)
{
	int rc = daemon_reload(c->d, &c->report, err);
	if (rc == 0) {
		c->json = json_object();
		json_object_set_new(c->json, "reloaded", json_true());
	} else {
		join_errors(str_text(&c->report), err);
		if (!err->hint[0])
			err_hint(err, "the policy read before stays in force");
	}
	return rc;
}

static int get_metrics(struct call *c, struct err *err)
{
	(void)err;
	enum metrics_format f = metrics_choose(c->rq->accept);
	c->type = metrics_content_type(f);
	metrics_write(c->d, f, &c->text);
	return 0;
}

static int get_healthz(struct call *c, struct err *err)
{
	(void)err;
	c->type = "text/plain; charset=utf-8";
	str_add(&c->text, "ok\n");
	return 0;
}

static const struct route {
	const char *method, *path; /* {}: any one part */
	bool takes_query;
	int (*handle)(struct call *c, struct err *err);
} routes[] = {
    {"GET", "/v1/status", false, get_status},
    {"GET", "/v1/jobs", false, get_jobs},
    {"POST", "/v1/jobs", false, post_job},
    {"GET", "/v1/jobs/{}", false, get_job},
    {"DELETE", "/v1/jobs/{}", false, delete_job},
    {"GET", "/v1/history", true, get_history},
    {"GET", "/v1/instances/{}/backups", false, get_backups},
    {"GET", "/v1/instances/{}/backups/{}", false, get_backup},
    {"GET", "/v1/check", false, get_check},
    {"GET", "/v1/space", false, get_space},
    {"POST", "/v1/reload", false, post_reload},
    {"GET", "/metrics", false, get_metrics},
    {"GET", "/healthz", false, get_healthz},
};
#define ROUTE_N (sizeof routes / sizeof *routes)

/* One part of the path, %XX undone; -1 if it is empty, too long or holds a NUL. */
static int decode_part(const char *from, size_t n, char to[ARG_SIZE])
{
	size_t at = 0;
	for (size_t i = 0; i < n; i++) {
		unsigned char byte = (unsigned char)from[i];
		if (byte == '%') {
			if (n - i < 3 ||
			    str_unhex(&byte, 1, (char[]){from[i + 1], from[i + 2], 0}) < 0)
				return -1;
			i += 2;
		}
		if (!byte || at + 1 >= ARG_SIZE)
			return -1;
		to[at++] = (char)byte;
	}
	to[at] = '\0';
	return at ? 0 : -1;
}

static bool path_matches(const char *pattern, const char *path, char args[ARGS_MAX][ARG_SIZE])
{
	size_t n = 0;
	while (*pattern && *path) {
		if (str_starts(pattern, "{}")) {
			size_t part = strcspn(path, "/");
			if (n == ARGS_MAX || decode_part(path, part, args[n++]) < 0)
				return false;
			pattern += 2;
			path += part;
		} else if (*pattern++ != *path++) {
			return false;
		}
	}
	return !*pattern && !*path;
}

static const struct route *find_route(struct call *c, struct api_reply *ret, struct err *err)
{
	for (size_t i = 0; i < ROUTE_N; i++) {
		if (!path_matches(routes[i].path, c->rq->path, c->args))
			continue;
		if (!strcmp(routes[i].method, c->rq->method))
			return &routes[i];
		size_t n = strlen(ret->allow);
		snprintf(ret->allow + n, sizeof ret->allow - n, "%s%s%s", n ? ", " : "",
		         routes[i].method, strcmp(routes[i].method, "GET") ? "" : ", HEAD");
	}
	if (ret->allow[0]) {
		ret->status = 405;
		err_set(err, ERR_USAGE, "%s is not for %.128s", c->rq->method, c->rq->path);
		err_hint(err, "use %s", ret->allow);
	} else {
		err_set(err, ERR_NOT_FOUND, "there is nothing at %.128s", c->rq->path);
		err_hint(err, "mybakd(8) lists the paths");
	}
	return NULL;
}

static int dispatch(struct call *c, struct api_reply *ret, struct err *err)
{
	const struct route *r = find_route(c, ret, err);
	if (!r)
		return -1;
	if (c->rq->query && c->rq->query[0] && !r->takes_query)
		return err_set(err, ERR_USAGE, "%s takes no parameters", r->path);
	if (strcmp(r->method, "GET") != 0 && !c->rq->may_control) {
		err_set(err, ERR_REFUSED, "only root and the user the daemon runs as may do this");
		return err_hint(err, "members of the socket's group can read; use sudo to control");
	}
	if (c->rq->body_n > API_BODY_MAX) {
		ret->status = 413;
		return err_set(err, ERR_USAGE, "the body has more than %u bytes", API_BODY_MAX);
	}
	return r->handle(c, err);
}

static json_t *lines_of(const char *text)
{
	json_t *list = json_array();
	while (*text) {
		size_t n = strcspn(text, "\n");
		json_array_append_new(list, json_stringn(text, n));
		text += n + (text[n] == '\n');
	}
	return list;
}

static json_t *error_answer(const struct err *err, const struct call *c)
{
	json_t *o = json_object(), *e = status_error(err);
	if (c->existing)
		json_object_set_new(e, "id", json_integer(c->existing));
	if (c->report.n)
		json_object_set_new(e, "report", lines_of(str_text(&c->report)));
	json_object_set_new(o, "error", e);
	return o;
}

void api_handle(struct daemon *d, const struct api_request *rq, struct api_reply *ret)
{
	struct call c = {.d = d, .rq = rq, .status = 200};
	struct err err = ERR_INIT;
	*ret = (struct api_reply){0};
	if (dispatch(&c, ret, &err) < 0) {
		c.status = ret->status ? ret->status : err_http_status(err.kind);
		c.json = error_answer(&err, &c);
		c.type = NULL;
	}
	ret->status = c.status;
	if (c.type) {
		ret->type = c.type;
		ret->body_n = c.text.n;
		ret->body = str_take(&c.text);
	} else {
		char *text = json_dumps(c.json, JSON_COMPACT | JSON_REAL_PRECISION(12));
		str_add(&c.text, text ? text : "null");
		str_add(&c.text, "\n");
		free(text);
		ret->type = "application/json";
		ret->body_n = c.text.n;
		ret->body = str_take(&c.text);
	}
	json_decref(c.json);
	str_done(&c.report);
	str_done(&c.text);
}
