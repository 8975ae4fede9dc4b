#include "daemon/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/api_parts.h"
#include "daemon/status.h"

static const struct route {
	const char *method, *path; /* {}: any one part */
	bool takes_query;
	api_call *handle;
} routes[] = {
    {"GET", "/v1/status", false, api_get_status},
    {"GET", "/v1/jobs", false, api_get_jobs},
    {"POST", "/v1/jobs", false, api_post_job},
    {"GET", "/v1/jobs/{}", false, api_get_job},
    {"DELETE", "/v1/jobs/{}", false, api_delete_job},
    {"GET", "/v1/history", true, api_get_history},
    {"GET", "/v1/instances/{}/backups", false, api_get_backups},
    {"GET", "/v1/instances/{}/backups/{}", false, api_get_backup},
    {"GET", "/v1/check", false, api_get_check},
    {"GET", "/v1/space", false, api_get_space},
    {"POST", "/v1/reload", false, api_post_reload},
    {"GET", "/metrics", false, api_get_metrics},
    {"GET", "/healthz", false, api_get_healthz},
};
#define ROUTE_N (sizeof routes / sizeof *routes)

/* One part of the path, %XX undone; -1 if it is empty, too long or holds a NUL. */
static int decode_part(const char *from, size_t n, char to[API_ARG_SIZE])
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
		if (!byte || at + 1 >= API_ARG_SIZE)
			return -1;
		to[at++] = (char)byte;
	}
	to[at] = '\0';
	return at ? 0 : -1;
}

static bool path_matches(const char *pattern, const char *path,
                         char args[API_ARGS_MAX][API_ARG_SIZE])
{
	size_t n = 0;
	while (*pattern && *path) {
		if (str_starts(pattern, "{}")) {
			size_t part = strcspn(path, "/");
			if (n == API_ARGS_MAX || decode_part(path, part, args[n++]) < 0)
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
