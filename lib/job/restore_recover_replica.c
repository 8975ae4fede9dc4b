#include "job/restore_recover_replica.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct channel {
	char *name, *file, *position;
	char *worker_file, *worker_position; /* the furthest of its workers, or NULL */
};

struct channels {
	VEC(struct channel) list;
};

static void channels_done(struct channels *c)
{
	for (size_t i = 0; i < c->list.n; i++) {
		free(c->list.v[i].name);
		free(c->list.v[i].file);
		free(c->list.v[i].position);
		free(c->list.v[i].worker_file);
		free(c->list.v[i].worker_position);
	}
	vec_done(&c->list);
}

/* A channel, then its workers, the furthest last. */
static int take_channel(void *arg, unsigned n, char **fields, const unsigned long *lengths,
                        struct err *err)
{
	struct channels *c = arg;
	struct channel *last = c->list.n ? &c->list.v[c->list.n - 1] : NULL;

	(void)n, (void)lengths, (void)err;
	for (unsigned i = 0; i < 4; i++)
		if (!fields[i])
			return 0;
	if (strcmp(fields[3], "1") != 0) {
		*vec_push(&c->list) = (struct channel){.name = mem_strdup(fields[0]),
		                                       .file = mem_strdup(fields[1]),
		                                       .position = mem_strdup(fields[2])};
		return 0;
	}
	if (!last || strcmp(last->name, fields[0]) != 0)
		return 0;
	free(last->worker_file);
	free(last->worker_position);
	last->worker_file = mem_strdup(fields[1]);
	last->worker_position = mem_strdup(fields[2]);
	return 0;
}

/* A row of slave_relay_log_info is behind what parallel workers have committed. */
static int ask_channels(struct conn *c, struct channels *ret, struct err *err)
{
	return conn_query(c,
	                  "SELECT c, f, p, w FROM ("
	                  "SELECT channel_name c, master_log_name f, master_log_pos p, 0 w"
	                  " FROM mysql.slave_relay_log_info UNION ALL "
	                  "SELECT channel_name, master_log_name, master_log_pos, 1"
	                  " FROM mysql.slave_worker_info) AS both_tables WHERE f <> ''"
	                  " ORDER BY c, w, LENGTH(f), f, p",
	                  take_channel, ret, err);
}

static void note_channel(const struct channel *c, struct str *note)
{
	if (*c->name)
		str_addf(note, "on channel %s ", c->name);
	str_addf(note, "its source's binlogs up to %s:%s", c->file, c->position);
	if (c->worker_file &&
	    (strcmp(c->worker_file, c->file) != 0 || strcmp(c->worker_position, c->position) != 0))
		str_addf(note,
		         " at least, and of what follows what parallel workers did up to %s:%s",
		         c->worker_file, c->worker_position);
}

static void note_channels(const struct channels *c, struct str *note)
{
	str_add(note, "the server was a replica and is none any more");
	for (size_t i = 0; i < c->list.n; i++) {
		str_add(note, i ? ", " : ": it had applied ");
		note_channel(&c->list.v[i], note);
	}
}

/* Whatever a server would need to go on; without relay logs it may not know its channels,
 * but their rows are there. */
static int reset_replica(struct conn *c, struct err *err)
{
	static const char *const tables[] = {"slave_worker_info", "slave_relay_log_info",
	                                     "slave_master_info"};
	struct err ignored;

	conn_exec(c, &ignored, "RESET REPLICA ALL");
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		char *sql = mem_printf("DELETE FROM mysql.%s", tables[i]);
		int rc = conn_exec(c, err, sql);
		free(sql);
		if (rc < 0)
			return err_add(err, "making the server forget that it was a replica");
	}
	return 0;
}

int recover_end_replication(struct conn *c, struct str *note, struct err *err)
{
	struct channels channels = {0};
	uint64_t n;
	int rc = conn_u64(c,
	                  "SELECT (SELECT COUNT(*) FROM mysql.slave_master_info) + "
	                  "(SELECT COUNT(*) FROM mysql.slave_relay_log_info)",
	                  &n, err);

	if (rc == 0 && n > 0) {
		rc = ask_channels(c, &channels, err);
		if (rc == 0 && note)
			note_channels(&channels, note);
		if (rc == 0)
			rc = reset_replica(c, err);
	}
	channels_done(&channels);
	return rc;
}
