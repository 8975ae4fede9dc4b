/* Questions: nothing is changed by them. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/api_parts.h"
#include "daemon/daemon.h"
#include "daemon/metrics.h"
#include "daemon/status.h"
#include "job/catalog_load.h"

#define HISTORY_LIMIT 100
#define HISTORY_LIMIT_MAX 1000

int api_job_id(const char *text, int64_t *ret, struct err *err)
{
	char *end;
	errno = 0;
	long long id = strtoll(text, &end, 10);
	if (!isdigit((unsigned char)text[0]) || *end || errno || id < 1)
		return err_set(err, ERR_USAGE, "\"%s\" is not the number of a job", text);
	*ret = id;
	return 0;
}

int api_get_status(struct call *c, struct err *err)
{
	(void)err;
	c->json = status_json(c->d);
	return 0;
}

int api_get_jobs(struct call *c, struct err *err)
{
	(void)err;
	c->json = json_object();
	json_object_set_new(c->json, "jobs", status_jobs(c->d, false));
	return 0;
}

int api_get_job(struct call *c, struct err *err)
{
	int64_t id = 0;
	if (api_job_id(c->args[0], &id, err) < 0)
		return -1;
	const struct job *j = jobs_find(&c->d->jobs, id);
	if (!j) {
		err_set(err, ERR_NOT_FOUND, "there is no job %lld", (long long)id);
		return err_hint(err, "older runs are in /v1/history");
	}
	c->json = status_run(j);
	return 0;
}

static int known_instance(const struct call *c, struct err *err)
{
	if (policy_find_instance(c->d->policy, c->args[0]))
		return 0;
	err_set(err, ERR_NOT_FOUND, "the policy has no instance %s", c->args[0]);
	return err_hint(err, "mybakctl status lists the instances");
}

int api_get_backups(struct call *c, struct err *err)
{
	if (known_instance(c, err) < 0)
		return -1;
	c->json = status_backups(c->d, c->args[0]);
	return 0;
}

int api_get_backup(struct call *c, struct err *err)
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

int api_get_space(struct call *c, struct err *err)
{
	(void)err;
	c->json = status_space(c->d);
	return 0;
}

int api_get_check(struct call *c, struct err *err)
{
	(void)err;
	c->json = status_check(c->d);
	return 0;
}

static int history_limit(const char *text, unsigned *ret, struct err *err)
{
	int64_t n = 0;
	if (api_job_id(text, &n, err) < 0 || n > HISTORY_LIMIT_MAX)
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

int api_get_history(struct call *c, struct err *err)
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

int api_get_metrics(struct call *c, struct err *err)
{
	(void)err;
	enum metrics_format f = metrics_choose(c->rq->accept);
	c->type = metrics_content_type(f);
	metrics_write(c->d, f, &c->text);
	return 0;
}

int api_get_healthz(struct call *c, struct err *err)
{
	(void)err;
	c->type = "text/plain; charset=utf-8";
	str_add(&c->text, "ok\n");
	return 0;
}
