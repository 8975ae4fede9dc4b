#include "job/binlog_words.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define WORD_MAX 256

static bool word_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$' || (c & 0x80);
}

/* Does `name` stand in the text as a word of its own? */
static bool has_word(const char *text, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = text; n && (p = strcasestr(p, name)); p++)
		if ((p == text || !word_char(p[-1])) && !word_char(p[n]))
			return true;
	return false;
}

const char *words_begin(const char *sql)
{
	for (;;) {
		sql += strspn(sql, " \t\r\n(");
		if (sql[0] != '/' || sql[1] != '*' || !strstr(sql, "*/"))
			return sql;
		sql = strstr(sql, "*/") + 2;
	}
}

/* ---- one word after the other */

struct words {
	const char *p;
	char word[WORD_MAX]; /* a name without its quotes, a sign, "" at the end */
	bool quoted;
};

static void next(struct words *w)
{
	size_t n = 0;

	w->p = words_begin(w->p);
	w->quoted = *w->p == '`';
	if (w->quoted) {
		for (w->p++; *w->p && (*w->p != '`' || w->p[1] == '`'); w->p++) {
			w->p += *w->p == '`';
			if (n + 1 < sizeof w->word)
				w->word[n++] = *w->p;
		}
		w->p += *w->p == '`';
	} else {
		while (word_char(w->p[n]) && n + 1 < sizeof w->word)
			n++;
		n += n == 0 && *w->p;
		memcpy(w->word, w->p, n);
		w->p += n;
	}
	w->word[n] = '\0';
}

static bool is(const struct words *w, const char *word)
{
	return !w->quoted && !strcasecmp(w->word, word);
}

static bool is_among(const struct words *w, const char *const *list)
{
	for (; *list; list++)
		if (is(w, *list))
			return true;
	return false;
}

static void skip(struct words *w, const char *const *list)
{
	while (is_among(w, list))
		next(w);
}

bool words_are_control(const char *sql)
{
	static const char *const control[] = {"BEGIN",   "COMMIT", "ROLLBACK", "SAVEPOINT",
	                                      "RELEASE", "START",  "XA",       NULL};
	struct words w = {.p = sql};

	next(&w);
	return is_among(&w, control);
}

/* ---- what it changes */

/* Statements that change one table, with what may stand before its name, and what
 * stands behind it only where it is the one. */
struct form {
	const char *verb;
	const char *const *before, *const *behind, *const *not_behind;
};

static const char *const insert_before[] = {"LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY",
                                            "IGNORE",       "INTO",    NULL};
static const char *const table_before[] = {"OR", "REPLACE", "TEMPORARY", "ONLINE", "IGNORE",
                                           "IF", "NOT",     "EXISTS",    "TABLE",  NULL};
static const char *const change_before[] = {"LOW_PRIORITY", "QUICK", "IGNORE",
                                            "HISTORY",      "FROM",  NULL};
static const char *const update_behind[] = {"SET", NULL};
static const char *const delete_behind[] = {"WHERE", "ORDER", "LIMIT", "RETURNING", "", ";", NULL};
static const char *const several[] = {",", NULL};

static const struct form forms[] = {
    {"INSERT", insert_before, NULL, NULL},          {"REPLACE", insert_before, NULL, NULL},
    {"CREATE", table_before, NULL, NULL},           {"TRUNCATE", table_before, NULL, NULL},
    {"DROP", table_before, NULL, several},          {"ALTER", table_before, NULL, NULL},
    {"UPDATE", change_before, update_behind, NULL}, {"DELETE", change_before, delete_behind, NULL},
};

/* Is it certain that nothing but a table of another database, which it names, is changed? */
static bool only_changes_other(const char *sql, const char *db)
{
	struct words w = {.p = sql};
	const struct form *f = NULL;
	char of[WORD_MAX];

	next(&w);
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
		if (is(&w, forms[i].verb))
			f = &forms[i];
	if (!f || (!strcasecmp(f->verb, "ALTER") && has_word(sql, "RENAME")))
		return false;
	next(&w);
	skip(&w, f->before);
	memcpy(of, w.word, sizeof of);
	next(&w);
	if (!is(&w, "."))
		return false;
	next(&w); /* the table */
	next(&w);
	return strcasecmp(of, db) != 0 && (!f->behind || is_among(&w, f->behind)) &&
	       (!f->not_behind || !is_among(&w, f->not_behind));
}

bool words_name_table(const char *sql, const char *in_db, size_t in_db_n, const char *db,
                      const char *table)
{
	bool ours = strlen(db) == in_db_n && !strncasecmp(in_db, db, in_db_n);

	if (!has_word(sql, db) && (!ours || only_changes_other(sql, db)))
		return false;
	if (!strncasecmp(sql, "DROP DATABASE", 13) || !strncasecmp(sql, "DROP SCHEMA", 11))
		return has_word(sql, db);
	return !strcmp(table, "*") || has_word(sql, table);
}

void words_what(const char *sql, char *out, size_t size)
{
	static const char *const define[] = {"CREATE", "DROP", "ALTER", "RENAME", "TRUNCATE"};
	size_t n = strcspn(sql, " \t\r\n(`"), used;
	bool two = false;

	for (size_t i = 0; i < sizeof define / sizeof *define; i++)
		two = two || (strlen(define[i]) == n && !strncasecmp(sql, define[i], n));
	used = (size_t)snprintf(out, size, "%.*s", (int)(n < 20 ? n : 20), sql);
	if (two) {
		sql += n + strspn(sql + n, " \t\r\n");
		n = strcspn(sql, " \t\r\n(`");
		snprintf(out + used, size - used, " %.*s", (int)(n < 20 ? n : 20), sql);
	}
	for (char *p = out; *p; p++)
		*p = (char)toupper((unsigned char)*p);
}
