/*
 * str: a growing string (always NUL-terminated once something was added), and
 * the few text forms every room shares: sizes, durations, escaped file names.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str {
	char *p; /* "" until something is added is NOT guaranteed: use str_text() */
	size_t n, cap;
};

void str_add(struct str *s, const char *text);
void str_addn(struct str *s, const void *bytes, size_t n);
void str_addf(struct str *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* What comes between two of a list: nothing while s is empty. */
void str_sep(struct str *s, const char *separator);
/* The text, "" if nothing was added; owned by s. */
const char *str_text(const struct str *s);
/* Hand the text over to the caller (never NULL) and empty s. */
char *str_take(struct str *s);
void str_reset(struct str *s); /* empty, memory kept */
void str_done(struct str *s);

/*
 * A file name can hold any byte but NUL and must survive JSON: every byte that
 * is not printable ASCII, and '%', becomes %XX (upper-case hex).  Both return a
 * new string; decode returns NULL if the text is not a valid encoding.
 */
char *str_escape_path(const char *path);
char *str_unescape_path(const char *text);

/* Is `path` relative, not empty, without "." or ".." parts and without "//"?
 * Names that come from a repository are checked with this before use. */
bool str_is_safe_relative(const char *path);

/* A word as a shell wants it, quoted only when it must be. */
void str_shell(struct str *out, const char *word);

bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);

/* One syntax everywhere.  Return 0, or -1 if the text is not one.
 * size: "64KiB" "10MiB" "1GiB" "1TiB" "512" (bytes); also K M G T as binary.
 * duration: "90s" "15m" "25h" "30d" "2w"; at least one digit and a unit. */
int str_parse_size(const char *text, uint64_t *ret_bytes);
int str_parse_duration(const char *text, int64_t *ret_seconds);

/* "1.5 GiB", "840 KiB"; "2h 05m", "41s", "0.084s": for people, not programs. */
#define STR_HUMAN_MAX 32
const char *str_size(char buf[STR_HUMAN_MAX], uint64_t bytes);
const char *str_duration(char buf[STR_HUMAN_MAX], double seconds);

/* Nearest of `n` words to `word` by edit distance, or NULL if none is near. */
const char *str_nearest(const char *word, const char *const *words, size_t n);

/* Lower-case hex of n bytes into out (2n+1 bytes); and back: 0 or -1. */
void str_hex(char *out, const void *bytes, size_t n);
int str_unhex(void *out, size_t n, const char *hex);

#endif
