#include "server/replay.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fsio.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "server/replay_errors.h"
#include "server/replay_scratch.h"
#include "server/replay_trace.h"
#include "server/replay_words.h"

#define GRACE_MS 2000
#define LOOK_MS 50
#define CARRY_MAX 65536u

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
	char *at;        /* the file being applied, for messages */
	bool idempotent; /* how its sessions are to run */
	struct replay_trace trace;
	struct replay_errors errors;
	int log; /* what the client says; -1: no session yet */
	uint64_t log_read;
	char *carried; /* CARRY_MAX */
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
	r->to_client = r->log = -1;
	r->carried = mem_alloc(CARRY_MAX);
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
	if (r->log >= 0)
		close(r->log);
	scratch_done(&r->scratch);
	trace_done(&r->trace);
	errors_done(&r->errors);
	free(r->carried);
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

void replay_expect(struct replay *r, const struct replay_error *list, size_t n)
{
	r->errors.list = list;
	r->errors.n = n;
}

/* The caller's MYSQL_HOST would win over a socket. */
static const char *const clean_env[] = {"TMPDIR=.", "MYSQL_HOST=localhost", REPLAY_NO_LOGIN_FILE,
                                        NULL};

static int start_program(struct replay *r, const char *const argv[], int in_fd, int out_fd, int log,
                         pid_t *ret_pid, struct err *err)
{
	/* Names relative to where they run: a path can have quotes, and what the one
	 * prints the other reads as SQL. */
	const struct proc_how how = {.cwd = r->scratch.own,
	                             .extra_env = clean_env,
	                             .user = r->scratch.other ? &r->scratch.user : NULL};

	return proc_start_piped(argv, &how, in_fd, out_fd, log, ret_pid, err);
}

/* A statement may have rows for an answer: nobody reads them. */
static int start_client(struct replay *r, const char *const argv[], int in_fd, struct err *err)
{
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC), rc;

	if (nowhere < 0)
		return err_sys(err, errno, "cannot open /dev/null");
	if (r->log >= 0)
		close(r->log);
	r->log_read = 0;
	r->log = scratch_create(&r->scratch, CLIENT_LOG, false, err);
	rc = r->log < 0 ? -1 : start_program(r, argv, in_fd, nowhere, r->log, &r->client, err);
	close(nowhere);
	return rc;
}

/* It goes on after an error (--force): which of them may be is for us to say. */
static int begin(struct replay *r, struct err *err)
{
	char *defaults = mem_printf("--defaults-file=%s/" CLIENT_FILE, r->scratch.dir);
	char *where = mem_printf("--socket=%s", r->socket);
	const char *const words[] = {r->tools->client,
	                             defaults,
	                             "--protocol=socket",
	                             "--host=localhost",
	                             where,
	                             "--binary-mode",
	                             "--batch",
	                             "--force",
	                             "--comments",
	                             "--skip-reconnect",
	                             r->load_data ? "--local-infile=1" : "--local-infile=0",
	                             "--max-allowed-packet=1073741824",
	                             NULL};
	VEC(const char *) argv = {0};
	int fds[2] = {-1, -1}, rc = -1;

	for (const char *const *w = words; *w; w++)
		*vec_push(&argv) = *w;
	for (const char *const *w = replay_client_words(r->tools->flavour); *w; w++)
		*vec_push(&argv) = *w;
	*vec_push(&argv) = NULL;
	/* Not a pipe: whoever writes to one that nobody reads any more gets a signal. */
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0) {
		err_sys(err, errno, "cannot make a pair of sockets");
		goto out;
	}
	trace_begin(&r->trace);
	rc = start_client(r, argv.v, fds[0], err);
	close(fds[0]);
	if (rc == 0)
		r->to_client = fds[1];
	else
		close(fds[1]);
out:
	vec_done(&argv);
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

/* What the client has said since the last look. */
static int watch(struct replay *r, struct err *err)
{
	char text[4096];
	size_t n;

	do {
		if (fsio_pread(r->log, text, sizeof text, r->log_read, &n, CLIENT_LOG, err) < 0)
			return -1;
		r->log_read += n;
		if (errors_text(&r->errors, &r->trace, text, n, err) < 0)
			return -1;
	} while (n == sizeof text);
	return 0;
}

static int client_failed(struct replay *r, int status, struct err *err)
{
	const struct trace_place *last = trace_last(&r->trace);
	const char *said = r->errors.other;
	char how[64];

	r->client = 0;
	if (watch(r, err) < 0 || errors_end(&r->errors, &r->trace, err) < 0)
		return -1;
	err_set(err, ERR_SERVER, "replay of %s failed: %.600s (%s: %s)", r->at ? r->at : "binlogs",
	        said ? said : "nothing was said", r->tools->client,
	        proc_status_text(how, sizeof how, status));
	if (last && last->group)
		err_add(err, "near transaction %s", *last->gtid ? last->gtid : "without a GTID");
	return -1;
}

static int reader_failed(struct replay *r, const char *program, int status, struct err *err)
{
	char *said = scratch_last_words(&r->scratch, BINLOG_LOG), how[64];

	err_set(err, ERR_FAILED, "replay of %s failed: %s: %s%s%.600s", r->at, program,
	        proc_status_text(how, sizeof how, status), *said ? ": " : "", said);
	free(said);
	return -1;
}

/* Is the client still there, and content? */
static int check_client(struct replay *r, unsigned wait_ms, struct err *err)
{
	int status, gone = proc_wait(r->client, wait_ms, &status, err);

	if (gone < 0)
		return -1;
	return gone ? client_failed(r, status, err) : watch(r, err);
}

/* All of it to the client, who may take as long as it likes. */
static int give(struct replay *r, const char *text, size_t n, const struct cancel *cancel,
                struct err *err)
{
	struct pollfd to = {.fd = r->to_client, .events = POLLOUT};

	trace_text(&r->trace, text, n);
	while (n > 0) {
		ssize_t done = send(r->to_client, text, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (done > 0) {
			text += done;
			n -= (size_t)done;
			continue;
		}
		bool ended = done < 0 && errno != EAGAIN && errno != EINTR;
		if (cancel_check(cancel, err) < 0 || check_client(r, ended ? GRACE_MS : 0, err) < 0)
			return -1;
		if (ended)
			return err_set(err, ERR_SERVER, "replay of %s failed: %s reads no more",
			               r->at, r->tools->client);
		poll(&to, 1, LOOK_MS);
	}
	return 0;
}

/* What the reader prints, until it prints no more. */
static int carry(struct replay *r, int from, const struct cancel *cancel, struct err *err)
{
	struct pollfd in = {.fd = from, .events = POLLIN};

	for (;;) {
		if (cancel_check(cancel, err) < 0 || check_client(r, 0, err) < 0)
			return -1;
		if (poll(&in, 1, LOOK_MS) <= 0)
			continue;
		ssize_t n = read(from, r->carried, CARRY_MAX);
		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return err_sys(err, errno, "cannot read what %s prints", r->tools->binlog);
		if (n > 0 && give(r, r->carried, (size_t)n, cancel, err) < 0)
			return -1;
	}
}

static int wait_reader(struct replay *r, pid_t reader, const char *program, struct err *err)
{
	int status, gone;

	do
		gone = proc_wait(reader, LOOK_MS, &status, err);
	while (gone == 0);
	if (gone < 0)
		return -1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return reader_failed(r, program, status, err);
}

static int run_reader(struct replay *r, const char *const argv[], const struct cancel *cancel,
                      struct err *err)
{
	int fds[2], log = scratch_create(&r->scratch, BINLOG_LOG, false, err), rc;
	pid_t reader;

	if (log < 0)
		return -1;
	if (pipe2(fds, O_CLOEXEC) < 0) {
		close(log);
		return err_sys(err, errno, "cannot make a pipe");
	}
	rc = start_program(r, argv, -1, fds[1], log, &reader, err);
	close(log);
	close(fds[1]);
	if (rc == 0 && (rc = carry(r, fds[0], cancel, err)) < 0)
		proc_stop(reader, GRACE_MS);
	else if (rc == 0)
		rc = wait_reader(r, reader, argv[0], err);
	close(fds[0]);
	return rc;
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
	trace_file(&r->trace, name);
	int rc = run_reader(r, argv.v, cancel, err);
	vec_done(&argv);
	free(start);
	free(stop);
	free(path);
	return rc;
}

static int give_mode(struct replay *r, const struct cancel *cancel, struct err *err)
{
	const char *text = replay_mode_text(r->tools->flavour, r->idempotent);

	return give(r, text, strlen(text), cancel, err);
}

int replay_idempotent(struct replay *r, bool on, const struct cancel *cancel, struct err *err)
{
	if (r->idempotent == on)
		return 0;
	r->idempotent = on;
	return give_mode(r, cancel, err);
}

/* Of those that may fail by themselves, outside of any BEGIN. */
static int give_done(struct replay *r, const struct cancel *cancel, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < r->errors.n && rc == 0; i++) {
		struct str s = {0};
		if (!r->errors.list[i].code)
			replay_done_text(r->tools->flavour, r->errors.list[i].gtid, &s);
		if (s.n)
			rc = give(r, str_text(&s), s.n, cancel, err);
		str_done(&s);
	}
	return rc;
}

static int end_session(struct replay *r, const struct cancel *cancel, struct err *err)
{
	int status, gone;

	close(r->to_client);
	r->to_client = -1;
	do {
		gone = proc_wait(r->client, LOOK_MS, &status, err);
		if (gone < 0 || (gone == 0 && cancel_check(cancel, err) < 0))
			return -1;
		if (watch(r, err) < 0)
			return -1;
	} while (gone == 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return client_failed(r, status, err);
	r->client = 0;
	return errors_end(&r->errors, &r->trace, err);
}

/* The account may be gone: the session that still has it makes it anew. */
int replay_anew(struct replay *r, const struct cancel *cancel, struct err *err)
{
	static const char *const argv[] = {"cat", "../" INIT_FILE, NULL};

	if (run_reader(r, argv, cancel, err) < 0 || end_session(r, cancel, err) < 0 ||
	    begin(r, err) < 0)
		return -1;
	return r->idempotent ? give_mode(r, cancel, err) : 0;
}

int replay_finish(struct replay *r, const struct cancel *cancel, struct err *err)
{
	if (give_done(r, cancel, err) < 0 || end_session(r, cancel, err) < 0)
		return -1;
	return errors_finish(&r->errors, err);
}
