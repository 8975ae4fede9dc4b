#include "job/pitr_local_words.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

static bool word_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$' || (c & 0x80);
}

static const char *behind(const char *p, const char *mark)
{
	const char *found = strstr(p, mark);

	return found ? found + strlen(mark) : p + strlen(p);
}

/* Blanks and comments; what stands in a comment for servers of some version is executed. */
static const char *skip(const char *p)
{
	for (;;) {
		p += strspn(p, " \t\r\n\f\v");
		if (!strncmp(p, "/*!", 3) || !strncmp(p, "/*M!", 4)) {
			p = strchr(p, '!') + 1;
			p += strspn(p, "0123456789");
		} else if (!strncmp(p, "*/", 2)) {
			p += 2;
		} else if (!strncmp(p, "/*", 2)) {
			p = behind(p + 2, "*/");
		} else if (*p == '#' ||
		           (!strncmp(p, "--", 2) && (!p[2] || isspace((unsigned char)p[2])))) {
			p = behind(p, "\n");
		} else {
			return p;
		}
	}
}

static bool take(const char **p, const char *word)
{
	const char *at = skip(*p);
	size_t n = strlen(word);

	if (strncasecmp(at, word, n) != 0 || word_char(at[n]))
		return false;
	*p = at + n;
	return true;
}

static void take_any(const char **p, const char *const *words)
{
	for (size_t i = 0; words[i]; i++)
		if (take(p, words[i]))
			i = (size_t)-1; /* once more from the first */
}

/* 'a''b\'c': what is in it, as it stands. */
static char *take_text(const char **p)
{
	const char *from = skip(*p), *end = from + 1;
	char quote = *from;

	if (quote != '\'' && quote != '"')
		return NULL;
	for (; *end && (*end != quote || end[1] == quote); end++)
		end += (*end == quote || *end == '\\') && end[1];
	if (!*end)
		return NULL;
	*p = end + 1;
	return mem_strndup(from + 1, (size_t)(end - from - 1));
}

static void take_name(const char **p)
{
	const char *at = skip(*p);
	char quote = *at;

	if (quote == '`' || quote == '"') {
		for (at++; *at && (*at != quote || at[1] == quote); at++)
			at += *at == quote;
		at += *at == quote;
	} else {
		while (word_char(*at))
			at++;
	}
	*p = at;
}

/* Looked for wherever it is: a text before it may end where only the server knows. */
static void directory(const char *p, struct local_words *ret)
{
	while (!ret->path && (p = strcasestr(p, "DIRECTORY"))) {
		ret->kind = LOCAL_DIRECTORY;
		p = skip(p + 9);
		p += *p == '=';
		const char *text = p;
		ret->path = take_text(&text);
	}
}

/* Without the clause the server makes a name of its own, in its data directory. */
static void datafile(const char *sql, const char *p, struct local_words *ret)
{
	const char *from;

	take_name(&p);
	from = p = skip(p);
	if (!take(&p, "ADD") || !take(&p, "DATAFILE") || !(ret->path = take_text(&p)))
		return;
	if (!strchr(ret->path, '/'))
		return;
	ret->kind = LOCAL_DATAFILE;
	ret->from = (size_t)(from - sql);
	ret->to = (size_t)(p - sql);
}

static void statement(const char *sql, const char *p, struct local_words *ret)
{
	static const char *const create[] = {"OR", "REPLACE", "TEMPORARY", NULL};
	static const char *const alter[] = {"ONLINE", "OFFLINE", "IGNORE", NULL};

	if (take(&p, "CREATE")) {
		take_any(&p, create);
		if (take(&p, "TABLE"))
			directory(p, ret);
		else if (take(&p, "TABLESPACE"))
			datafile(sql, p, ret);
	} else if (take(&p, "ALTER")) {
		take_any(&p, alter);
		if (take(&p, "TABLE"))
			directory(p, ret);
		else if (take(&p, "INSTANCE") && take(&p, "ROTATE"))
			ret->kind = LOCAL_MASTER_KEY;
	}
}

/* MariaDB: SET STATEMENT max_statement_time=1 FOR CREATE TABLE …: the FOR can be any of
 * them. */
void local_words(const char *sql, struct local_words *ret)
{
	const char *p = sql;
	struct local_words found = {0};

	if (take(&p, "SET") && take(&p, "STATEMENT")) {
		while (!found.kind && (p = strcasestr(p, "FOR")))
			statement(sql, p += 3, &found);
	} else {
		statement(sql, sql, &found);
	}
	*ret = found;
}
