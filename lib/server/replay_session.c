/* replay: the client and what it says. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fsio.h"
#include "base/proc.h"
#include "server/replay_room.h"
#include "server/replay_words.h"

#define CLIENT_LOG "client.log"

/* The caller's MYSQL_HOST would win over a socket. */
static const char *const clean_env[] = {"TMPDIR=.", "MYSQL_HOST=localhost", REPLAY_NO_LOGIN_FILE,
                                        NULL};

int replay_program(struct replay *r, const char *const argv[], int in_fd, int out_fd, int log,
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
	rc = r->log < 0 ? -1 : replay_program(r, argv, in_fd, nowhere, r->log, &r->client, err);
	close(nowhere);
	return rc;
}

/* It goes on after an error (--force): which of them may be is for us to say. */
int session_begin(struct replay *r, struct err *err)
{
	char *defaults = mem_printf("--defaults-file=%s/" REPLAY_CLIENT_FILE, r->scratch.dir);
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

int session_check(struct replay *r, unsigned wait_ms, struct err *err)
{
	int status, gone = proc_wait(r->client, wait_ms, &status, err);

	if (gone < 0)
		return -1;
	return gone ? client_failed(r, status, err) : watch(r, err);
}

int session_give(struct replay *r, const char *text, size_t n, const struct cancel *cancel,
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
		if (cancel_check(cancel, err) < 0 ||
		    session_check(r, ended ? REPLAY_GRACE_MS : 0, err) < 0)
			return -1;
		if (ended)
			return err_set(err, ERR_SERVER, "replay of %s failed: %s reads no more",
			               r->at, r->tools->client);
		poll(&to, 1, REPLAY_LOOK_MS);
	}
	return 0;
}

int session_end(struct replay *r, const struct cancel *cancel, struct err *err)
{
	int status, gone;

	close(r->to_client);
	r->to_client = -1;
	do {
		gone = proc_wait(r->client, REPLAY_LOOK_MS, &status, err);
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
