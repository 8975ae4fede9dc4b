/* replay: the program that reads binlogs, and what it prints. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/proc.h"
#include "server/replay_room.h"
#include "server/replay_words.h"

#define BINLOG_LOG "binlog.log"

static int reader_failed(struct replay *r, const char *program, int status, struct err *err)
{
	char *said = scratch_last_words(&r->scratch, BINLOG_LOG), how[64];

	err_set(err, ERR_FAILED, "replay of %s failed: %s: %s%s%.600s", r->at, program,
	        proc_status_text(how, sizeof how, status), *said ? ": " : "", said);
	free(said);
	return -1;
}

/* What the reader prints, until it prints no more. */
static int carry(struct replay *r, int from, const struct cancel *cancel, struct err *err)
{
	struct pollfd in = {.fd = from, .events = POLLIN};

	for (;;) {
		if (cancel_check(cancel, err) < 0 || session_check(r, 0, err) < 0)
			return -1;
		if (poll(&in, 1, REPLAY_LOOK_MS) <= 0)
			continue;
		ssize_t n = read(from, r->carried, REPLAY_CARRY_MAX);
		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return err_sys(err, errno, "cannot read what %s prints", r->tools->binlog);
		if (n > 0 && session_give(r, r->carried, (size_t)n, cancel, err) < 0)
			return -1;
	}
}

static int wait_reader(struct replay *r, pid_t reader, const char *program, struct err *err)
{
	int status, gone;

	do
		gone = proc_wait(reader, REPLAY_LOOK_MS, &status, err);
	while (gone == 0);
	if (gone < 0)
		return -1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return reader_failed(r, program, status, err);
}

int replay_run_reader(struct replay *r, const char *const argv[], const struct cancel *cancel,
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
	rc = replay_program(r, argv, -1, fds[1], log, &reader, err);
	close(log);
	close(fds[1]);
	if (rc == 0 && (rc = carry(r, fds[0], cancel, err)) < 0)
		proc_stop(reader, REPLAY_GRACE_MS);
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
	int rc = replay_run_reader(r, argv.v, cancel, err);
	vec_done(&argv);
	free(start);
	free(stop);
	free(path);
	return rc;
}
