#include "job/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "job/binlog_state.h"
#include "job/catalog_load.h"
#include "job/check_line.h"

#define UNLOCKED_SHOWN 5

void check_add(struct check_result *r, enum check_level level, const char *subject,
               const char *hint, const char *fmt, ...)
{
	struct check_line *l = vec_push(&r->lines);
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = mem_strdup(fmt);
	va_end(ap);
	*l = (struct check_line){.level = level,
	                         .subject = mem_strdup(subject),
	                         .text = text,
	                         .hint = hint && *hint ? mem_strdup(hint) : NULL};
	if (level > r->worst)
		r->worst = level;
}

void check_add_err(struct check_result *r, enum check_level level, const char *subject,
                   const struct err *err)
{
	check_add(r, level, subject, err->hint, "%s", err->text);
}

static void check_use(const struct policy *p, struct repo *repo, const char *subject,
                      struct check_result *ret)
{
	uint64_t avail = 0, total = 0;
	struct err err = ERR_INIT;
	char text[STR_HUMAN_MAX];

	if (repo_space(repo, &avail, &total, &err) < 0) {
		check_add_err(ret, CHECK_WARNING, subject, &err);
		return;
	}
	unsigned use =
	    total ? (unsigned)(100.0 * (double)(total - avail) / (double)total + 0.5) : 0;
	unsigned max = p->monitor.repository_max_use;
	bool full = max && use > max;
	check_add(ret, full ? CHECK_WARNING : CHECK_OK, subject,
	          full ? "make room or shorten retention (mybakctl expire --dry-run)" : NULL,
	          "its file system is %u%% full, %s free%s", use, str_size(text, avail),
	          full ? ", more than monitor.repository_max_use allows" : "");
}

static void check_repository(const struct policy *p, const struct policy_repository *where,
                             struct check_result *ret)
{
	struct repo_options options = {.must_be_mounted = where->must_be_mounted};
	char *subject = mem_printf("repository %s", where->name);
	struct repo *repo = NULL;
	struct err err = ERR_INIT;

	if (repo_open(where->url, &options, &repo, &err) == 0) {
		check_add(ret, CHECK_OK, subject, NULL, "%s can be opened", where->url);
		check_use(p, repo, subject, ret);
	} else if (err.kind == ERR_NOT_FOUND) {
		check_add(ret, CHECK_WARNING, subject,
		          "the first backup makes it: mybakctl run-now full",
		          "%s holds no repository yet", where->url);
	} else {
		check_add_err(ret, CHECK_CRITICAL, subject, &err);
	}
	repo_close(repo);
	free(subject);
}

static void check_age(const struct manifest *newest, const char *what, int64_t max_s,
                      enum check_level late, const char *subject, struct check_result *ret)
{
	char text[STR_HUMAN_MAX], limit[STR_HUMAN_MAX];

	/* A fresh installation is no fault, and must pass. */
	if (!newest) {
		check_add(ret, CHECK_WARNING, subject, "mybakctl run-now full",
		          "there is no %s yet", what);
		return;
	}
	double age = (double)(clock_wall_us() - newest->finished_us) / (double)CLOCK_US;
	bool old = max_s > 0 && age > (double)max_s;
	check_add(ret, old ? late : CHECK_OK, subject,
	          old ? "mybakctl history shows why later ones failed" : NULL,
	          "the newest %s, %s, is %s old%s%s", what, newest->id,
	          str_duration(text, age < 0 ? 0 : age), old ? "; allowed are " : "",
	          old ? str_duration(limit, (double)max_s) : "");
}

/* Of the newest backup: what it may have caught halfway. */
static void check_unlocked(const struct manifest *newest, const char *subject,
                           struct check_result *ret)
{
	struct str names = {0};
	uint64_t n = newest ? newest->unlocked.n : 0;

	if (!n)
		return;
	for (size_t i = 0; i < newest->unlocked.names.n && i < UNLOCKED_SHOWN; i++)
		str_addf(&names, "%s%s", i ? ", " : "", newest->unlocked.names.v[i]);
	check_add(ret, CHECK_WARNING, subject,
	          "ALTER TABLE … ENGINE=InnoDB, or let nobody write them while a backup runs",
	          "no lock of a backup holds %llu of its tables still: %s%s", (unsigned long long)n,
	          str_text(&names), n > UNLOCKED_SHOWN ? ", …" : "");
	str_done(&names);
}

static void check_catalog(const struct policy *p, const struct policy_instance *inst,
                          const struct catalog *c, const char *subject, struct check_result *ret)
{
	for (size_t i = 0; i < c->damaged_n; i++)
		check_add(ret, CHECK_CRITICAL, subject,
		          "take a full backup, then remove this one by hand",
		          "backup %s cannot be read: %s", c->damaged[i].id, c->damaged[i].why.text);
	check_age(catalog_newest_of(c, BACKUP_FULL), "full backup", p->monitor.full_max_age_s,
	          CHECK_CRITICAL, subject, ret);
	/* A full is as good as an incremental that would have been due. */
	if (inst->schedule.incremental.kind != SCHEDULE_OFF && catalog_newest(c))
		check_age(catalog_newest(c), "backup", p->monitor.incremental_max_age_s,
		          CHECK_WARNING, subject, ret);
	check_unlocked(catalog_newest(c), subject, ret);
}

/* Whether the newest transactions arrive is for the daemon to say; here is what they
 * are worth. */
static void check_windows(struct repo *repo, const struct policy_instance *inst,
                          const struct catalog *c, struct binlog_memory *memory,
                          const char *subject, struct check_result *ret)
{
	struct binlog_state s = {0};
	struct err err = ERR_INIT;
	char from[64], to[64];

	if (inst->schedule.binlog == BINLOG_OFF)
		return;
	if (binlog_state_load(repo, inst->name, c, memory, &s, &err) < 0) {
		check_add_err(ret, CHECK_CRITICAL, subject, &err);
		return;
	}
	if (s.full_due[0])
		check_add(ret, CHECK_CRITICAL, subject, "mybakctl run-now full, unless one runs",
		          "%s", s.full_due);
	for (size_t i = 0; i < s.windows.n; i++)
		check_add(ret, CHECK_OK, subject, NULL,
		          "any second can be restored from %s to %s%s",
		          clock_format_local(from, sizeof from, s.windows.v[i].from_us),
		          clock_format_local(to, sizeof to, s.windows.v[i].to_us),
		          i + 1 == s.windows.n && s.open_ended ? " and on" : "");
	binlog_state_done(&s);
}

static void check_backups(const struct policy *p, const struct policy_instance *inst,
                          struct binlog_memory *memory, const char *subject,
                          struct check_result *ret)
{
	const struct policy_repository *where = &p->repositories[0];
	struct repo_options options = {.must_be_mounted = where->must_be_mounted};
	struct repo *repo = NULL;
	struct catalog c;
	struct err err = ERR_INIT;

	catalog_init(&c);
	if (repo_open(where->url, &options, &repo, &err) == 0 &&
	    catalog_load(repo, inst->name, &c, &err) == 0) {
		check_catalog(p, inst, &c, subject, ret);
		check_windows(repo, inst, &c, memory, subject, ret);
	} else if (err.kind == ERR_NOT_FOUND) {
		check_catalog(p, inst, &c, subject, ret);
	}
	/* Any other reason is told with the repository. */
	catalog_done(&c);
	repo_close(repo);
}

void check_run(const struct policy *policy, struct check_result *ret)
{
	check_again(policy, NULL, ret);
}

void check_again(const struct policy *policy, struct binlog_memory *memory,
                 struct check_result *ret)
{
	*ret = (struct check_result){.worst = CHECK_OK};
	for (size_t i = 0; i < policy->repository_n; i++)
		check_repository(policy, &policy->repositories[i], ret);
	for (size_t i = 0; i < policy->instance_n; i++) {
		const struct policy_instance *inst = &policy->instances[i];
		char *subject = mem_printf("instance %s", inst->name);
		check_server(inst, subject, ret);
		if (policy->repository_n)
			check_backups(policy, inst, memory, subject, ret);
		free(subject);
	}
}

void check_result_done(struct check_result *r)
{
	for (size_t i = 0; i < r->lines.n; i++) {
		free(r->lines.v[i].subject);
		free(r->lines.v[i].text);
		free(r->lines.v[i].hint);
	}
	vec_done(&r->lines);
}
