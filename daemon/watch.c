#include "daemon/watch.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "daemon/note.h"
#include "daemon/snapshot.h"
#include "daemon/thread.h"
#include "job/backup.h"
#include "repo/repo.h"

struct watch {
	struct mbox *box;
	struct journal *journal;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct policy *asked; /* under lock: the policy of the next round, or NULL */
	bool stop;            /* under lock */
	bool prepared;
	struct binlog_memory memory;
	char *made; /* where a repository was made, or found */
};

static void complain(struct check_note *check, const struct journal_entry *e, const struct err *why)
{
	*vec_push(&check->result.lines) = (struct check_line){
	    .level = CHECK_WARNING,
	    .subject = mem_printf("instance %s", e->instance),
	    .text =
	        mem_printf("what killed job %lld left set on the server could not be undone: %s",
	                   (long long)e->job, why->text),
	    .hint = why->hint[0] ? mem_strdup(why->hint) : NULL,
	};
	if (check->result.worst < CHECK_WARNING)
		check->result.worst = CHECK_WARNING;
}

static int undo_one(struct watch *w, const struct policy *policy, const struct journal_entry *e,
                    struct err *err)
{
	const struct policy_instance *instance = policy_find_instance(policy, e->instance);
	if (!instance)
		return err_set(err, ERR_NOT_FOUND, "instance %s is not in the policy any more",
		               e->instance);
	if (backup_undo(instance, e->token, err) < 0 ||
	    journal_set(w->journal, e->job, e->instance, NULL, err) < 0)
		return -1;
	log_msg(LOG_LEVEL_INFO, "undone what a killed job left set on the server",
	        "job=%lld instance=%s", (long long)e->job, e->instance);
	return 0;
}

/* Also on later rounds, for a server that was not there on the first. */
static void undo(struct watch *w, const struct policy *policy, struct check_note *check)
{
	struct journal_entry *list = NULL;
	size_t n = 0;
	struct err err = ERR_INIT;
	if (journal_left_over(w->journal, &list, &n, &err) < 0) {
		log_err(LOG_LEVEL_ERR, &err, "cannot read the journal", "step=%s", "undo");
		return;
	}
	for (size_t i = 0; i < n; i++) {
		err_clear(&err);
		if (undo_one(w, policy, &list[i], &err) == 0)
			continue;
		if (check)
			complain(check, &list[i], &err);
		else
			log_err(LOG_LEVEL_WARN, &err, "cannot undo what a killed job left",
			        "job=%lld instance=%s", (long long)list[i].job, list[i].instance);
	}
	journal_entries_free(list, n);
}

static void clean(const struct policy *policy)
{
	for (size_t i = 0; i < policy->instance_n; i++) {
		const struct policy_instance *one = &policy->instances[i];
		struct err err = ERR_INIT;
		unsigned removed = 0;
		if (backup_clean(policy, one, &removed, &err) < 0) {
			/* Before the first backup there is no repository to clean. */
			if (err.kind != ERR_NOT_FOUND)
				log_err(LOG_LEVEL_WARN, &err, "cannot clear left-overs away",
				        "instance=%s", one->name);
		} else if (removed) {
			log_msg(LOG_LEVEL_INFO, "cleared half-made backups of killed runs away",
			        "instance=%s removed=%u", one->name, removed);
		}
	}
}

/* Binlogs are kept from the first moment on, not from the first backup on.  Once for each
 * place: one that goes away later must not become a new, empty one. */
static void make_place(struct watch *w, const struct policy *policy)
{
	struct repo_options options = {.create = true};
	struct repo *repo = NULL;
	struct err err = ERR_INIT;
	bool wanted = false;
	for (size_t i = 0; i < policy->instance_n; i++)
		wanted = wanted || policy->instances[i].schedule.binlog == BINLOG_CONTINUOUS;
	if (!wanted || !policy->repository_n ||
	    (w->made && !strcmp(w->made, policy->repositories[0].url)))
		return;
	options.must_be_mounted = policy->repositories[0].must_be_mounted;
	if (repo_open(policy->repositories[0].url, &options, &repo, &err) < 0) {
		log_err(LOG_LEVEL_WARN, &err, "cannot open the repository", "repo=%s",
		        policy->repositories[0].name);
		return;
	}
	repo_close(repo);
	free(w->made);
	w->made = mem_strdup(policy->repositories[0].url);
}

static void round_of(struct watch *w, const struct policy *policy)
{
	if (!w->prepared) {
		undo(w, policy, NULL);
		clean(policy);
	}
	make_place(w, policy);
	if (!w->prepared) {
		note_post(w->box, NOTE_PREPARED, NULL);
		w->prepared = true;
	}
	note_post(w->box, NOTE_SNAPSHOT, snapshot_take(policy, &w->memory));
	struct check_note *check = check_take(policy, &w->memory);
	undo(w, policy, check);
	note_post(w->box, NOTE_CHECK, check);
}

static void *run(void *arg)
{
	struct watch *w = arg;
	pthread_mutex_lock(&w->lock);
	while (!w->stop) {
		struct policy *policy = w->asked;
		w->asked = NULL;
		if (!policy) {
			pthread_cond_wait(&w->wake, &w->lock);
			continue;
		}
		pthread_mutex_unlock(&w->lock);
		round_of(w, policy);
		policy_unref(policy);
		pthread_mutex_lock(&w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

int watch_new(struct mbox *box, struct journal *journal, struct watch **ret, struct err *err)
{
	struct watch *w = mem_zalloc(sizeof *w);
	w->box = box;
	w->journal = journal;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wake, NULL);
	if (thread_start(&w->thread, "watch", run, w, err) < 0) {
		free(w);
		return -1;
	}
	*ret = w;
	return 0;
}

void watch_ask(struct watch *w, struct policy *policy)
{
	pthread_mutex_lock(&w->lock);
	policy_unref(w->asked);
	w->asked = policy_ref(policy);
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
}

bool watch_free(struct watch *w, unsigned wait_s)
{
	if (!w)
		return true;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += wait_s;
	if (pthread_timedjoin_np(w->thread, NULL, &until) != 0)
		return false;
	policy_unref(w->asked);
	free(w->made);
	binlog_memory_done(&w->memory);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->wake);
	free(w);
	return true;
}
