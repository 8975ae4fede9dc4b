/*
 * term: lines for people and columns for programs.
 *
 * Whatever is printed comes from a daemon, a repository or a file name: bytes that
 * are not printable UTF-8 are written as \xNN, so that none of them can steer the
 * terminal.
 */
#ifndef CTL_TERM_H
#define CTL_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "base/str.h"

enum style { STYLE_PLAIN, STYLE_BOLD, STYLE_GOOD, STYLE_WARN, STYLE_BAD };

struct term {
	FILE *to;
	bool tty;
	bool color; /* a terminal, and neither NO_COLOR nor --no-color */
};

void term_init(struct term *t, FILE *to, bool no_color);
unsigned term_width(const struct term *t); /* columns; 80 if nobody knows */

/* One line, made safe; the newline is added. */
void term_line(const struct term *t, enum style style, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* "mybakctl: <text>": a remark, not a failure. */
void term_note(const struct term *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The sequence that switches a style on, "" without colours; and off again. */
const char *term_on(const struct term *t, enum style style);
const char *term_off(const struct term *t, enum style style);

/* Append `text` with every byte made harmless. */
void text_safe(struct str *out, const char *text);
/* Columns that text (already safe) takes. */
size_t text_width(const char *text);
/* "41s", "12m", "3h 05m", "2d 04h"; negative counts as 0. */
const char *text_age(char buf[STR_HUMAN_MAX], int64_t seconds);

#endif
