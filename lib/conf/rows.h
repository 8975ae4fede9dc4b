/*
 * rows: the table of keys.  Private to the room, but for its test.
 *
 * A row's path is the key's place in the file ("limits.workers"); "[]" stands for
 * the items of a list.  A row is written into a struct: of the section it stands
 * in, at its offset.
 */
#ifndef CONF_ROWS_H
#define CONF_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum row_type {
	ROW_SECTION,  /* a mapping; `like`: with the keys of that section */
	ROW_LIST,     /* a list of mappings, whose rows follow with "[]." */
	ROW_TEXT,     /* char * */
	ROW_NAME,     /* char *, a valid name */
	ROW_PATH,     /* char *, absolute */
	ROW_URL,      /* char * */
	ROW_TEXTS,    /* char **, a list, NULL-terminated */
	ROW_BOOL,     /* bool */
	ROW_INT,      /* whole number, `width` bytes */
	ROW_SIZE,     /* bytes */
	ROW_DURATION, /* seconds */
	ROW_PERCENT,
	ROW_WORD,     /* char *, one of `words` */
	ROW_ENUM,     /* index into `words`, of an enum's width */
	ROW_SCHEDULE, /* struct schedule */
	ROW_RULES,    /* struct draft's compression: a mapping with level, or a list */
	ROW_LATER,    /* not built yet: only `words` (or an empty list) is accepted */
};

struct row {
	const char *path;
	enum row_type type;
	size_t offset, width;
	int64_t min, max;
	const char *words; /* blank-separated */
	const char *later; /* further words, not built yet */
	const char *like;  /* ROW_SECTION: path of the section that has the rows */
	const char *def;   /* as written in YAML; NULL: none */
	bool must;
	const char *help; /* sentences */
};

extern const struct row rows[];
extern const size_t row_n;

/* The row of a key in a section ("" or "limits." or "instances[]."), or NULL. */
const struct row *row_find(const char *section, const char *key, size_t n);
/* Does the row stand directly in that section?  Then its key, else NULL. */
const char *row_key(const struct row *r, const char *section);
/* "limits." of "limits", "instances[]." of the list "instances". */
char *row_section(const struct row *r);

/* What may stand there, in words: "1 to 64". */
void row_allowed(const struct row *r, struct str *out);
/* A scalar's text into the field (old strings are freed), or ERR_USAGE with "found
 * …, allowed: …". */
int row_store(const struct row *r, const char *text, void *field, struct err *err);
/* The field as YAML; false: it has no value. */
bool row_print(const struct row *r, const void *field, struct str *out);

#endif
