/*
 * restore: needs only the repository.  The work is lib/job's; here are the words of
 * the command line before it and the next commands after it.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "daemon/ctl/ctl.h"
#include "daemon/ctl/meter.h"
#include "daemon/ctl/place.h"
#include "daemon/ctl/point.h"
#include "daemon/ctl/render.h"
#include "daemon/ctl/restore_next.h"
#include "daemon/ctl/verb.h"
#include "job/catalog_load.h"
#include "job/restore.h"

#define THREADS_MAX 256u

/* *ret_named: that backup and nothing behind it; "latest" as a plain word, or no word
 * at all, means the end of what is archived. */
static int which_backup(const struct args *a, const char **ret, bool *ret_named, struct err *err)
{
	const char *word = a->words.n > 0 ? a->words.v[0] : NULL;

	*ret = NULL;
	if (word && args_has(a, OPT_BACKUP))
		return err_set(err, ERR_USAGE, "restore: two backups are named: %s and %s",
		               a->value[OPT_BACKUP], word);
	*ret_named = args_has(a, OPT_BACKUP) || (word && strcmp(word, "latest") != 0);
	if (args_has(a, OPT_BACKUP))
		word = a->value[OPT_BACKUP];
	return word ? place_backup(word, ret, err) : 0;
}

static int check_maps(const struct args *a, struct err *err)
{
	for (size_t i = 0; i < a->maps.n; i++) {
		const char *map = a->maps.v[i], *equals = strchr(map, '=');

		if (map[0] != '/' || !equals || equals[1] != '/') {
			err_set(err, ERR_USAGE, "--map %s: it is OLD=NEW, both absolute", map);
			return err_hint(err, "For example --map /data2/tables=/srv/new/tables.");
		}
	}
	return 0;
}

static int fill(struct ctl *ctl, struct restore_request *req, struct restore_point *point,
                struct err *err)
{
	struct args *a = &ctl->args;
	bool named = false;

	if (!a->value[OPT_TO]) {
		err_set(err, ERR_USAGE, "restore: where to?");
		return err_hint(err, "Say --to DIR, a directory that is absent or empty.");
	}
	if (args_has(a, OPT_NO_RECOVER) && args_has(a, OPT_KEEP_SERVER))
		return err_set(err, ERR_USAGE, "--keep-server and --no-recover exclude each other");
	if (args_has(a, OPT_JOBS) && args_number(a, OPT_JOBS, THREADS_MAX, &req->jobs, err))
		return -1;
	if (which_backup(a, &req->backup, &named, err) || point_from_args(a, named, point, err) ||
	    check_maps(a, err))
		return -1;
	req->point = point;
	*vec_push(&a->maps) = NULL;
	*vec_push(&a->server_options) = NULL;
	req->maps = a->maps.v;
	req->server_options = a->server_options.v;
	req->instance = a->value[OPT_INSTANCE];
	req->to = a->value[OPT_TO];
	req->force = args_has(a, OPT_FORCE);
	req->recover = !args_has(a, OPT_NO_RECOVER);
	req->as_root = args_has(a, OPT_AS_ROOT);
	req->keep_server = args_has(a, OPT_KEEP_SERVER);
	req->server_binary = a->value[OPT_SERVER_BINARY];
	return 0;
}

/* What the command line does not say. */
static void take_from_policy(const struct args *a, const struct place *place,
                             struct restore_request *req)
{
	const struct policy_instance *i = place->instance;

	req->repo_url = place->url;
	if (!i)
		return;
	if (!req->instance)
		req->instance = i->name;
	if (!req->server_binary)
		req->server_binary = i->server_binary;
	if (!args_has(a, OPT_SERVER_OPTION) && i->server_options)
		req->server_options = (const char *const *)i->server_options;
}

static json_t *result_json(const struct restore_request *req, const struct restore_result *r,
                           const char *dir, const command_list *next)
{
	json_t *commands = json_array(), *o;

	for (size_t i = 0; i < next->n; i++)
		json_array_append_new(commands, json_string(next->v[i]));
	o = json_pack("{s:o, s:b, s:I, s:f, s:f, s:s?, s:o}", "backup",
	              backup_to_json(r->backup, false), "recovered", req->recover, "bytes_written",
	              (json_int_t)r->bytes_written, "copy_seconds", r->copy_seconds,
	              "recover_seconds", r->recover_seconds, "socket", r->socket, "next", commands);
	if (!o)
		return NULL;
	/* a path may hold bytes that JSON cannot: then its escaped form */
	if (json_object_set_new(o, "directory", json_string(dir))) {
		char *escaped = str_escape_path(dir);

		json_object_set_new(o, "directory", json_string(escaped));
		free(escaped);
	}
	json_object_set_new(o, "replay", point_json(req->point, r));
	json_object_set_new(o, "note", r->note ? json_string(r->note) : json_null());
	json_object_set_new(o, "server_pid",
	                    r->server_pid > 0 ? json_integer(r->server_pid) : json_null());
	return o;
}

static void print_point(const struct term *t, const struct manifest *b)
{
	char when[64];

	render_fact(t, "backup", "%s", b->id);
	render_fact(t, "instance", "%s", b->instance ? b->instance : "");
	render_fact(t, "point", "%s",
	            t->tty ? clock_format_local(when, sizeof when, b->finished_us)
	                   : clock_format(when, sizeof when, b->finished_us));
	if (b->binlog.file)
		render_fact(t, "binlog", "%s:%llu", b->binlog.file,
		            (unsigned long long)b->binlog.pos);
	else
		render_fact(t, "binlog", "the server wrote none");
	render_fact(t, "gtid", "%s", b->binlog.gtid ? b->binlog.gtid : "");
}

static void print_result(const struct term *t, const struct restore_request *req,
                         const struct restore_result *r, const char *dir, const command_list *next)
{
	char size[STR_HUMAN_MAX], copy[STR_HUMAN_MAX], recovery[STR_HUMAN_MAX];

	print_point(t, r->backup);
	point_print(t, req->point, r);
	render_fact(t, "directory", "%s", dir);
	render_fact(t, "written", "%s in %s", str_size(size, r->bytes_written),
	            str_duration(copy, r->copy_seconds));
	if (req->recover)
		render_fact(t, "recovered", "in %s, %s", str_duration(recovery, r->recover_seconds),
		            r->socket ? "the private server is left running"
		                      : "and shut down cleanly");
	else
		render_fact(t, "recovered", "no: the first start of a server does it");
	if (r->socket)
		render_fact(t, "server", "pid %ld, socket %s", r->server_pid, r->socket);
	if (r->note)
		render_fact(t, "note", "%s", r->note);
	for (size_t i = 0; i < next->n; i++)
		render_fact(t, i == 0 || !t->tty ? "next" : "", "%s", next->v[i]);
}

static void report(struct ctl *ctl, const struct restore_request *req,
                   const struct restore_result *r)
{
	char *dir = realpath(req->to, NULL);
	command_list next = {0};
	json_t *value;

	if (!dir)
		dir = mem_strdup(req->to);
	restore_next(req, r, dir, &next);
	value = result_json(req, r, dir, &next);
	if (!ctl_print_json(ctl, value))
		print_result(&ctl->out, req, r, dir, &next);
	json_decref(value);
	command_list_done(&next);
	free(dir);
}

int verb_restore(struct ctl *ctl, struct err *err)
{
	struct progress progress = {.step = NULL};
	struct restore_result result = {0};
	struct restore_request req = {.cancel = ctl_catch_interrupt(), .progress = &progress};
	struct restore_point point;
	struct meter meter = {0};
	struct place place = {0};
	int rc = -1;

	if (fill(ctl, &req, &point, err) || place_find(ctl, &place, err))
		goto out;
	take_from_policy(&ctl->args, &place, &req);
	req.caught_up_us = point_caught_up(ctl, &place, req.instance);
	meter_start(&meter, &ctl->notes, &progress);
	rc = restore_run(&req, &result, err);
	meter_stop(&meter);
	if (rc == 0)
		report(ctl, &req, &result);
out:
	restore_result_done(&result);
	place_done(&place);
	return rc;
}
