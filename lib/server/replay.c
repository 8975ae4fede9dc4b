#include "server/replay.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fsio.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "server/private_room.h"
#include "server/replay_words.h"

#define GRACE_MS 2000
#define LOOK_MS 50
#define SAID_MAX 4096 /* of what a failing program said last */

struct replay {
	const struct replay_tools *tools;
	char *dir;
	char *user, *password;
	char *init_file, *client_file, *load_dir, *client_log, *binlog_log;
	VEC(char *) options; /* owned; NULL-terminated */
	int to_client;       /* -1: no session */
	pid_t client;
	char *at; /* the file being applied, for messages */
};

/* ---- the programs */

static char *find_in(const char *dir, const char *below, const char *name)
{
	char *path = mem_printf("%s/%s%s", dir, below, name);
	char *found = proc_find(path);

	free(path);
	return found;
}

static char *find_beside(const char *binary, const char *name)
{
	char *real = realpath(binary, NULL);
	char *seen = mem_strdup(binary);
	char *found = find_in(dirname(seen), "", name);

	if (!found)
		found = find_in(seen, "../bin/", name);
	if (!found && real)
		found = find_in(dirname(real), "", name);
	if (!found && real)
		found = find_in(real, "../bin/", name);
	free(real);
	free(seen);
	return found ? found : proc_find(name);
}

static char *find_one(const char *binary, const char *const *names,
                      const struct server_version *version)
{
	for (; *names; names++) {
		char *found = find_beside(binary, *names);
		if (found && replay_program_fits(found, version))
			return found;
		free(found);
	}
	return NULL;
}

int replay_tools_find(const char *server_binary, const struct server_version *version,
                      struct replay_tools *ret, struct err *err)
{
	const struct flavour_row *row =
	    flavour_find(version->flavour, version->major, version->minor, version->patch);
	struct replay_tools t = {.flavour = version->flavour,
	                         .binlog = find_one(server_binary, row->binlogs, version),
	                         .client = find_one(server_binary, row->clients, version)};

	if (t.binlog && t.client) {
		*ret = t;
		return 0;
	}
	err_set(err, ERR_NOT_FOUND,
	        "no program %s of %s found beside %s or in PATH: binlogs need it",
	        t.binlog ? row->clients[0] : row->binlogs[0], flavour_name(version->flavour),
	        server_binary);
	replay_tools_done(&t);
	return err_hint(err,
	                "Install the client programs of the server's version (%s-client), or "
	                "restore a backup alone with --backup.",
	                flavour_word(version->flavour));
}

void replay_tools_done(struct replay_tools *t)
{
	free(t->binlog);
	free(t->client);
	*t = (struct replay_tools){0};
}

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

static int write_private(const char *path, struct str *text, struct err *err)
{
	int rc = fsio_replace(path, str_text(text), text->n, 0600, err);

	explicit_bzero(text->p, text->n);
	str_done(text);
	return rc;
}

/* The directory was made for us alone: its owner stays, so that the server's user can
 * put nothing into it. */
static int let_server_read(const struct replay *r, const char *datadir, struct err *err)
{
	struct proc_user user;
	int other = private_owner(datadir, &user, err);

	if (other <= 0)
		return other;
	if (chown(r->init_file, user.uid, user.gid) < 0)
		return err_sys(err, errno, "cannot set the owner of %s", r->init_file);
	if (chmod(r->dir, 0711) < 0)
		return err_sys(err, errno, "cannot set the mode of %s", r->dir);
	return 0;
}

static int write_init_file(struct replay *r, struct err *err)
{
	struct str s = {0};

	replay_account(r->tools->flavour, r->user, r->password, &s);
	return write_private(r->init_file, &s, err);
}

static int write_client_file(struct replay *r, struct err *err)
{
	struct str s = {0};

	str_addf(&s, "[client]\nuser=\"%s\"\npassword=\"%s\"\n", r->user, r->password);
	return write_private(r->client_file, &s, err);
}

/* ---- life */

static void make_options(struct replay *r)
{
	*vec_push(&r->options) = mem_printf("--init-file=%s", r->init_file);
	*vec_push(&r->options) = mem_strdup("--local-infile=1");
	for (const char *const *w = replay_server_words(r->tools->flavour); *w; w++)
		*vec_push(&r->options) = mem_strdup(*w);
	*vec_push(&r->options) = NULL;
}

int replay_new(const struct replay_tools *tools, const char *datadir, const char *scratch,
               struct replay **ret, struct err *err)
{
	struct replay *r = mem_zalloc(sizeof *r);

	r->tools = tools;
	r->to_client = -1;
	if (mkdir(scratch, 0700) < 0) {
		err_sys(err, errno, "cannot make the directory %s", scratch);
		goto fail;
	}
	r->dir = mem_strdup(scratch);
	r->init_file = mem_printf("%s/init.sql", scratch);
	r->client_file = mem_printf("%s/client.cnf", scratch);
	r->load_dir = mem_printf("%s/load", scratch);
	r->client_log = mem_printf("%s/client.log", scratch);
	r->binlog_log = mem_printf("%s/binlog.log", scratch);
	make_options(r);
	if (make_secret(r, err) < 0 || fsio_mkdirs(r->load_dir, 0700, err) < 0 ||
	    write_client_file(r, err) < 0 || write_init_file(r, err) < 0 ||
	    let_server_read(r, datadir, err) < 0)
		goto fail;
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
	return r->client_file;
}

char *replay_path(const struct replay *r, const char *name)
{
	return mem_printf("%s/%s", r->dir, name);
}

void replay_free(struct replay *r)
{
	if (!r)
		return;
	if (r->to_client >= 0)
		close(r->to_client);
	if (r->client > 0)
		proc_stop(r->client, GRACE_MS);
	if (r->dir)
		fsio_remove_tree(r->dir, NULL);
	if (r->password)
		explicit_bzero(r->password, strlen(r->password));
	for (size_t i = 0; i < r->options.n; i++)
		free(r->options.v[i]);
	vec_done(&r->options);
	free(r->dir);
	free(r->user);
	free(r->password);
	free(r->init_file);
	free(r->client_file);
	free(r->load_dir);
	free(r->client_log);
	free(r->binlog_log);
	free(r->at);
	free(r);
}

/* ---- the session */

static int open_log(const char *path, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);

	return fd >= 0 ? fd : err_sys(err, errno, "cannot create %s", path);
}

/* The end of what a program said: the statement before it can have megabytes. */
static char *last_words(const char *path)
{
	char buf[SAID_MAX + 1];
	size_t n = 0;
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && fstat(fd, &st) == 0) {
		uint64_t from = st.st_size > SAID_MAX ? (uint64_t)st.st_size - SAID_MAX : 0;
		if (fsio_pread(fd, buf, SAID_MAX, from, &n, path, NULL) < 0)
			n = 0;
	}
	if (fd >= 0)
		close(fd);
	while (n > 0 && buf[n - 1] == '\n')
		n--;
	buf[n] = '\0';
	char *line = strstr(buf, "ERROR "), *next = line;
	while (next && (next = strstr(next + 1, "\nERROR ")))
		line = next + 1;
	return mem_strdup(line ? line : buf);
}

int replay_begin(struct replay *r, const char *socket, struct err *err)
{
	char *defaults = mem_printf("--defaults-file=%s", r->client_file);
	char *where = mem_printf("--socket=%s", socket);
	const char *const argv[] = {r->tools->client,
	                            defaults,
	                            where,
	                            "--binary-mode",
	                            "--batch",
	                            "--comments",
	                            "--skip-reconnect",
	                            "--local-infile=1",
	                            "--max-allowed-packet=1073741824",
	                            NULL};
	int fds[2] = {-1, -1}, log = -1, rc = -1;

	if (pipe2(fds, O_CLOEXEC) < 0) {
		err_sys(err, errno, "cannot make a pipe");
		goto out;
	}
	if ((log = open_log(r->client_log, err)) < 0)
		goto out;
	rc = proc_start_piped(argv, fds[0], log, log, &r->client, err);
	if (rc == 0) {
		r->to_client = fds[1];
		fds[1] = -1;
	}
out:
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	if (log >= 0)
		close(log);
	free(defaults);
	free(where);
	return rc;
}

static int client_failed(struct replay *r, int status, struct err *err)
{
	char *said = last_words(r->client_log), how[64];

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

static int reader_failed(struct replay *r, int status, struct err *err)
{
	char *said = last_words(r->binlog_log), how[64];

	err_set(err, ERR_FAILED, "replay of %s failed: %s: %s%s%.600s", r->at, r->tools->binlog,
	        proc_status_text(how, sizeof how, status), *said ? ": " : "", said);
	free(said);
	return -1;
}

/* 0 both go on, 1 the reader is through, -1. */
static int look(struct replay *r, pid_t reader, struct err *err)
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
	return gone ? reader_failed(r, reader_status, err) : 0;
}

static int run_reader(struct replay *r, const char *const argv[], const struct cancel *cancel,
                      struct err *err)
{
	int log = open_log(r->binlog_log, err), rc;
	pid_t reader;

	if (log < 0)
		return -1;
	rc = proc_start_piped(argv, -1, r->to_client, log, &reader, err);
	close(log);
	while (rc == 0) {
		if (cancel_check(cancel, err) < 0) {
			proc_stop(reader, GRACE_MS);
			return -1;
		}
		rc = look(r, reader, err);
	}
	return rc < 0 ? -1 : 0;
}

int replay_file(struct replay *r, const char *path, uint64_t from, uint64_t to,
                const struct cancel *cancel, struct err *err)
{
	const char *slash = strrchr(path, '/');
	char *start = mem_printf("--start-position=%" PRIu64, from);
	char *stop = mem_printf("--stop-position=%" PRIu64, to);
	char *load = mem_printf("--local-load=%s", r->load_dir);
	VEC(const char *) argv = {0};

	*vec_push(&argv) = r->tools->binlog;
	*vec_push(&argv) = "--no-defaults";
	for (const char *const *w = replay_reader_words(r->tools->flavour); *w; w++)
		*vec_push(&argv) = *w;
	*vec_push(&argv) = load;
	*vec_push(&argv) = start;
	*vec_push(&argv) = stop;
	*vec_push(&argv) = path;
	*vec_push(&argv) = NULL;
	free(r->at);
	r->at = mem_strdup(slash ? slash + 1 : path);
	int rc = run_reader(r, argv.v, cancel, err);
	vec_done(&argv);
	free(start);
	free(stop);
	free(load);
	return rc;
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
