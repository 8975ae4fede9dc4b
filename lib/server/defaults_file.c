#include "server/defaults_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fsio.h"
#include "base/mem.h"

#define FILE_MAX (64 * 1024)

/* Later levels are stronger, whatever the order in the file. */
enum level { LEVEL_NONE, LEVEL_CLIENT, LEVEL_MYBAK };

struct reading {
	struct credentials found;
	enum level user_level, password_level;
	enum level level; /* of the group we are in */
	unsigned line;
	const char *name;
};

static void wipe_free(char *s)
{
	if (s)
		explicit_bzero(s, strlen(s));
	free(s);
}

void credentials_done(struct credentials *c)
{
	if (!c)
		return;
	wipe_free(c->user);
	wipe_free(c->password);
	*c = (struct credentials){0};
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

static char *trim(char *s)
{
	while (is_blank(*s))
		s++;
	size_t n = strlen(s);
	while (n > 0 && is_blank(s[n - 1]))
		s[--n] = '\0';
	return s;
}

/* A '#' ends the line unless it stands in quotes; in quotes a backslash protects
 * the next character. */
static void cut_comment(char *s)
{
	char quote = '\0';
	bool escaped = false;

	for (; *s; s++) {
		if ((*s == '\'' || *s == '"') && !escaped) {
			if (!quote)
				quote = *s;
			else if (quote == *s)
				quote = '\0';
		}
		if (!quote && *s == '#') {
			*s = '\0';
			return;
		}
		escaped = quote && *s == '\\' && !escaped;
	}
}

static char *unquote(char *s)
{
	size_t n = strlen(s);

	if (n >= 2 && (s[0] == '"' || s[0] == '\'') && s[n - 1] == s[0]) {
		s[n - 1] = '\0';
		return s + 1;
	}
	return s;
}

static void unescape(char *s)
{
	static const char from[] = "ntrbs\\'\"", to[] = "\n\t\r\b \\'\"";
	char *out = s;

	for (; *s; s++) {
		const char *hit = s[0] == '\\' && s[1] ? strchr(from, s[1]) : NULL;
		if (hit) {
			*out++ = to[hit - from];
			s++;
		} else {
			*out++ = *s;
		}
	}
	*out = '\0';
}

static enum level group_level(const char *group)
{
	static const char *const client[] = {"client", "client-server", "client-mariadb"};

	if (strcmp(group, "mybak") == 0)
		return LEVEL_MYBAK;
	for (size_t i = 0; i < sizeof client / sizeof *client; i++)
		if (strcmp(group, client[i]) == 0)
			return LEVEL_CLIENT;
	return LEVEL_NONE;
}

static void keep(char **slot, enum level *slot_level, enum level level, const char *value)
{
	if (level < *slot_level)
		return;
	wipe_free(*slot);
	*slot = mem_strdup(value);
	*slot_level = level;
}

static int read_group(struct reading *r, char *line, struct err *err)
{
	char *end = strchr(line, ']');

	if (!end)
		return err_set(err, ERR_USAGE, "%s:%u: group has no closing ']'", r->name, r->line);
	*end = '\0';
	r->level = group_level(trim(line + 1));
	return 0;
}

static int read_pair(struct reading *r, char *line, struct err *err)
{
	char *value = strchr(line, '=');

	if (!value)
		return 0; /* an option without value cannot be one of ours */
	*value++ = '\0';
	char *key = trim(line);
	if (r->level == LEVEL_NONE || (strcmp(key, "user") != 0 && strcmp(key, "password") != 0))
		return 0;
	cut_comment(value);
	value = unquote(trim(value));
	unescape(value);
	if (strlen(value) > 1024)
		return err_set(err, ERR_USAGE, "%s:%u: value of \"%s\" is longer than 1024 bytes",
		               r->name, r->line, key);
	if (strcmp(key, "user") == 0)
		keep(&r->found.user, &r->user_level, r->level, value);
	else
		keep(&r->found.password, &r->password_level, r->level, value);
	return 0;
}

static int read_line(struct reading *r, char *line, struct err *err)
{
	line = trim(line);
	if (*line == '\0' || *line == '#' || *line == ';')
		return 0;
	if (*line == '[')
		return read_group(r, line, err);
	if (*line == '!') {
		err_set(err, ERR_USAGE, "%s:%u: %.*s is not followed", r->name, r->line,
		        (int)strcspn(line, " \t"), line);
		return err_hint(err, "Write user and password into this file itself.");
	}
	return read_pair(r, line, err);
}

int defaults_file_parse(const char *text, size_t n, const char *name, struct credentials *ret,
                        struct err *err)
{
	struct reading r = {.name = name};
	char *copy = mem_strndup(text, n);
	char *next = copy;
	int rc = -1;

	if (memchr(text, '\0', n)) {
		err_set(err, ERR_USAGE, "%s: has NUL bytes: not a my.cnf file", name);
		goto out;
	}
	do {
		r.line++;
		if (read_line(&r, strsep(&next, "\n"), err) < 0)
			goto out;
	} while (next);
	if (!r.found.user && !r.found.password) {
		err_set(err, ERR_USAGE, "%s: has no user and no password in [client] or [mybak]",
		        name);
		err_hint(err, "Write a group [client] with the lines user=… and password=…");
		goto out;
	}
	*ret = r.found;
	r.found = (struct credentials){0};
	rc = 0;
out:
	explicit_bzero(copy, n);
	free(copy);
	credentials_done(&r.found);
	return rc;
}

/* Looks at the open file, so that what is checked is what is read. */
static int check_rights(int fd, const char *path, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "defaults file %s: cannot stat", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_REFUSED, "defaults file %s: not a regular file", path);
	if (st.st_mode & (S_IRWXG | S_IRWXO)) {
		err_set(err, ERR_REFUSED,
		        "defaults file %s: group or others may read or change it (mode %04o)", path,
		        (unsigned)st.st_mode & 07777);
		return err_hint(err, "chmod 600 %s", path);
	}
	/* Root can be asked to check the policy of a daemon that runs as another user. */
	if (geteuid() != 0 && st.st_uid != 0 && st.st_uid != geteuid()) {
		err_set(err, ERR_REFUSED,
		        "defaults file %s: belongs to user id %u, neither root nor us (%u)", path,
		        (unsigned)st.st_uid, (unsigned)geteuid());
		return err_hint(err, "chown %u %s", (unsigned)geteuid(), path);
	}
	if (st.st_size > FILE_MAX)
		return err_set(err, ERR_USAGE, "defaults file %s: larger than %d bytes", path,
		               FILE_MAX);
	return 0;
}

int defaults_file_read(const char *path, struct credentials *ret, struct err *err)
{
	static const char *const hint = "Create it with mode 600, a group [client] and the lines "
	                                "user=… and password=…, readable by the user we run as.";
	char *text = NULL;
	size_t n = 0;
	int rc = -1;
	/* O_NONBLOCK: a FIFO must not stop us before we have looked at it */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0) {
		err_sys(err, errno, "defaults file %s: cannot open", path);
		return err_hint(err, "%s", hint);
	}
	if (check_rights(fd, path, err) < 0)
		goto out;
	text = mem_zalloc(FILE_MAX);
	if (fsio_pread(fd, text, FILE_MAX, 0, &n, path, err) < 0)
		goto out;
	rc = defaults_file_parse(text, n, path, ret, err);
out:
	if (text)
		explicit_bzero(text, FILE_MAX);
	free(text);
	close(fd);
	return rc;
}
