#include "job/restore_owner.h"

#include <errno.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"

/* "mysql (user id 102)", or the number alone where nobody has it. */
static char *user_text(uid_t uid)
{
	struct passwd entry, *found = NULL;
	char buf[4096];

	if (getpwuid_r(uid, &entry, buf, sizeof buf, &found) == 0 && found)
		return mem_printf("%s (user id %u)", found->pw_name, (unsigned)uid);
	return mem_printf("user id %u", (unsigned)uid);
}

static int refuse(const struct proc_user *owner, const char *path, const char *barrier,
                  struct err *err)
{
	char *who = user_text(owner->uid);

	if (strcmp(path, barrier) != 0)
		err_set(err, ERR_REFUSED,
		        "recovery runs as the owner of the data directory, %s, who may not enter "
		        "%s on the way to %s",
		        who, barrier, path);
	else
		err_set(err, ERR_REFUSED,
		        "recovery runs as the owner of the data directory, %s, who may not enter "
		        "or run %s",
		        who, path);
	free(who);
	return -1;
}

/* The directory itself will be his; the directories above it that are not there yet
 * will be open. */
static int check_way(const struct proc_user *owner, const char *dir, struct err *err)
{
	char *way = mem_strdup(dir), *barrier = NULL, *slash;
	struct stat st;
	int rc;

	do {
		slash = strrchr(way, '/');
		slash[slash == way] = '\0';
	} while (stat(way, &st) < 0 && slash != way);
	rc = proc_user_barrier(owner, way, &barrier, err);
	if (rc == 0 && barrier) {
		rc = refuse(owner, dir, barrier, err);
		err_hint(err, "open it (chmod o+x %s), or restore into another directory", barrier);
	}
	free(barrier);
	free(way);
	return rc;
}

/* `instead`: what else whoever restores could do. */
static int check_program(const struct proc_user *owner, const char *program, const char *instead,
                         struct err *err)
{
	char *path = realpath(program, NULL), *barrier = NULL;
	int rc;

	if (!path)
		return err_sys(err, errno, "program %s", program);
	rc = proc_user_barrier(owner, path, &barrier, err);
	if (rc == 0 && barrier) {
		rc = refuse(owner, path, barrier, err);
		err_hint(err, "chmod o+x %s, or %s", barrier, instead);
	}
	free(barrier);
	free(path);
	return rc;
}

/* "ibdata1", "undo001": what a server cannot start without. */
static bool is_system(const struct manifest_file *f)
{
	return f->kind == FILE_INNODB && !strchr(f->path, '/') && !str_ends(f->path, ".ibd");
}

/* There a server wrote files that the owner of the directory could not: it ran as
 * somebody else. */
static int check_system_files(const struct manifest *m, const struct proc_user *owner,
                              struct err *err)
{
	for (size_t i = 0; i < m->files.n; i++) {
		const struct manifest_file *f = &m->files.v[i];
		uint32_t may_write = f->gid == owner->gid ? 0020 : 0002;
		/* His own files are made writable while they are restored. */
		if (!is_system(f) || f->uid == owner->uid || (f->mode & may_write))
			continue;
		char *who = user_text(owner->uid);
		err_set(err, ERR_REFUSED,
		        "in the backup %s belongs to user id %u, but its data directory to %s: "
		        "recovery runs as the latter, who may not write it",
		        f->path, (unsigned)f->uid, who);
		free(who);
		return err_hint(err,
		                "restore with --no-recover, give all files to the user the server "
		                "is to run as (chown -R), and start it: that recovers them");
	}
	return 0;
}

/* false: everything runs as ourselves. */
static bool is_another(const struct manifest *m, struct proc_user *ret)
{
	*ret = (struct proc_user){m->roots.v[0].uid, m->roots.v[0].gid};
	return geteuid() == 0 && ret->uid != 0;
}

int restore_owner_check(const struct manifest *m, const struct places *p, const char *binary,
                        struct err *err)
{
	struct proc_user owner;

	if (!is_another(m, &owner))
		return 0;
	for (size_t i = 0; i < p->n; i++)
		if ((i == 0 || p->v[i].mapped) && check_way(&owner, p->v[i].dir, err) < 0)
			return -1;
	if (check_program(&owner, binary,
	                  "name a server program that everybody may run with --server-binary",
	                  err) < 0)
		return -1;
	return check_system_files(m, &owner, err);
}

static int refuse_root(const struct manifest *m, struct err *err)
{
	err_set(
	    err, ERR_REFUSED,
	    "in backup %s the data directory is root's: the statements of the binlogs would run "
	    "with root's rights, and a statement can write any file",
	    m->id);
	return err_hint(err,
	                "Restore as another user; or say --as-root if all who could write to "
	                "the source and the repository may be root here; or restore the "
	                "backup alone (--backup %s).",
	                m->id);
}

int restore_owner_check_tools(const struct manifest *m, const struct replay_tools *tools,
                              bool as_root, struct err *err)
{
	static const char instead[] = "install the client programs where everybody may run them";
	struct proc_user owner;

	if (!is_another(m, &owner))
		return geteuid() == 0 && !as_root ? refuse_root(m, err) : 0;
	if (check_program(&owner, tools->binlog, instead, err) < 0)
		return -1;
	return check_program(&owner, tools->client, instead, err);
}
