#include "daemon/worker.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "daemon/note.h"
#include "daemon/thread.h"
#include "job/backup.h"
#include "job/expire.h"
#include "job/verify.h"

#define CATCH_UP_S 3600

static int remember(void *arg, const char *token, struct err *err)
{
	struct work *w = arg;
	return journal_set(w->journal, w->job->id, w->job->instance, token, err);
}

static int run_backup(struct work *w)
{
	struct manifest *head = NULL;
	struct backup_request request = {
	    .policy = w->job->policy,
	    .instance = w->instance,
	    .kind = w->job->type == JOB_FULL ? BACKUP_FULL : BACKUP_INCREMENTAL,
	    .cancel = &w->job->cancel,
	    .progress = &w->job->progress,
	    .remember = remember,
	    .remember_arg = w,
	};
	if (backup_run(&request, &head, &w->err) < 0)
		return -1;
	struct job_facts *f = &w->facts;
	memcpy(f->backup, head->id, sizeof f->backup);
	f->made_full = head->kind == BACKUP_FULL;
	f->size_bytes = head->size_bytes;
	f->read_bytes = head->read_bytes;
	f->stored_bytes = head->stored_bytes;
	f->lock_seconds = head->lock_seconds;
	if (head->full_reason)
		snprintf(f->note, sizeof f->note, "a full instead of an incremental: %s",
		         head->full_reason);
	w->head = head;
	return 0;
}

static int run_verify(struct work *w)
{
	struct verify_result result = {0};
	struct verify_request request = {
	    .repo_url = w->job->policy->repositories[0].url,
	    .instance = w->job->instance,
	    .jobs = w->job->policy->limits.workers,
	    .cancel = &w->job->cancel,
	    .progress = &w->job->progress,
	};
	int rc = verify_run(&request, &result, &w->err);
	size_t bad = 0;
	for (size_t i = 0; i < result.findings.n; i++)
		bad += !result.findings.v[i].usable;
	w->facts.read_bytes = result.bytes;
	size_t bad_binlogs = 0;
	for (size_t i = 0; i < result.binlogs.n; i++)
		bad_binlogs += result.binlogs.v[i].kind != VERIFY_GAP;
	snprintf(w->facts.note, sizeof w->facts.note,
	         "%llu backups read, %zu not usable; %llu binlogs read, %zu damaged or lost",
	         (unsigned long long)result.backups, bad, (unsigned long long)result.segments,
	         bad_binlogs);
	verify_result_done(&result);
	return rc;
}

static int run_expire(struct work *w)
{
	struct expire_result result = {0};
	progress_step(&w->job->progress, "expire");
	int rc = expire_run(w->job->policy, w->instance, false, &w->job->cancel, &result, &w->err);
	size_t removed = 0;
	uint64_t binlogs = 0;
	char size[STR_HUMAN_MAX];
	for (size_t i = 0; i < result.lines.n; i++)
		removed += result.lines.v[i].remove;
	for (size_t i = 0; i < result.binlogs.n; i++)
		binlogs += result.binlogs.v[i].remove ? result.binlogs.v[i].segments : 0;
	if (rc == 0)
		snprintf(w->facts.note, sizeof w->facts.note,
		         "%zu backups and %llu binlogs removed, %s freed", removed,
		         (unsigned long long)binlogs, str_size(size, result.freed_bytes));
	expire_result_done(&result);
	return rc;
}

static int run_binlog(struct work *w)
{
	struct stream_status st;
	progress_step(&w->job->progress, "catch up");
	if (stream_catch_up(binlog_stream(w->hold), CATCH_UP_S, &w->job->cancel, &st, &w->err) < 0)
		return -1;
	snprintf(w->facts.note, sizeof w->facts.note, "everything before %.120s:%llu is archived",
	         st.file, (unsigned long long)st.durable_pos);
	return 0;
}

static int run_check(struct work *w)
{
	progress_step(&w->job->progress, "check");
	w->check = check_take(w->job->policy, NULL);
	size_t bad = 0;
	for (size_t i = 0; i < w->check->result.lines.n; i++)
		bad += w->check->result.lines.v[i].level != CHECK_OK;
	snprintf(w->facts.note, sizeof w->facts.note, "%zu of %zu lines ask for attention", bad,
	         w->check->result.lines.n);
	return 0;
}

static int (*const runners[JOB_TYPE_N])(struct work *) = {
    [JOB_FULL] = run_backup,   [JOB_INCREMENTAL] = run_backup, [JOB_VERIFY] = run_verify,
    [JOB_EXPIRE] = run_expire, [JOB_BINLOG] = run_binlog,      [JOB_CHECK] = run_check,
};

static void *run(void *arg)
{
	struct work *w = arg;
	w->rc = runners[w->job->type](w);
	note_post(w->box, NOTE_JOB, w);
	return NULL;
}

int worker_start(struct job *job, struct mbox *box, struct journal *journal,
                 struct binlog_hold *hold, struct err *err)
{
	const struct policy_instance *instance = NULL;
	if (job->instance) {
		instance = policy_find_instance(job->policy, job->instance);
		if (!instance)
			return err_set(err, ERR_NOT_FOUND,
			               "instance %s is not in the policy any more", job->instance);
	}
	if (job->type == JOB_BINLOG && !hold)
		return err_set(err, ERR_REFUSED, "the binlog of instance %s is not archived",
		               job->instance);
	struct work *w = mem_zalloc(sizeof *w);
	w->job = job;
	w->box = box;
	w->journal = journal;
	w->instance = instance;
	w->hold = job->type == JOB_BINLOG ? binlog_hold(hold) : NULL;
	pthread_t thread;
	char name[16];
	snprintf(name, sizeof name, "job %lld", (long long)job->id);
	if (thread_start(&thread, name, run, w, err) < 0) {
		work_free(w);
		return -1;
	}
	pthread_detach(thread);
	return 0;
}

void work_free(struct work *w)
{
	if (!w)
		return;
	binlog_let_go(w->hold);
	manifest_free(w->head);
	check_note_free(w->check);
	free(w);
}
