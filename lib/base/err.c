#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* One row a kind: everything that is decided by it. */
static const struct kind_row {
	const char *name;
	int exit_code, http_status;
} kinds[] = {
    [ERR_NONE] = {"none", 0, 200},         [ERR_FAILED] = {"failed", 1, 500},
    [ERR_USAGE] = {"usage", 2, 400},       [ERR_UNREACHABLE] = {"unreachable", 3, 503},
    [ERR_REFUSED] = {"refused", 4, 403},   [ERR_NOT_FOUND] = {"not_found", 5, 404},
    [ERR_BUSY] = {"busy", 6, 409},         [ERR_DAMAGED] = {"damaged", 7, 500},
    [ERR_NO_SPACE] = {"no_space", 1, 507}, [ERR_IO] = {"io", 1, 500},
    [ERR_SERVER] = {"server", 1, 502},     [ERR_CANCELLED] = {"cancelled", 130, 409},
};
#define KIND_N (sizeof kinds / sizeof *kinds)

/* Formatted text before its bytes are made printable; longer than any result, so
 * that cutting happens in one place. */
#define RAW_MAX (ERR_TEXT_MAX * 2)

static bool is_tail(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

/* Bytes of the printable UTF-8 sequence at s, 0 if it is none.  Control
 * characters (C0, DEL, C1), surrogates and overlong forms are not printable. */
static size_t printable_len(const unsigned char *s)
{
	if (s[0] < 0x80)
		return s[0] >= 0x20 && s[0] != 0x7f;
	if (s[0] >= 0xc2 && s[0] <= 0xdf && is_tail(s[1]))
		return s[0] == 0xc2 && s[1] < 0xa0 ? 0 : 2;
	if ((s[0] & 0xf0) == 0xe0 && is_tail(s[1]) && is_tail(s[2])) {
		if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] >= 0xa0))
			return 0;
		return 3;
	}
	if (s[0] >= 0xf0 && s[0] <= 0xf4 && is_tail(s[1]) && is_tail(s[2]) && is_tail(s[3])) {
		if ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] >= 0x90))
			return 0;
		return 4;
	}
	return 0;
}

/* Copy `raw` to out, cut at a character's edge when it does not fit. */
static void put_printable(char *out, size_t size, const char *raw)
{
	const unsigned char *s = (const unsigned char *)raw;
	size_t n = 0;
	while (*s) {
		size_t len = printable_len(s);
		size_t need = len ? len : 4;
		if (n + need >= size)
			break;
		if (len)
			memcpy(out + n, s, len);
		else
			snprintf(out + n, 5, "\\x%02X", *s);
		n += need;
		s += len ? len : 1;
	}
	out[n] = '\0';
}

void err_clear(struct err *err)
{
	if (!err)
		return;
	err->kind = ERR_NONE;
	err->sys = 0;
	err->text[0] = err->hint[0] = '\0';
}

int err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
{
	if (!err)
		return -1;
	/* Arguments may point into *err: format before touching it. */
	char raw[RAW_MAX];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(raw, sizeof raw, fmt, ap);
	va_end(ap);
	err_clear(err);
	err->kind = kind;
	put_printable(err->text, sizeof err->text, raw);
	return -1;
}

static enum err_kind kind_of_errno(int errnum)
{
	switch (errnum) {
	case ENOSPC:
	case EDQUOT:
		return ERR_NO_SPACE;
	case EACCES:
	case EPERM:
		return ERR_REFUSED;
	case ENOENT:
		return ERR_NOT_FOUND;
	default:
		return ERR_IO;
	}
}

int err_sys(struct err *err, int errnum, const char *fmt, ...)
{
	if (!err)
		return -1;
	char raw[RAW_MAX], why[128];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(raw, sizeof raw, fmt, ap);
	va_end(ap);
	err_set(err, kind_of_errno(errnum), "%s: %s", raw, strerror_r(errnum, why, sizeof why));
	err->sys = errnum;
	return -1;
}

int err_add(struct err *err, const char *fmt, ...)
{
	if (!err)
		return -1;
	char raw[RAW_MAX + ERR_TEXT_MAX];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(raw, RAW_MAX, fmt, ap);
	va_end(ap);
	size_t at = n < 0 ? 0 : n < RAW_MAX ? (size_t)n : RAW_MAX - 1;
	snprintf(raw + at, sizeof raw - at, ": %s", err->text);
	put_printable(err->text, sizeof err->text, raw);
	return -1;
}

int err_hint(struct err *err, const char *fmt, ...)
{
	if (!err)
		return -1;
	char raw[RAW_MAX];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(raw, sizeof raw, fmt, ap);
	va_end(ap);
	put_printable(err->hint, sizeof err->hint, raw);
	return -1;
}

const char *err_kind_name(enum err_kind kind)
{
	return (size_t)kind < KIND_N ? kinds[kind].name : kinds[ERR_FAILED].name;
}

enum err_kind err_kind_from_name(const char *name)
{
	for (size_t i = 0; name && i < KIND_N; i++) {
		if (strcmp(kinds[i].name, name) == 0)
			return (enum err_kind)i;
	}
	return ERR_FAILED;
}

int err_exit_code(enum err_kind kind)
{
	return (size_t)kind < KIND_N ? kinds[kind].exit_code : kinds[ERR_FAILED].exit_code;
}

int err_http_status(enum err_kind kind)
{
	return (size_t)kind < KIND_N ? kinds[kind].http_status : kinds[ERR_FAILED].http_status;
}
