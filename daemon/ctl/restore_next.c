#include "daemon/ctl/restore_next.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "daemon/ctl/term.h"
#include "server/facts.h"

#define USUAL_DATADIR "/var/lib/mysql"

static void add_command(command_list *list, const char *before, const char *word, const char *after)
{
	struct str s = {0};

	str_add(&s, before);
	str_shell(&s, word);
	str_add(&s, after);
	*vec_push(list) = str_take(&s);
}

static void private_server(const struct flavour_row *p, const char *socket, command_list *list)
{
	char *client = mem_printf("%s --socket=", p->clients[0]);
	char *admin = mem_printf("%s --socket=", p->admin);
	const char *end = strrchr(socket, '/');

	add_command(list, client, socket, "");
	add_command(list, admin, socket, " shutdown");
	/* Nobody else takes away the directory that was made for it. */
	if (end && end > socket) {
		char *dir = mem_strndup(socket, (size_t)(end - socket));
		add_command(list, "rm -r ", dir, "");
		free(dir);
	}
	free(client);
	free(admin);
}

/* A start that recovers, with options that no later one may have. */
static void first_start(const struct flavour_row *p, const struct first_start *f,
                        command_list *list)
{
	if (!f->options)
		return;
	*vec_push(list) = mem_printf("%s --user=mysql --daemonize --datadir=" USUAL_DATADIR
	                             " --skip-networking %s",
	                             p->servers[0], f->options);
	if (f->sql) {
		char *client = mem_printf("%s -e ", p->clients[0]);
		add_command(list, client, f->sql, "");
		free(client);
	}
	*vec_push(list) = mem_printf("%s shutdown", p->admin);
	if (f->remove) {
		char *path = mem_printf(USUAL_DATADIR "/%s", f->remove);
		add_command(list, "rm -r ", path, "");
		free(path);
	}
}

static void later_binlogs(const struct flavour_row *p, const struct position *at,
                          command_list *list)
{
	char *from =
	    mem_printf("%s --start-position=%llu ", p->binlogs[0], (unsigned long long)at->pos);
	char *to = mem_printf(" [LATER-BINLOG ...] | %s", p->clients[0]);

	add_command(list, from, at->file, to);
	free(from);
	free(to);
}

void restore_next(const struct restore_request *req, const struct restore_result *r,
                  const char *dir, command_list *list)
{
	/* Names are those of a flavour, in every version. */
	const struct flavour_row *p =
	    flavour_find(manifest_is_mysql(r->backup) ? FLAVOUR_MYSQL : FLAVOUR_MARIADB, 0, 0, 0);

	if (req->keep_server && r->socket)
		private_server(p, r->socket, list);
	add_command(list, "chown -R mysql:mysql ", dir, "");
	for (const char *const *m = req->maps; m && *m; m++)
		if (strchr(*m, '='))
			add_command(list, "chown -R mysql:mysql ", strchr(*m, '=') + 1, "");
	if (strcmp(dir, USUAL_DATADIR) != 0) {
		*vec_push(list) = mem_printf("systemctl stop %s", p->service);
		*vec_push(list) = mem_strdup("mv " USUAL_DATADIR " " USUAL_DATADIR ".before");
		add_command(list, "mv ", dir, " " USUAL_DATADIR);
	}
	first_start(p, &r->first, list);
	*vec_push(list) = mem_printf("systemctl start %s", p->service);
	if (r->backup->binlog.file && !r->replay.done)
		later_binlogs(p, &r->backup->binlog, list);
}

void command_list_done(command_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->v[i]);
	vec_done(list);
}
