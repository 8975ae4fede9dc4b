/* What only a MySQL has to be asked. */
#include "base/str.h"
#include "job/check_line.h"

/* Below this a busy server comes to wait for its own checkpoints, and a backup for it. */
#define REDO_SMALL (64u << 20)

static void check_redo(const struct facts *f, const char *subject, struct check_result *ret)
{
	char text[STR_HUMAN_MAX];

	check_add(ret, CHECK_OK, subject,
	          f->redo_capacity < REDO_SMALL
	              ? "if backups give up because they are behind the server, raise "
	                "innodb_redo_log_capacity"
	              : NULL,
	          "its redo log holds %s", str_size(text, f->redo_capacity));
}

/* Tried, and let go at once. */
static void check_consumer(struct conn *c, const char *subject, struct check_result *ret)
{
	struct err err = ERR_INIT;
	uint64_t refused = 0, ignored;

	if (conn_u64(c, "SELECT innodb_redo_log_consumer_register()", &refused, &err) < 0) {
		check_add_err(ret, CHECK_CRITICAL, subject, &err);
		return;
	}
	if (refused)
		check_add(ret, CHECK_OK, subject,
		          "that is a backup which runs now, or another backup program: while it is "
		          "there, nothing holds the redo for a second one",
		          "another session is registered as the consumer of its redo log");
	else if (conn_u64(c, "SELECT innodb_redo_log_consumer_unregister()", &ignored, &err) < 0)
		check_add_err(ret, CHECK_CRITICAL, subject, &err);
	else
		check_add(ret, CHECK_OK, subject, NULL,
		          "it can hold its redo until a backup has read it");
}

static void check_keyring(const struct facts *f, const char *subject, struct check_result *ret)
{
	struct str list = {0};

	for (size_t i = 0; i < f->keyring_files.n; i++)
		str_addf(&list, "%s%s", i ? ", " : "", f->keyring_files.v[i]);
	if (list.n)
		check_add(ret, CHECK_OK, subject, "keep a copy of it, and not beside the backups",
		          "the keys of its encrypted tables, %s, are in no backup",
		          str_text(&list));
	str_done(&list);
}

void check_server_mysql(struct conn *c, const struct facts *f, const char *subject,
                        struct check_result *ret)
{
	check_redo(f, subject, ret);
	check_consumer(c, subject, ret);
	check_keyring(f, subject, ret);
}
