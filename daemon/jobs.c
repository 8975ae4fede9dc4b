#include "daemon/jobs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

static const struct {
	const char *name;
	bool exclusive; /* works on its instance: no other such job at the same time */
} types[JOB_TYPE_N] = {
    [JOB_FULL] = {"full", true},      [JOB_INCREMENTAL] = {"incremental", true},
    [JOB_VERIFY] = {"verify", true},  [JOB_EXPIRE] = {"expire", true},
    [JOB_BINLOG] = {"binlog", false}, [JOB_CHECK] = {"check", false},
};

static const char *const not_built[] = {"drill"};

static const char *const states[] = {
    [JOB_QUEUED] = "queued", [JOB_RUNNING] = "running",     [JOB_DONE] = "done",
    [JOB_FAILED] = "failed", [JOB_CANCELLED] = "cancelled",
};

const char *job_type_name(enum job_type type)
{
	return types[type].name;
}

int job_type_parse(const char *name, enum job_type *ret, struct err *err)
{
	const char *words[JOB_TYPE_N];
	for (size_t i = 0; i < JOB_TYPE_N; i++) {
		words[i] = types[i].name;
		if (!strcmp(name, words[i])) {
			*ret = (enum job_type)i;
			return 0;
		}
	}
	for (size_t i = 0; i < sizeof not_built / sizeof *not_built; i++)
		if (!strcmp(name, not_built[i]))
			return err_set(err, ERR_USAGE, "%s is not built yet", name);
	err_set(err, ERR_USAGE, "\"%.64s\" is not a type of job", name);
	const char *near = str_nearest(name, words, JOB_TYPE_N);
	if (near)
		return err_hint(err, "did you mean \"%s\"?", near);
	return err_hint(err, "use one of full, incremental, verify, expire, binlog, check");
}

const char *job_state_name(enum job_state state)
{
	return states[state];
}

int job_state_parse(const char *name, enum job_state *ret)
{
	for (size_t i = 0; i < sizeof states / sizeof *states; i++)
		if (!strcmp(name, states[i])) {
			*ret = (enum job_state)i;
			return 0;
		}
	return -1;
}

const char *job_step(const struct job *j)
{
	if (j->state != JOB_RUNNING)
		return j->step;
	const char *step = atomic_load_explicit(&j->progress.step, memory_order_acquire);
	return step ? step : "";
}

bool job_over(const struct job *j)
{
	return j->state != JOB_QUEUED && j->state != JOB_RUNNING;
}

void job_free(struct job *j)
{
	if (!j)
		return;
	policy_unref(j->policy);
	free(j->instance);
	free(j);
}

void jobs_init(struct jobs *t, int64_t last_id, unsigned limit)
{
	*t = (struct jobs){.last_id = last_id, .limit = limit ? limit : 1};
}

void jobs_done(struct jobs *t)
{
	for (size_t i = 0; i < t->all.n; i++)
		job_free(t->all.v[i]);
	vec_done(&t->all);
}

void jobs_recall(struct jobs *t, struct job *j)
{
	*vec_push(&t->all) = j;
	if (j->id > t->last_id)
		t->last_id = j->id;
}

static bool same_instance(const struct job *j, const char *instance)
{
	if (!j->instance || !instance)
		return j->instance == instance;
	return !strcmp(j->instance, instance);
}

struct job *jobs_active(const struct jobs *t, enum job_type type, const char *instance)
{
	for (size_t i = 0; i < t->all.n; i++) {
		struct job *j = t->all.v[i];
		if (!job_over(j) && j->type == type && same_instance(j, instance))
			return j;
	}
	return NULL;
}

struct job *jobs_running_on(const struct jobs *t, const char *instance)
{
	for (size_t i = 0; i < t->all.n; i++) {
		struct job *j = t->all.v[i];
		if (j->state == JOB_RUNNING && types[j->type].exclusive &&
		    same_instance(j, instance))
			return j;
	}
	return NULL;
}

unsigned jobs_count(const struct jobs *t, enum job_state state)
{
	unsigned n = 0;
	for (size_t i = 0; i < t->all.n; i++)
		n += t->all.v[i]->state == state;
	return n;
}

int jobs_add(struct jobs *t, enum job_type type, const char *instance, int64_t due_us,
             int64_t now_us, struct job **ret, int64_t *ret_existing, struct err *err)
{
	const struct job *twin = jobs_active(t, type, instance);
	if (twin) {
		*ret_existing = twin->id;
		err_set(err, ERR_BUSY, "job %lld is already %s: %s%s%s", (long long)twin->id,
		        job_state_name(twin->state), job_type_name(type),
		        instance ? " of instance " : "", instance ? instance : "");
		return err_hint(err, "wait for job %lld or cancel it", (long long)twin->id);
	}
	struct job *j = mem_zalloc(sizeof *j);
	j->id = ++t->last_id;
	j->type = type;
	j->instance = mem_strdup(instance);
	j->state = JOB_QUEUED;
	j->due_us = due_us;
	j->queued_us = now_us;
	*vec_push(&t->all) = j;
	*ret = j;
	return 0;
}

static unsigned slots_taken(const struct jobs *t)
{
	unsigned n = 0;
	for (size_t i = 0; i < t->all.n; i++)
		n += t->all.v[i]->state == JOB_RUNNING && types[t->all.v[i]->type].exclusive;
	return n;
}

struct job *jobs_next(const struct jobs *t)
{
	bool full = slots_taken(t) >= t->limit;
	for (size_t i = 0; i < t->all.n; i++) {
		struct job *j = t->all.v[i];
		if (j->state != JOB_QUEUED)
			continue;
		if (!types[j->type].exclusive || (!full && !jobs_running_on(t, j->instance)))
			return j;
	}
	return NULL;
}

void jobs_start(struct job *j, struct policy *policy, int64_t now_us)
{
	j->policy = policy_ref(policy);
	j->started_us = now_us;
	j->state = JOB_RUNNING;
	progress_step(&j->progress, "begin");
}

void jobs_forget(struct jobs *t)
{
	size_t over = 0, kept = 0;
	for (size_t i = 0; i < t->all.n; i++)
		over += job_over(t->all.v[i]);
	for (size_t i = 0; i < t->all.n; i++) {
		struct job *j = t->all.v[i];
		if (job_over(j) && over > JOBS_KEEP) {
			over--;
			job_free(j);
		} else {
			t->all.v[kept++] = j;
		}
	}
	t->all.n = kept;
}

void jobs_end(struct job *j, const struct err *err, int64_t now_us)
{
	snprintf(j->step, sizeof j->step, "%s", job_step(j));
	j->finished_us = now_us;
	j->state = !err ? JOB_DONE : err->kind == ERR_CANCELLED ? JOB_CANCELLED : JOB_FAILED;
	if (err)
		j->err = *err;
	policy_unref(j->policy);
	j->policy = NULL;
}

int jobs_cancel(struct jobs *t, int64_t id, bool *ret_queued, struct err *err)
{
	struct job *j = jobs_find(t, id);
	if (!j)
		return err_set(err, ERR_NOT_FOUND, "there is no job %lld", (long long)id);
	if (job_over(j))
		return err_set(err, ERR_REFUSED, "job %lld is over (%s): nothing to cancel",
		               (long long)id, job_state_name(j->state));
	cancel_ask(&j->cancel);
	j->settled = true; /* somebody wants it not to run: the schedule does not insist */
	*ret_queued = j->state == JOB_QUEUED;
	return 0;
}

struct job *jobs_first(const struct jobs *t, enum job_state state)
{
	for (size_t i = 0; i < t->all.n; i++)
		if (t->all.v[i]->state == state)
			return t->all.v[i];
	return NULL;
}

struct job *jobs_find(const struct jobs *t, int64_t id)
{
	for (size_t i = 0; i < t->all.n; i++)
		if (t->all.v[i]->id == id)
			return t->all.v[i];
	return NULL;
}
