#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void make_room(struct str *s, size_t more)
{
	size_t need = s->n + more + 1;
	if (need <= s->cap)
		return;
	size_t cap = s->cap ? s->cap : 64;
	while (cap < need)
		cap *= 2;
	s->p = mem_resize(s->p, cap, 1);
	s->cap = cap;
}

void str_addn(struct str *s, const void *bytes, size_t n)
{
	make_room(s, n);
	if (n)
		memcpy(s->p + s->n, bytes, n);
	s->n += n;
	s->p[s->n] = '\0';
}

void str_add(struct str *s, const char *text)
{
	str_addn(s, text, strlen(text));
}

void str_addf(struct str *s, const char *fmt, ...)
{
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n > 0) {
		make_room(s, (size_t)n);
		vsnprintf(s->p + s->n, (size_t)n + 1, fmt, again);
		s->n += (size_t)n;
	}
	va_end(again);
}

void str_sep(struct str *s, const char *separator)
{
	if (s->n)
		str_add(s, separator);
}

const char *str_text(const struct str *s)
{
	return s->p ? s->p : "";
}

char *str_take(struct str *s)
{
	char *text = s->p ? s->p : mem_strdup("");
	*s = (struct str){0};
	return text;
}

void str_reset(struct str *s)
{
	s->n = 0;
	if (s->p)
		s->p[0] = '\0';
}

void str_done(struct str *s)
{
	free(s->p);
	*s = (struct str){0};
}

bool str_is_safe_relative(const char *path)
{
	const char *part = path;
	for (;;) {
		size_t n = strcspn(part, "/");
		if (n == 0 || (n == 1 && part[0] == '.') ||
		    (n == 2 && part[0] == '.' && part[1] == '.'))
			return false;
		if (!part[n])
			return true;
		part += n + 1;
	}
}

bool str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);
	return n >= m && strcmp(s + n - m, suffix) == 0;
}

#define WORD_MAX 64

static size_t min2(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Edit distance with swapped neighbours counted as one slip, the way people
 * mistype; SIZE_MAX for words too long to be a key. */
static size_t distance(const char *a, const char *b)
{
	size_t an = strlen(a), bn = strlen(b);
	if (an > WORD_MAX || bn > WORD_MAX)
		return SIZE_MAX;
	size_t rows[3][WORD_MAX + 1];
	size_t *before = rows[0], *last = rows[1], *now = rows[2];
	for (size_t j = 0; j <= bn; j++)
		last[j] = j;
	for (size_t i = 1; i <= an; i++) {
		now[0] = i;
		for (size_t j = 1; j <= bn; j++) {
			size_t change = last[j - 1] + (a[i - 1] != b[j - 1]);
			now[j] = min2(change, min2(last[j], now[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = min2(now[j], before[j - 2] + 1);
		}
		size_t *t = before;
		before = last;
		last = now;
		now = t;
	}
	return last[bn];
}

const char *str_nearest(const char *word, const char *const *words, size_t n)
{
	const char *best = NULL;
	size_t len = strlen(word);
	size_t limit = len < 3 ? 1 : len / 3 + 1;
	for (size_t i = 0; i < n; i++) {
		size_t d = distance(word, words[i]);
		/* A distance as long as the word itself is no likeness. */
		if (d <= limit && d < len && d < strlen(words[i])) {
			best = words[i];
			if (d == 0)
				break;
			limit = d - 1;
		}
	}
	return best;
}
