#include "server/replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/proc.h"
#include "base/str.h"
#include "server/replay_room.h"
#include "server/replay_words.h"

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
	return write_secret(r, REPLAY_INIT_FILE, &s, err);
}

static int write_client_file(struct replay *r, struct err *err)
{
	struct str s = {0};

	str_addf(&s, "[client]\nuser=\"%s\"\npassword=\"%s\"\n", r->user, r->password);
	return write_secret(r, REPLAY_CLIENT_FILE, &s, err);
}

/* ---- life */

static void make_options(struct replay *r)
{
	*vec_push(&r->options) = mem_printf("--init-file=%s/" REPLAY_INIT_FILE, r->scratch.dir);
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
	r->carried = mem_alloc(REPLAY_CARRY_MAX);
	r->load_data = load_data;
	if (scratch_make(&r->scratch, datadir, scratch, err) < 0 || make_secret(r, err) < 0 ||
	    write_client_file(r, err) < 0 || write_init_file(r, err) < 0)
		goto fail;
	/* For ourselves: by way of the descriptor nobody can lead us to another file. */
	r->defaults = mem_printf("/proc/self/fd/%d/" REPLAY_CLIENT_FILE, r->scratch.fd);
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
		proc_stop(r->client, REPLAY_GRACE_MS);
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

/* ---- the whole of it */

void replay_expect(struct replay *r, const struct replay_error *list, size_t n)
{
	r->errors.list = list;
	r->errors.n = n;
}

int replay_begin(struct replay *r, const char *socket, struct err *err)
{
	free(r->socket);
	r->socket = mem_strdup(socket);
	return session_begin(r, err);
}

static int give_mode(struct replay *r, const struct cancel *cancel, struct err *err)
{
	const char *text = replay_mode_text(r->tools->flavour, r->idempotent);

	return session_give(r, text, strlen(text), cancel, err);
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
			rc = session_give(r, str_text(&s), s.n, cancel, err);
		str_done(&s);
	}
	return rc;
}

/* The account may be gone: the session that still has it makes it anew. */
int replay_anew(struct replay *r, const struct cancel *cancel, struct err *err)
{
	static const char *const argv[] = {"cat", "../" REPLAY_INIT_FILE, NULL};

	if (replay_run_reader(r, argv, cancel, err) < 0 || session_end(r, cancel, err) < 0 ||
	    session_begin(r, err) < 0)
		return -1;
	return r->idempotent ? give_mode(r, cancel, err) : 0;
}

int replay_finish(struct replay *r, const struct cancel *cancel, struct err *err)
{
	if (give_done(r, cancel, err) < 0 || session_end(r, cancel, err) < 0)
		return -1;
	return errors_finish(&r->errors, err);
}
