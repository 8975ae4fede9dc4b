/* What a client may have done: jobs that begin or end, a policy that is read again. */
#include <string.h>

#include "daemon/api_parts.h"
#include "daemon/daemon.h"

int api_delete_job(struct call *c, struct err *err)
{
	int64_t id = 0;
	if (api_job_id(c->args[0], &id, err) < 0 || daemon_cancel(c->d, id, err) < 0)
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

int api_post_job(struct call *c, struct err *err)
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

/* All errors of the file, not only the first, in one line: as many as it holds. */
static void join_errors(const char *report, struct err *err)
{
	struct str text = {0};
	unsigned left_out = 0;
	for (const char *line = report; *line;) {
		size_t n = strcspn(line, "\n");
		if (left_out || (text.n && text.n + n + 32 > ERR_TEXT_MAX))
			left_out++;
		else {
			str_sep(&text, "; ");
			str_addf(&text, "%.*s", (int)n, line);
		}
		line += n + (line[n] == '\n');
	}
	if (left_out)
		str_addf(&text, "; and %u more", left_out);
	if (text.n)
		err_set(err, err->kind, "%s", str_text(&text));
	str_done(&text);
}

int api_post_reload(struct call *c, struct err *err)
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
