#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

static const char hex_upper[] = "0123456789ABCDEF";
static const char hex_lower[] = "0123456789abcdef";

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Two digits to a byte, or -1; does not look behind the end of a string. */
static int hex_byte(const char *s)
{
	int hi = hex_digit(s[0]);
	int lo = hi < 0 ? -1 : hex_digit(s[1]);
	return lo < 0 ? -1 : hi << 4 | lo;
}

void str_hex(char *out, const void *bytes, size_t n)
{
	const unsigned char *b = bytes;
	for (size_t i = 0; i < n; i++) {
		out[2 * i] = hex_lower[b[i] >> 4];
		out[2 * i + 1] = hex_lower[b[i] & 15];
	}
	out[2 * n] = '\0';
}

int str_unhex(void *out, size_t n, const char *hex)
{
	if (strlen(hex) != 2 * n)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (hex_byte(hex + 2 * i) < 0)
			return -1;
	}
	unsigned char *b = out;
	for (size_t i = 0; i < n; i++)
		b[i] = (unsigned char)hex_byte(hex + 2 * i);
	return 0;
}

char *str_escape_path(const char *path)
{
	char *out = mem_resize(NULL, strlen(path) + 1, 3), *p = out;
	for (const char *s = path; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if (c >= 0x20 && c < 0x7f && c != '%') {
			*p++ = *s;
			continue;
		}
		*p++ = '%';
		*p++ = hex_upper[c >> 4];
		*p++ = hex_upper[c & 15];
	}
	*p = '\0';
	return out;
}

char *str_unescape_path(const char *text)
{
	char *out = mem_alloc(strlen(text) + 1), *p = out;
	for (const char *s = text; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if (c < 0x20 || c >= 0x7f)
			goto bad;
		if (c == '%') {
			int byte = hex_byte(s + 1);
			/* %00 would cut the name short. */
			if (byte <= 0)
				goto bad;
			c = (unsigned char)byte;
			s += 2;
		}
		*p++ = (char)c;
	}
	*p = '\0';
	return out;
bad:
	free(out);
	return NULL;
}

/* Digits at *text to a number; moves *text behind them. */
static int parse_number(const char **text, uint64_t *ret)
{
	const char *s = *text;
	uint64_t v = 0;
	if (!isdigit((unsigned char)*s))
		return -1;
	for (; isdigit((unsigned char)*s); s++) {
		if (__builtin_mul_overflow(v, (uint64_t)10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*s - '0'), &v))
			return -1;
	}
	*text = s;
	*ret = v;
	return 0;
}

struct unit {
	const char *name;
	uint64_t factor;
};

static int parse_with_unit(const char *text, const struct unit *units, size_t n, uint64_t *ret)
{
	uint64_t v;
	if (parse_number(&text, &v) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(text, units[i].name) == 0)
			return __builtin_mul_overflow(v, units[i].factor, ret) ? -1 : 0;
	}
	return -1;
}

int str_parse_size(const char *text, uint64_t *ret_bytes)
{
	static const struct unit units[] = {
	    {"", 1},
	    {"K", 1ull << 10},
	    {"KiB", 1ull << 10},
	    {"M", 1ull << 20},
	    {"MiB", 1ull << 20},
	    {"G", 1ull << 30},
	    {"GiB", 1ull << 30},
	    {"T", 1ull << 40},
	    {"TiB", 1ull << 40},
	};
	uint64_t v;
	if (parse_with_unit(text, units, sizeof units / sizeof *units, &v) < 0)
		return -1;
	*ret_bytes = v;
	return 0;
}

int str_parse_duration(const char *text, int64_t *ret_seconds)
{
	static const struct unit units[] = {
	    {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {"w", 7 * 86400},
	};
	/* Times are kept in microseconds: what could not be multiplied is no duration. */
	const uint64_t most = INT64_MAX / 1000000;
	uint64_t v;
	if (parse_with_unit(text, units, sizeof units / sizeof *units, &v) < 0 || v > most)
		return -1;
	*ret_seconds = (int64_t)v;
	return 0;
}

const char *str_size(char buf[STR_HUMAN_MAX], uint64_t bytes)
{
	static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double v = (double)bytes;
	size_t i = 0;
	/* 1023.7 would be printed as 1024: go to the next unit before it happens. */
	while (v >= 1023.5 && i + 1 < sizeof names / sizeof *names) {
		if (i == 0 && bytes < 1024)
			break;
		v /= 1024;
		i++;
	}
	snprintf(buf, STR_HUMAN_MAX, i > 0 && v < 99.95 ? "%.1f %s" : "%.0f %s", v, names[i]);
	return buf;
}

const char *str_duration(char buf[STR_HUMAN_MAX], double seconds)
{
	const char *sign = seconds < 0 ? "-" : "";
	double v = seconds < 0 ? -seconds : seconds;
	if (!(v < 1e15)) /* also catches what is no number */
		v = 1e15;
	uint64_t s = (uint64_t)(v + 0.5);
	if (v < 0.9995)
		snprintf(buf, STR_HUMAN_MAX, "%s%.3fs", sign, v);
	else if (v < 9.95)
		snprintf(buf, STR_HUMAN_MAX, "%s%.1fs", sign, v);
	else if (s < 60)
		snprintf(buf, STR_HUMAN_MAX, "%s%us", sign, (unsigned)s);
	else if (s < 3600)
		snprintf(buf, STR_HUMAN_MAX, "%s%um %02us", sign, (unsigned)(s / 60),
		         (unsigned)(s % 60));
	else if (s < 86400)
		snprintf(buf, STR_HUMAN_MAX, "%s%uh %02um", sign, (unsigned)(s / 3600),
		         (unsigned)(s / 60 % 60));
	else
		snprintf(buf, STR_HUMAN_MAX, "%s%llud %02uh", sign, (unsigned long long)(s / 86400),
		         (unsigned)(s / 3600 % 24));
	return buf;
}

void str_shell(struct str *out, const char *word)
{
	const char *plain =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:,@=";

	if (*word && word[strspn(word, plain)] == 0) {
		str_add(out, word);
		return;
	}
	str_add(out, "'");
	for (; *word; word++) {
		if (*word == '\'')
			str_add(out, "'\\''");
		else
			str_addn(out, word, 1);
	}
	str_add(out, "'");
}
