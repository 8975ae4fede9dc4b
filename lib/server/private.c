#include "server/private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fsio.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "server/error_log.h"
#include "server/private_room.h"

/* A server in recovery may not look at SIGTERM; being killed does it no harm, and
 * whoever cancels does not want to wait. */
#define CANCEL_GRACE_MS 500
#define TMPDIR_MAX 80 /* sun_path holds 108 */

struct private_server {
	enum flavour flavour;
	char *binary, *datadir;
	char *dir; /* 0700: socket, pid file, temporary files */
	char *socket, *log;
	pid_t pid; /* 0: not running */
	bool keep;
	bool other; /* not as ourselves, but as `user` */
	struct proc_user user;
	const struct cancel *cancel;
};

struct args {
	VEC(char *) list;
};

static void arg(struct args *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void arg(struct args *a, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	*vec_push(&a->list) = text;
}

static void args_done(struct args *a)
{
	for (size_t i = 0; i < a->list.n; i++)
		free(a->list.v[i]);
	vec_done(&a->list);
}

/* Nobody else gets in, and nothing happens but recovery. */
static void args_isolation(struct args *a, const struct private_server *p, bool grants)
{
	arg(a, "--socket=%s", p->socket);
	arg(a, "--pid-file=%s/pid", p->dir);
	arg(a, "--tmpdir=%s", p->dir);
	arg(a, "--log-error=%s", p->log);
	/* Of a replica: its relay logs are not there, and no new ones are to be. */
	if (p->flavour == FLAVOUR_MYSQL)
		arg(a, "--relay-log=%s/relay", p->dir);
	for (const char *const *o = private_fixed(p->flavour); *o; o++)
		arg(a, "%s", *o);
	if (!grants)
		arg(a, "--skip-grant-tables");
	if (geteuid() == 0 && !p->other)
		arg(a, "--user=root");
}

static void args_innodb(struct args *a, const struct private_plan *plan)
{
	uint64_t pool = plan->buffer_pool;

	if (pool == 0)
		pool = private_pool_size(private_free_memory(), private_data_size(plan->datadir));
	arg(a, "--innodb-buffer-pool-size=%" PRIu64, pool);
	arg(a, "--innodb-buffer-pool-load-at-startup=OFF");
	arg(a, "--innodb-fast-shutdown=1");
	arg(a, "--innodb-flush-log-at-trx-commit=2");
}

static void args_make(struct args *a, const struct private_server *p,
                      const struct private_plan *plan)
{
	char *basedir = private_basedir(p->binary);

	arg(a, "%s", p->binary);
	arg(a, "--no-defaults"); /* only heard in first place */
	if (basedir)
		arg(a, "--basedir=%s", basedir);
	arg(a, "--datadir=%s", p->datadir);
	args_isolation(a, p, plan->grants);
	args_innodb(a, plan);
	for (const char *const *o = plan->options; o && *o; o++)
		arg(a, "%s", *o);
	*vec_push(&a->list) = NULL;
	free(basedir);
}

static int choose_user(struct private_server *p, struct err *err)
{
	int other = private_owner(p->datadir, &p->user, err);

	p->other = other > 0;
	return other < 0 ? -1 : 0;
}

/* TMPDIR may be root's alone. */
static bool can_enter(const struct private_server *p, const char *dir)
{
	char *barrier = NULL;
	bool can = !p->other || (proc_user_barrier(&p->user, dir, &barrier, NULL) == 0 && !barrier);

	free(barrier);
	return can;
}

static int make_dir(struct private_server *p, struct err *err)
{
	const char *tmp = getenv("TMPDIR");

	if (!tmp || tmp[0] != '/' || strlen(tmp) > TMPDIR_MAX || !can_enter(p, tmp))
		tmp = "/tmp";
	char *dir = mem_printf("%s/mybak-XXXXXX", tmp);
	if (!mkdtemp(dir)) {
		err_sys(err, errno, "cannot make a directory %s for the server's socket", dir);
		free(dir);
		return -1;
	}
	p->dir = dir;
	p->socket = mem_printf("%s/s", dir);
	if (p->other && chown(dir, p->user.uid, p->user.gid) < 0)
		return err_sys(err, errno, "cannot set the owner of %s", dir);
	return 0;
}

/* The server dies with us unless it is to be kept. */
static int launch(struct private_server *p, const struct private_plan *plan, struct err *err)
{
	struct args a = {0};
	int rc = -1;
	int fd =
	    open(p->log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_sys(err, errno, "cannot create the server's log %s", p->log);
	if (p->other && fchown(fd, p->user.uid, p->user.gid) < 0) {
		err_sys(err, errno, "cannot set the owner of %s", p->log);
		goto out;
	}
	args_make(&a, p, plan);
	/* Every pointer of the list is to our own memory: only the type changes. */
	const char *const *argv = (const char *const *)(void *)a.list.v;
	const struct proc_how how = {
	    .extra_env = plan->env, .user = p->other ? &p->user : NULL, .detached = plan->keep};
	rc = proc_start(argv, &how, fd, &p->pid, err);
out:
	close(fd);
	args_done(&a);
	return rc;
}

static int hint_keys(const struct private_server *p, struct err *err)
{
	if (p->flavour == FLAVOUR_MYSQL)
		return err_hint(err,
		                "The data is encrypted: the server program needs its keyring "
		                "component (mysqld.my beside it or in the data directory) with "
		                "the file of keys. Whole log: %s",
		                p->log);
	return err_hint(err,
	                "The data is encrypted: give the key plugin and its key file with "
	                "--server-option (plugin-load-add=…). Whole log: %s",
	                p->log);
}

/* It loads the components that a manifest beside the program or in the data directory
 * names, before it knows anything of the data. */
static int hint_component(const struct private_server *p, struct err *err)
{
	return err_hint(err,
	                "A component (a keyring, as a rule) that mysqld.my beside the server "
	                "program or in the data directory names cannot be loaded: "
	                "--server-option=--plugin-dir=DIR says where its .so is, and its own file "
	                "of settings (component_keyring_file.cnf) lies beside the .so or in the "
	                "data directory. Whole log: %s",
	                p->log);
}

static int hint_log(const struct private_server *p, const char *reasons, struct err *err)
{
	if (p->flavour == FLAVOUR_MYSQL &&
	    (strcasestr(reasons, "manifest file") || strcasestr(reasons, "load component")))
		return hint_component(p, err);
	if (strcasestr(reasons, "encrypt") || strcasestr(reasons, "key_management") ||
	    strcasestr(reasons, "keyring"))
		return hint_keys(p, err);
	if (p->other &&
	    (strcasestr(reasons, "permission denied") || strcasestr(reasons, "error number 13")))
		return err_hint(err,
		                "The server runs as the owner of the data directory, user %u, not "
		                "as root: what options name must be open to that user. Whole log: "
		                "%s",
		                (unsigned)p->user.uid, p->log);
	return err_hint(err,
	                "Read the whole log, %s; usual causes: a server program of another "
	                "version, or an option or plugin the old server had (pass it with "
	                "--server-option).",
	                p->log);
}

/* "…: <what>; <decisive lines of the log>" */
static int failed(const struct private_server *p, const char *what, struct err *err)
{
	size_t n;
	char *text = error_log_tail(p->log, &n);
	char *reasons = error_log_reasons(text, n, 3);

	err_set(err, ERR_FAILED, "private server on %s %s: %s", p->datadir, what,
	        *reasons ? reasons : "its log is empty");
	hint_log(p, reasons, err);
	free(reasons);
	free(text);
	return -1;
}

static int died(struct private_server *p, int status, const char *when, struct err *err)
{
	char how[64], what[128];

	p->pid = 0;
	snprintf(what, sizeof what, "ended %s with %s", when,
	         proc_status_text(how, sizeof how, status));
	return failed(p, what, err);
}

static int wait_ready(struct private_server *p, const struct private_plan *plan, struct err *err)
{
	uint64_t limit_ns = (uint64_t)plan->start_timeout_s * 1000000000u;
	uint64_t start = clock_mono_ns();
	int status;

	for (;;) {
		int got = proc_wait(p->pid, 50, &status, err);
		if (got < 0)
			return -1;
		if (got > 0)
			return died(p, status, "while starting", err);
		if (private_answers(p->socket))
			return 0;
		if (cancel_check(plan->cancel, err) < 0)
			return -1;
		if (limit_ns && clock_mono_ns() - start > limit_ns) {
			char what[96];
			snprintf(what, sizeof what, "was not ready after %u s",
			         plan->start_timeout_s);
			return failed(p, what, err);
		}
	}
}

int private_start(const struct private_plan *plan, struct private_server **ret, struct err *err)
{
	struct private_server *p = mem_zalloc(sizeof *p);

	p->cancel = plan->cancel;
	p->flavour = plan->flavour;
	p->binary = mem_strdup(plan->binary);
	p->datadir = realpath(plan->datadir, NULL);
	if (!p->datadir) {
		err_sys(err, errno, "data directory %s", plan->datadir);
		goto fail;
	}
	p->log = mem_printf("%s/mybak-recovery.log", p->datadir);
	if (choose_user(p, err) < 0 || make_dir(p, err) < 0 || launch(p, plan, err) < 0 ||
	    wait_ready(p, plan, err) < 0)
		goto fail;
	p->keep = plan->keep;
	*ret = p;
	return 0;
fail:
	private_free(p);
	return -1;
}

const char *private_socket(const struct private_server *p)
{
	return p->socket;
}

/* Our child, and with a wrapper that did not exec also the server behind it. */
static int wait_gone(struct private_server *p, int *ret_status, struct err *err)
{
	int got = 0;

	for (unsigned n = 1; got == 0; n++) {
		got = proc_wait(p->pid, 250, ret_status, err);
		if (got == 0 && cancel_check(p->cancel, err) < 0)
			return -1;
		if (got == 0 && n % 240 == 0)
			log_msg(LOG_LEVEL_DEBUG, "waiting for a private server to end",
			        "pid=%ld seconds=%u", (long)p->pid, n / 4);
	}
	if (got < 0)
		return -1;
	while (kill(-p->pid, 0) == 0)
		clock_sleep_ms(100);
	return 0;
}

static bool ended_cleanly(const struct private_server *p, int status)
{
	size_t n;
	char *text = error_log_tail(p->log, &n);
	bool said = memmem(text, n, "Shutdown complete", 17) != NULL;

	free(text);
	/* A wrapper dies of the SIGTERM that its server obeys. */
	return said && ((WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
	                (WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM));
}

int private_stop(struct private_server *p, struct err *err)
{
	int status = 0;

	if (p->pid == 0)
		return err_set(err, ERR_FAILED, "private server on %s does not run", p->datadir);
	int gone = proc_wait(p->pid, 0, &status, err);
	if (gone < 0)
		return -1;
	if (gone > 0)
		return died(p, status, "by itself", err);
	if (kill(-p->pid, SIGTERM) < 0)
		return err_sys(err, errno, "cannot stop process %ld", (long)p->pid);
	if (wait_gone(p, &status, err) < 0)
		return -1;
	if (!ended_cleanly(p, status))
		return died(p, status, "during its shutdown", err);
	p->pid = 0;
	if (fsio_unlink(p->log, err) < 0)
		return -1;
	return fsio_remove_tree(p->dir, err);
}

void private_free(struct private_server *p)
{
	if (!p)
		return;
	bool leave = p->keep && p->pid != 0;
	if (p->pid != 0 && !leave)
		proc_stop(p->pid, CANCEL_GRACE_MS);
	if (p->dir && !leave)
		fsio_remove_tree(p->dir, NULL);
	free(p->binary);
	free(p->datadir);
	free(p->dir);
	free(p->socket);
	free(p->log);
	free(p);
}
