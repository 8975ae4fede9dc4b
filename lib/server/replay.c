#include "server/replay.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "server/replay_scratch.h"
#include "server/replay_words.h"

#define GRACE_MS 2000
#define LOOK_MS 50

#define INIT_FILE "init.sql"
#define CLIENT_FILE "client.cnf"
#define CLIENT_LOG "client.log"
#define BINLOG_LOG "binlog.log"

struct replay {
	const struct replay_tools *tools;
	struct replay_scratch scratch;
	bool load_data;
	char *user, *password;
	char *defaults;      /* the client's file, as we ourselves reach it */
	VEC(char *) options; /* owned; NULL-terminated */
	int to_client;       /* -1: no session */
	pid_t client;
	char *socket;
	char *at; /* the file being applied, for messages */
};

/* ---- the account */

static int make_secret(struct replay *r, struct err *err)
{
	unsigned char noise[20];
	char hex[2 * sizeof noise + 1];

	if (getrandom(noise, sizeof noise, 0) != (ssize_t)sizeof noise)
		return err_sys(err, errno, "cannot get random bytes");
	str_hex(hex, noise, sizeof noise);
	r->user = mem_printf("mybak-%.8s", hex);
	/* Of all classes of characters, for a password policy that asks for them. */
	r->password = mem_printf("aZ9-%s", hex + 8);
	return 0;
}

static int write_secret(struct replay *r, const char *name, struct str *text, struct err *err)
{
	int rc = scratch_write(&r->scratch, name, str_text(text), text->n, err);

	explicit_bzero(text->p, text->n);
	str_done(text);
	return rc;
}

static int write_init_file(struct replay *r, struct err *err)
{
	struct str s = {0};

	replay_account(r->tools->flavour, r->user, r->password, &s);
	return write_secret(r, INIT_FILE, &s, err);
}

static int write_client_file(struct replay *r, struct err *err)
{
	struct str s = {0};

	str_addf(&s, "[client]\nuser=\"%s\"\npassword=\"%s\"\n", r->user, r->password);
	return write_secret(r, CLIENT_FILE, &s, err);
}

/* ---- life */

static void make_options(struct replay *r)
{
	*vec_push(&r->options) = mem_printf("--init-file=%s/" INIT_FILE, r->scratch.dir);
	*vec_push(&r->options) = mem_printf("--local-infile=%d", r->load_data);
	for (const char *const *w = replay_server_words(r->tools->flavour); *w; w++)
		*vec_push(&r->options) = mem_strdup(*w);
	*vec_push(&r->options) = NULL;
}

int replay_new(const struct replay_tools *tools, const char *datadir, const char *scratch,
               bool load_data, struct replay **ret, struct err *err)
{
	struct replay *r = mem_zalloc(sizeof *r);

	r->tools = tools;
	r->to_client = -1;
	r->load_data = load_data;
	if (scratch_make(&r->scratch, datadir, scratch, err) < 0 || make_secret(r, err) < 0 ||
	    write_client_file(r, err) < 0 || write_init_file(r, err) < 0)
		goto fail;
	/* For ourselves: by way of the descriptor nobody can lead us to another file. */
	r->defaults = mem_printf("/proc/self/fd/%d/" CLIENT_FILE, r->scratch.fd);
	make_options(r);
	*ret = r;
	return 0;
fail:
	replay_free(r);
	return -1;
}

const char *const *replay_options(const struct replay *r)
{
	return (const char *const *)(const void *)r->options.v;
}

const char *replay_defaults(const struct replay *r)
{
	return r->defaults;
}

int replay_create(struct replay *r, const char *name, struct err *err)
{
	return scratch_create(&r->scratch, name, true, err);
}

void replay_remove(struct replay *r, const char *name)
{
	scratch_remove(&r->scratch, name);
}

void replay_free(struct replay *r)
{
	if (!r)
		return;
	if (r->to_client >= 0)
		close(r->to_client);
	if (r->client > 0)
		proc_stop(r->client, GRACE_MS);
	scratch_done(&r->scratch);
	if (r->password)
		explicit_bzero(r->password, strlen(r->password));
	for (size_t i = 0; i < r->options.n; i++)
		free(r->options.v[i]);
	vec_done(&r->options);
	free(r->user);
	free(r->password);
	free(r->defaults);
	free(r->socket);
	free(r->at);
	free(r);
}

/* ---- the session */

static int start_program(struct replay *r, const char *const argv[], int in_fd, int out_fd,
                         const char *log_name, pid_t *ret_pid, struct err *err)
{
	/* Names relative to where they run: a path can have quotes, and what the one
	 * prints the other reads as SQL. */
	static const char *const env[] = {"TMPDIR=.", REPLAY_NO_LOGIN_FILE, NULL};
	const struct proc_how how = {.cwd = r->scratch.own,
	                             .extra_env = env,
	                             .user = r->scratch.other ? &r->scratch.user : NULL};
	int log = scratch_create(&r->scratch, log_name, false, err), rc;

	if (log < 0)
		return -1;
	rc = proc_start_piped(argv, &how, in_fd, out_fd, log, ret_pid, err);
	close(log);
	return rc;
}

/* A statement may have rows for an answer: nobody reads them. */
static int start_client(struct replay *r, const char *const argv[], int in_fd, struct err *err)
{
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC), rc;

	if (nowhere < 0)
		return err_sys(err, errno, "cannot open /dev/null");
	rc = start_program(r, argv, in_fd, nowhere, CLIENT_LOG, &r->client, err);
	close(nowhere);
	return rc;
}

static int begin(struct replay *r, struct err *err)
{
	char *defaults = mem_printf("--defaults-file=%s/" CLIENT_FILE, r->scratch.dir);
	char *where = mem_printf("--socket=%s", r->socket);
	const char *const argv[] = {r->tools->client,
	                            defaults,
	                            where,
	                            "--binary-mode",
	                            "--batch",
	                            "--comments",
	                            "--skip-reconnect",
	                            r->load_data ? "--local-infile=1" : "--local-infile=0",
	                            "--max-allowed-packet=1073741824",
	                            NULL};
	int fds[2] = {-1, -1}, rc = -1;

	if (pipe2(fds, O_CLOEXEC) < 0) {
		err_sys(err, errno, "cannot make a pipe");
		goto out;
	}
	rc = start_client(r, argv, fds[0], err);
	close(fds[0]);
	if (rc == 0)
		r->to_client = fds[1];
	else
		close(fds[1]);
out:
	free(defaults);
	free(where);
	return rc;
}

int replay_begin(struct replay *r, const char *socket, struct err *err)
{
	free(r->socket);
	r->socket = mem_strdup(socket);
	return begin(r, err);
}

static int client_failed(struct replay *r, int status, struct err *err)
{
	char *said = scratch_last_words(&r->scratch, CLIENT_LOG), how[64];

	r->client = 0;
	err_set(err, ERR_SERVER, "replay of %s failed: %.600s (%s: %s)", r->at ? r->at : "binlogs",
	        *said ? said : "nothing was said", r->tools->client,
	        proc_status_text(how, sizeof how, status));
	free(said);
	return err_hint(err,
	                "An event that the source could apply and the restored server cannot: a "
	                "temporary table older than the backup, or a setting the source had "
	                "(--server-option). An older --backup may get past it.");
}

static int reader_failed(struct replay *r, const char *program, int status, struct err *err)
{
	char *said = scratch_last_words(&r->scratch, BINLOG_LOG), how[64];

	err_set(err, ERR_FAILED, "replay of %s failed: %s: %s%s%.600s", r->at, program,
	        proc_status_text(how, sizeof how, status), *said ? ": " : "", said);
	free(said);
	return -1;
}

/* 0 both go on, 1 the reader is through, -1. */
static int look(struct replay *r, pid_t reader, const char *program, struct err *err)
{
	int status, gone = proc_wait(reader, LOOK_MS, &status, err);

	if (gone < 0)
		return -1;
	if (gone && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 1;
	int reader_status = status;
	/* A client that ended is why its reader could not write. */
	int client = proc_wait(r->client, gone ? GRACE_MS : 0, &status, err);
	if (client < 0)
		return -1;
	if (client) {
		if (!gone)
			proc_stop(reader, GRACE_MS);
		return client_failed(r, status, err);
	}
	return gone ? reader_failed(r, program, reader_status, err) : 0;
}

static int run_reader(struct replay *r, const char *const argv[], const struct cancel *cancel,
                      struct err *err)
{
	pid_t reader;
	int rc = start_program(r, argv, -1, r->to_client, BINLOG_LOG, &reader, err);

	while (rc == 0) {
		if (cancel_check(cancel, err) < 0) {
			proc_stop(reader, GRACE_MS);
			return -1;
		}
		rc = look(r, reader, argv[0], err);
	}
	return rc < 0 ? -1 : 0;
}

int replay_file(struct replay *r, const char *name, uint64_t from, uint64_t to,
                const struct cancel *cancel, struct err *err)
{
	char *path = mem_printf("../%s", name);
	char *start = mem_printf("--start-position=%" PRIu64, from);
	char *stop = mem_printf("--stop-position=%" PRIu64, to);
	VEC(const char *) argv = {0};

	*vec_push(&argv) = r->tools->binlog;
	*vec_push(&argv) = "--no-defaults";
	for (const char *const *w = replay_reader_words(r->tools->flavour); *w; w++)
		*vec_push(&argv) = *w;
	*vec_push(&argv) = "--local-load=.";
	*vec_push(&argv) = start;
	*vec_push(&argv) = stop;
	*vec_push(&argv) = path;
	*vec_push(&argv) = NULL;
	free(r->at);
	r->at = mem_strdup(name);
	int rc = run_reader(r, argv.v, cancel, err);
	vec_done(&argv);
	free(start);
	free(stop);
	free(path);
	return rc;
}

/* The account may be gone: the session that still has it makes it anew. */
int replay_anew(struct replay *r, const struct cancel *cancel, struct err *err)
{
	static const char *const argv[] = {"cat", "../" INIT_FILE, NULL};

	if (run_reader(r, argv, cancel, err) < 0 || replay_finish(r, cancel, err) < 0)
		return -1;
	return begin(r, err);
}

int replay_finish(struct replay *r, const struct cancel *cancel, struct err *err)
{
	int status, gone;

	close(r->to_client);
	r->to_client = -1;
	do {
		gone = proc_wait(r->client, LOOK_MS, &status, err);
		if (gone < 0 || (gone == 0 && cancel_check(cancel, err) < 0))
			return -1;
	} while (gone == 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return client_failed(r, status, err);
	r->client = 0;
	return 0;
}
